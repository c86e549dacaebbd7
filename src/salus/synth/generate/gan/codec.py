"""A table as vectors for a network and back: each column a cell, and for numbers a place in it.

A levelled column has a cell for each level and missing state that occurs. A number has cells of three
sorts (a *mixed* column in the words of Zhao et al. 2021, arXiv:2102.08369):

* *modes* of its continuous part, within which a place in [-1, 1] says where the value lies
  (``modes.py``);
* *atoms*: values that stand out, such as zeros, and come back exactly;
* missing states.

Long tails and heaps are put on the scale of normal scores first (``margins.py``), where a heap is an
interval; elsewhere the modes are those of the values. What is kept are means of groups, mixtures of at
least five people and values that at least five people share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.gan.modes import Modes
from salus.synth.generate.margins import ATOM, GROUP, Margin
from salus.synth.generate.predictors import Predictors, from_cells, level_cells
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["Codec", "Coded", "Coder", "NumberCoder"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
LEAST_ATOM = 0.05  # share of the values that a value of its own cell has at least
STANDS_OUT = 4.0  # times the share of the values around it
LONG_TAIL = 1.0  # skewness from which values are put on the scale of normal scores
HEAPED = 0.5  # share of values in heaps from which they are


@dataclass(frozen=True)
class Coder:
    """Turn a levelled column into cells and back.

    Parameters
    ----------
    column : Column
    cells : int array (c,)
        The levels and missing states that occur (``predictors.level_cells``), in order.
    share : array (c,)
        Of the rows.
    """

    column: Column
    cells: Ints
    share: Floats

    @classmethod
    def fit(cls, table: Table, column: Column) -> Coder:
        """Learn which cells occur."""
        cells, count = np.unique(level_cells(table, column), return_counts=True)
        return cls(column, cells.astype(np.intp), count / len(table))

    @property
    def size(self) -> int:
        """Number of cells, c."""
        return len(self.cells)

    @property
    def modes(self) -> int:
        """Number of cells that have a place: the first ones."""
        return 0

    def encode(self, table: Table, rng: np.random.Generator) -> tuple[Ints, Floats]:
        """Return each row's cell, (n,), -1 for one that nobody had, and its place, (n,), here 0."""
        cell = level_cells(table, self.column)
        at = np.searchsorted(self.cells, cell).clip(0, max(self.size - 1, 0))
        found = np.where(self.cells[at] == cell, at, -1)
        return found.astype(np.intp), np.zeros(len(table))

    def decode(
        self, cell: Ints, place: Floats, score: Floats | None = None
    ) -> tuple[NDArray[np.generic], NDArray[np.int8]]:
        """Return values and states, (n,) each."""
        return from_cells(self.cells[cell], self.column)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the coder as JSON values and arrays."""
        return {}, {"cells": self.cells, "share": self.share}

    @classmethod
    def from_dict(
        cls, column: Column, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Coder:
        """Rebuild the coder from ``to_dict``'s form."""
        return cls(column, **arrays)


