"""Rows under a condition: columns held at values, the others drawn given these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from salus.synth.errors import OptionError, SchemaError
from salus.synth.generate.sequence import Chain
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import EMPTY, PRESENT, Table

__all__ = ["as_rows", "pick_one"]

CANDIDATES = 100  # drawn for each row; one is picked


def as_rows(schema: Schema, given: Mapping[str, Any], n: int) -> Table:
    """Return n rows in which the given columns hold their values and all others are empty.

    Raises
    ------
    OptionError
        If a column isn't modelled or a value isn't one of its levels or a number.
    """
    modelled = {c.name: c for c in schema.modelled}
    for name in given:
        if name not in modelled:
            raise OptionError(
                f"the condition names {name!r}, which is no column of the model.",
                remedy=f"Columns: {', '.join(modelled)}.",
            )
    values, states = {}, {}
    for name, column in modelled.items():
        value, state = _typed(column, given[name]) if name in given else (None, EMPTY)
        absent = np.nan if column.is_numeric else -1
        values[name] = np.full(n, absent if value is None else value)
        states[name] = np.full(n, state, np.int8)
    return Table(schema, values, states)


def _typed(column: Column, value: Any) -> tuple[float | int | None, int]:
    """Return a condition's value as the table holds it, and its state."""
    if value is None or str(value) == "":
        return None, EMPTY
    text = str(value)
    if text in column.missing_codes:
        return None, 2 + column.missing_codes.index(text)
    if column.is_levelled:
        if text not in column.levels:
            raise OptionError(
                f"the condition's value for {column.name!r} is not one of its levels.",
                remedy=f"Levels: {', '.join(column.levels[:20])}.",
            )
        return column.levels.index(text), PRESENT
    try:
        if column.kind in ("date", "datetime") and not isinstance(value, int | float):
            seconds = np.datetime64(text, "s").astype("int64")
            return float(seconds) / (86400 if column.kind == "date" else 1), PRESENT
        number = float(text)
    except ValueError as error:
        raise OptionError(
            f"the condition's value for {column.name!r} is not a number or an ISO date."
        ) from error
    if not np.isfinite(number):
        raise OptionError(f"the condition's value for {column.name!r} must be finite.")
    low, high = column.low, column.high
    if (low is not None and number < low) or (high is not None and number > high):
        raise SchemaError("the condition leaves the declared range.", column=column.name)
    return number if column.decimals is None else round(number, column.decimals), PRESENT


def pick_one(
    chain: Chain, one: Table, fixed: frozenset[str], n: int, rng: np.random.Generator
) -> tuple[Table, int]:
    """Return n rows with the fixed columns as in ``one``, and how many no candidate could be."""
    missed = 0
    kept = []
    block = max(1, 200_000 // CANDIDATES)
    for begin in range(0, n, block):
        m = min(block, n - begin)
        given = one.take(np.zeros(m * CANDIDATES, int))
        table, weight = chain.draw(m * CANDIDATES, rng, given=given, fixed=fixed)
        weight = weight.reshape(m, CANDIDATES)
        best = weight.max(1, keepdims=True)
        none = best[:, 0] < -600  # -inf where no candidate can hold the values at all
        missed += int(none.sum())
        chance = np.where(none[:, None], 1.0, np.exp(weight - np.where(none[:, None], 0.0, best)))
        total = np.cumsum(chance, axis=1)
        chosen = (total <= rng.random((m, 1)) * total[:, -1:]).sum(1)
        kept.append(table.take(np.arange(m) * CANDIDATES + np.minimum(chosen, CANDIDATES - 1)))
    return Table.concat(kept), missed
