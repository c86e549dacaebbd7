"""What all stages of a chain share: how they are grown, their shrinkage, and people seen by them.

A stage draws one thing given the predictors before it: a cell (``cell_stage.py``) or a number
(``number_stage.py``). Each is a mixture with three continuous parameters, in which its likelihood is
smooth: how far leaves are pulled toward their ancestors, how much comes from the marginal, and, for
numbers, the bandwidth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, logit

from salus.synth.generate.trees import Trees

__all__ = ["Growth", "Seen", "Shrinkage", "Stage", "reach_of"]

Floats = NDArray[np.float64]
Nodes = Callable[[float], tuple[Floats, Floats]]
"""Values of all nodes (N, B) at a kappa, and their slopes by kappa."""
BANDWIDTH = (0.03, 1.0)  # of the residual's standard deviation
KAPPA = (0.5, 2e4)
KNOTS = 14  # of a curve over log kappa
MOST_CELLS = 100_000  # people times cells, above which no curve is tabulated


@dataclass(frozen=True)
class Growth:
    """Set how trees are grown: how many, the least people in a leaf, and so on."""

    trees: int = 10
    min_leaf: int = 5
    max_features: float = 0.4
    max_people: int = 10_000
    share: float = 0.8
    bins: int = 24
    linear: bool = True

    def options(self, n: int) -> dict[str, Any]:
        """Return the options of ``trees.grow`` for n people."""
        return {
            "trees": self.trees,
            "min_leaf": max(self.min_leaf, n // 1500),
            "max_features": self.max_features,
            "sample": min(self.max_people, max(1, int(self.share * n))),
        }


@dataclass(frozen=True)
class Shrinkage:
    """Hold one stage's continuous parameters.

    Parameters
    ----------
    kappa : float
        Pull of each node toward its parent, in people.
    bandwidth : float
        Kernel's standard deviation, relative to the residual's; numbers only.
    weight : float
        Share of draws that come from the marginal, between 0 and 1.
    """

    kappa: float = 5.0
    bandwidth: float = 0.2
    weight: float = 0.02

    @staticmethod
    def bounds(numeric: bool) -> list[tuple[float, float]]:
        """Return the box of ``to_vector``."""
        box = [(float(np.log(KAPPA[0])), float(np.log(KAPPA[1]))), (-6.9, 6.9)]
        return [*box, (float(np.log(BANDWIDTH[0])), float(np.log(BANDWIDTH[1])))][: 2 + numeric]

    def to_vector(self, numeric: bool) -> Floats:
        """Return log kappa, logit weight and, for numbers, log bandwidth."""
        full = [np.log(self.kappa), logit(self.weight), np.log(self.bandwidth)]
        return np.array(full[: 2 + numeric])

    @classmethod
    def from_vector(cls, vector: Floats) -> Shrinkage:
        """Rebuild the parameters from ``to_vector``'s form."""
        h = float(np.exp(vector[2])) if len(vector) > 2 else 0.2
        return cls(float(np.exp(vector[0])), h, float(expit(vector[1])))


@dataclass(frozen=True)
class Seen:
    """Hold n people as a stage sees them, whatever its shrinkage.

    Parameters
    ----------
    trees : Trees
        Of all sub-models.
    reach : sparse array (n, N)
        Weight of each leaf of the person's sub-model: one over the number of its trees.
    part : int array (n,)
        The sub-model whose likelihood is asked for.
    base : array (n,) or (n, K)
        What the linear predictor says: a location, or the cells' probabilities.
    low, high : arrays (n,)
        A number's interval of scores; for a cell ``low`` is the cell.
    """

    trees: Trees
    reach: csr_array
    part: NDArray[np.intp]
    base: Floats
    low: Floats
    high: Floats
    curve: Curve | None = None

    def averages(self, kappa: float, nodes: Nodes) -> tuple[Floats, Floats]:
        """Return the nodes' values averaged over the leaves reached, and the slope by log kappa.

        Both are (n, B); exact, or off the curve if ``tabulated``.
        """
        if self.curve is not None:
            return self.curve.at(kappa)
        value, slope = nodes(kappa)
        return self.reach @ value, (self.reach @ slope) * kappa

    def tabulated(self, nodes: Nodes) -> Seen:
        """Return the same people with a curve over kappa, which a solver may follow quickly."""
        if self.reach.shape[0] * self.trees.counts.shape[1] > MOST_CELLS:
            return self
        knots = np.linspace(np.log(KAPPA[0]), np.log(KAPPA[1]), KNOTS)
        both = [self.averages(float(np.exp(k)), nodes) for k in knots]
        value = np.array([b[0] for b in both], np.float32)
        slope = np.array([b[1] for b in both], np.float32)
        return replace(self, curve=Curve(knots, value, slope))


@dataclass(frozen=True)
class Curve:
    """Follow averages over log kappa by cubic Hermite pieces: values and slopes exact at the knots."""

    knots: Floats  # (m,)
    value: NDArray[np.float32]  # (m, n, B)
    slope: NDArray[np.float32]  # (m, n, B)

    def at(self, kappa: float) -> tuple[Floats, Floats]:
        """Return value and slope by log kappa, (n, B) each."""
        x = float(np.clip(np.log(kappa), self.knots[0], self.knots[-1]))
        i = min(int(np.searchsorted(self.knots, x, side="right")) - 1, len(self.knots) - 2)
        h = self.knots[i + 1] - self.knots[i]
        t = (x - self.knots[i]) / h
        a, b, c, d = self.value[i], self.value[i + 1], self.slope[i] * h, self.slope[i + 1] * h
        rise = 3 * (b - a) - 2 * c - d
        bend = c + d - 2 * (b - a)
        value = a + t * (c + t * (rise + t * bend))
        return value, (c + t * (2 * rise + 3 * t * bend)) / h


class Stage(Protocol):
    """Draw one thing given the predictors before it, with an exact, smooth likelihood."""

    @property
    def numeric(self) -> bool:
        """Whether numbers are drawn."""
        ...

    @property
    def shrinkage(self) -> Shrinkage:
        """The continuous parameters."""
        ...

    def with_shrinkage(self, shrinkage: Shrinkage) -> Self:
        """Return the stage with other parameters."""
        ...

    def draw(self, x: Floats, part: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw for predictors (n, p), each row from the sub-model named for it, (n,)."""
        ...

    def seen(self, x: Floats, part: NDArray[np.intp], low: Floats, high: Floats) -> Seen:
        """Prepare people with these predictors and values for ``log_prob``."""
        ...

    def tabulate(self, seen: Seen) -> Seen:
        """Prepare people for many evaluations at different shrinkage."""
        ...

    def log_prob(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return log densities (n,) and their derivatives by ``Shrinkage.to_vector``, (n, 2 or 3)."""
        ...


def reach_of(
    leaves: list[tuple[NDArray[np.intp], NDArray[np.int32]]], sizes: list[int]
) -> csr_array:
    """Return who reaches which leaf, (n, N), from each sub-model's rows and leaves (k, T)."""
    n = sum(len(rows) for rows, _ in leaves)
    offsets = np.cumsum([0, *sizes])
    who = [np.repeat(rows, leaf.shape[1]) for rows, leaf in leaves]
    where = [leaf.ravel() + o for (_, leaf), o in zip(leaves, offsets, strict=False)]
    share = [np.full(leaf.size, 1 / max(leaf.shape[1], 1)) for _, leaf in leaves]
    return csr_array(
        (np.concatenate(share), (np.concatenate(who), np.concatenate(where))),
        shape=(n, int(offsets[-1])),
    )
