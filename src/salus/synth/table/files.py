"""Tables in files: read whole and exactly as text, written whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from salus.synth.errors import BadInput, SchemaError, TableError, TooFewPeople
from salus.synth.table.cells import text_frame
from salus.synth.table.codec import decode, decode_text, encode
from salus.synth.table.infer import check_outcome, infer, with_roles
from salus.synth.table.reading import Reading, read_delimited
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = [
    "csv_text",
    "read_frame",
    "read_table",
    "reading",
    "write_bytes_atomic",
    "write_table",
    "write_text_atomic",
]

_PARQUET = (".parquet", ".pq")


def read_frame(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Read a CSV or Parquet file, or take a DataFrame, as text.

    Delimiter (``,`` ``;`` tab), encoding (UTF-8, UTF-16, Windows-1252), gzip and decimal comma are
    told from the file; what was decided stands in ``frame.attrs["decisions"]``. Outer blanks of
    cells and names are removed. Only an empty cell is missing: ``None`` and ``NA`` stay text.

    Parameters
    ----------
    source : path or DataFrame
        A file (``.parquet`` and ``.pq`` are Parquet, all else CSV) or a table in memory.

    Returns
    -------
    DataFrame
        Object columns of ``str`` and None.

    Raises
    ------
    TableError
        For a file that is absent, empty, without rows, ragged, of unknown encoding, or with unnamed
        or repeated columns.
    """
    return _frame_and_reading(source)[0]


def reading(source: str | Path | pd.DataFrame) -> Reading:
    """Return how a file was read: delimiter, encoding, decimal comma, and the decisions taken."""
    return _frame_and_reading(source)[1]


def read_table(
    source: str | Path | pd.DataFrame,
    *,
    schema: Schema | str | Path | None = None,
    outcome: str | None = None,
    person: str | None = None,
    sensitive: Sequence[str] = (),
    known: Sequence[str] = (),
    drop: Sequence[str] = (),
    groups: Sequence[str] = (),
    time: str | None = None,
    event: str | None = None,
) -> Table:
    """Read a table of patients: infer its schema, or hold it to a given one.

    Parameters
    ----------
    source : path or DataFrame
        As for ``read_frame``.
    schema : Schema or path of a JSON file, optional
        What the columns are; inferred if not given. Roles named below are set on top of it.
    outcome, person : str, optional
        The column that models predict, and the one that groups rows by person.
    sensitive, known : sequence of str
        Columns to guard against inference, and columns that an attacker may know.
    drop : sequence of str
        Columns to leave out. Identifiers and free text must be named here (or in the schema, or as
        ``person``).
    groups : sequence of str
        Columns whose levels (or quartiles) are compared as subgroups.
    time, event : str, optional
        Follow-up time of a survival outcome, and the outcome's level that counts as the event.

    Raises
    ------
    TableError
        For a file that can't be read, or identifiers and free text about which nobody decided.
    SchemaError
        If the schema doesn't fit the file.
    TooFewPeople
        For a single row.
    """
    frame = read_frame(source)
    if len(frame) < 2:
        raise TooFewPeople(
            "the table holds one row.", remedy="A table that can be learnt needs many people."
        )
    if schema is None:
        found = infer(
            frame,
            outcome=outcome,
            person=person,
            sensitive=sensitive,
            known=known,
            drop=drop,
            groups=groups,
            time=time,
            event=event,
        )
    else:
        given = schema if isinstance(schema, Schema) else Schema.read(schema)
        _check_columns(frame, given)
        found = with_roles(
            given, outcome, person, sensitive, known, drop, groups=groups, time=time, event=event
        )
        check_outcome(found, frame)
    _refuse_identifiers(found)
    if not found.modelled:
        raise TableError("no column is left to model.", remedy="Keep at least one column.")
    return encode(frame, found)


