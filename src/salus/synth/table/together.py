"""Several tables under one schema: a synthetic one beside the real people that judge it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from salus.synth.errors import OptionError, SalusError, TableError
from salus.synth.table.codec import decode_text, differences, encode_many
from salus.synth.table.files import read_frame, read_table
from salus.synth.table.schema import Schema
from salus.synth.table.table import EMPTY, PRESENT, Table

__all__ = ["REAL", "Source", "check_people", "read_together"]

Source = str | Path | pd.DataFrame | Table
REAL = ("train", "holdout", "reference")
_CALLED = {
    "synthetic": "the synthetic table",
    "train": "the training table",
    "holdout": "the holdout table",
    "reference": "the reference table",
}


def read_together(
    sources: Mapping[str, Source],
    *,
    schema: Schema | str | Path | None = None,
    **roles: Any,
) -> tuple[dict[str, Table], list[str]]:
    """Read tables under one schema, that of the real people.

    Without a schema it is inferred from all real tables together, so that a level that only one of
    them holds is no surprise. The real people are held strictly to it. The synthetic rows are read
    leniently: levels that the schema doesn't list are added to it for all tables, and told. Inputs
    are never changed.

    Parameters
    ----------
    sources : mapping of str to path, DataFrame or Table
        Under ``train`` real people and under ``synthetic`` the rows made from them; ``holdout`` and
        ``reference`` are further real people. Tables that already share a schema are taken as
        they are, unless a schema or roles are given.
    schema : Schema or path, optional
        What the columns are; that of ``train`` if it is a Table, else inferred.
    **roles
        As in ``read_table``: outcome, person, sensitive, known, drop, groups, time, event.

    Returns
    -------
    tables : dict of str to Table
        With the keys of ``sources``.
    notes : list of str
        What the tables hold beyond the schema, for people.

    Raises
    ------
    TableError
        If a table can't be read, lacks a column, holds cells of another type, or shares people with
        the training table (where a column tells who is who). The message names the table.
    OptionError
        For an unknown key, or if ``train`` is absent.
    """
    _check_keys(sources)
    given = list(sources.values())
    asked = {k: v for k, v in roles.items() if v}
    if schema is None and not asked and _share_schema(given):
        return {k: t for k, t in sources.items() if isinstance(t, Table)}, []
    train = sources["train"]
    if schema is None and isinstance(train, Table):
        schema = train.schema
    frames = {name: _frame(name, source) for name, source in sources.items()}
    left_out = set(asked.get("drop", ())) | _dropped(schema)
    columns = list(frames["train"].columns)
    for name, frame in frames.items():
        if name in REAL:
            _same_columns(frame, [c for c in columns if c not in left_out], name)
    found = _schema_of_people(frames, columns, schema, asked)
    check_people(frames, None if found.person is None else found.person.name)
    notes = _notes(frames, found)
    tables = dict(zip(frames, _encoded(frames, found), strict=True))
    _check_values(tables)
    return tables, notes


def check_people(frames: Mapping[str, pd.DataFrame], person: str | None) -> None:
    """Refuse people who stand in two of the real tables, where a column tells who is who.

    Raises
    ------
    TableError
    """
    if person is None:
        return
    seen = {
        role: set(frames[role][person].dropna())
        for role in REAL
        if role in frames and person in frames[role].columns
    }
    for role in ("holdout", "reference"):
        shared = len(seen.get(role, set()) & seen.get("train", set()))
        if shared:
            raise TableError(
                f"{shared} people of the training table stand in {_CALLED[role]} too.",
                column=person,
                remedy="Give people whom the table's maker never saw.",
            )


def _check_keys(sources: Mapping[str, Source]) -> None:
    unknown = sorted(set(sources) - set(_CALLED))
    if unknown or "train" not in sources:
        raise OptionError(
            f"{unknown[0]!r} is no part of an audit." if unknown else "the people are missing.",
            remedy=f"Name the tables {', '.join(_CALLED)}; 'train' is always needed.",
        )


def _share_schema(sources: list[Source]) -> bool:
    tables = [s for s in sources if isinstance(s, Table)]
    return len(tables) == len(sources) and all(t.schema == tables[0].schema for t in tables)


def _frame(name: str, source: Source) -> pd.DataFrame:
    if not isinstance(source, Table):
        try:
            return read_frame(source)
        except SalusError as error:
            raise _in_table(name, error) from error
    frame = decode_text(source)
    person = source.schema.person
    if person is not None and name in REAL:
        frame[person.name] = [str(p) for p in source.people.tolist()]
    if not len(frame):
        raise TableError(f"{_CALLED[name]} has no row.", remedy="Give a table with rows.")
    return frame


def _dropped(schema: Schema | str | Path | None) -> set[str]:
    if schema is None:
        return set()
    known = schema if isinstance(schema, Schema) else Schema.read(schema)
    return {c.name for c in known.columns if c.dropped}


def _same_columns(frame: pd.DataFrame, columns: list[str], name: str) -> None:
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise TableError(
            f"{len(absent)} column(s) of the training people are absent from {_CALLED[name]}.",
            column=absent[0],
            remedy="Give people with the same columns, or take the column out of both.",
        )


def _schema_of_people(
    frames: Mapping[str, pd.DataFrame],
    columns: list[str],
    schema: Schema | str | Path | None,
    roles: Mapping[str, Any],
) -> Schema:
    """Return the schema of all real people, whose cells are held to it."""
    real = {name: frame for name, frame in frames.items() if name in REAL}
    together = pd.concat([f.reindex(columns=columns) for f in real.values()], ignore_index=True)
    try:
        return read_table(together, schema=schema, **roles).schema
    except TableError as error:
        if error.row is None:
            raise
        row = error.row  # counted over all tables; tell where it stands in its own
        for name, frame in real.items():
            if row <= len(frame):
                raise _in_table(name, error, row) from error
            row -= len(frame)
        raise


def _notes(frames: Mapping[str, pd.DataFrame], schema: Schema) -> list[str]:
    notes = []
    for name, frame in frames.items():
        try:
            told = differences(frame, schema)
        except SalusError as error:
            raise _in_table(name, error) from error
        first = "" if name == "synthetic" else f"In {_CALLED[name]}: "
        notes += [first + note for note in told]
    return notes


def _encoded(frames: Mapping[str, pd.DataFrame], schema: Schema) -> tuple[Table, ...]:
    try:
        return encode_many(list(frames.values()), schema)
    except SalusError as error:
        for name, frame in frames.items():  # find the table that it is about
            try:
                encode_many([frame], schema)
            except SalusError:
                raise _in_table(name, error) from error
        raise


def _check_values(tables: Mapping[str, Table]) -> None:
    """Refuse a column of numbers that is one text all through a table: it was taken for a code."""
    train = tables["train"]
    for name, table in tables.items():
        for column in train.schema.modelled:
            only_codes = bool((table.states[column.name] > EMPTY).all())
            if only_codes and (train.states[column.name] == PRESENT).any():
                raise TableError(
                    f"no cell of {_CALLED[name]} holds a value; all are taken for missing codes.",
                    column=column.name,
                    remedy="Correct the column, or say in a schema what it holds.",
                )


def _in_table(name: str, error: SalusError, row: int | None = None) -> SalusError:
    """Return the error with the table named, at its own row."""
    text = str(error)
    if row is not None:
        text = text.replace(f"row {error.row}:", f"row {row}:", 1)
    told = type(error)(f"{_CALLED[name]}: {text}")
    told.column, told.row, told.remedy = error.column, row or error.row, error.remedy
    return told
