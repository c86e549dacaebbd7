"""A column of any pandas type as exact text: its distinct cell texts and where each stands.

Everything that reads a column (``infer``, ``codec``, ``files``) works on the distinct texts, so
the cost of looking at a cell is paid once for each different cell, not for each row.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salus.synth.errors import TableError

__all__ = ["Cells", "cells_of", "named", "text_frame"]


@dataclass(frozen=True, eq=False)
class Cells:
    """Hold one column as its distinct texts and, for each row, which of them it carries.

    Parameters
    ----------
    codes : int64 array (n,)
        Index into ``texts``; -1 where the cell is empty.
    texts : tuple of str
        Distinct cell texts without outer blanks, in the order of their first row.
    """

    codes: NDArray[np.int64]
    texts: tuple[str, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows that carry each text."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts)).astype(np.int64)

    def row(self, which: int) -> int:
        """Return the first row (counted from 1) that carries the text with this index."""
        return int(np.argmax(self.codes == which)) + 1

    def spread(self, values: NDArray[Any], absent: object) -> NDArray[Any]:
        """Return one value per text as one value per row, ``absent`` where the cell is empty."""
        table = np.append(values, np.array([absent], dtype=values.dtype))
        return table[self.codes]  # index -1 is the appended last entry

    def to_text(self) -> NDArray[np.object_]:
        """Return the cells as text, None where empty."""
        texts = np.empty(len(self.texts), dtype=object)
        texts[:] = self.texts
        return self.spread(texts, None)


def cells_of(column: pd.Series[Any], name: str) -> Cells:
    """Return a column's cells as exact text.

    Integers are written as integers, floats by their shortest exact text (a float column of whole
    numbers as integers: pandas makes floats of integers as soon as one is missing), booleans as
    ``True`` and ``False``, dates and times in ISO form, texts as they are without outer blanks.
    None, NaN, NaT and ``pd.NA`` are empty cells.

    Raises
    ------
    TableError
        For an infinite number or a cell that is neither number, text, truth value nor date.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _of_categories(column, cells_of(pd.Series(column.cat.categories), name))
    absent = column.isna().to_numpy(dtype=bool)
    present, rows = column[~absent], np.flatnonzero(~absent)
    raw, texts = _factorize(present, rows, name)
    codes = np.full(len(column), -1, dtype=np.int64)
    codes[rows] = raw
    return _stripped(codes, texts)


def text_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with every cell as ``str`` or None and every column name as ``str``."""
    renamed = named(frame)
    out = {name: cells_of(renamed[name], name).to_text() for name in renamed.columns}
    return pd.DataFrame(out, columns=list(renamed.columns), dtype=object)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with plain text column names, refusing empty and repeated ones.

    The index is not data and is replaced by row numbers.
    """
    labels = [str(c).strip() for c in frame.columns]
    check_names(labels)
    out = frame.reset_index(drop=True)
    out.columns = pd.Index(labels, dtype=object)
    return out


def check_names(labels: Sequence[str]) -> None:
    """Refuse column names that are empty or that stand twice, naming them."""
    empty = [k + 1 for k, label in enumerate(labels) if not label]
    if empty:
        raise TableError(
            f"column {empty[0]} has no name.",
            remedy="Name it in the header, or write the table without row names "
            "(R: row.names = FALSE; pandas: index=False).",
        )
    seen: set[str] = set()
    twice = sorted({label for label in labels if label in seen or seen.add(label)})  # type: ignore[func-returns-value]
    if twice:
        raise TableError(
            f"{len(twice)} column name(s) stand twice: {', '.join(map(repr, twice))}.",
            column=twice[0],
            remedy="Rename one of each (names are compared as text, without outer blanks).",
        )


def _of_categories(column: pd.Series[Any], levels: Cells) -> Cells:
    """Return a categorical column's cells, unused categories left out."""
    own = column.cat.codes.to_numpy(dtype=np.int64)
    lookup = np.append(levels.codes, -1)
    codes = lookup[own]
    used, inverse = np.unique(codes[codes >= 0], return_inverse=True)
    out = np.full(len(codes), -1, dtype=np.int64)
    out[codes >= 0] = inverse
    return Cells(out, tuple(levels.texts[k] for k in used))


