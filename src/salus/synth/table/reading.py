"""Delimited text of unknown make: encoding, delimiter, decimal comma, and whole rows."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salus.synth.errors import TableError
from salus.synth.table.cells import check_names

__all__ = ["Reading", "read_delimited"]

_DELIMITERS = (",", ";", "\t")
_SAMPLE_ROWS = 200
_BLOCK = 20_000  # rows turned into columns at once
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_POINT_NUMBER = re.compile(r"[+-]?\d+\.\d+", re.ASCII)


@dataclass(frozen=True)
class Reading:
    """Say how a table was read.

    Parameters
    ----------
    kind : str
        ``CSV``, ``Parquet`` or ``DataFrame``.
    delimiter, encoding : str, optional
        Of a CSV file.
    comma_columns : tuple of str
        Columns whose decimal comma was read as a point.
    notes : tuple of str
        Further decisions, in words.
    """

    kind: str
    delimiter: str | None = None
    encoding: str | None = None
    comma_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def decisions(self) -> tuple[str, ...]:
        """What was decided in reading that a steward should know, in words."""
        out = list(self.notes)
        if self.encoding == "cp1252":
            out.append("The file isn't UTF-8; it was read as Windows-1252 (Western European).")
        elif self.encoding not in (None, "utf-8", "utf-8-sig"):
            out.append(f"The file was read as {str(self.encoding).upper()}.")
        if self.delimiter not in (None, ","):
            name = {";": "semicolon", "\t": "tab"}[str(self.delimiter)]
            out.append(f"Columns are separated by a {name}.")
        if self.comma_columns:
            names = ", ".join(self.comma_columns)
            out.append(f"Decimal commas were read as points in: {names}.")
        return tuple(out)


class _Clean(dict[str, "str | None"]):
    """Clean each different cell text once: outer blanks removed, None for the empty cell."""

    def __missing__(self, raw: str) -> str | None:
        self[raw] = clean = raw.strip() or None
        return clean


def read_delimited(data: bytes, name: str) -> tuple[pd.DataFrame, Reading]:
    """Return a frame of ``str`` and None from the bytes of a CSV file, and how it was read.

    Raises
    ------
    TableError
        For an empty file, an unknown or mixed encoding, ragged rows (which), or unnamed or
        repeated columns.
    """
    text, encoding = _decode(_unpacked(data, name), name)
    if not text.strip():
        raise TableError(
            f"the file {name!r} is empty.", remedy="Give a table with a header and rows."
        )
    delimiter = _sniff(text)
    header, columns, notes = _columns(text, delimiter)
    commas: list[str] = []
    if delimiter != ",":
        commas = _decimal_commas(header, columns)
    # Columns are attached by position: pandas would merge nothing, but a dict keeps it explicit.
    frame = pd.DataFrame(dict(zip(header, columns, strict=True)), columns=header, dtype=object)
    how = Reading("CSV", delimiter, encoding, tuple(commas), tuple(notes))
    return frame, how


def _unpacked(data: bytes, name: str) -> bytes:
    if data[:2] == b"\x1f\x8b":
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(
                f"the file {name!r} is a damaged gzip file.", remedy="Copy or pack it again."
            ) from error
    if data[:4] == b"PK\x03\x04" or data[:4] == b"\xd0\xcf\x11\xe0":
        raise TableError(
            f"the file {name!r} is a spreadsheet or an archive.",
            remedy="Save the table as CSV (UTF-8) first.",
        )
    if data[:4] == b"PAR1":
        raise TableError(
            f"the file {name!r} is a Parquet file.", remedy="Let its name end in .parquet."
        )
    return data


# ---------------------------------------------------------------- encoding


def _decode(data: bytes, name: str) -> tuple[str, str]:
    encoding = next((enc for mark, enc in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding = _utf16_without_mark(data) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise _unreadable(name, f"it begins as {encoding.upper()} but isn't") from error
        text, encoding = _decode_windows(data, name), "cp1252"
    text = text.removeprefix("\ufeff")
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise _unreadable(name, f"line {line} holds control characters")
    return text, encoding


def _utf16_without_mark(data: bytes) -> str | None:
    """Return UTF-16's byte order if every other byte of the start is zero, as in Latin text."""
    head = np.frombuffer(data[:2000], dtype=np.uint8)
    if len(head) < 4:
        return None
    even, odd = (head[0::2] == 0).mean(), (head[1::2] == 0).mean()
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None


