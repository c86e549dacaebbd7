"""Distances between people of two tables: unit-free, mixed types, missingness a value of its own.

A numeric or ordinal value becomes its position in the column's distribution (mid-rank empirical
CDF, linear between support points, continued beyond them), so no unit and no monotone change of
unit matters. Per column the distance is the difference of positions, at most 1; levels and missing
states are equal (0) or not (1). The distance of two rows is the mean over columns, the outcome
included. Three spaces see through three disguises of a copy:

* ``all``: every column, each table placed by the encoder;
* ``left out``: for each pair of rows the column that differs most is left out, which sees through
  a change in any one column;
* ``own ranks``: each table placed by its own ranks (``Encoder.place_by_own_rank``), which sees
  through any monotone change of any number of columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Encoder", "Gaps", "Near", "Placed", "nearest"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
CELLS = 1 << 18  # of one block of the distance matrix: a few megabytes, which stay in the cache
GRID = 65_536  # positions are multiples of 1 / GRID: float32 adds 256 of them without rounding,
#                so distances don't depend on the order of the columns


@dataclass(frozen=True)
class Placed:
    """Hold rows ready for distances: position (n, d) float32, code (n, d) int32, people (n,).

    A code is 0 for a number, else the level (for nominal columns) or minus the missing state.
    """

    position: Singles
    code: NDArray[np.int32]
    people: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.people)

    def take(self, rows: NDArray[np.integer]) -> Placed:
        """Return some of the rows."""
        return Placed(self.position[rows], self.code[rows], self.people[rows])


@dataclass(frozen=True)
class Near:
    """Hold the k nearest targets of each query: distances and indices, (n, k), nearest first.

    Parameters
    ----------
    all, left_out : array (n, k)
        Distances in the two spaces, from 0 to 1; infinity where fewer than k targets remain.
    who_all, who_left_out : int array (n, k)
        Indices of those targets.
    """

    all: Floats
    left_out: Floats
    who_all: NDArray[np.intp]
    who_left_out: NDArray[np.intp]


@dataclass(frozen=True)
class Encoder:
    """Map tables to positions, frozen once fitted.

    Parameters
    ----------
    columns : tuple of Column
    curves : mapping of column name to (support, position)
        For numeric and ordinal columns.
    """

    columns: tuple[Column, ...]
    curves: Mapping[str, tuple[Floats, Floats]]

    @classmethod
    def fit(cls, tables: Sequence[Table]) -> Encoder:
        """Learn positions from the rows of all ``tables`` (of one schema).

        For an attack these are people who are neither members nor judged, or all people judged,
        whoever they are: never the members alone.
        """
        columns = tables[0].schema.modelled
        curves = {}
        for column in columns:
            if column.is_numeric or column.kind == "ordinal":
                curves[column.name] = _curve(np.concatenate([_present(t, column) for t in tables]))
        return cls(columns, curves)

    def place(self, table: Table) -> Placed:
        """Return the rows' positions by the encoder's own curves."""
        return self._place(table, self.curves)

    def place_by_own_rank(self, table: Table) -> Placed:
        """Return positions by the table's own ranks: sees through any monotone disguise."""
        own = {c.name: _curve(_present(table, c)) for c in self.columns if c.name in self.curves}
        return self._place(table, own)

    def _place(self, table: Table, curves: Mapping[str, tuple[Floats, Floats]]) -> Placed:
        n, d = len(table), len(self.columns)
        position = np.zeros((n, d), np.float32)
        code = np.zeros((n, d), np.int32)
        for j, column in enumerate(self.columns):
            state = table.states[column.name].astype(np.int32)
            here = state == PRESENT
            value = table.values[column.name]
            if column.name in curves:
                position[here, j] = _position(value[here].astype(float), curves[column.name])
                code[:, j] = -state
            else:
                code[:, j] = np.where(here, value.astype(np.int32) + 1, -state)
        return Placed(position, code, table.people)


