"""A table as cells that are fixed without looking at it.

Every column is a list of cells: its levels, or stretches of its range; then the empty cell and each
missing code, whether they occur or not. Ranges, levels, codes, decimals and kinds come from the
schema, so they must be public: from a codebook, not from the table.

A range is cut where its unit allows: whole numbers and decimals keep cells of their own as long as
there are enough of them, and no value is ever cut in two. Zero is always a cell of its own, since many
measurements heap there. Half of the cuts are even, and half are geometric where the range spans
more than one order of magnitude.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import SchemaError
from salus.synth.generate.predictors import from_cells, level_cells
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["COARSE", "FINE", "Cells", "public_cells", "require_public", "unit_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

FINE = 128  # cells that a range is cut into at most
COARSE = 8  # and at least
ORDER = 12.0  # quotient of a range's ends from which on half of the cuts are geometric
OCTAVES = 10  # that geometric cuts reach down from the upper end of a range from zero on


@dataclass(frozen=True)
class Cells:
    """Turn one column into cells and back.

    Parameters
    ----------
    column : Column
        A levelled one with its public levels, or a number.
    low, high : arrays (m,)
        Ends of the cells of a number, both belonging to it and increasing; empty for levels.
    unit : float
        Distance of neighbouring values of a number; 0 for a continuous one.

    Notes
    -----
    Cells in order: levels or stretches, then the empty cell, then each missing code.
    """

    column: Column
    low: Floats
    high: Floats
    unit: float = 0.0

    @classmethod
    def of_range(cls, column: Column, low: float, high: float, *, pieces: int = FINE) -> Self:
        """Cut a range into about so many pieces, fewer where it holds fewer values."""
        unit = unit_of(column)
        zero = low <= 0 <= high
        cuts = _cuts(low, high, pieces)
        if unit:
            first, last = int(np.ceil(low / unit - 1e-9)), int(np.floor(high / unit + 1e-9))
            last = max(first, last)
            if last - first < pieces:
                begin = np.arange(first, last + 1)
            else:
                begin = np.unique(np.clip(np.ceil(cuts / unit).astype(np.int64), first, last))
                begin = np.union1d(begin[begin < last], [first])
                if zero:
                    begin = np.union1d(begin, [0, 1])
            begin = begin[(begin >= first) & (begin <= last)]
            end = np.append(begin[1:] - 1, last)
            return cls(column, np.asarray(begin * unit, float), np.asarray(end * unit, float), unit)
        if not high > low:
            return cls(column, np.array([low]), np.array([low]))
        if not zero:
            return cls(column, cuts[:-1], cuts[1:])
        # zero lies between two stretches, which don't hold it
        left, right = np.append(cuts[cuts < 0], 0.0), np.append(0.0, cuts[cuts > 0])
        below = np.concatenate([left[:-1], [0.0], right[:-1]])
        above = np.concatenate([left[1:], [0.0], right[1:]])
        return cls(column, below, above)

    @property
    def n_values(self) -> int:
        """Number of cells that hold a value."""
        return len(self.column.levels) if self.column.is_levelled else len(self.low)

    @property
    def size(self) -> int:
        """Number of cells: those of values, the empty one, and the missing codes."""
        return self.n_values + 1 + len(self.column.missing_codes)

    def encode(self, table: Table) -> Ints:
        """Return the cell of each row, (n,); numbers beyond the range belong to its last cell.

        A level that the cells don't know, or a value where they know none, is -1.
        """
        name = self.column.name
        if self.column.is_levelled:
            return self._relevelled(table)
        state = table.states[name].astype(np.intp)
        out = self.n_values + state - 1
        there = state == PRESENT
        value = table.values[name][there].astype(np.float64)
        out[there] = self._place(value)
        return out

    def _place(self, value: Floats) -> Ints:
        if not len(self.low):
            return np.full(len(value), -1, np.intp)
        if self.unit:
            place = np.searchsorted(self.low - self.unit / 2, value, side="right") - 1
            return np.clip(place, 0, len(self.low) - 1).astype(np.intp)
        place = np.searchsorted(self.low, value, side="right") - 1
        place = np.clip(place, 0, len(self.low) - 1)
        zero = np.flatnonzero((self.low == 0) & (self.high == 0))
        if len(zero) and len(self.low) > 1:
            # the stretch above begins at zero as well, and the one below ends there
            place[value == 0] = zero[0]
        return place.astype(np.intp)

    def _relevelled(self, table: Table) -> Ints:
        """Return the cells of a levelled column whose table may list other levels."""
        theirs = table.schema[self.column.name]
        cell = level_cells(table, theirs)
        if theirs.levels == self.column.levels:
            return cell
        mine = {text: i for i, text in enumerate(self.column.levels)}
        lookup = [mine.get(text, -1) for text in theirs.levels]
        lookup += list(range(self.n_values, self.n_values + 1 + len(theirs.missing_codes)))
        return np.array(lookup, np.intp)[cell]

    def decode(
        self, cells: Ints, rng: np.random.Generator
    ) -> tuple[NDArray[np.generic], NDArray[np.int8]]:
        """Return values and states, (n,) each; a number is drawn evenly within its cell."""
        if self.column.is_levelled:
            return from_cells(cells, self.column)
        there = cells < self.n_values
        state = np.where(there, PRESENT, cells - self.n_values + 1).astype(np.int8)
        value = np.full(len(cells), np.nan)
        a, b = self.low[cells[there]], self.high[cells[there]]
        u = rng.random(len(cells))[there]
        if self.unit:
            steps = np.rint((b - a) / self.unit)
            value[there] = a + np.minimum(np.floor(u * (steps + 1)), steps) * self.unit
            value[there] = _rounded(value[there], self.column)
        else:
            value[there] = a + u * (b - a)
        return value, state

    def is_point(self) -> NDArray[np.bool_]:
        """Return which cells stand for one value or state, (size,); the others are stretches."""
        out = np.ones(self.size, bool)
        if not self.column.is_levelled:
            out[: self.n_values] = self.low == self.high
        return out

    def share_below(self, table: Table, cells: Ints) -> Floats:
        """Return how much of its cell lies below each number, in (0, 1), (n,); 0.5 elsewhere."""
        out = np.full(len(cells), 0.5)
        if self.column.is_levelled:
            return out
        inside = (cells >= 0) & (cells < self.n_values)
        a, b = self.low[cells[inside]], self.high[cells[inside]]
        value = table.values[self.column.name][inside].astype(float)
        share = (value - a + self.unit / 2) / np.maximum(b - a + self.unit, 1e-300)
        out[inside] = np.where(b > a, np.clip(share, 1e-6, 1 - 1e-6), 0.5)
        return out

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return JSON values and arrays."""
        plain = {"column": self.column.name, "unit": self.unit}
        return plain, {"low": self.low, "high": self.high}

    @classmethod
    def from_dict(
        cls, schema: Schema, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Self:
        """Rebuild from ``to_dict``'s form."""
        return cls(schema[plain["column"]], arrays["low"], arrays["high"], float(plain["unit"]))


def public_cells(
    schema: Schema,
    ranges: Mapping[str, tuple[float, float] | None] | None = None,
    *,
    pieces: int = FINE,
) -> list[Cells]:
    """Return the cells of every modelled column.

    Parameters
    ----------
    schema : Schema
        Public.
    ranges : mapping of column to (low, high), optional
        Ranges paid for, in place of the schema's; ``None`` where no value is to be modelled.
    pieces : int
        That a range is cut into.
    """
    out = []
    for column in schema.modelled:
        found = (ranges or {}).get(column.name, (column.low, column.high))
        if column.is_levelled:
            out.append(Cells(column, np.zeros(0), np.zeros(0)))
        elif found is None:
            out.append(Cells(column, np.zeros(0), np.zeros(0), unit_of(column)))
        else:
            low, high = found
            if low is None or high is None:
                raise SchemaError("the range of a number is open.", column=column.name)
            out.append(Cells.of_range(column, float(low), float(high), pieces=pieces))
    return out


def require_public(schema: Schema, *, declared: bool, paid_levels: Sequence[str] = ()) -> None:
    """Refuse a schema of which a part would be learnt from the table and isn't paid for.

    Raises
    ------
    SchemaError
        Naming the first column whose range is open, or whose levels nobody declared.
    """
    for column in schema.modelled:
        name = column.name
        if column.is_numeric and (column.low is None or column.high is None):
            raise SchemaError(
                "differential privacy needs the range of a number from outside the table.",
                column=name,
                remedy="Set low and high in the schema from what is possible, not from what is "
                "there, or pay for it with bounds='paid'.",
            )
        if column.is_levelled and not declared:
            raise SchemaError(
                "differential privacy needs the levels from outside the table; these may have been "
                "read from it.",
                column=name,
                remedy="Compare the schema with the codebook and say declared=True, or pay for them "
                "with bounds='paid'.",
            )
    if paid_levels:
        raise SchemaError(
            "its levels can't be paid for with bounds='declared'.",
            column=paid_levels[0],
            remedy="Say bounds='paid'; declared ranges and levels still cost nothing.",
        )


def unit_of(column: Column) -> float:
    """Return the distance of neighbouring values of a number, 0 for a continuous one."""
    if column.kind in ("integer", "date", "datetime"):
        return 1.0
    return 0.0 if column.decimals is None else float(10.0**-column.decimals)


def _rounded(value: Floats, column: Column) -> Floats:
    digits = 0 if column.kind != "continuous" else column.decimals
    return value if digits is None else np.round(value, digits) + 0.0


def _cuts(low: float, high: float, pieces: int) -> Floats:
    """Return the ends of stretches of a range, even or half of them geometric, increasing."""
    far = max(abs(low), abs(high))
    # a range from zero on has a geometric part down to a thousandth of its upper end
    near = min(abs(low), abs(high)) if low * high > 0 else far / 2.0**OCTAVES
    if low < 0 < high or far < ORDER * near:
        return np.linspace(low, high, pieces + 1)
    half = pieces // 2
    sign = 1.0 if high > 0 else -1.0
    even = np.linspace(low, high, half + 1)
    steep = sign * np.geomspace(near, far, half + 1)
    inner = np.concatenate([even, steep])
    inner = inner[(inner > low) & (inner < high)]
    cuts = np.unique(np.concatenate([[low], inner, [high]]))
    # two cuts of the two kinds may nearly fall together
    apart = np.append(True, np.diff(cuts) > 1e-9 * (high - low))
    apart[-1] = True
    return np.asarray(cuts[apart])
