"""The table as models and audits see it: typed columns in which missingness is a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import TableError
from salus.synth.table.schema import Schema

__all__ = ["EMPTY", "PRESENT", "Table"]

PRESENT = 0  # states: a value is there
EMPTY = 1  # the cell is empty; 2 + k stands for the column's k-th missing code


@dataclass(frozen=True, eq=False)
class Table:
    """Hold the modelled columns of a table as arrays.

    Parameters
    ----------
    schema : Schema
        Its ``modelled`` columns are the keys of ``values`` and ``states``.
    values : mapping of str to array, each (n,)
        Numeric kinds: float64, NaN where no value is there (dates: days, datetimes: seconds since
        1970-01-01). Levelled kinds: int32, index into ``Column.levels``, -1 where none is there.
    states : mapping of str to int8 array, each (n,)
        ``PRESENT``, ``EMPTY``, or 2 + k for the column's k-th missing code.
    people : int64 array (n,), optional
        Rows of one person share a number; each row is a person of its own by default.
    """

    schema: Schema
    values: Mapping[str, NDArray[np.generic]]
    states: Mapping[str, NDArray[np.int8]]
    people: NDArray[np.int64]

    def __init__(
        self,
        schema: Schema,
        values: Mapping[str, NDArray[np.generic]],
        states: Mapping[str, NDArray[np.int8]] | None = None,
        people: NDArray[np.int64] | None = None,
    ) -> None:
        names = [c.name for c in schema.modelled]
        if set(names) != set(values):
            raise TableError("the arrays and the schema's modelled columns differ.")
        lengths = {len(values[n]) for n in names}
        if len(lengths) > 1:
            raise TableError("the columns differ in length.")
        nobody = 0 if people is None else len(people)  # of a table without a modelled column
        n = lengths.pop() if lengths else nobody
        typed: dict[str, NDArray[np.generic]] = {}
        state: dict[str, NDArray[np.int8]] = {}
        for column in schema.modelled:
            raw = np.asarray(values[column.name])
            typed[column.name] = raw.astype(np.float64 if column.is_numeric else np.int32)
            absent = (
                np.isnan(typed[column.name])
                if column.is_numeric
                else typed[column.name].astype(float) < 0
            )
            given = (
                np.where(absent, EMPTY, PRESENT)
                if states is None
                else np.asarray(states[column.name])
            )
            if ((given == PRESENT) == absent).any():
                raise TableError("values and states contradict each other.", column=column.name)
            state[column.name] = given.astype(np.int8)
        object.__setattr__(self, "schema", schema)
        object.__setattr__(self, "values", typed)
        object.__setattr__(self, "states", state)
        object.__setattr__(
            self, "people", np.arange(n) if people is None else np.asarray(people, np.int64)
        )
        if len(self.people) != n:
            raise TableError("people and columns differ in length.")

    def __len__(self) -> int:
        return len(self.people)

    @property
    def n_people(self) -> int:
        """Number of different people."""
        return len(np.unique(self.people))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | Sequence[int]) -> Table:
        """Return the rows with these indices (or where a mask holds), in that order."""
        index = np.asarray(rows)
        return Table(
            self.schema,
            {k: v[index] for k, v in self.values.items()},
            {k: v[index] for k, v in self.states.items()},
            self.people[index],
        )

    def replace(
        self, name: str, values: NDArray[np.generic], states: NDArray[np.int8] | None = None
    ) -> Table:
        """Return the table with one column's content changed."""
        new_states = dict(self.states)
        column = self.schema[name]
        absent = np.isnan(values.astype(float)) if column.is_numeric else values.astype(float) < 0
        new_states[name] = (
            np.where(absent, EMPTY, PRESENT).astype(np.int8) if states is None else states
        )
        return Table(self.schema, {**self.values, name: values}, new_states, self.people)

    @staticmethod
    def concat(tables: Sequence[Table]) -> Table:
        """Stack tables of one schema; people keep their numbers."""
        first = tables[0]
        return Table(
            first.schema,
            {k: np.concatenate([t.values[k] for t in tables]) for k in first.values},
            {k: np.concatenate([t.states[k] for t in tables]) for k in first.states},
            np.concatenate([t.people for t in tables]),
        )
