"""What kind each column is, and why: a proposal that a person reads and corrects.

A reason tells counts and shares, never the value of a single person. Ranges stay open: the lowest
and highest value of a table belong to somebody.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from salus.synth.errors import BadInput, SchemaError, TableError
from salus.synth.table.cells import Cells, cells_of, named
from salus.synth.table.propose import propose
from salus.synth.table.schema import Column, Role, Schema

__all__ = ["check_outcome", "infer", "with_roles"]


def infer(
    frame: pd.DataFrame,
    *,
    outcome: str | None = None,
    person: str | None = None,
    sensitive: Sequence[str] = (),
    known: Sequence[str] = (),
    drop: Sequence[str] = (),
    groups: Sequence[str] = (),
    time: str | None = None,
    event: str | None = None,
) -> Schema:
    """Propose a schema with a reason for each column.

    Parameters
    ----------
    frame : DataFrame
        Of any types; cells are read as text.
    outcome, person : str, optional
        Columns that get these roles.
    sensitive, known : sequence of str
        Columns whose inference is guarded against, and columns that an attacker may know.
    drop : sequence of str
        Columns to leave out, which the schema records.
    groups : sequence of str
        Columns whose levels (or quartiles) are compared as subgroups.
    time, event : str, optional
        Follow-up time of a survival outcome, and the outcome's level that counts as the event.

    Raises
    ------
    BadInput
        If a named column doesn't exist, or the outcome is constant, empty, dropped or an
        identifier.
    TableError
        If a column of numbers or dates holds cells that are neither, nor missing codes.
    """
    tidy = named(frame)
    asked = [n for n in (outcome, person, time) if n is not None]
    _check_names([*asked, *sensitive, *known, *drop, *groups], list(tidy.columns))
    columns = []
    for name in tidy.columns:
        cells = cells_of(tidy[name], name)
        if name in drop or name == person:
            columns.append(_left_out(name, cells, name == person))
        else:
            columns.append(propose(name, cells))
    schema = with_roles(
        Schema(columns), outcome, None, sensitive, known, (), groups=groups, time=time, event=event
    )
    check_outcome(schema, tidy)
    return schema


def with_roles(
    schema: Schema,
    outcome: str | None,
    person: str | None,
    sensitive: Sequence[str],
    known: Sequence[str],
    drop: Sequence[str],
    *,
    groups: Sequence[str] = (),
    time: str | None = None,
    event: str | None = None,
) -> Schema:
    """Return the schema with roles and omissions set on top of its own.

    A single-holder role (outcome, person, time) moves to the named column.

    Raises
    ------
    BadInput
        If a column doesn't exist, or one that is left out gets a role.
    SchemaError
        If the event is no level of the outcome, or there is none.
    """
    asked = [n for n in (outcome, person, time) if n is not None]
    _check_names([*asked, *sensitive, *known, *drop, *groups], schema.names)
    columns = []
    for column in schema.columns:
        roles: set[Role] = set(column.roles)
        holders: tuple[tuple[Role, str | None], ...] = (
            ("outcome", outcome),
            ("person", person),
            ("time", time),
        )
        for role, holder in holders:
            if holder is not None:
                roles = roles - {role} | ({role} if holder == column.name else set())
        roles |= {"sensitive"} if column.name in sensitive else set()
        roles |= {"known"} if column.name in known else set()
        roles |= {"group"} if column.name in groups else set()
        dropped = column.dropped or column.name in drop
        wanted = column.name in (outcome, time, *sensitive, *known, *groups)
        if wanted and (dropped or "person" in roles):
            raise BadInput(
                "the column is left out or names the person, so it can't be outcome, time, "
                "sensitive, known or a group.",
                column=column.name,
                remedy="Name it in one place.",
            )
        reason = "left out on request" if column.name in drop else column.reason
        if "time" in roles and not column.is_numeric:
            raise BadInput(f"a follow-up time can't be of kind {column.kind}.", column=column.name)
        columns.append(replace(column, roles=frozenset(roles), dropped=dropped, reason=reason))
    found = Schema(columns, schema.rules)
    if event is None:
        return found
    if found.outcome is None:
        raise SchemaError("an event needs an outcome.", remedy="Name the outcome as well.")
    return found.with_column(found.outcome.name, event=event)


def check_outcome(schema: Schema, frame: pd.DataFrame) -> None:
    """Refuse an outcome that is constant, empty, dropped or not modelled."""
    outcome = schema.outcome
    if outcome is None:
        return
    others = [c.name for c in schema.modelled if c.is_levelled and len(c.levels) > 1]
    remedy = f"Candidates: {', '.join(map(repr, others[:8])) or 'none'}."
    if not outcome.is_modelled:
        raise BadInput(
            f"the outcome can't be of kind {outcome.kind}, dropped or the person.",
            column=outcome.name,
            remedy=remedy,
        )
    cells = cells_of(frame[outcome.name], outcome.name)
    values = {t for t in cells.texts if t not in outcome.missing_codes}
    if len(values) < 2:
        state = "is constant" if values else "has no value"
        raise BadInput(f"the outcome {state}.", column=outcome.name, remedy=remedy)


def _left_out(name: str, cells: Cells, person: bool) -> Column:
    """Return a column that isn't modelled: its levels are nobody's business."""
    if person:
        reason = f"groups rows by person: {len(cells.texts)} people in {len(cells.codes)} rows"
        return Column(name=name, kind="identifier", roles=frozenset({"person"}), reason=reason)
    try:
        kind = propose(name, cells).kind
    except TableError:
        kind = "text"
    return Column(name=name, kind=kind, dropped=True, reason="left out on request")


def _check_names(asked: Sequence[str], names: Sequence[str]) -> None:
    for name in asked:
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        near += [n for n in names if n.casefold() == name.casefold() and n not in near]
        listed = ", ".join(map(repr, names[:30])) + (", ..." if len(names) > 30 else "")
        raise TableError(
            "the table has no such column.",
            column=name,
            remedy=f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"Columns: {listed}.",
        )
