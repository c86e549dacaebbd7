"""Values that stand for "no value": far numbers such as 999, words such as ``unknown``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MISSING_WORDS", "far_codes", "zero_hint"]

MISSING_WORDS = frozenset(
    {
        "na", "n/a", "n.a.", "nan", ".", "?", "-", "--", "null", "nil", "missing", "unknown",
        "unk", "not known", "not available", "not done", "not recorded", "not measured",
        "not tested", "not assessed", "not applicable", "not reported", "refused", "no data",
        "undetermined", "#n/a", "<na>", "none recorded", "don't know", "dont know",
    }
)  # fmt: skip

_NEGATIVE = (-1, *(-int(d * k) for d in "789" for k in range(1, 6)))
_POSITIVE = tuple(int(d * k) for d in "789" for k in range(1, 6))
_FEWEST = 3  # rows that a code must have


def far_codes(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the numbers that look like missing codes.

    A candidate is -1 or made of one digit 7, 8 or 9 (-9, 99, 888, 9999), repeats, and lies outside
    the rest: below it, where all the rest is 0 or more (for -1: and has more than ten values), or
    by more than the range of the rest. Zero is never one.

    Parameters
    ----------
    values : float64 array (k,)
        Different numbers of the column (a number spelled in two ways may stand twice).
    counts : int64 array (k,)
        Rows of each.
    """
    repeated = counts >= max(_FEWEST, 0.001 * counts.sum())
    candidate = np.isin(values, (*_NEGATIVE, *_POSITIVE)) & repeated
    marked = np.zeros(len(values), dtype=bool)
    # From outside in: 99 may be a code where 9 is a value.
    for value in sorted(set(values[candidate].tolist()), key=abs, reverse=True):
        rest = values[~marked & ~_outer(values, candidate, value)]
        if len(np.unique(rest)) >= 2 and _is_far(value, rest):
            marked |= values == value
    return marked


def _outer(
    values: NDArray[np.float64], candidate: NDArray[np.bool_], value: float
) -> NDArray[np.bool_]:
    """Mark the candidate itself and the candidates of its family (7, 8, 9 or -7, -8, -9)."""
    length, sign = len(str(abs(int(value)))), np.sign(value)
    family = [sign * int(d * length) for d in "789"]
    return candidate & np.isin(values, [*family, value])


def _is_far(value: float, rest: NDArray[np.float64]) -> bool:
    low, high = float(rest.min()), float(rest.max())
    if value < 0 <= low:
        return value != -1 or len(np.unique(rest)) > 10
    gap = low - value if value < low else value - high
    return gap > 1 and gap >= high - low


def zero_hint(values: NDArray[np.float64], counts: NDArray[np.int64]) -> str:
    """Return a hint if zeros stand far below all other values of a positive column, else ''.

    Zeros are never proposed as missing: no cigarettes and no bilirubin look alike.
    """
    zeros = int(counts[values == 0].sum())
    others = np.repeat(values[values != 0], counts[values != 0])
    if zeros < 5 or len(others) < 20 or others.min() <= 0:
        return ""
    if others.min() < 0.1 * np.median(others) or others.min() <= 1:
        return ""
    return (
        f"{zeros} cells are 0 while all other values lie far above: if 0 means 'not measured', "
        "list it in missing_codes"
    )
