"""The kinds of clinical rules, one class each. ``rules.py`` says what they mean together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import RuleError
from salus.synth.table.rule_formula import Expression
from salus.synth.table.rule_operand import (
    Fault,
    Floats,
    Levels,
    Mask,
    Numbers,
    Operand,
    column_of,
    compare,
)
from salus.synth.table.schema import Column
from salus.synth.table.table import Table

__all__ = [
    "AllowedCombinations",
    "Formula",
    "Implication",
    "Order",
    "Range",
    "published_decimals",
]


@dataclass(frozen=True)
class Range:
    """Keep a column between two ends, both allowed.

    Parameters
    ----------
    column : str
    low, high : float or str, optional
        Numbers; quoted dates for dates; levels for ordered levels. One may be left out.

    """

    column: str
    low: float | str | None = None
    high: float | str | None = None

    def __post_init__(self) -> None:
        ends = [end for end in (self.low, self.high) if end is not None]
        with _naming(self.name):
            if not ends:
                raise Fault("low and high are both missing.", remedy="Give at least one.")
            for end in ends:
                if isinstance(end, bool) or not isinstance(end, int | float | str):
                    raise Fault("low and high must be numbers or texts.", column=self.column)
                if not isinstance(end, str) and not math.isfinite(end):
                    raise Fault("low and high must be finite.", column=self.column)
            if not any(isinstance(end, str) for end in ends) and ends[0] > ends[-1]:  # type: ignore[operator]
                raise Fault("low is above high.", column=self.column, remedy="Swap them.")

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        return f"range of {self.column}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column, alone."""
        return (self.column,)

    def describe(self) -> str:
        """Return the rule as one sentence."""
        if self.low is None:
            return f"{self.column} is at most {self.high}"
        if self.high is None:
            return f"{self.column} is at least {self.low}"
        return f"{self.column} lies between {self.low} and {self.high}"

    def judged(self, table: Table) -> Mask:
        """Return the rows (n,) in which the column is present."""
        with _naming(self.name):
            return column_of(table, self.column).known

    def holds(self, table: Table) -> Mask:
        """Return the rows (n,) within the range, or without a value."""
        with _naming(self.name):
            cells = column_of(table, self.column)
            inside = np.ones(len(table), dtype=bool)
            for end, sign in ((self.low, ">="), (self.high, "<=")):
                if end is not None:
                    inside &= compare(cells, sign, _operand(end)).values
            return inside | ~cells.known

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        ends = {"low": self.low, "high": self.high}
        given = {k: v for k, v in ends.items() if v is not None}
        return {"rule": "range", "column": self.column, **given}


@dataclass(frozen=True)
class Order:
    """Keep columns in order, from the lowest to the highest.

    Parameters
    ----------
    columns : tuple of str
        At least two; each pair of present cells is compared.
    strict : bool
        Whether ties are forbidden.

    """

    columns: tuple[str, ...]
    strict: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _texts(self.columns, "columns", "order"))
        with _naming(self.name):
            if len(set(self.columns)) < 2 or len(set(self.columns)) < len(self.columns):
                raise Fault("an order needs two or more different columns.")

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        return f"order of {', '.join(self.columns)}"

    def describe(self) -> str:
        """Return the rule as one sentence."""
        return f" {'<' if self.strict else '<='} ".join(self.columns)

    def _pairs(self, table: Table) -> Iterator[tuple[Mask, Mask]]:
        """Yield, for each two columns, where they are in order and where both are present."""
        with _naming(self.name):
            cells = [column_of(table, c) for c in self.columns]
            for low, high in combinations(cells, 2):
                found = compare(low, "<" if self.strict else "<=", high)
                yield found.values, found.known

    def judged(self, table: Table) -> Mask:
        """Return the rows (n,) in which at least two of the columns are present."""
        return np.asarray(np.logical_or.reduce([known for _, known in self._pairs(table)]))

    def holds(self, table: Table) -> Mask:
        """Return the rows (n,) in which no two present cells are out of order."""
        kept = [right | ~known for right, known in self._pairs(table)]
        return np.asarray(np.logical_and.reduce(kept))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        strict = {"strict": True} if self.strict else {}
        return {"rule": "order", "columns": list(self.columns), **strict}


