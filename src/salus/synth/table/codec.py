"""Between cell texts and arrays: the one place where a table is encoded and decoded.

``encode`` is strict, for the real table: a cell that the schema doesn't allow is an error with its
column and row. ``encode_many`` is lenient, for tables of other makers that are to be judged: what
they hold beyond the schema is added to one schema that all of them share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salus.synth.errors import SchemaError, TableError
from salus.synth.table.cells import Cells, cells_of, named
from salus.synth.table.schema import Column, Schema
from salus.synth.table.spelling import (
    moments_as_text,
    numbers_as_text,
    parse_moments,
    parse_numbers,
)
from salus.synth.table.table import EMPTY, PRESENT, Table

__all__ = ["EMPTY_SPELLINGS", "decode", "decode_text", "differences", "encode", "encode_many"]

EMPTY_SPELLINGS = frozenset({"NA", "NaN", "nan", ".", "?", "null", "NULL", "N/A", "n/a", "<NA>"})
_MAX_CODES = 120  # states are int8


def encode(frame: pd.DataFrame, schema: Schema) -> Table:
    """Return the frame's modelled columns as arrays, held strictly to the schema.

    Numbers are kept at the schema's precision (``decimals``), so that what is encoded is what
    ``decode_text`` writes. Columns that the schema doesn't name are left out. A frame without the
    schema's person column is taken as one person a row.

    Raises
    ------
    TableError
        Where a column is absent, or a cell is no number or date, leaves the declared range, or is
        neither level nor missing code; with column and row.
    """
    tidy = named(frame)
    _require(tidy, schema)
    parts = {c.name: _encode(c, cells_of(tidy[c.name], c.name)) for c in schema.modelled}
    return Table(
        schema,
        {name: part[0] for name, part in parts.items()},
        {name: part[1] for name, part in parts.items()},
        _people(tidy, schema),
    )


def encode_many(frames: Sequence[pd.DataFrame], schema: Schema) -> tuple[Table, ...]:
    """Return tables that share one schema, widened by what the frames hold beyond it.

    For judging tables of any maker beside the real one. Unseen levels are added to the column's
    levels, ``NA`` and its like are empty cells unless the schema lists them, ranges are not held,
    integer columns may hold fractions. Columns may stand in any order; extra columns are ignored.
    ``differences`` tells all of this in words.

    Raises
    ------
    TableError
        Where a modelled column is absent, or a cell of a numeric column is neither number nor
        missing code.
    """
    tidy = [named(frame) for frame in frames]
    for frame in tidy:
        _require(frame, schema)
    cells = [{c.name: cells_of(frame[c.name], c.name) for c in schema.modelled} for frame in tidy]
    columns = [
        _widened(c, [one[c.name] for one in cells]) if c.is_modelled else c for c in schema.columns
    ]
    wide = Schema(columns, schema.rules)
    tables = []
    for frame, one in zip(tidy, cells, strict=True):
        parts = {c.name: _encode(c, one[c.name], strict=False) for c in wide.modelled}
        values = {name: part[0] for name, part in parts.items()}
        states = {name: part[1] for name, part in parts.items()}
        tables.append(Table(wide, values, states, _people(frame, wide)))
    return tuple(tables)


def differences(frame: pd.DataFrame, schema: Schema) -> tuple[str, ...]:
    """Tell in words what a frame holds beyond the schema: extra columns, unseen levels."""
    tidy = named(frame)
    _require(tidy, schema)
    extra = [name for name in tidy.columns if name not in schema]
    notes = [f"Columns ignored, as the schema has none such: {', '.join(extra)}."] if extra else []
    for column in schema.modelled:
        wide = _widened(column, [cells_of(tidy[column.name], column.name)])
        added = len(wide.levels) - len(column.levels)
        if added:
            notes.append(f"Column {column.name!r}: {added} level(s) that the schema doesn't list.")
    return tuple(notes)


def decode_text(table: Table) -> pd.DataFrame:
    """Return the table as text (n, modelled columns), None for an empty cell, as written to CSV."""
    out = {c.name: _decode(table, c).to_text() for c in table.schema.modelled}
    names = [c.name for c in table.schema.modelled]
    return pd.DataFrame(out, columns=names, index=range(len(table)), dtype=object)


def decode(table: Table) -> pd.DataFrame:
    """Return the table typed for people: numbers, dates, truth values, ordered categories.

    Missing codes stand where they stood: ``-9`` as a number in a column of numbers; a column of
    numbers with a code that is none (``unknown``) holds numbers and texts.
    """
    out = {c.name: _typed(c, _decode(table, c)) for c in table.schema.modelled}
    return pd.DataFrame(out, index=range(len(table)))


# ---------------------------------------------------------------- text to arrays


@dataclass(frozen=True, eq=False)
class _Reading:
    """What each distinct text of a column means: a value, or a state without one."""

    values: NDArray[Any]  # (k,)
    states: NDArray[np.int8]  # (k,)
    unknown: NDArray[np.bool_]  # (k,) neither value nor code


def _read(column: Column, cells: Cells, *, strict: bool) -> _Reading:
    texts = cells.texts
    if len(column.missing_codes) > _MAX_CODES:
        raise SchemaError(
            f"{len(column.missing_codes)} missing codes are more than the {_MAX_CODES} allowed.",
            column=column.name,
        )
    which = _match(texts, column.missing_codes, by_value=column.is_numeric)
    states = np.where(which >= 0, which + 2, PRESENT).astype(np.int8)
    values: NDArray[Any]
    if column.is_levelled:
        values = _match(texts, column.levels, by_value=True)
        codes_by_value = _match(texts, column.missing_codes, by_value=True)
        late = (values < 0) & (which < 0) & (codes_by_value >= 0)
        states[late] = (codes_by_value[late] + 2).astype(np.int8)
        values = np.where(states == PRESENT, values, -1)
        absent = values < 0
    elif column.kind in ("date", "datetime"):
        values = parse_moments(texts, column.date_format or _ISO[column.kind], column.kind)
        values = np.where(states == PRESENT, values, np.nan)
        absent = np.isnan(values)
    else:
        values = parse_numbers(texts)
        if column.decimals is not None and strict:
            whole = column.kind != "integer"  # a fraction in an integer column is an error instead
            values = np.round(values, column.decimals) if whole else values
        values = np.where(states == PRESENT, values, np.nan)
        absent = np.isnan(values)
    unknown = absent & (states == PRESENT)
    if not strict:
        blank = unknown & np.array([t in EMPTY_SPELLINGS for t in texts], dtype=bool)
        states[blank], unknown = EMPTY, unknown & ~blank
    return _Reading(values, states, unknown)


_ISO = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S"}


def _encode(
    column: Column, cells: Cells, *, strict: bool = True
) -> tuple[NDArray[Any], NDArray[np.int8]]:
    reading = _read(column, cells, strict=strict)
    if reading.unknown.any():
        raise _refusal(column, _first(cells, reading.unknown))
    if strict and column.is_numeric:
        _check_range(column, cells, reading.values)
    blank: object = np.nan if column.is_numeric else -1
    values = reading.values.astype(np.float64 if column.is_numeric else np.int32)
    return cells.spread(values, blank), cells.spread(reading.states, EMPTY)


def _match(texts: Sequence[str], known: Sequence[str], *, by_value: bool) -> NDArray[np.int64]:
    """Return the index in ``known`` of each text, -1 for none; ``1.0`` is ``1`` if by value."""
    exact = {text: k for k, text in enumerate(known)}
    found = np.array([exact.get(t, -1) for t in texts], dtype=np.int64)
    if not by_value or not known or (found >= 0).all():
        return found
    numbers = parse_numbers(known).tolist()
    by_number: dict[float, int] = {}
    for k, value in enumerate(numbers):
        if not np.isnan(value) and not _padded(known[k]):
            by_number.setdefault(value, k)
    if by_number:
        loose = [by_number.get(v, -1) for v in parse_numbers(texts).tolist()]
        padded = np.array([_padded(t) for t in texts], dtype=bool)
        found = np.where((found < 0) & ~padded, loose, found)
    return found


def _padded(text: str) -> bool:
    """Whether a text is a code with leading zeros, such as 007, which isn't the number 7."""
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _check_range(column: Column, cells: Cells, values: NDArray[Any]) -> None:
    checks: list[tuple[NDArray[np.bool_], str]] = []
    if column.kind == "integer":
        checks.append((values != np.rint(values), "the number isn't whole."))
    if column.low is not None:
        checks.append((values < column.low, f"the value is below the declared {column.low:g}."))
    if column.high is not None:
        checks.append((values > column.high, f"the value is above the declared {column.high:g}."))
    for wrong, message in checks:
        wrong = wrong & ~np.isnan(values)
        if wrong.any():
            raise TableError(
                message,
                column=column.name,
                row=_first(cells, wrong),
                remedy="Correct the cell, list it among the missing codes, or change the schema.",
            )


