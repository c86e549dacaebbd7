"""Fewer cells, as many as the noise allows: neighbouring stretches together, rare levels together.

All of it is computed from noisy counts, so it costs nothing more. As in MST (McKenna, Miklau &
Sheldon 2021, arXiv:2108.04978), levels that can't be told from none form one group; stretches of a
number are joined with their neighbours until they can. Inside a group the noisy counts still say
where its rows lie. A missing state, or a column's values, that can't be told from none is not drawn
at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.domain import Cells

__all__ = ["Groups", "merge"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

NOISE = 3.0  # deviations of noise that a count must exceed to be told from none
FEWEST = 5.0  # rows that a missing state must have, whatever the noise


@dataclass(frozen=True)
class Groups:
    """Hold a column's groups of cells.

    Parameters
    ----------
    of_cell : int array (m,)
        Group of each cell, -1 for a cell that is never drawn.
    weight : array (m,)
        Share of each cell in its group.
    """

    of_cell: Ints
    weight: Floats

    @property
    def size(self) -> int:
        """Number of groups."""
        return int(self.of_cell.max(initial=-1)) + 1

    def total(self, counts: Floats) -> Floats:
        """Return the counts of the groups from those of the cells, (size,)."""
        kept = self.of_cell >= 0
        return np.bincount(self.of_cell[kept], counts[kept], self.size).astype(float)

    @property
    def cells(self) -> Ints:
        """Number of cells in each group, (size,)."""
        return np.bincount(self.of_cell[self.of_cell >= 0], minlength=self.size).astype(np.intp)

    def draw(self, group: Ints, rng: np.random.Generator) -> Ints:
        """Return a cell of each group, (n,), by the cells' shares."""
        order = np.argsort(self.of_cell, kind="stable")
        order = order[self.of_cell[order] >= 0]
        ends = np.cumsum(self.weight[order])  # each group's shares add up to 1
        at = np.searchsorted(ends, group + rng.random(len(group)), side="right")
        begin = np.cumsum(self.cells) - self.cells
        return order[np.clip(at, begin[group], begin[group] + self.cells[group] - 1)]


def merge(cells: Cells, noisy: Floats, sigma: float, *, total: float, most: int) -> Groups:
    """Group the cells of a column.

    Parameters
    ----------
    cells : Cells
    noisy : array (m,)
        Their noisy counts.
    sigma : float
        The noise's deviation.
    total : float
        Rows, from noisy counts too.
    most : int
        Groups that the values may form, at most.
    """
    k = cells.n_values
    floor = max(NOISE * sigma, FEWEST)
    of_cell = np.full(cells.size, -1, np.intp)
    values, states = noisy[:k], np.flatnonzero(noisy[k:] > floor)
    present = values.sum() > max(NOISE * sigma * np.sqrt(k), FEWEST)
    # where nothing at all can be told, values are likelier than missing cells
    if k and (present or not len(states)):
        if cells.column.is_levelled:
            of_cell[:k] = _levels(values, NOISE * sigma, most)
        else:
            of_cell[:k] = _stretches(values, sigma, total / most)
    group = int(of_cell.max(initial=-1)) + 1
    for state in states:
        of_cell[k + state] = group
        group += 1
    if not group:  # a column without values, of which nothing can be told
        of_cell[int(np.argmax(noisy))] = 0
    return Groups(of_cell, _weights(cells, noisy, sigma, of_cell))


def _levels(counts: Floats, floor: float, most: int) -> Ints:
    """Give common levels groups of their own, and all others one together."""
    common = counts > floor
    if common.sum() > most:
        least = np.sort(counts)[-most]
        common &= counts >= least
    if (~common).sum() == 1:
        common[:] = True
    group = np.cumsum(common) - 1
    return np.where(common, group, common.sum()).astype(np.intp)


def _stretches(counts: Floats, sigma: float, share: float) -> Ints:
    """Join neighbouring cells until each group has its share of rows and stands out of the noise.

    A cell that has twice the share is a heap and stays alone; only where all that lies between two
    heaps, or beyond the last, is too little for a group, a heap takes it in.
    """
    heap = counts >= max(2 * share, NOISE * sigma)
    parts: list[list[int]] = []
    waiting: list[int] = []  # too little for a group
    for is_heap, run in groupby(range(len(counts)), key=lambda i: bool(heap[i])):
        if is_heap:
            for i in run:
                parts.append([*waiting, i])
                waiting = []
        else:
            found, waiting = _runs(list(run), counts, sigma, share)
            parts += found
    if waiting:
        parts = [*parts[:-1], [*parts[-1], *waiting]] if parts else [waiting]
    group = np.zeros(len(counts), np.intp)
    for k, part in enumerate(parts):
        group[part] = k
    return group


def _runs(
    run: list[int], counts: Floats, sigma: float, share: float
) -> tuple[list[list[int]], list[int]]:
    """Return groups of neighbours that have enough, or none and all that is too little."""
    parts: list[list[int]] = []
    current: list[int] = []
    for i in run:
        current.append(i)
        if counts[current].sum() >= _enough(sigma, share, len(current)):
            parts.append(current)
            current = []
    if parts and current:
        parts[-1] += current
        current = []
    return parts, current


def _enough(sigma: float, share: float, length: int) -> float:
    return max(share, NOISE * sigma * math.sqrt(length), 1.0)


def _weights(cells: Cells, noisy: Floats, sigma: float, of_cell: Ints) -> Floats:
    """Return each cell's share of its group, (m,): noisy counts, shrunk toward even spread.

    Levels and states spread evenly, stretches by their width. The counts' weight is the part of
    their variation that isn't noise.
    """
    width = np.ones(cells.size)
    if not cells.column.is_levelled and cells.n_values:
        gap = cells.unit or 0.0
        width[: cells.n_values] = cells.high - cells.low + gap
        stretch = width[width > 0]
        # a point of a continuous range has no width, and is worth a cell
        width[width <= 0] = np.median(stretch) if len(stretch) else 1.0
    out = np.zeros(cells.size)
    for g in range(int(of_cell.max()) + 1):
        mine = np.flatnonzero(of_cell == g)
        even = width[mine] / width[mine].sum()
        count = np.maximum(noisy[mine], 0.0)
        total = count.sum()
        if len(mine) == 1 or total <= 0:
            out[mine] = even
            continue
        signal = (total / len(mine)) ** 2
        trust = signal / (signal + sigma**2)
        out[mine] = trust * count / total + (1 - trust) * even
    return out
