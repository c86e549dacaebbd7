"""Training by sampling: which people and conditions a batch holds.

A batch's rows are drawn by a cell: a column with cells is picked evenly, a cell of it by the
logarithm of how often it occurs, and a person who has it (Xu et al. 2019, arXiv:1907.00503, section
4.3). Rare cells so come up often enough to be learnt; at release, cells are picked by how often they
occur. Rows are drawn with replacement, so a batch may be larger than the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.gan.layout import Layout

__all__ = ["Balance", "conditions", "pick"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Balance:
    """Draw batches for one sub-model.

    Parameters
    ----------
    rows : int array (n,)
        Rows it learns from.
    total : array (C,)
        Running sum of the chance of each cell; empty without any.
    order : int array (columns x n,)
        For each column with cells, the rows sorted by their cell.
    first, count : int arrays (C,)
        Where each cell's rows begin in ``order``, and how many they are.
    log_weight : array (C,)
        Log of how often a cell occurs over how often it is drawn.
    """

    rows: Ints
    total: Floats
    order: Ints
    first: Ints
    count: Ints
    log_weight: Floats

    @classmethod
    def of(cls, layout: Layout, cell: Ints, rows: Ints) -> Self:
        """Prepare batches of some ``rows`` of a table whose cells are (n, d)."""
        total, first, count, order, weight = [], [], [], [], []
        for i, j in enumerate(layout.choices):
            mine = cell[rows, j]
            many = np.bincount(mine, minlength=layout.cells[j])
            often = np.log1p(many)
            chance = often / often.sum()
            total.append(chance / len(layout.choices))
            with np.errstate(divide="ignore", invalid="ignore"):
                weight.append(np.where(many > 0, np.log(many / many.sum() / chance), 0.0))
            count.append(many)
            first.append(i * len(rows) + np.cumsum(many) - many)
            order.append(rows[np.argsort(mine, kind="stable")])
        empty = np.zeros(0, np.intp)
        return cls(
            rows,
            np.cumsum(np.concatenate(total)) if total else np.zeros(0),
            np.concatenate(order) if order else empty,
            np.concatenate(first) if first else empty,
            np.concatenate(count) if count else empty,
            np.concatenate(weight) if weight else np.zeros(0),
        )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Return n rows and the cell that each was drawn by, (n,) each; -1 where there is none."""
        u = rng.random(n)
        if not len(self.total):
            return self.rows[(u * len(self.rows)).astype(np.intp)], np.full(n, -1, np.intp)
        cell = pick(self.total, rng.random(n))
        return self.order[self.first[cell] + (u * self.count[cell]).astype(np.intp)], cell


def pick(total: Floats, u: Floats) -> Ints:
    """Return the index that each uniform (n,) picks by the running sum of chances."""
    found = np.searchsorted(total, u * total[-1], side="right")
    last = int(np.searchsorted(total, total[-1]))  # the last one with any chance
    return np.asarray(np.minimum(found, last))


def conditions(cell: Ints, width: int) -> Singles:
    """Return condition vectors (..., C) with a one at each cell (...,), none where it is -1."""
    out = np.zeros((*cell.shape, width), np.float32)
    has = np.nonzero(cell >= 0)
    out[(*has, cell[has])] = 1.0
    return out