def _first(cells: Cells, wrong: NDArray[np.bool_]) -> int:
    """Return the first row (from 1) whose text is marked."""
    return int(np.argmax(cells.spread(wrong, False))) + 1


def _refusal(column: Column, row: int) -> TableError:
    if column.is_levelled:
        what = "the cell is none of the schema's levels or missing codes."
        remedy = "Correct the cell, or add it to 'levels' or 'missing_codes' in the schema."
    elif column.kind in ("date", "datetime"):
        form = column.date_format or _ISO[column.kind]
        what = f"the cell is no {column.kind} in the form {form}."
        remedy = "Correct the cell, or change 'date_format' or 'missing_codes' in the schema."
    else:
        what = "the cell is no finite number."
        remedy = (
            "Correct the cell, add it to 'missing_codes' in the schema, "
            "or declare the column categorical."
        )
    return TableError(what, column=column.name, row=row, remedy=remedy)


def _widened(column: Column, many: Sequence[Cells]) -> Column:
    """Return the column with the levels added that the cells hold beyond it."""
    if not column.is_levelled:
        return column
    new: dict[str, None] = {}
    for cells in many:
        unknown = _read(column, cells, strict=False).unknown
        new.update(dict.fromkeys(t for t, u in zip(cells.texts, unknown, strict=True) if u))
    if not new:
        return column
    added: list[str] = []
    for text in sorted(new):  # 1.0 and 1 of two tables are one level
        if _match([text], added, by_value=True)[0] < 0:
            added.append(text)
    return replace(column, levels=(*column.levels, *added))


