"""What a clinical rule speaks of: columns as numbers or levels, and how two of them compare.

Columns of levels are texts beside a text and numbers beside a number (where every level is one);
ordered levels compare in their order. Dates compare with a quoted date.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import SchemaError
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = [
    "Fault",
    "Floats",
    "Levels",
    "Mask",
    "Numbers",
    "Operand",
    "Truth",
    "as_numbers",
    "column_of",
    "compare",
    "in_all",
    "on_one_clock",
]

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Fault(ValueError):
    """Say what is wrong with an expression; the rule that holds it adds its own name."""

    def __init__(self, message: str, *, column: str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message, self.column, self.remedy = message, column, remedy


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers (n,), or a single one, and where they are known; ``column`` where it is a date."""

    values: Floats
    known: Mask
    column: Column | None = None

    @classmethod
    def single(cls, value: float) -> Numbers:
        """Return one known number for all rows."""
        return cls(np.asarray(value, dtype=np.float64), np.asarray(True))


@dataclass(frozen=True, eq=False)
class Levels:
    """A column of levels: indices (n,) and where they are known."""

    codes: NDArray[np.int32]
    known: Mask
    column: Column


@dataclass(frozen=True, eq=False)
class Truth:
    """Truth values (n,) and where they are known."""

    values: Mask
    known: Mask


Operand = Numbers | Levels | Truth | str


def column_of(table: Table, name: str) -> Numbers | Levels:
    """Return a column of a table as an operand, or a ``Fault`` that says why it has none."""
    try:
        column = table.schema[name]
    except SchemaError:
        raise Fault(
            "the table has no such column.",
            column=name,
            remedy="Correct the rule; columns whose names hold blanks or dots go in backticks.",
        ) from None
    if name not in table.values:
        raise Fault(
            "the column isn't modelled (an identifier, free text or dropped), so no rule can "
            "speak of it.",
            column=name,
            remedy="Drop the rule or give the column another kind in the schema.",
        )
    known = table.states[name] == PRESENT
    if column.is_numeric:
        dated = column if column.kind in ("date", "datetime") else None
        return Numbers(table.values[name].astype(np.float64), known, dated)
    return Levels(table.values[name].astype(np.int32), known, column)


def compare(left: Operand, sign: str, right: Operand) -> Truth:
    """Compare two operands, with one of ``== != < <= > >=``, in the way that their kinds allow."""
    operate = _COMPARE[sign]
    if isinstance(left, str) and isinstance(right, Numbers | Levels):
        mirror = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
        return compare(right, mirror, left)
    if isinstance(left, Levels) and isinstance(right, str):
        return Truth(operate(left.codes, _code(left.column, right, sign)), left.known)
    if isinstance(left, Numbers) and isinstance(right, str):
        right = Numbers.single(_moment(left.column, right))
    if isinstance(left, Levels) and isinstance(right, Levels):
        pair = _level_pair(left, right, sign)
        if pair is not None:
            return Truth(operate(*pair), left.known & right.known)
    one, other = on_one_clock(as_numbers(left, sign), as_numbers(right, sign))
    known = one.known & other.known & np.isfinite(one.values) & np.isfinite(other.values)
    return Truth(operate(one.values, other.values), known)


def _code(column: Column, level: str, sign: str) -> int:
    """Return the index of a level that a rule names."""
    if level in column.missing_codes:
        raise Fault(
            f"{level!r} is a missing code.", column=column.name, remedy="Use missing(column)."
        )
    if level not in column.levels:
        raise Fault(
            f"the column has no level {level!r}.",
            column=column.name,
            remedy="Write the level as the schema lists it, or drop the rule.",
        )
    if sign not in ("==", "!=") and column.kind != "ordinal":
        raise Fault(
            "the column's levels have no order.",
            column=column.name,
            remedy="Use == or in (...), or make the column ordinal in the schema.",
        )
    return column.levels.index(level)


def _level_pair(left: Levels, right: Levels, sign: str) -> tuple[Any, Any] | None:
    """Return two columns of levels in comparable form, or None where they compare as numbers."""
    if left.column.levels == right.column.levels and (
        sign in ("==", "!=") or left.column.kind == right.column.kind == "ordinal"
    ):
        return left.codes, right.codes
    if _level_numbers(left.column) is not None and _level_numbers(right.column) is not None:
        return None
    if sign in ("==", "!="):
        union = {level: i for i, level in enumerate({*left.column.levels, *right.column.levels})}
        return tuple(  # type: ignore[return-value]
            np.array([*(union[level] for level in side.column.levels), -1])[side.codes]
            for side in (left, right)
        )
    raise Fault(
        f"its levels have no order in common with those of column {right.column.name!r}.",
        column=left.column.name,
        remedy="Make both ordinal with the same levels in the schema.",
    )


def as_numbers(item: Operand, where: str) -> Numbers:
    """Return an operand as numbers, or say why it has none."""
    if isinstance(item, Numbers):
        return item
    if isinstance(item, Levels):
        numbers = _level_numbers(item.column)
        if numbers is None:
            raise Fault(
                "the column's levels aren't numbers.",
                column=item.column.name,
                remedy="Compare it with a quoted level, such as sex == 'f'.",
            )
        return Numbers(np.array([*numbers, np.nan])[item.codes], item.known)
    what = "a text" if isinstance(item, str) else "a condition"
    raise Fault(f"{what} stands where a number belongs, in {where!r}.")


def _level_numbers(column: Column) -> list[float] | None:
    """Return the levels as numbers, or None where one isn't a finite number."""
    try:
        numbers = [float(level) for level in column.levels]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _moment(column: Column | None, text: str) -> float:
    """Return a quoted date in the unit of a date column: days, or seconds for datetimes."""
    if column is None:
        raise Fault(
            f"the text {text!r} stands beside numbers.",
            remedy="Leave the quotes out, or make the column a date in the schema.",
        )
    moment = None
    for read in (datetime.fromisoformat, lambda t: datetime.strptime(t, column.date_format or "")):
        try:
            moment = moment or read(text)
        except ValueError:
            continue
    if moment is None:
        raise Fault(
            f"{text!r} is not a date.", column=column.name, remedy="Write it like '2024-12-31'."
        )
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() / (86_400 if column.kind == "date" else 1)


def on_one_clock(left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    """Bring a date (days) beside a datetime (seconds) to seconds."""
    kinds = [None if s.column is None else s.column.kind for s in (left, right)]
    if set(kinds) == {"date", "datetime"}:
        left, right = (
            Numbers(s.values * (86_400.0 if k == "date" else 1.0), s.known, None)
            for s, k in zip((left, right), kinds, strict=True)
        )
    return left, right


def in_all(*masks: Mask) -> Mask:
    """Return where all masks hold; single values spread over rows."""
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*masks)), dtype=bool)
