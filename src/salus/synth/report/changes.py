"""Compare one finding in two reports: better, worse, or within noise.

Two figures differ only if their intervals don't overlap. That asks for more than a test of their
difference would, so a change is told rarely and is then hardly chance; figures of the same people
are alike in part, which this leaves out of account on the safe side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["WORDS", "change_of", "compare_finding"]

WORDS: Mapping[str, str] = {
    "better": "better",
    "worse": "worse",
    "changed": "changed",
    "now known": "can be told now",
    "no longer known": "can't be told any more",
    "within noise": "within noise",
    "same": "the same",
}
"""Each word for a change, from what should be read first to what need not be, and how it is said."""
_KEPT = ("value", "low", "high", "level", "cannot_judge", "needed")


def compare_finding(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one finding of two reports side by side.

    Parameters
    ----------
    a, b : mapping
        The finding of the same name, as in ``Finding.to_dict``.

    Returns
    -------
    dict
        ``name``, ``title``, ``group``, ``change`` (a key of ``WORDS``), ``a`` and ``b`` with the
        figure, ``limit`` and ``verdict`` of each, and whether limit and verdict changed.
    """
    return {
        "name": b["name"],
        "title": b["title"],
        "group": b["group"],
        "change": change_of(a["result"], b["result"], b["direction"], b["ideal"]),
        "a": _side(a),
        "b": _side(b),
        "limit_changed": a["limit"] != b["limit"],
        "verdict_changed": a["verdict"] != b["verdict"],
    }


def change_of(
    a: Mapping[str, Any], b: Mapping[str, Any], direction: str, ideal: float | None
) -> str:
    """Name the change from one figure to another.

    Returns
    -------
    str
        A key of ``WORDS``. ``changed`` where the intervals are apart and nothing says which side is
        good. A figure without an interval's width, such as a count, changes as soon as it differs.
    """
    if "value" not in a or "value" not in b:
        if "value" not in a and "value" not in b:
            return "same"
        return "now known" if "value" in b else "no longer known"
    if all(a[k] == b[k] for k in ("value", "low", "high")):
        return "same"
    if a["low"] <= b["high"] and b["low"] <= a["high"]:
        return "within noise"
    gain = _gain(float(a["value"]), float(b["value"]), direction, ideal)
    return "changed" if not gain else "better" if gain > 0 else "worse"


def _gain(a: float, b: float, direction: str, ideal: float | None) -> float:
    """Return by how much b is better than a; 0 where that can't be said."""
    if direction == "near":
        return 0.0 if ideal is None else abs(a - ideal) - abs(b - ideal)
    return b - a if direction == "high" else a - b


def _side(finding: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: finding["result"][key] for key in _KEPT if key in finding["result"]}
    return {**kept, "limit": finding["limit"], "verdict": finding["verdict"]}
