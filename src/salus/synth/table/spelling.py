"""How numbers and dates are spelled: text to value and back, to the last digit.

A column's spelling is part of its schema (``decimals``, ``number_style``, ``date_format``), so
that a table is written as it was read.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NumberStyle",
    "moments_as_text",
    "number_style",
    "numbers_as_text",
    "parse_moments",
    "parse_numbers",
]

NumberStyle = Literal["shortest", "fixed", "point"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_EXACT_DIGITS = 15  # decimal digits that a float64 always carries through unchanged
_EPOCH = dt.datetime(1970, 1, 1)


def parse_numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the numbers that the texts spell, NaN where a text spells none or overflows."""
    number = _NUMBER.fullmatch
    values = np.array([float(t) if number(t) else math.nan for t in texts], dtype=np.float64)
    values[np.isinf(values)] = np.nan
    return values


def numbers_as_text(
    values: NDArray[np.float64], decimals: int | None, style: NumberStyle | None = None
) -> list[str]:
    """Spell finite numbers with at most so many digits after the point.

    ``shortest`` writes 4, 1.5, 1.25; ``point`` writes 4.0, 1.5, 1.25; ``fixed`` writes 4.00,
    1.50, 1.25. Without ``decimals``, the shortest text that reads back as the same number.
    """
    if decimals is None:
        texts = [np.format_float_positional(v, trim="-") for v in values + 0.0]
        return [_pointed(t) for t in texts] if style in ("point", "fixed") else texts
    rounded = np.round(values, decimals) + 0.0  # + 0.0: no "-0"
    if decimals == 0:
        texts = [str(int(v)) for v in rounded.tolist()]
        return [f"{t}.0" for t in texts] if style == "point" else texts
    texts = [f"{v:.{decimals}f}" for v in rounded.tolist()]
    if style == "fixed":
        return texts
    texts = [t.rstrip("0").rstrip(".") for t in texts]
    return [_pointed(t) for t in texts] if style == "point" else texts


def number_style(texts: Sequence[str]) -> tuple[int | None, NumberStyle]:
    """Return the decimals and the style in which number texts are spelled.

    ``decimals`` is None where the texts carry more digits than a float64 keeps. Where texts of one
    column are spelled in several ways, the style is ``shortest``: values stay, spellings merge.
    """
    places, longest, odd = set(), 0, False
    point = trailing = bare = longtail = False
    for text in texts:
        if "e" in text or "E" in text:
            exponent = Decimal(text).normalize().as_tuple().exponent
            places.add(max(0, -int(exponent)))
            longest, odd = max(longest, len(text)), True
            continue
        whole, dot, fraction = text.partition(".")
        places.add(len(fraction))
        longest = max(longest, len(whole.lstrip("+-0")))
        if not dot:
            bare = True
            continue
        point = True
        if not fraction or fraction[-1] == "0":
            trailing = True
            longtail |= len(fraction) != 1
    most = max(places, default=0)
    decimals = most if most + longest <= _EXACT_DIGITS else None
    if odd or not point or not trailing:
        return decimals, "shortest"
    if not bare and not longtail:
        # 4.0 and 1.25: the writer shows a point always; whole numbers keep decimals 0
        zeros = all(t.endswith(".0") for t in texts)
        return (0 if zeros else decimals), "point"
    return decimals, ("fixed" if len(places) == 1 and decimals is not None else "shortest")


def parse_moments(texts: Sequence[str], date_format: str, kind: str) -> NDArray[np.float64]:
    """Return days (kind ``date``) or seconds since 1970-01-01, NaN where a text doesn't fit."""
    reading = _portable(date_format)
    day = kind == "date"
    out = np.full(len(texts), np.nan)
    for k, text in enumerate(texts):
        try:
            gap = dt.datetime.strptime(text, reading) - _EPOCH
        except ValueError:
            continue
        out[k] = gap.days if day else gap.days * 86400 + gap.seconds + gap.microseconds / 1e6
    return out


def moments_as_text(values: NDArray[np.float64], date_format: str, kind: str) -> list[str]:
    """Spell days or seconds since 1970-01-01; years are held within 1 to 9999."""
    unit = 1 if kind == "datetime" else 86400
    lowest = (dt.datetime.min - _EPOCH).total_seconds()
    highest = (dt.datetime(9999, 12, 31, 0 if unit > 1 else 23) - _EPOCH).total_seconds()
    seconds = np.clip(_to_grain(values * unit, date_format), lowest, highest)
    return [_written(_EPOCH + dt.timedelta(seconds=s), date_format) for s in seconds.tolist()]


def _pointed(text: str) -> str:
    return text if "." in text else f"{text}.0"


def _portable(date_format: str) -> str:
    """Turn the two forms that strptime lacks (no padding, milliseconds) into ones it has."""
    return re.sub(r"%-([dmHI])", r"%\1", date_format).replace("%3f", "%f")


def _to_grain(seconds: NDArray[np.float64], date_format: str) -> NDArray[np.float64]:
    """Round to the finest unit that the format writes, so that writing doesn't truncate."""
    if "%f" in date_format or "%3f" in date_format:
        return np.round(seconds, 3 if "%3f" in date_format else 6)
    grains = (("%S", 1), ("%M", 60), ("%H", 3600))
    grain = next((g for mark, g in grains if mark in date_format.replace("%-", "%")), 86400)
    out: NDArray[np.float64] = np.rint(seconds / grain) * grain
    return out


def _written(moment: dt.datetime, date_format: str) -> str:
    text = date_format.replace("%Y", f"{moment.year:04d}")  # glibc doesn't pad years below 1000
    text = text.replace("%3f", f"{moment.microsecond // 1000:03d}")
    for mark, value in (("d", moment.day), ("m", moment.month), ("H", moment.hour)):
        text = text.replace(f"%-{mark}", str(value))
    return moment.strftime(text)
