"""Ranges and levels that nobody declared, learnt from the table with noise and paid for.

A range comes from two noisy histograms: one over powers of two of either sign, fixed for all tables,
then one of even cells between the outermost powers that were found. In both the outer cells that
can't be told from empty ones are cut off. Few people lie in the tails, so this costs accuracy that a
declared range keeps; values beyond the range are moved to its ends.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.accounting import gaussian_sigma
from salus.synth.generate.dp.claim import Account
from salus.synth.generate.dp.curator import kept_levels, noisy_counts
from salus.synth.generate.dp.domain import unit_of
from salus.synth.generate.dp.noise import Source
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["Bounds", "is_open", "pay_for_bounds", "public_schema"]

Floats = NDArray[np.float64]
Range = tuple[float, float]

POWERS = (-40, 63)  # of two: from a millionth of a millionth to beyond any date in seconds
EVEN = 64  # cells of the second histogram
MISTAKES = 0.01  # chance that noise alone widens a range


@dataclass(frozen=True)
class Bounds:
    """Hold what was paid for.

    Parameters
    ----------
    schema : Schema
        With the levels that may be told, in place of those that the table shows.
    ranges : mapping of column to (low, high) or None
        Of the numbers whose range was open; ``None`` where no value can be told from none.
    """

    schema: Schema
    ranges: Mapping[str, Range | None]


def pay_for_bounds(
    table: Table,
    *,
    levels_of: Collection[str],
    rho: float,
    delta: float,
    account: Account,
    source: Source,
) -> Bounds:
    """Learn open ranges and undeclared levels, sharing ``rho`` and ``delta`` evenly.

    Parameters
    ----------
    table : Table
        At most k rows a person.
    levels_of : collection of str
        Levelled columns whose levels were read from the table.
    rho, delta : float
        To be spent in all; delta by the levels alone.
    account : Account
    source : Source
    """
    open_ = [c for c in table.schema.modelled if is_open(c)]
    listed = [c for c in table.schema.modelled if c.is_levelled and c.name in levels_of]
    n = len(open_) + len(listed)
    if not n:
        return Bounds(table.schema, {})
    reach = account.rows_per_person
    ranges: dict[str, Range | None] = {}
    for column in open_:
        value = table.values[column.name][table.states[column.name] == PRESENT].astype(float)
        sigma = gaussian_sigma(reach, rho / n / 2)
        ranges[column.name] = _range(value, column, sigma, account, source)
    schema = table.schema
    for column in listed:
        cell = table.values[column.name][table.states[column.name] == PRESENT].astype(np.intp)
        counts = np.bincount(cell, minlength=len(column.levels)).astype(float)
        told = kept_levels(
            counts,
            gaussian_sigma(reach, rho / n),
            delta / len(listed),
            account=account,
            source=source,
            column=column.name,
        )
        levels = [text for text, kept in zip(column.levels, told, strict=True) if kept]
        if column.kind != "ordinal":
            levels.sort()  # the order in which they were read is one of rows
        event = column.event if column.event in levels else None
        schema = schema.with_column(column.name, levels=tuple(levels), event=event)
    return Bounds(schema, ranges)


def is_open(column: Column) -> bool:
    """Whether a number's range isn't declared at both ends."""
    return column.is_numeric and (column.low is None or column.high is None)


def public_schema(schema: Schema) -> Schema:
    """Return the schema without what tells of its table: reasons hold counts of rows.

    Columns that aren't modelled keep their names and kinds only.
    """
    return Schema(
        [
            replace(c, reason="")
            if c.is_modelled
            else replace(c, reason="", levels=(), missing_codes=(), event=None)
            for c in schema.columns
        ],
        schema.rules,
    )


def _range(
    value: Floats, column: Column, sigma: float, account: Account, source: Source
) -> Range | None:
    """Return the range of the values, (n,), as far as it can be told."""
    unit = unit_of(column)
    low = -math.inf if column.low is None else float(column.low)
    high = math.inf if column.high is None else float(column.high)
    ends = _powers()
    outer = _occupied(value, ends, sigma, account, source, f"{column.name}: powers of two")
    if outer is None:
        # the second half is spent all the same, so that the sum doesn't depend on the table
        _occupied(value, np.array([0.0, 1.0]), sigma, account, source, f"{column.name}: even cells")
        return None
    a, b = max(ends[outer[0]], low), min(ends[outer[1] + 1], high)
    even = np.linspace(a, b, EVEN + 1) if b > a else np.array([a, a + 1.0])
    inner = _occupied(value, even, sigma, account, source, f"{column.name}: even cells")
    if inner is not None and b > a:
        a, b = even[inner[0]], even[inner[1] + 1]
    if unit:
        a, b = math.floor(a / unit) * unit, math.ceil(b / unit) * unit
    a = column.low if column.low is not None else a
    b = column.high if column.high is not None else b
    return float(a), float(max(a, b))


def _powers() -> Floats:
    """Return the ends of the first histogram's cells: zero has one of its own."""
    up = 2.0 ** np.arange(POWERS[0], POWERS[1] + 1)
    tiny = 2.0 ** (POWERS[0] - 1)
    return np.concatenate([-up[::-1], [-tiny, tiny], up])


def _occupied(
    value: Floats, ends: Floats, sigma: float, account: Account, source: Source, what: str
) -> tuple[int, int] | None:
    """Return the outermost cells that noise alone would hardly make, or None."""
    m = len(ends) - 1
    place = np.clip(np.searchsorted(ends, value, side="right") - 1, 0, m - 1)
    counts = np.bincount(place, minlength=m).astype(float)
    noisy = noisy_counts(
        counts, sigma, account=account, source=source, step="bounds", what={"range": what}
    )
    # the largest of 4 m normals stays below this in most tables
    level = sigma * math.sqrt(2 * math.log(4 * m / MISTAKES))
    first, last = _first(noisy, level), _first(noisy[::-1], level)
    if first is None or last is None or first > m - 1 - last:
        return None
    return first, m - 1 - last


def _first(noisy: Floats, level: float) -> int | None:
    """Return the first cell that, alone or with all before it, holds more than noise."""
    together = np.cumsum(noisy) > level * np.sqrt(np.arange(1, len(noisy) + 1))
    found = np.flatnonzero((noisy > level) | together)
    return int(found[0]) if len(found) else None
