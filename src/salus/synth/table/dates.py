"""Whether a column holds dates or times, and in which form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import TableError
from salus.synth.table.cells import Cells
from salus.synth.table.naming import named_like_date
from salus.synth.table.special import MISSING_WORDS
from salus.synth.table.spelling import moments_as_text, parse_moments

__all__ = ["Dates", "read_as_date"]

_DAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}-[A-Z][a-z]{2}-\d{4}", ("%d-%b-%Y",)),
    (r"\d{1,2} [A-Z][a-z]{2} \d{4}", ("%d %b %Y",)),
    (r"(?:19|20)\d{6}", ("%Y%m%d",)),
)
_TIME = re.compile(
    r"(?P<sep>[T ])(?P<hm>\d{1,2}:\d{2})(?P<s>:\d{2})?(?P<f>\.\d{3}|\.\d{6})?(?P<z>Z)?"
)
_FEW_TOKENS = 5


@dataclass(frozen=True)
class Dates:
    """Say how a column spells its dates.

    Parameters
    ----------
    kind : {"date", "datetime"}
        Whether there is a time of day.
    date_format : str
        As in ``Column.date_format``.
    codes : tuple of str
        Texts that are no dates but repeat: missing codes.
    reason : str
        Why.
    """

    kind: Literal["date", "datetime"]
    date_format: str
    codes: tuple[str, ...]
    reason: str


def read_as_date(name: str, cells: Cells, counts: NDArray[np.int64]) -> Dates | None:
    """Return how the column spells dates, None if most of its cells are none.

    Day and month are told apart over the whole column; where every cell can be read both ways, the
    day comes first, and the reason says so.

    Raises
    ------
    TableError
        If most cells are dates and others are neither dates nor missing codes.
    """
    found = _shape(name, cells.texts[:50])
    if found is None:
        return None
    candidates, kind = found
    misses = []
    for form in candidates:
        values = parse_moments(cells.texts, form, kind)
        misses.append((int(counts[np.isnan(values)].sum()), form, values))
    fewest, form, values = min(misses, key=lambda m: m[0])
    if fewest > 0.5 * counts.sum():
        return None
    codes = _codes(name, cells, counts, values, form)
    form = _padding(cells.texts, values, form, kind)
    reason = f"{kind}s in the form {form}"
    if len(misses) > 1 and misses[0][0] == misses[1][0]:
        reason += (
            "; no cell tells day and month apart, so the day is read first: correct date_format "
            "if the month comes first"
        )
    if codes:
        reason += f"; {len(codes)} repeated text(s) that are no dates are taken for missing codes"
    return Dates(kind, form, codes, reason)


def _shape(
    name: str, texts: tuple[str, ...]
) -> tuple[tuple[str, ...], Literal["date", "datetime"]] | None:
    """Return the formats that the first texts may have, and whether they have a time of day."""
    for pattern, formats in _DAYS:
        if formats == ("%Y%m%d",) and not named_like_date(name):
            continue  # eight digits are a number unless the name says date
        day = re.compile(pattern)
        heads = [m for m in (day.match(t) for t in texts) if m]
        if len(heads) < 0.5 * len(texts) or not heads:
            continue
        tails = {m.string[m.end() :] for m in heads}
        if tails == {""}:
            return formats, "date"
        times = [m for m in map(_TIME.fullmatch, tails) if m]
        if len(times) >= 0.5 * len(tails):
            return tuple(f + _time_format(times[0]) for f in formats), "datetime"
    return None


def _time_format(match: re.Match[str]) -> str:
    text = match["sep"] + "%H:%M" + (":%S" if match["s"] else "")
    if match["f"]:
        text += ".%3f" if len(match["f"]) == 4 else ".%f"
    return text + (match["z"] or "")


def _padding(texts: tuple[str, ...], values: NDArray[np.float64], form: str, kind: str) -> str:
    """Return the format without leading zeros if that is how the texts are written."""
    is_date = ~np.isnan(values)
    own = [t for t, d in zip(texts, is_date, strict=True) if d]
    bare = form.replace("%d", "%-d").replace("%m", "%-m").replace("%H", "%-H")
    half = form.replace("%H", "%-H")

    def misses(candidate: str) -> int:
        written = moments_as_text(values[is_date], candidate, kind)
        return sum(a != b for a, b in zip(own, written, strict=True))

    return min((form, half, bare, bare.replace("%-H", "%H")), key=misses)


def _codes(
    name: str,
    cells: Cells,
    counts: NDArray[np.int64],
    values: NDArray[np.float64],
    form: str,
) -> tuple[str, ...]:
    strange = np.flatnonzero(np.isnan(values))
    open_ = [k for k in strange if cells.texts[k].casefold() not in MISSING_WORDS]
    if len(open_) <= _FEW_TOKENS and all(counts[k] >= 2 for k in open_):
        return tuple(cells.texts[k] for k in strange)
    raise TableError(
        f"{int(counts[open_].sum())} cell(s) are no date in the form {form}, the first in this "
        "row.",
        column=name,
        row=min(cells.row(int(k)) for k in open_[:50]),
        remedy="Correct the cells, or list them as 'missing_codes' (or declare the column "
        "categorical) in a schema.",
    )