def _require(frame: pd.DataFrame, schema: Schema) -> None:
    absent = [c.name for c in schema.modelled if c.name not in frame.columns]
    if absent:
        raise TableError(
            f"{len(absent)} column(s) of the schema are absent: {', '.join(map(repr, absent))}.",
            column=absent[0],
            remedy="Add them to the table, or correct the names.",
        )


def _people(frame: pd.DataFrame, schema: Schema) -> NDArray[np.int64] | None:
    person = schema.person
    if person is None or person.name not in frame.columns:
        return np.arange(len(frame))
    cells = cells_of(frame[person.name], person.name)
    if (cells.codes < 0).any():
        raise TableError(
            "the person is not given.",
            column=person.name,
            row=int(np.argmax(cells.codes < 0)) + 1,
            remedy="Fill the cell: rows without a person can't be kept on one side of a split.",
        )
    return cells.codes


# ---------------------------------------------------------------- arrays to text


def _decode(table: Table, column: Column) -> Cells:
    """Return a column of the table as distinct texts and codes."""
    values, states = table.values[column.name], table.states[column.name]
    present = states == PRESENT
    codes = np.full(len(values), -1, dtype=np.int64)
    if column.is_levelled:
        texts = list(column.levels)
        codes[present] = values[present].astype(np.int64)
    else:
        distinct, inverse = np.unique(values[present].astype(np.float64), return_inverse=True)
        texts = _spell(column, distinct)
        codes[present] = inverse
    for k in range(len(column.missing_codes)):
        codes[states == k + 2] = len(texts) + k
    return Cells(codes, (*texts, *column.missing_codes))


def _spell(column: Column, values: NDArray[np.float64]) -> list[str]:
    if column.kind in ("date", "datetime"):
        return moments_as_text(values, column.date_format or _ISO[column.kind], column.kind)
    decimals = 0 if column.kind == "integer" else column.decimals
    return numbers_as_text(values, decimals, column.number_style)


def _typed(column: Column, cells: Cells) -> NDArray[Any] | pd.Series[Any]:
    """Return cells in the type that a person expects."""
    used = np.unique(cells.codes[cells.codes >= 0])
    texts = [cells.texts[k] for k in used]
    gaps = bool((cells.codes < 0).any())
    numbers = parse_numbers(cells.texts)
    is_code = {t for t in texts if t in column.missing_codes}
    if column.kind in ("date", "datetime") and not is_code:
        stamps = parse_moments(cells.texts, column.date_format or _ISO[column.kind], column.kind)
        seconds = cells.spread(stamps, np.nan) * (86400 if column.kind == "date" else 1)
        return pd.Series(_stamps(seconds))
    if column.kind == "boolean" and set(texts) <= {"True", "False"} and not gaps:
        return cells.spread(np.array([t == "True" for t in cells.texts]), False)
    padded = any(_padded(t) for t in texts)
    numeric = [not np.isnan(numbers[k]) for k in used]
    if all(numeric) and not padded:
        return _as_numbers(cells.spread(numbers, np.nan), gaps)
    if column.kind in ("continuous", "integer"):
        mixed = [t if np.isnan(v) else _plain(v) for t, v in zip(cells.texts, numbers, strict=True)]
        return pd.Series(np.array([*mixed, None], dtype=object)[cells.codes], dtype=object)
    return pd.Series(cells.to_text(), dtype=object)


def _as_numbers(values: NDArray[np.float64], gaps: bool) -> NDArray[Any] | pd.Series[Any]:
    present = values[~np.isnan(values)]
    if not len(present) or (present != np.rint(present)).any():
        return values
    return pd.Series(values).astype("Int64") if gaps else values.astype(np.int64)


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else float(value)


def _stamps(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return seconds since 1970-01-01 as timestamps, whole seconds unless the data are finer."""
    fine = bool((np.nan_to_num(seconds) % 1 != 0).any())
    scale, unit = (1_000_000, "us") if fine else (1, "s")
    whole = np.rint(np.nan_to_num(seconds) * scale).astype(np.int64)
    stamps = whole.astype(f"datetime64[{unit}]")
    stamps[np.isnan(seconds)] = np.datetime64("NaT")
    return stamps