@dataclass(frozen=True)
class NumberCoder:
    """Turn a numeric column into cells and places, and back.

    Parameters
    ----------
    column : Column
    margin : Margin or None
        Of the values that are no atoms; ``None`` where there are none.
    by_score : bool
        Whether modes are those of the margin's normal scores rather than of the values.
    mixture : Modes or None
    atoms : array (a,)
        Values with a cell of their own.
    missing : tuple of int
        The missing states that occur.
    share : array (c,)
        Of the rows in each cell: modes, atoms, missing states.
    """

    column: Column
    margin: Margin | None
    by_score: bool
    mixture: Modes | None
    atoms: Floats
    missing: tuple[int, ...]
    share: Floats

    @classmethod
    def fit(cls, table: Table, column: Column, rng: np.random.Generator) -> NumberCoder:
        """Learn a column's cells."""
        seen = Predictors.fit(table, column)
        missing = tuple(s for s in seen.states if s != PRESENT)
        if seen.margin is None:
            state = table.states[column.name]
            count = np.array([(state == s).sum() for s in missing], float)
            return cls(column, None, True, None, np.zeros(0), missing, count / count.sum())
        here = table.states[column.name] == PRESENT
        x, people = table.values[column.name][here].astype(float), table.people[here]
        atoms = _atoms(x, people)
        rest = ~np.isin(x, atoms)
        margin, mixture, by_score = None, None, True
        if len(np.unique(people[rest])) >= GROUP or not len(atoms):
            margin = Margin.fit(
                x[rest],
                people=people[rest],
                decimals=column.decimals,
                low=column.low,
                high=column.high,
            )
            by_score = _needs_scores(x[rest])
            if by_score:
                mixture = Modes(0.0, 1.0, np.ones(1), np.zeros(1), np.ones(1))
            else:
                mixture = Modes.fit(x[rest], people[rest], rng)
        coder = cls(column, margin, by_score, mixture, atoms, missing, np.zeros(0))
        cell, _ = coder.encode(table, rng)
        share = np.bincount(cell[cell >= 0], minlength=coder.size) / max((cell >= 0).sum(), 1)
        return cls(column, margin, by_score, mixture, atoms, missing, share)

    @property
    def modes(self) -> int:
        """Number of cells that have a place: the first ones."""
        return 0 if self.mixture is None else self.mixture.size

    @property
    def size(self) -> int:
        """Number of cells, c."""
        return self.modes + len(self.atoms) + len(self.missing)

    def encode(self, table: Table, rng: np.random.Generator) -> tuple[Ints, Floats]:
        """Return each row's cell, (n,), and place, (n,), 0 where the cell has none.

        The place within a heap and the mode of a value between two are drawn. A state or value that
        has no cell is -1.
        """
        state = table.states[self.column.name]
        cell, place = np.full(len(table), -1, np.intp), np.zeros(len(table))
        for i, s in enumerate(self.missing):
            cell[state == s] = self.modes + len(self.atoms) + i
        rows = np.flatnonzero(state == PRESENT)
        x = table.values[self.column.name][rows].astype(float)
        at = np.searchsorted(self.atoms, x).clip(0, max(len(self.atoms) - 1, 0))
        atom = self.atoms[at] == x if len(self.atoms) else np.zeros(len(x), bool)
        cell[rows[atom]] = self.modes + at[atom]
        if self.margin is not None and self.mixture is not None:
            rows, x = rows[~atom], x[~atom]
            v = self.margin.dequantise(x, rng) if self.by_score else x
            cell[rows], place[rows] = self.mixture.encode(v, rng.random(len(v)))
        return cell, place

    def decode(
        self, cell: Ints, place: Floats, score: Floats | None = None
    ) -> tuple[NDArray[np.generic], NDArray[np.int8]]:
        """Return values and states, (n,) each, rounded and within the declared range.

        Values of modes follow from their places; or, where ``score`` (n,) is given, from this rank
        on the scale of the margin's normal scores.
        """
        atoms = len(self.atoms)
        states = np.array([PRESENT] * (self.modes + atoms) + list(self.missing), np.int8)
        values = np.full(len(cell), np.nan)
        atom = (cell >= self.modes) & (cell < self.modes + atoms)
        values[atom] = self.atoms[cell[atom] - self.modes]
        rows = np.flatnonzero(cell < self.modes)
        if len(rows) and score is None:
            values[rows] = self.published(self.level_of(cell[rows], place[rows]))
        elif len(rows) and score is not None and self.margin is not None:
            values[rows] = self.margin.decode(score[rows])
        return values, states[cell]

    def level_of(self, mode: Ints, place: Floats) -> Floats:
        """Return where places of modes lie on the scale of the mixture, (n,)."""
        assert self.mixture is not None
        return self.mixture.decode(mode, place)

    def published(self, level: Floats) -> Floats:
        """Return the values behind points on the scale of the mixture, (n,), as they are written."""
        margin = self.margin
        assert margin is not None
        if self.by_score:
            return margin.decode(level)
        # beyond what the margin reaches nothing is known
        reach = np.interp([-margin.reach, margin.reach], margin.scores, margin.values)
        x = np.clip(np.clip(level, *reach), margin.low, margin.high)
        return x if margin.decimals is None else np.asarray(np.round(x, margin.decimals))

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the coder as JSON values and arrays."""
        plain: dict[str, Any] = {"by_score": self.by_score, "missing": list(self.missing)}
        arrays: dict[str, NDArray[Any]] = {"atoms": self.atoms, "share": self.share}
        for name, part in (("margin", self.margin), ("mixture", self.mixture)):
            if part is not None:
                plain[name], mine = part.to_dict()
                arrays |= {f"{name}.{k}": v for k, v in mine.items()}
        return plain, arrays

    @classmethod
    def from_dict(
        cls, column: Column, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> NumberCoder:
        """Rebuild the coder from ``to_dict``'s form."""

        def under(name: str) -> dict[str, Floats]:
            return {k[len(name) + 1 :]: v for k, v in arrays.items() if k.startswith(f"{name}.")}

        margin = Margin.from_dict(plain["margin"], under("margin")) if "margin" in plain else None
        mixture = (
            Modes.from_dict(plain["mixture"], under("mixture")) if "mixture" in plain else None
        )
        return cls(
            column,
            margin,
            plain["by_score"],
            mixture,
            arrays["atoms"],
            tuple(plain["missing"]),
            arrays["share"],
        )