@dataclass(frozen=True)
class Implication:
    """Demand one condition of the rows that meet another.

    Parameters
    ----------
    if_, then : str
        Conditions as in ``rule_formula``, such as ``sex == 'm'``.

    """

    if_: str
    then: str
    _if: Expression = field(init=False, repr=False, compare=False)
    _then: Expression = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        with _naming(self.name):
            object.__setattr__(self, "_if", Expression(self.if_))
            object.__setattr__(self, "_then", Expression(self.then))

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        return f"if {self.if_} then {self.then}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of both conditions."""
        return tuple(dict.fromkeys((*self._if.columns, *self._then.columns)))

    def describe(self) -> str:
        """Return the rule as one sentence."""
        return self.name

    def judged(self, table: Table) -> Mask:
        """Return the rows (n,) that meet the first condition and whose second one is known."""
        with _naming(self.name):
            return self._if.truth(table)[0] & self._then.truth(table)[1]

    def holds(self, table: Table) -> Mask:
        """Return the rows (n,) that meet the second condition wherever they meet the first."""
        with _naming(self.name):
            then, known = self._then.truth(table)
            return ~self._if.truth(table)[0] | then | ~known

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"rule": "implication", "if": self.if_, "then": self.then}


@dataclass(frozen=True)
class Formula:
    """Tie a numeric column to an expression of others.

    Parameters
    ----------
    column : str
    equals : str
        Arithmetic expression, such as ``weight / (height/100)**2``.
    tolerance : float
        Largest difference. Half a unit of the last decimal that the column publishes is always
        allowed, since no published value can be nearer.

    """

    column: str
    equals: str
    tolerance: float = 0.0
    _expression: Expression = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        with _naming(self.name):
            if (
                isinstance(self.tolerance, bool)
                or not isinstance(self.tolerance, int | float)
                or not (math.isfinite(self.tolerance) and self.tolerance >= 0)
            ):
                raise Fault("the tolerance must be a number, 0 or more.", column=self.column)
            object.__setattr__(self, "_expression", Expression(self.equals))
            if self.column in self._expression.columns:
                raise Fault("the column stands in its own formula.", column=self.column)

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        return f"formula of {self.column}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column and those that it is computed from."""
        return (self.column, *self.inputs)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that it is computed from."""
        return self._expression.columns

    def describe(self) -> str:
        """Return the rule as one sentence."""
        within = f" within {self.tolerance:g}" if self.tolerance else ""
        return f"{self.column} = {self.equals}{within}"

    def _sides(self, table: Table) -> tuple[Numbers, Floats, Mask]:
        """Return the column, what it should be, and the rows that have both."""
        with _naming(self.name):
            cells = column_of(table, self.column)
            if not isinstance(cells, Numbers):
                raise Fault("a formula needs a column of numbers.", column=self.column)
            right, known = self._expression.numbers(table)
            return cells, right, known & cells.known

    def judged(self, table: Table) -> Mask:
        """Return the rows (n,) in which the column and all it is computed from are present."""
        return self._sides(table)[2]

    def holds(self, table: Table) -> Mask:
        """Return the rows (n,) in which the column equals its formula, within the tolerance."""
        cells, right, known = self._sides(table)
        digits = published_decimals(table.schema[self.column])
        allowed = max(self.tolerance, 0.0 if digits is None else 0.5 * 10.0**-digits)
        with np.errstate(invalid="ignore"):
            gap = np.abs(cells.values - right)
            return np.asarray((gap <= allowed + 1e-9 * (1.0 + np.abs(right))) | ~known)

    def apply(self, table: Table) -> Table:
        """Return the table with the column recomputed, rounded to its decimals.

        Missing cells of the column stay missing; rows whose formula says nothing keep their value.
        """
        cells, right, known = self._sides(table)
        digits = published_decimals(table.schema[self.column])
        new = np.where(known, right, 0.0)
        new = new if digits is None else np.round(new, digits) + 0.0
        values = np.where(known, new, cells.values)
        return table.replace(self.column, values, table.states[self.column])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        tolerance = {"tolerance": self.tolerance} if self.tolerance else {}
        return {"rule": "formula", "column": self.column, "equals": self.equals, **tolerance}


@dataclass(frozen=True)
class AllowedCombinations:
    """Allow only the listed combinations of values.

    Parameters
    ----------
    columns : tuple of str
    allowed : tuple of tuples of str or float
        One value for each column. More may be listed than occur.

    """

    columns: tuple[str, ...]
    allowed: tuple[tuple[str | float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _texts(self.columns, "columns", "combinations"))
        with _naming(self.name):
            try:
                rows = tuple(tuple(row) for row in self.allowed if not isinstance(row, str))
            except TypeError:
                raise Fault("'allowed' must be a list of lists.") from None
            if not rows or len(rows) != len(self.allowed):
                raise Fault("'allowed' must be a list of lists, one for each combination.")
            if any(len(row) != len(self.columns) for row in rows):
                raise Fault(
                    "a combination has more or fewer values than there are columns.",
                    remedy=f"Give {len(self.columns)} values in each.",
                )
            cells = [v for row in rows for v in row]
            if any(isinstance(v, bool) or not isinstance(v, int | float | str) for v in cells):
                raise Fault("combinations hold texts and numbers only.")
        object.__setattr__(self, "allowed", rows)

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        return f"combinations of {', '.join(self.columns)}"

    def describe(self) -> str:
        """Return the rule as one sentence."""
        return f"{', '.join(self.columns)} form one of {len(self.allowed)} allowed combinations"

    def judged(self, table: Table) -> Mask:
        """Return the rows (n,) in which all the columns are present."""
        with _naming(self.name):
            here = [column_of(table, c).known for c in self.columns]
            return np.asarray(np.logical_and.reduce(here))

    def holds(self, table: Table) -> Mask:
        """Return the rows (n,) whose values are an allowed combination."""
        with _naming(self.name):
            cells = [column_of(table, c) for c in self.columns]
            fits: NDArray[np.int64] = np.zeros(len(table), dtype=np.int64)
            keys: NDArray[np.int64] = np.zeros(
                len(self.allowed), dtype=np.int64
            )  # a row of values as one number
            known = np.ones(len(table), dtype=bool)
            for place, cell in enumerate(cells):
                listed = list(dict.fromkeys(row[place] for row in self.allowed))
                found = np.array([_equals(cell, value, len(table)) for value in listed])
                known &= found.any(axis=0)
                fits = np.asarray(fits * len(listed) + found.argmax(axis=0), np.int64)
                ranks = np.array([listed.index(row[place]) for row in self.allowed], np.int64)
                keys = np.asarray(keys * len(listed) + ranks, np.int64)
        return (known & np.isin(fits, keys)) | ~self.judged(table)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object."""
        rows = [list(row) for row in self.allowed]
        return {"rule": "combinations", "columns": list(self.columns), "allowed": rows}