def _stripped(codes: NDArray[np.int64], texts: Sequence[str]) -> Cells:
    """Remove outer blanks; a cell of blanks is empty, texts that fall together are one."""
    clean = [t.strip() for t in texts]
    if all(clean) and len(set(clean)) == len(clean):
        return Cells(codes, tuple(clean))
    index: dict[str, int] = {}
    target = np.array([index.setdefault(t, len(index)) if t else -1 for t in clean] + [-1])
    return Cells(target[codes].astype(np.int64), tuple(index))


def _factorize(
    present: pd.Series[Any], rows: NDArray[np.intp], name: str
) -> tuple[NDArray[np.int64], list[str]]:
    """Return codes (m,) and distinct texts of a column without empty cells."""
    kinds = pd.api.types
    dtype = present.dtype
    if kinds.is_bool_dtype(dtype):
        values: NDArray[Any] = present.to_numpy(dtype=bool)
        write: Any = str
    elif kinds.is_integer_dtype(dtype):
        values, write = present.to_numpy(dtype=object).astype(object), lambda v: str(int(v))
    elif kinds.is_float_dtype(dtype):
        return _floats(_numpy_floats(present), rows, name)
    elif kinds.is_datetime64_any_dtype(dtype):
        return _moments(present)
    elif kinds.is_timedelta64_dtype(dtype):
        return _floats(present.dt.total_seconds().to_numpy(dtype=float), rows, name)
    else:
        values = present.to_numpy(dtype=object)
        if kinds.infer_dtype(values, skipna=False) != "string":
            values = _each(values, rows, name)
        write = str
    codes, distinct = pd.factorize(values)
    return codes.astype(np.int64), [write(v) for v in distinct]


def _numpy_floats(present: pd.Series[Any]) -> NDArray[Any]:
    """Return floats in their own width: the shortest text of 0.1 differs between widths."""
    narrow = "32" in str(present.dtype).lower() or str(present.dtype) == "float[pyarrow]"
    return present.to_numpy(dtype=np.float32 if narrow else np.float64)


def _floats(
    values: NDArray[Any], rows: NDArray[np.intp], name: str
) -> tuple[NDArray[np.int64], list[str]]:
    infinite = np.flatnonzero(~np.isfinite(values))
    if infinite.size:
        raise _infinite(name, int(rows[infinite[0]]) + 1)
    codes, distinct = pd.factorize(values)
    whole = bool(np.all(distinct == np.rint(distinct)) and np.all(np.abs(distinct) < 2**53))
    write = (lambda v: str(int(v))) if whole else str
    return codes.astype(np.int64), [write(v) for v in distinct]


def _moments(present: pd.Series[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """Return dates in ISO form (wall clock of the time zone, if there is one)."""
    stamps = present.dt.tz_localize(None) if present.dt.tz is not None else present
    codes, distinct = pd.factorize(stamps)
    moments = pd.DatetimeIndex(distinct)
    if len(moments) and (moments == moments.normalize()).all():
        return codes.astype(np.int64), [f"{m:%Y-%m-%d}" for m in moments.to_pydatetime()]
    fine = any(m.microsecond for m in moments)
    spec = "microseconds" if fine else "seconds"
    return codes.astype(np.int64), [m.isoformat(" ", spec) for m in moments.to_pydatetime()]


def _each(values: Iterable[Any], rows: NDArray[np.intp], name: str) -> NDArray[np.object_]:
    """Write cells of mixed types one by one."""
    out = np.empty(len(rows), dtype=object)
    for k, value in enumerate(values):
        out[k] = _text(value, name, int(rows[k]) + 1)
    return out


def _text(value: Any, name: str, row: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "True" if value else "False"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise _infinite(name, row)
        return str(int(value)) if value == int(value) and abs(float(value)) < 2**53 else str(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, pd.Period):
        return str(value)
    raise TableError(
        f"a cell of type {type(value).__name__} can't be modelled.",
        column=name,
        row=row,
        remedy="Make it a number, a text, a truth value or a date, or drop the column.",
    )


def _infinite(name: str, row: int) -> TableError:
    return TableError(
        "the number is infinite.",
        column=name,
        row=row,
        remedy="Leave the cell empty, or give a missing code such as 999.",
    )
