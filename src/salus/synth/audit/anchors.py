"""Releases whose risk is known: what every figure of an audit stands beside.

A verbatim copy is the worst there is, fresh real people are the best that a release could be. A
figure that doesn't tell these apart at this number of people decides nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Encoder
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.table import PRESENT, Table

__all__ = ["ANCHORS", "independent_columns", "make_anchors", "shifted", "smote"]

ANCHORS = (
    "verbatim copy",
    "shifted copy",
    "bootstrap",
    "SMOTE",
    "fresh real people",
    "independent columns",
)


def make_anchors(
    members: Table, fresh: Table | None, *, seed: int
) -> dict[str, Table | CannotJudge]:
    """Make a release of each kind from the members, and one of people who were never judged."""
    rng = np.random.default_rng(seed)
    n = len(members)
    return {
        "verbatim copy": members,
        "shifted copy": shifted(members),
        "bootstrap": members.take(rng.integers(0, n, n)),
        "SMOTE": smote(members, rng),
        "fresh real people": fresh
        if fresh is not None and len(fresh)
        else CannotJudge("no people were left over that are neither members nor judged"),
        "independent columns": independent_columns(members, rng),
    }


def shifted(table: Table) -> Table | CannotJudge:
    """Return the rows with their first varying number moved by a tenth of its range."""
    for column in table.schema.modelled:
        if not column.is_numeric:
            continue
        value = table.values[column.name].astype(float)
        here = table.states[column.name] == PRESENT
        span = float(np.ptp(value[here])) if here.any() else 0.0
        if span > 0:
            digits = 0 if column.decimals is None else column.decimals
            step = max(round(0.1 * span, digits), 10.0**-digits)
            return table.replace(column.name, value + step, table.states[column.name])
    return CannotJudge("no numeric column varies, so none can be shifted")


def independent_columns(table: Table, rng: np.random.Generator) -> Table:
    """Return the rows with each column permuted by itself: no record and no relation survives."""
    values: dict[str, NDArray[np.generic]] = {}
    states: dict[str, NDArray[np.int8]] = {}
    for name in table.values:
        order = rng.permutation(len(table))
        values[name], states[name] = table.values[name][order], table.states[name][order]
    return Table(table.schema, values, states)


def smote(table: Table, rng: np.random.Generator) -> Table | CannotJudge:
    """Return rows between each row and one of its 5 nearest (Chawla et al. 2002).

    Numbers are interpolated; levels and missing states are the row's own.
    """
    if len(table) < 7:
        return CannotJudge("too few people to interpolate between neighbours")
    some = rng.permutation(len(table))[:3000]
    base = table.take(some)
    placed = Encoder.fit([base]).place(base)
    near = _neighbours(placed.position, rng)
    share = rng.random(len(base))
    values = dict(base.values)
    for column in table.schema.modelled:
        if column.is_numeric:
            mine, theirs = base.values[column.name], base.values[column.name][near]
            mixed = mine.astype(float) + share * (theirs.astype(float) - mine.astype(float))
            mixed = np.where(np.isnan(mixed), mine.astype(float), mixed)
            values[column.name] = (
                mixed if column.decimals is None else np.round(mixed, column.decimals)
            )
    return Table(base.schema, values, base.states)


def _neighbours(position: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.intp]:
    n = len(position)
    gap = np.zeros((n, n), np.float32)
    for j in range(position.shape[1]):
        gap += np.abs(position[:, j, None] - position[None, :, j])
    np.fill_diagonal(gap, np.inf)
    five = np.argpartition(gap, 5, axis=1)[:, :5]
    return five[np.arange(n), rng.integers(0, 5, n)]
