"""The columns of an analysis as numbers and labels, whatever the table came as."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salus.synth.errors import OptionError
from salus.synth.table.codec import EMPTY_SPELLINGS, decode_text
from salus.synth.table.files import read_frame
from salus.synth.table.schema import Schema
from salus.synth.table.spelling import numbers_as_text, parse_numbers
from salus.synth.table.table import PRESENT, Table

__all__ = ["Sheet", "column_names", "read_sheet"]

Floats = NDArray[np.float64]
Labels = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sheet:
    """Hold columns of n rows.

    Parameters
    ----------
    numbers : mapping of str to float array (n,)
        The columns that hold numbers only; NaN where a cell is missing.
    labels : mapping of str to object array (n,)
        All columns as text; None where a cell is missing.
    levels : mapping of str to tuple of str
        The labels in their order, of the columns that hold no numbers.
    events : mapping of str to str
        The level that counts as the event, where the schema says so.
    people : int array (n,)
        Rows of one person share a number.
    """

    numbers: Mapping[str, Floats]
    labels: Mapping[str, Labels]
    levels: Mapping[str, tuple[str, ...]]
    events: Mapping[str, str]
    people: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.people)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Sheet:
        """Return the rows with these indices, or where a mask holds."""
        return Sheet(
            {k: v[rows] for k, v in self.numbers.items()},
            {k: v[rows] for k, v in self.labels.items()},
            self.levels,
            self.events,
            self.people[rows],
        )

    def shuffled(self, rng: np.random.Generator) -> Sheet:
        """Return the sheet with each column in an order of its own."""
        orders = {name: rng.permutation(len(self)) for name in self.labels}
        return Sheet(
            {k: v[orders[k]] for k, v in self.numbers.items()},
            {k: v[orders[k]] for k, v in self.labels.items()},
            self.levels,
            self.events,
            np.arange(len(self)),
        )


def column_names(source: Table | pd.DataFrame) -> list[str]:
    """Return the names that a formula can use."""
    if isinstance(source, Table):
        return [c.name for c in source.schema.modelled]
    return [str(c) for c in source.columns]


def read_sheet(
    source: Table | pd.DataFrame, names: Sequence[str], *, like: Sheet | None = None
) -> Sheet:
    """Return the named columns of a table.

    A column is one of numbers if all of its cells are, or all of its levels; ``C(...)`` in a
    formula makes labels of it. Three or more categories that a schema doesn't order are labels.

    Parameters
    ----------
    source : Table or DataFrame
    names : sequence of str
    like : Sheet, optional
        The real one, whose kinds of columns hold for the synthetic table too.

    Raises
    ------
    OptionError
        If a column is absent, or holds labels where the real one holds numbers.
    """
    _require(names, column_names(source), "table" if like is None else "synthetic table")
    text, schema, people = _texts(source, list(dict.fromkeys(names)))
    numbers: dict[str, Floats] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for name, cells in text.items():
        numeric = None if _unordered(schema, name) else _numbers(cells)
        if name in like.numbers if like is not None else numeric is not None:
            if numeric is None:
                raise OptionError(
                    "the synthetic table holds texts where the real one holds numbers.",
                    column=name,
                    remedy="Correct the table, or write C(...) in the formula.",
                )
            numbers[name] = numeric
            text[name] = _spelled(numeric)
        elif like is None:
            levels[name] = _order(cells, name, schema)
    events = {c.name: c.event for c in (schema.columns if schema is not None else ()) if c.event}
    return Sheet(
        numbers,
        text,
        levels if like is None else like.levels,
        events if like is None else like.events,
        people,
    )


def _texts(
    source: Table | pd.DataFrame, names: list[str]
) -> tuple[dict[str, Labels], Schema | None, NDArray[np.int64]]:
    if isinstance(source, Table):
        schema = Schema([source.schema[n] for n in names])
        few = Table(
            schema, {n: source.values[n] for n in names}, {n: source.states[n] for n in names}
        )
        frame = decode_text(few)
        cells = {n: _cells(frame[n], source.states[n] != PRESENT) for n in names}
        return cells, schema, source.people
    frame = read_frame(source[names])
    cells = {}
    for name in names:
        blank = [t is None or t in EMPTY_SPELLINGS for t in frame[name]]
        cells[name] = _cells(frame[name], np.array(blank, dtype=bool))
    return cells, None, np.arange(len(frame))


def _cells(column: pd.Series[Any], missing: NDArray[np.bool_]) -> Labels:
    cells = column.to_numpy(dtype=object).copy()
    cells[missing] = None
    return cells


def _numbers(cells: Labels) -> Floats | None:
    """Return the cells as numbers, or None if any is a text or a code such as 007."""
    codes, texts = pd.factorize(cells)  # missing: -1
    values = parse_numbers([str(t) for t in texts])
    padded = any(len(t) > 1 and t[0] == "0" and t[1].isdigit() for t in map(str, texts))
    if np.isnan(values).any() or padded:
        return None
    return np.append(values, np.nan)[codes]


def _unordered(schema: Schema | None, name: str) -> bool:
    return (
        schema is not None and schema[name].kind == "categorical" and (len(schema[name].levels) > 2)
    )


def _spelled(numbers: Floats) -> Labels:
    """Return numbers as texts: 1 of one table and 1.0 of another are one level."""
    distinct, codes = np.unique(numbers, return_inverse=True)  # NaN last, once
    known = distinct[~np.isnan(distinct)]
    texts = [*numbers_as_text(known, None), *([None] if len(known) < len(distinct) else [])]
    return np.array(texts, dtype=object)[codes]


def _order(cells: Labels, name: str, schema: Schema | None) -> tuple[str, ...]:
    """Return the labels in use: in the schema's order, or sorted."""
    there = {str(t) for t in cells if t is not None}
    if schema is None:
        return tuple(sorted(there))
    return tuple(t for t in schema[name].levels if t in there)


def _require(names: Sequence[str], present: Sequence[str], table: str) -> None:
    for name in names:
        if name not in present:
            near = difflib.get_close_matches(name, present, n=3, cutoff=0.5)
            listed = ", ".join(map(repr, near or present[:30]))
            raise OptionError(
                f"the formula names a column that the {table} hasn't.",
                column=name,
                remedy=f"{'Did you mean' if near else 'Columns:'} {listed}{'?' if near else '.'}",
            )