def nearest(
    queries: Placed,
    targets: Placed,
    *,
    k: int = 1,
    skip_same: bool = False,
    left_out: bool = True,
) -> Near:
    """Find the k nearest targets of each query, exactly, in both spaces of one placement.

    Parameters
    ----------
    queries, targets : Placed
    k : int
        At most the number of targets.
    skip_same : bool
        Leave a person's own rows out (for distances within one group of people).
    left_out : bool
        Whether the second space is wanted; otherwise it repeats the first.

    Raises
    ------
    ValueError
        If there are no targets.
    """
    if not len(targets):
        raise ValueError("the nearest of no rows at all was asked for")
    k = max(1, min(k, len(targets)))
    n, d = queries.position.shape
    out_all, out_left = np.empty((n, k)), np.empty((n, k))
    who_all, who_left = np.empty((n, k), np.intp), np.empty((n, k), np.intp)
    gaps = Gaps(queries, targets)
    step = max(1, CELLS // len(targets))
    for begin in range(0, n, step):
        rows = slice(begin, min(n, begin + step))
        total, worst = gaps.block(rows, worst=left_out)
        if skip_same:
            same = queries.people[rows, None] == targets.people[None, :]
            total[same] = np.inf
        who_all[rows], out_all[rows] = _smallest(total, k)
        if left_out and d > 1:
            who_left[rows], out_left[rows] = _smallest(total - worst, k)
    out_all /= max(d, 1)
    if not left_out or d < 2:
        return Near(out_all, out_all, who_all, who_all)
    return Near(out_all, out_left / (d - 1), who_all, who_left)


class Gaps:
    """Add up the columns' distances, one block of queries at a time."""

    def __init__(self, queries: Placed, targets: Placed) -> None:
        self._n = len(targets)
        self._columns: list[
            tuple[
                tuple[Singles, Singles] | None, tuple[NDArray[np.int32], NDArray[np.int32]] | None
            ]
        ] = []
        self._beyond: list[bool] = []
        for j in range(queries.position.shape[1]):
            place = (queries.position[:, j].copy(), targets.position[:, j].copy())
            code = (queries.code[:, j].copy(), targets.code[:, j].copy())
            ends = [f(x) for x in place for f in (np.min, np.max) if len(x)]
            self._columns.append(
                (
                    place if place[0].any() or place[1].any() else None,
                    code if code[0].any() or code[1].any() else None,
                )
            )
            self._beyond.append(bool(min(ends) < 0 or max(ends) > 1))

    def block(self, rows: slice, *, worst: bool) -> tuple[Singles, Singles]:
        """Return the sum over columns and the largest of them, (rows, targets)."""
        shape = (rows.stop - rows.start, self._n)
        total, most = np.zeros(shape, np.float32), np.zeros(shape if worst else (0, 0), np.float32)
        gap = np.empty(shape, np.float32)
        for (place, code), beyond in zip(self._columns, self._beyond, strict=True):
            if place is not None:
                np.subtract(place[0][rows, None], place[1][None, :], out=gap)
                np.abs(gap, out=gap)
                if beyond:
                    np.minimum(gap, 1, out=gap)
                if code is not None:
                    np.maximum(gap, code[0][rows, None] != code[1][None, :], out=gap)
            elif code is not None:
                np.not_equal(code[0][rows, None], code[1][None, :], out=gap)
            else:
                continue
            total += gap
            if worst:
                np.maximum(most, gap, out=most)
        return total, most


def _smallest(matrix: Singles, k: int) -> tuple[NDArray[np.intp], Floats]:
    if k == 1:
        who = matrix.argmin(1)[:, None]
    elif k == matrix.shape[1]:
        who = np.argsort(matrix, axis=1, kind="stable")
    else:
        who = np.argpartition(matrix, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(matrix, who, 1), axis=1, kind="stable")
        who = np.take_along_axis(who, order, 1)
    distance: Floats = np.take_along_axis(matrix, who, 1).astype(np.float64)
    return who, distance


def _present(table: Table, column: Column) -> Floats:
    here = table.states[column.name] == PRESENT
    value: Floats = table.values[column.name][here].astype(np.float64)
    return value


def _curve(x: Floats) -> tuple[Floats, Floats]:
    """Return the support and the mid-rank position of each of its points."""
    if not len(x):
        return np.zeros(1), np.full(1, 0.5)
    support, count = np.unique(x, return_counts=True)
    return support, (np.cumsum(count) - count / 2) / len(x)


def _position(x: Floats, curve: tuple[Floats, Floats]) -> Floats:
    support, rank = curve
    out: Floats = np.interp(x, support, rank)
    span = support[-1] - support[0]
    width = np.interp([0.05, 0.95], rank, support)
    wide = float(width[1] - width[0]) or float(span) or 1.0
    above, below = x > support[-1], x < support[0]
    # two full widths beyond the support are as far as anything can be from it
    # it goes on from the end's own position: where many hold the smallest value, just below isn't far
    out[above] = rank[-1] + np.minimum((x[above] - support[-1]) / wide, 2)
    out[below] = rank[0] - np.minimum((support[0] - x[below]) / wide, 2)
    return np.asarray(np.round(out * GRID) / GRID)
