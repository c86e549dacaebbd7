"""The distribution that noisy tables of counts point to: estimation on a junction tree.

Of all distributions that are products of tables over the measured cliques, that is sought whose
counts lie nearest to the measured ones in squares weighed by the noise: a convex problem, solved by
entropic mirror descent with a line search and momentum (McKenna, Sheldon & Miklau 2019,
arXiv:1901.09136, algorithms 1 and 2). What was measured several times, or lies within several
tables, is made consistent, and less noisy, on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.curator import Clique
from salus.synth.generate.dp.junction import JunctionTree

__all__ = ["Estimate", "Measured", "estimate"]

Floats = NDArray[np.float64]
Tables = dict[Clique, Floats]

LOOK = 20  # steps after which progress is judged


@dataclass(frozen=True)
class Measured:
    """Hold one noisy table.

    Parameters
    ----------
    clique : Clique
    counts : array of the clique's shape
    variance : array of the same shape, or of one that spreads over it
        Of the noise in each cell.
    """

    clique: Clique
    counts: Floats
    variance: Floats


@dataclass(frozen=True)
class Estimate:
    """Hold a fitted distribution.

    Parameters
    ----------
    tree : JunctionTree
    beliefs : tuple of arrays
        Log probabilities of each clique's cells.
    potentials : mapping of Clique to array
        The factors, to start from when more is measured.
    total : float
        Rows.
    loss : float
        Half the weighed squared distance from what was measured.
    """

    tree: JunctionTree
    beliefs: tuple[Floats, ...]
    potentials: Mapping[Clique, Floats]
    total: float
    loss: float


def estimate(
    sizes: Sequence[int],
    measured: Sequence[Measured],
    total: float,
    *,
    start: Mapping[Clique, Floats] | None = None,
    steps: int = 500,
    tolerance: float = 1e-5,
) -> Estimate:
    """Fit a distribution to noisy tables.

    Parameters
    ----------
    sizes : sequence of int
        Cells of each column.
    measured : sequence of Measured
    total : float
        Rows that the distribution stands for.
    start : mapping of Clique to array, optional
        Potentials of an earlier estimate.
    steps : int
        At most.
    tolerance : float
        Relative decrease of the loss over 20 steps at which it ends.
    """
    descent = _Descent(sizes, measured, total, start or {})
    before = descent.best.loss
    for step in range(1, steps + 1):
        if not descent.step():
            break
        if step % LOOK == 0:
            if before - descent.best.loss <= tolerance * max(before, 1.0):
                break
            before = descent.best.loss
    tree, best = descent.tree, descent.best
    beliefs = tree.calibrate(tree.assemble(best.potentials))
    return Estimate(tree, tuple(beliefs), best.potentials, total, best.loss)


@dataclass(frozen=True)
class _Point:
    """Hold potentials, the counts that they make, and the loss with its slope there."""

    potentials: Tables
    counts: Tables
    loss: float
    slope: Tables


@dataclass
class _Descent:
    """Mirror descent with momentum: potentials move against the slope of the loss in the counts.

    Momentum is dropped where it leads uphill (O'Donoghue & Candes 2015,
    doi:10.1007/s10208-013-9150-3); so no step ever raises the loss.
    """

    sizes: Sequence[int]
    measured: Sequence[Measured]
    total: float
    start: Mapping[Clique, Floats]

    def __post_init__(self) -> None:
        mine = list(dict.fromkeys(m.clique for m in self.measured))
        cliques = list(dict.fromkeys([*mine, *self.start]))
        self.tree = JunctionTree.build(self.sizes, cliques)
        self.places = {c: self._place(c) for c in mine}
        self.best = self._at(
            {c: np.array(self.start.get(c, np.zeros(self.tree.shape(c)))) for c in cliques}
        )
        self.ahead = self.best  # where the slope is taken
        self.momentum = 1.0
        self.rate = 1.0 / (self.total * self._curvature())

    def _place(self, clique: Clique) -> tuple[int, tuple[int, ...]]:
        """Return where in the tree a table lies, and the axes to sum out there."""
        home = self.tree.home(clique)
        assert home is not None
        return home, tuple(i for i, j in enumerate(self.tree.cliques[home]) if j not in clique)

    def _curvature(self) -> float:
        """Return the largest curvature of the loss in the counts, summed over each clique."""
        curve = np.zeros(len(self.tree.cliques))
        for m in self.measured:
            curve[self.places[m.clique][0]] += float(np.max(1 / m.variance))
        return max(float(curve.max(initial=0.0)), 1e-12)

    def _at(self, potentials: Tables) -> _Point:
        chances = self.tree.chances(potentials)
        counts = {c: self.total * chances[at].sum(axis=out) for c, (at, out) in self.places.items()}
        loss = 0.0
        slope: Tables = {}
        for m in self.measured:
            off = counts[m.clique] - m.counts
            pull = off / m.variance
            loss += 0.5 * float(np.vdot(off, pull))
            slope[m.clique] = slope[m.clique] + pull if m.clique in slope else pull
        return _Point(potentials, counts, loss, slope)

    def step(self) -> bool:
        """Take one step down; tell whether one was found."""
        new = self._below(self.ahead)
        if new is None or new.loss > self.best.loss:
            if self.momentum == 1.0:
                return False
            self.ahead, self.momentum = self.best, 1.0
            return self.step()
        old, self.best = self.best, new
        momentum = (1 + np.sqrt(1 + 4 * self.momentum**2)) / 2
        push = (self.momentum - 1) / momentum
        self.momentum = momentum
        self.rate *= 1.1
        if push > 0:
            self.ahead = self._at(
                {c: p + push * (p - old.potentials[c]) for c, p in new.potentials.items()}
            )
        else:
            self.ahead = new
        return True

    def _below(self, point: _Point) -> _Point | None:
        """Return a point down the slope by Armijo's rule: half of what the slope promises."""
        for _ in range(40):
            new = self._at(
                {
                    c: p - self.rate * point.slope[c] if c in point.slope else p
                    for c, p in point.potentials.items()
                }
            )
            promised = sum(
                float(np.vdot(s, point.counts[c] - new.counts[c])) for c, s in point.slope.items()
            )
            if promised >= 0 and point.loss - new.loss >= 0.5 * promised:
                return new
            self.rate *= 0.5
        return None
