"""Say numbers, verdicts and comparisons in the plain words of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ANCHORS",
    "LIKELIHOOD",
    "SMOOTH",
    "VERDICTS",
    "anchors_of",
    "answer",
    "interval",
    "is_share",
    "number",
    "share",
    "value_of",
    "whole",
]

_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "RELEASED": ("Released", "good", "✓"),
    "REFUSED": ("Refused", "bad", "✕"),
    "CANNOT BE JUDGED": ("Cannot be judged", "open", "?"),
    "LIMITS MET": ("Limits met", "good", "✓"),
    "LIMITS NOT MET": ("Limits not met", "bad", "✕"),
}
"""For each verdict of a report: its words, its tone and its sign."""

_ANSWERS: Mapping[str | None, tuple[str, str, str]] = {
    "MET": ("Met", "good", "✓"),
    "NOT MET": ("Not met", "bad", "✕"),
    "CANNOT BE JUDGED": ("Cannot be judged", "open", "?"),
    None: ("No limit set", "none", "–"),
}

ANCHORS: Mapping[str, str] = {
    "fresh real people": "Real patients that nothing was learnt from: as safe as any table can be.",
    "independent columns": "Each column drawn on its own: safe, but all relations are lost.",
    "5 % planted copies": "A safe table in which every twentieth row is a patient's own.",
    "bootstrap": "Real rows drawn again with replacement: these are the patients themselves.",
    "SMOTE": "Points between neighbouring patients: a common method that gives patients away.",
    "blurred copy": "The real table with noise in every number: patients, hardly disguised.",
    "shifted copy": "The real table with one column changed in every row: a copy in disguise.",
    "verbatim copy": "The real table itself: the most that any table can give away.",
}
"""What each comparison table is, from the safe ones to the copies."""


SMOOTH = frozenset({"membership gap", "membership tail"})
"""Constraints on what a model's own likelihood gives away."""

LIKELIHOOD = (
    "These act on the fitted model and not on the attacks above. Their unit is one standard deviation "
    "of a person's log likelihood; their limits follow from the budget's membership and tpr_at_1pct."
)
"""What the figures of these constraints are, for readers who know the budget's shares."""


def number(value: float, digits: int = 3) -> str:
    """Write a number with three significant digits, without an exponent where one can."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        out = f"{value:.{digits - 1}e}"
    elif size >= 1000:
        out = f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    else:
        out = f"{value:.{digits}g}"
    return out.replace("-", _MINUS)


def share(value: float) -> str:
    """Write a share as a percentage: 0.0412 is 4.1 %."""
    percent = 100 * value
    if abs(percent) < 0.005:
        return f"0{_SPACE}%"
    decimals = 2 if abs(percent) < 0.1 else 1 if abs(percent) < 99.95 else 0
    out = f"{percent:.{decimals}f}"
    out = out.rstrip("0").rstrip(".") if "." in out else out
    return f"{out.replace('-', _MINUS)}{_SPACE}%"


def whole(value: float | None) -> str:
    """Write a count with thin spaces between thousands; a dash where there is none."""
    return "–" if value is None else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def is_share(finding: Mapping[str, Any]) -> bool:
    """Tell whether a finding's figures are shares that read best as percentages."""
    name = str(finding.get("name", ""))
    return finding.get("group") in ("privacy", "clinical") or name.startswith("membership.")


def value_of(result: Mapping[str, Any], *, percent: bool) -> str:
    """Write an estimate's value, or that there is none."""
    if "value" not in result:
        return "not known"
    return share(result["value"]) if percent else number(result["value"])


def interval(result: Mapping[str, Any], *, percent: bool) -> str:
    """Write the interval of an estimate as ``low to high``; empty for none."""
    if "value" not in result:
        return ""
    write = share if percent else number
    return f"{write(result['low'])} to {write(result['high'])}"


def answer(verdict: str | None) -> tuple[str, str, str]:
    """Return the words, tone and sign of a finding's verdict."""
    return _ANSWERS.get(verdict, _ANSWERS[None])


def anchors_of(finding: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """List a finding's anchors, known ones first and from the safe to the copies."""
    anchors = finding.get("anchors") or {}
    order = {name: k for k, name in enumerate(ANCHORS)}
    return sorted(anchors.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