@dataclass(frozen=True)
class Coded:
    """Hold rows as cells (n, d) and places (n, d)."""

    cell: Ints
    place: Floats

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: NDArray[Any]) -> Coded:
        """Return some of the rows."""
        return Coded(self.cell[rows], self.place[rows])


@dataclass(frozen=True)
class Codec:
    """Turn a table into cells and places and back, all columns in the order of the schema.

    Parameters
    ----------
    schema : Schema
    coders : tuple of Coder or NumberCoder
    """

    schema: Schema
    coders: tuple[Coder | NumberCoder, ...]

    @classmethod
    def fit(cls, table: Table, rng: np.random.Generator) -> Codec:
        """Learn the cells of every modelled column; ``rng`` starts the mixtures."""
        coders: list[Coder | NumberCoder] = [
            NumberCoder.fit(table, c, rng) if c.is_numeric else Coder.fit(table, c)
            for c in table.schema.modelled
        ]
        return cls(table.schema, tuple(coders))

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [c.column.name for c in self.coders]

    def encode(self, table: Table, rng: np.random.Generator) -> Coded:
        """Return cells and places of the rows; a cell that nobody had becomes the commonest one."""
        cells, places = [], []
        for coder in self.coders:
            cell, place = coder.encode(table, rng)
            common = int(coder.share.argmax()) if coder.size else 0
            cells.append(np.where(cell < 0, common, cell))
            places.append(place)
        return Coded(np.column_stack(cells), np.column_stack(places))

    def decode(self, coded: Coded, scores: Floats | None = None) -> Table:
        """Return the rows behind cells and places, or behind cells and normal scores (n, d)."""
        values: dict[str, NDArray[np.generic]] = {}
        states: dict[str, NDArray[np.int8]] = {}
        for j, coder in enumerate(self.coders):
            name = coder.column.name
            score = None if scores is None else scores[:, j]
            values[name], states[name] = coder.decode(coded.cell[:, j], coded.place[:, j], score)
        return Table(self.schema, values, states)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the codec as JSON values and arrays."""
        arrays: dict[str, NDArray[Any]] = {}
        plain = []
        for j, coder in enumerate(self.coders):
            mine, own = coder.to_dict()
            plain.append({"column": coder.column.name, **mine})
            arrays |= {f"column{j}.{k}": v for k, v in own.items()}
        return {"schema": self.schema.to_dict(), "columns": plain}, arrays

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Codec:
        """Rebuild the codec from ``to_dict``'s form."""
        schema = Schema.from_dict(plain["schema"])
        coders: list[Coder | NumberCoder] = []
        for j, one in enumerate(plain["columns"]):
            at = f"column{j}."
            mine = {k[len(at) :]: v for k, v in arrays.items() if k.startswith(at)}
            column = schema[one["column"]]
            kind = NumberCoder if column.is_numeric else Coder
            coders.append(kind.from_dict(column, one, mine))
        return cls(schema, tuple(coders))


def _atoms(x: Floats, people: NDArray[np.int64]) -> Floats:
    """Return the values that stand out: shared by many more than the values around are."""
    unique, where, count = np.unique(x, return_inverse=True, return_counts=True)
    pairs = np.unique(np.column_stack([where.ravel(), people]), axis=0)[:, 0]
    sharing = np.bincount(pairs, minlength=len(unique))
    enough = min(ATOM, len(np.unique(people)))
    often = (sharing >= enough) & (count >= LEAST_ATOM * len(x))
    usual = np.array(
        [_usual(np.delete(count, k)) if often[k] else np.inf for k in range(len(count))]
    )
    return np.asarray(unique[often & (count >= STANDS_OUT * usual)])


def _usual(count: NDArray[np.int64]) -> float:
    """Return how many rows share the value of a row picked at random."""
    if not len(count):
        return 0.0
    order = np.sort(count)
    return float(order[np.searchsorted(np.cumsum(order), order.sum() / 2)])


def _needs_scores(x: Floats) -> bool:
    """Whether values have a long tail or lie on heaps."""
    _, where, count = np.unique(x, return_inverse=True, return_counts=True)
    heaped = float((count[where.ravel()] >= ATOM).mean()) > HEAPED
    sd = float(x.std())
    return heaped or sd == 0 or abs(float((((x - x.mean()) / sd) ** 3).mean())) > LONG_TAIL