def published_decimals(column: Column) -> int | None:
    """Return the digits after the point that a column publishes, or None for all."""
    if column.decimals is not None:
        return column.decimals
    return None if column.kind == "continuous" else 0


def _operand(end: float | str) -> Operand:
    return end if isinstance(end, str) else Numbers.single(end)


def _equals(cells: Numbers | Levels, value: str | float, n: int) -> Mask:
    """Return where a column has a value; a level that doesn't occur is simply nowhere."""
    if isinstance(cells, Levels) and isinstance(value, str) and value not in cells.column.levels:
        return np.zeros(n, dtype=bool)
    return compare(cells, "==", _operand(value)).values


def _texts(value: Any, key: str, kind: str) -> tuple[str, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, Sequence)
        or not value
        or not all(isinstance(item, str) and item for item in value)
    ):
        raise RuleError(f"the key {key!r} of a rule {kind!r} must be a list of texts.")
    return tuple(value)


@contextmanager
def _naming(rule: str) -> Iterator[None]:
    """Turn the fault of an expression into an error that names the rule."""
    try:
        yield
    except Fault as fault:
        raise RuleError(
            f"in the rule {rule!r}: {fault.message}",
            column=fault.column,
            remedy=fault.remedy or "Correct the rule in the schema.",
        ) from None