def write_table(table: Table, path: str | Path) -> None:
    """Write a table as CSV (UTF-8, commas; gzip by ``.csv.gz``) or Parquet, whole or not at all.

    Raises
    ------
    BadInput
        If the file can't be written; nothing is left behind.
    """
    target = Path(path)
    if target.suffix.lower() in _PARQUET:
        write_bytes_atomic(target, _parquet_bytes(table))
        return
    text = csv_text(table)
    data = text.encode("utf-8")
    if target.suffix.lower() == ".gz":
        data = gzip.compress(data, mtime=0)  # no clock: the same table gives the same bytes
    write_bytes_atomic(target, data)


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write UTF-8 text with line feeds as line ends, whole or not at all."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_bytes_atomic(path: str | Path, data: bytes) -> None:
    """Write bytes beside their target and move them there, so that no half file is ever seen.

    Raises
    ------
    BadInput
        If the folder is absent or the disk refuses; what was begun is removed.
    """
    target = Path(path)
    begun = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(begun, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(begun, target)
    except OSError as error:
        _remove(begun)
        reason = error.strerror or type(error).__name__
        raise BadInput(
            f"the file {target.name!r} can't be written ({reason}).",
            remedy=f"Check that the folder {str(target.parent)!r} exists, may be written to and "
            "has room.",
        ) from error
    except BaseException:  # an interruption: leave nothing half-written
        _remove(begun)
        raise


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the disk that refused the file may refuse this too; the first error is told


def _frame_and_reading(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, Reading]:
    if isinstance(source, pd.DataFrame):
        how = Reading(kind="DataFrame")
        return _with_rows(text_frame(source), "the DataFrame", how), how
    path = Path(source)
    if path.is_dir():
        raise TableError(f"{str(path)!r} is a folder.", remedy="Name the file of the table.")
    try:
        if path.suffix.lower() in _PARQUET:
            frame, how = text_frame(_read_parquet(path)), Reading(kind="Parquet")
        else:
            frame, how = read_delimited(path.read_bytes(), path.name)
    except OSError as error:
        reason = "doesn't exist" if isinstance(error, FileNotFoundError) else "can't be read"
        raise TableError(
            f"the file {str(path)!r} {reason} ({error.strerror or type(error).__name__}).",
            remedy="Check the path and the right to read it.",
        ) from error
    return _with_rows(frame, f"the file {path.name!r}", how), how


def _with_rows(frame: pd.DataFrame, what: str, how: Reading) -> pd.DataFrame:
    if not len(frame.columns):
        raise TableError(f"{what} has no column.", remedy="Give a table with a header and rows.")
    if not len(frame):
        raise TableError(f"{what} has a header and no row.", remedy="Give a table with rows.")
    frame.attrs["decisions"] = list(how.decisions)
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    data = path.read_bytes()
    try:
        # Nullable types: stored integers with gaps stay integers.
        frame = pd.read_parquet(io.BytesIO(data), dtype_backend="numpy_nullable")
    except (ValueError, OSError) as error:
        raise TableError(
            f"the file {path.name!r} is no Parquet file that can be read ({type(error).__name__}).",
            remedy="Write it again, or give the table as CSV.",
        ) from error
    # An index with a name is a column of its maker's; nameless row numbers are not data.
    own = [level for level in frame.index.names if level is not None]
    return frame.reset_index(level=own) if own else frame


def csv_text(table: Table) -> str:
    """Return the table as the text of a CSV file."""
    frame = decode_text(table)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(_rows(frame))
    return buffer.getvalue()


def _rows(frame: pd.DataFrame) -> Iterable[tuple[Any, ...]]:
    return zip(*(frame[name].to_numpy(dtype=object) for name in frame.columns), strict=True)


def _parquet_bytes(table: Table) -> bytes:
    """Return the typed table as Parquet; a column that mixes numbers and words as text."""
    typed, text = decode(table), decode_text(table)
    for name in typed.columns:
        if typed[name].dtype == object:
            typed[name] = text[name]
    buffer = io.BytesIO()
    typed.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _check_columns(frame: pd.DataFrame, schema: Schema) -> None:
    strange = [name for name in frame.columns if name not in schema]
    if strange:
        raise SchemaError(
            f"{len(strange)} column(s) of the table aren't in the schema: "
            f"{', '.join(map(repr, strange))}.",
            column=strange[0],
            remedy='Add them to the schema, with "dropped": true to leave them out.',
        )
    absent = [
        c.name
        for c in schema.columns
        if c.name not in frame.columns and (c.is_modelled or "person" in c.roles)
    ]
    if absent:
        raise TableError(
            f"{len(absent)} column(s) of the schema are absent: {', '.join(map(repr, absent))}.",
            column=absent[0],
            remedy="Add them to the table, or correct the names in the schema.",
        )


def _refuse_identifiers(schema: Schema) -> None:
    open_: list[Column] = [
        c
        for c in schema.columns
        if c.kind in ("identifier", "text") and not c.dropped and "person" not in c.roles
    ]
    if not open_:
        return
    listed = ", ".join(
        f"{c.name!r} ({'free text' if c.kind == 'text' else 'identifier'})" for c in open_
    )
    names = ", ".join(repr(c.name) for c in open_)
    raise TableError(
        f"{len(open_)} column(s) identify people or hold free text and are never modelled: "
        f"{listed}.",
        column=open_[0].name,
        remedy=f"Leave them out with drop=[{names}] (--drop), name the one that groups rows by "
        f"person with person={open_[0].name!r} (--person), or correct their kind in a schema.",
    )
