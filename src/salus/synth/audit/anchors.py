"""Releases whose risk is known: what every figure of an audit stands beside.

A verbatim copy is the worst there is, fresh real people are the best that a release could be. A
figure that doesn't tell these apart at this number of people decides nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Encoder, nearest
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.table import PRESENT, Table

__all__ = [
    "ANCHORS",
    "blurred",
    "independent_columns",
    "make_anchors",
    "planted",
    "shifted",
    "smote",
]

ANCHORS = (
    "verbatim copy",
    "shifted copy",
    "blurred copy",
    "bootstrap",
    "SMOTE",
    "5 % planted copies",
    "fresh real people",
    "independent columns",
)
PLANTED = 0.05
MOST_MIXED = 3_000  # rows that are interpolated
NEIGHBOURS = 5
BLUR = 0.05  # of a standard deviation, and of the levels


def make_anchors(
    members: Table, fresh: Table | None, *, seed: int
) -> dict[str, Table | CannotJudge]:
    """Make a release of each of ``ANCHORS``.

    Parameters
    ----------
    members : Table
        The people whom the releases are made from.
    fresh : Table or None
        People of the same kind who are neither members nor judged.
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = len(members)
    nobody = CannotJudge("no people were left over that are neither members nor judged")
    here = fresh is not None and len(fresh) > 0
    return {
        "verbatim copy": members,
        "shifted copy": shifted(members),
        "blurred copy": blurred(members, rng),
        "bootstrap": members.take(rng.integers(0, n, n)),
        "SMOTE": smote(members, rng),
        "5 % planted copies": planted(members, fresh, rng) if here and fresh else nobody,
        "fresh real people": fresh if here and fresh else nobody,
        "independent columns": independent_columns(members, rng),
    }


def planted(
    members: Table, fresh: Table, rng: np.random.Generator, *, share: float = PLANTED
) -> Table | CannotJudge:
    """Return the fresh people with a share of them replaced by members."""
    count = min(round(share * len(fresh)), len(members))
    if share > 0 and count < 1:
        return CannotJudge("too few people are left over to plant a copy among them")
    keep = rng.permutation(len(fresh))[count:]
    return Table.concat([members.take(rng.permutation(len(members))[:count]), fresh.take(keep)])


def shifted(table: Table) -> Table | CannotJudge:
    """Return the rows with their first varying number moved by a tenth of its range."""
    for column in table.schema.modelled:
        if not column.is_numeric:
            continue
        value = table.values[column.name].astype(float)
        here = table.states[column.name] == PRESENT
        span = float(np.ptp(value[here])) if here.any() else 0.0
        if span > 0:
            digits = (
                0 if column.decimals is None and column.kind != "continuous" else column.decimals
            )
            step = 0.1 * span
            if digits is not None:
                step = max(round(step, digits), 10.0**-digits)
            return table.replace(column.name, value + step, table.states[column.name])
    return CannotJudge("no numeric column varies, so none can be shifted")


def blurred(table: Table, rng: np.random.Generator) -> Table:
    """Return the rows as a model remembers them that learnt them by heart, but not exactly.

    Every number is moved by noise of a twentieth of its column's standard deviation; one in twenty
    levels is another row's.
    """
    values = dict(table.values)
    for column in table.schema.modelled:
        state, value = table.states[column.name], table.values[column.name]
        here = np.flatnonzero(state == PRESENT)
        if not len(here):
            continue
        new = value.copy()
        if column.is_numeric:
            size = BLUR * float(value[here].astype(float).std())
            moved = value[here].astype(float) + rng.normal(0, size, len(here))
            new[here] = moved if column.decimals is None else np.round(moved, column.decimals)
        else:
            some = here[rng.random(len(here)) < BLUR]
            new[some] = value[rng.choice(here, len(some))]
        values[column.name] = new
    return Table(table.schema, values, table.states, table.people)


def independent_columns(table: Table, rng: np.random.Generator) -> Table:
    """Return the rows with each column permuted by itself: no record and no relation survives."""
    values: dict[str, NDArray[np.generic]] = {}
    states: dict[str, NDArray[np.int8]] = {}
    for name in table.values:
        order = rng.permutation(len(table))
        values[name], states[name] = table.values[name][order], table.states[name][order]
    return Table(table.schema, values, states)


def smote(table: Table, rng: np.random.Generator) -> Table | CannotJudge:
    """Return rows between each row and one of its 5 nearest (Chawla et al. 2002, arXiv:1106.1813).

    Numbers are interpolated; levels and missing states are the row's own.
    """
    if len(table) <= NEIGHBOURS + 1:
        return CannotJudge("too few people to interpolate between neighbours")
    base = table.take(rng.permutation(len(table))[:MOST_MIXED])
    base = Table(base.schema, base.values, base.states)  # each row a person of its own
    placed = Encoder.fit([base]).place(base)
    near = nearest(placed, placed, k=NEIGHBOURS, skip_same=True, left_out=False).who_all
    partner = near[np.arange(len(base)), rng.integers(0, near.shape[1], len(base))]
    share = rng.random(len(base))
    values = dict(base.values)
    for column in table.schema.modelled:
        if column.is_numeric:
            mine = base.values[column.name].astype(float)
            mixed = mine + share * (mine[partner] - mine)
            mixed = np.where(np.isnan(mixed), mine, mixed)
            values[column.name] = (
                mixed if column.decimals is None else np.round(mixed, column.decimals)
            )
    return Table(base.schema, values, base.states)