def _decode_windows(data: bytes, name: str) -> str:
    """Return Windows-1252 text, unless some lines are UTF-8: then no single reading is right."""
    lines = data.split(b"\n")
    foreign = [k + 1 for k, line in enumerate(lines) if not _is_utf8(line)]
    utf8 = [k + 1 for k, line in enumerate(lines) if not line.isascii() and _is_utf8(line)]
    if utf8:
        listed = ", ".join(map(str, foreign[:5])) + (", ..." if len(foreign) > 5 else "")
        raise TableError(
            f"the file {name!r} mixes encodings: line {utf8[0]} is UTF-8, but not "
            f"line(s) {listed}.",
            row=foreign[0] - 1 if foreign[0] > 1 else None,
            remedy="Save the whole file as UTF-8.",
        )
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(
            name, f"line {line} is neither UTF-8 nor Windows-1252 (Latin-1)"
        ) from error


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(name: str, why: str) -> TableError:
    return TableError(
        f"the encoding of the file {name!r} can't be read: {why}.",
        remedy="Save the table as CSV in UTF-8.",
    )


# ---------------------------------------------------------------- rows and columns


def _sniff(text: str) -> str:
    """Return the delimiter that gives the header several columns and the rows as many."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        rows = []
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
                if row:
                    rows.append(len(row))
                if len(rows) > _SAMPLE_ROWS:
                    break
        except csv.Error:
            if not rows:
                continue
        if rows and rows[0] > 1:
            agree = sum(n == rows[0] for n in rows) / len(rows)
            score = (round(agree, 1), rows[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _columns(text: str, delimiter: str) -> tuple[list[str], list[list[str | None]], list[str]]:
    """Return names, columns of cells, and notes; rows are checked to be whole."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows_read = 0
    block: list[list[str]] = []
    try:
        header = next(row for row in reader if row)
        width = len(header)
        clean = [_Clean() for _ in header]
        columns: list[list[str | None]] = [[] for _ in header]
        blank = 0  # blank lines not yet known to be inside the table
        for row in reader:
            if not row:
                blank += 1
                continue
            if blank and width == 1:  # in one column, a blank line is an empty cell
                block.extend([""] for _ in range(blank))
                rows_read += blank
            blank = 0
            rows_read += 1
            if len(row) != width:
                raise _ragged(rows_read, len(row), width, reader.line_num)
            block.append(row)
            if len(block) >= _BLOCK:
                _append(block, columns, clean)
                block = []
    except csv.Error as error:
        raise TableError(
            f"the row can't be read ({error}).",
            row=rows_read + 1,
            remedy="Look for a quotation mark that isn't closed or doubled.",
        ) from error
    _append(block, columns, clean)
    return _named(header, columns, clean)


def _append(block: list[list[str]], columns: list[list[str | None]], clean: list[_Clean]) -> None:
    for cells, column, memo in zip(zip(*block, strict=True), columns, clean, strict=False):
        column.extend(map(memo.__getitem__, cells))


def _named(
    header: list[str], columns: list[list[str | None]], clean: list[_Clean]
) -> tuple[list[str], list[list[str | None]], list[str]]:
    names = [h.strip() for h in header]
    notes = []
    # A delimiter at the end of every line makes a last column without name or cells.
    kept = [
        k
        for k, name in enumerate(names)
        if name or any(v is not None for v in clean[k].values()) or len(names) == 1
    ]
    if len(kept) < len(names):
        notes.append(f"{len(names) - len(kept)} column(s) without name and cells were left out.")
    names, columns = [names[k] for k in kept], [columns[k] for k in kept]
    check_names(names)
    padded = [
        name
        for name, k in zip(names, kept, strict=True)
        if any(v is not None and v != raw for raw, v in clean[k].items())
    ]
    if padded:
        notes.append(f"Blanks around cells were removed in: {', '.join(padded)}.")
    return names, columns, notes


def _ragged(row: int, found: int, width: int, line: int) -> TableError:
    return TableError(
        f"the row has {found} cells, the header {width} (line {line} of the file).",
        row=row,
        remedy="Correct the row; a delimiter inside a cell needs quotation marks.",
    )


def _decimal_commas(header: list[str], columns: list[list[str | None]]) -> list[str]:
    """Turn decimal commas into points, in place, where a file of ``;`` or tabs writes them.

    A column counts if nearly all of its filled cells are whole or comma numbers, one at least with
    a comma, and none with a point.
    """
    changed = []
    for name, column in zip(header, columns, strict=True):
        if not any(v is not None and "," in v for v in column):
            continue
        counts = Counter(v for v in column if v is not None)
        comma = {v for v in counts if _COMMA_NUMBER.fullmatch(v)}
        whole = sum(n for v, n in counts.items() if _WHOLE.fullmatch(v))
        share = (sum(counts[v] for v in comma) + whole) / counts.total()
        if not comma or share < 0.8 or any(_POINT_NUMBER.fullmatch(v) for v in counts):
            continue
        points = {v: v.replace(",", ".") for v in comma}
        column[:] = [points.get(v, v) if v is not None else None for v in column]
        changed.append(name)
    return changed
