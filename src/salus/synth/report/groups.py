"""Gather the findings on subgroups: each group's figure beside everybody else's, and the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from salus.synth.report import wording
from salus.synth.report.breakdown import Grid, is_estimate

__all__ = ["group_grids"]

_WAYS = ("TSTR", "TRTR")
_CALLED = {"gap TRTR - TSTR": "Lost here", "gap in everyone else": "Lost by everybody else"}
_REST = ("everybody else", "rest", "others")


def group_grids(findings: Sequence[Mapping[str, Any]]) -> list[Grid]:
    """Return one table for privacy within groups and one for use, each only if there are any.

    The group that is worst off comes first; groups that can't be judged stay, with the reason.
    """
    mine = [f for f in findings if f["group"] == "subgroup"]
    private = [f for f in mine if str(f["name"]).startswith("membership.")]
    useful = [f for f in mine if f not in private]
    out = []
    if private:
        out.append(_grid("Privacy: the strongest attack’s advantage", private))
    if useful:
        out.append(_useful("Use: what learning from synthetic rows costs each group", useful))
    return out


def _useful(title: str, findings: Sequence[Mapping[str, Any]]) -> Grid:
    """Lay what models reach in each group side by side; the difference decides nothing alone."""
    held = dict.fromkeys(
        k for f in findings for k, v in f["detail"].items() if is_estimate(v) or k in _WAYS
    )
    order = [*_WAYS, *_CALLED]
    keys = sorted(held, key=lambda k: order.index(k) if k in order else len(order))
    head = ("Group", *(_CALLED.get(key, key) for key in keys), "Worse off by (interval)")
    rows = [
        (_name(f), *(_said(f["detail"].get(key), f) for key in keys), _said(f["result"], f))
        for f in sorted(findings, key=lambda f: -_value(f["result"]))
    ]
    return Grid(title, head, tuple(rows))


def _grid(title: str, findings: Sequence[Mapping[str, Any]]) -> Grid:
    with_rest = any(_rest(f) for f in findings)
    with_gap = any(_gap(f) for f in findings)
    head = ["Group", "Figure (interval)"]
    head += ["Everybody else"] if with_rest else []
    head += ["Gap (interval)"] if with_gap else []
    rows = []
    for f in sorted(findings, key=lambda f: -_value(_gap(f) or f["result"])):
        row = [_name(f), _said(f["result"], f)]
        row += [_said(_rest(f), f)] if with_rest else []
        row += [_said(_gap(f), f)] if with_gap else []
        rows.append(tuple(row))
    return Grid(title, tuple(head), tuple(rows))


def _name(finding: Mapping[str, Any]) -> str:
    """Return the group's own name, without what all rows of the table share."""
    title = str(finding["title"])
    for start in ("membership.group.", "subgroup.utility.", "subgroup."):
        if str(finding["name"]).startswith(start):
            return str(finding["name"]).removeprefix(start)
    return title


def _rest(finding: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = next((finding["detail"][k] for k in _REST if k in finding["detail"]), None)
    return found if is_estimate(found) else None


def _gap(finding: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = finding["detail"].get("gap")
    return found if is_estimate(found) else None


def _value(result: Mapping[str, Any]) -> float:
    """Sort what can't be judged last."""
    return float(result.get("value", float("-inf")))


def _said(result: Mapping[str, Any] | None, finding: Mapping[str, Any]) -> str:
    if not is_estimate(result) or result is None:
        return "–"
    if "value" not in result:
        return str(result["cannot_judge"])
    percent = wording.is_share(finding)
    value = wording.value_of(result, percent=percent)
    return f"{value} ({wording.interval(result, percent=percent)})"
