"""A level or a missing state given the predictors before it: logistic regression, corrected by trees.

The probability of cell k is the base model's (``logit.py``) times the ratio of observed to expected
people in the leaves reached (mean over the sub-model's trees), scaled to sum to one, and mixed with
the marginal,

    p(k | x) = (1 - w) base_k(x) r_k(x) / sum_j base_j(x) r_j(x) + w f_k,

with r shrunk toward ancestors, and from the root toward 1, by kappa. Expected people are summed from
leave-one-out predictions, so the ratios correct what the regression misses, not what it overfits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.logit import Logit
from salus.synth.generate.stage import Growth, Seen, Shrinkage, reach_of
from salus.synth.generate.trees import CELLS, Trees, grow, on_grid

__all__ = ["CellPart", "CellStage"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CellPart:
    """Hold what one part of the people taught: base model and trees."""

    logit: Logit
    trees: Trees

    @classmethod
    def fit(
        cls,
        x: Floats,
        cell: NDArray[np.intp],
        frequency: Floats,
        *,
        growth: Growth,
        rng: np.random.Generator,
    ) -> CellPart:
        """Learn from predictors (n, p), cells (n,) and the cells' frequencies (K,)."""
        learn = x if growth.linear else x[:, :0]
        logit, scores = Logit.fit(learn, cell, frequency, rng)
        split = logit.classes
        if not growth.linear:  # without a regression the splits separate the commonest cells
            split = np.argsort(-frequency, kind="stable")[:8]
        base = (
            logit.base(scores)[:, split] if len(x) * len(frequency) <= CELLS else frequency[split]
        )
        spread = np.sqrt(np.maximum(frequency * (1 - frequency), 1e-3))[split]
        target = (
            (cell[:, None] == split) - base
        ) / spread  # rare cells weigh as much as common ones
        trees = grow(
            on_grid(np.hstack([x, scores])),
            target,
            cell,
            len(frequency),
            base=lambda rows: logit.base(scores[rows]),
            rng=rng,
            **growth.options(len(x)),
        )
        return cls(logit, trees)

    def inputs(self, x: Floats) -> tuple[NDArray[np.float32], Floats]:
        """Return tree inputs (n, p + m) and the base scores (n, m)."""
        scores = self.logit.scores(x[:, : len(self.logit.weights)])
        return on_grid(np.hstack([x, scores])), scores


@dataclass(frozen=True)
class CellStage:
    """Draw a cell given the predictors before it."""

    parts: tuple[CellPart, ...]
    frequency: Floats  # (K,)
    shrinkage: Shrinkage = field(default_factory=Shrinkage)
    numeric = False

    def with_shrinkage(self, shrinkage: Shrinkage) -> CellStage:
        """Return the stage with other parameters."""
        return replace(self, shrinkage=shrinkage)

    def draw(self, x: Floats, part: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw cells for predictors (n, p), each row from the sub-model named for it, (n,)."""
        n, s = len(x), self.shrinkage
        place = rng.random(n)
        out = np.zeros(n)
        for k, p in enumerate(self.parts):
            ratio = p.trees.ratios(self.frequency, s.kappa)[0]
            mine = np.flatnonzero(part == k)
            step = max(1, CELLS // len(self.frequency))
            for begin in range(0, len(mine), step):
                rows = mine[begin : begin + step]
                inputs, scores = p.inputs(x[rows])
                leaf = p.trees.all_leaves(inputs)
                mean = reach_of([(np.arange(len(rows)), leaf)], [len(ratio)]) @ ratio
                chance = p.logit.base(scores) * mean
                chance /= chance.sum(1, keepdims=True)
                chance = (1 - s.weight) * chance + s.weight * self.frequency
                total = np.cumsum(chance, axis=1)
                cell = (total <= place[rows, None] * total[:, -1:]).sum(1)
                out[rows] = np.minimum(cell, len(self.frequency) - 1)
        return out

    def seen(self, x: Floats, part: NDArray[np.intp], low: Floats, high: Floats) -> Seen:
        """Prepare people with these predictors and cells for ``log_prob``."""
        base, leaves = np.zeros((len(x), len(self.frequency))), []
        for k, p in enumerate(self.parts):
            rows = np.flatnonzero(part == k)
            inputs, scores = p.inputs(x[rows])
            base[rows] = p.logit.base(scores)
            leaves.append((rows, p.trees.all_leaves(inputs)))
        reach = reach_of(leaves, [len(p.trees.feature) for p in self.parts])
        return Seen(Trees.join([p.trees for p in self.parts]), reach, part, base, low, high)

    def tabulate(self, seen: Seen) -> Seen:
        """Prepare people for many evaluations at different shrinkage."""
        return seen.tabulated(partial(seen.trees.ratios, self.frequency))

    def log_prob(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return log probabilities (n,) and their derivatives by ``to_vector``, (n, 2)."""
        s, w = self.shrinkage, self.shrinkage.weight
        ratio, ratio_slope = seen.averages(s.kappa, partial(seen.trees.ratios, self.frequency))
        raw, raw_slope = seen.base * ratio, seen.base * ratio_slope
        rows, cell = np.arange(len(seen.low)), seen.low.astype(np.intp)
        whole = np.maximum(raw.sum(1), 1e-300)
        inside = raw[rows, cell] / whole
        by_kappa = (raw_slope[rows, cell] - inside * raw_slope.sum(1)) / whole
        chance = self.frequency[cell]
        total = np.maximum((1 - w) * inside + w * chance, 1e-300)
        slopes = [(1 - w) * by_kappa, (chance - inside) * w * (1 - w)]
        return np.log(total), np.column_stack(slopes) / total[:, None]
