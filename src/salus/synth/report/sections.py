"""Gather what each section of the page shows, as plain texts, tables and pictures.

The card says the same in fewer words; what both need stands in the modules that are called here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from salus.synth.report import figures, wording
from salus.synth.report.attackers import attack_grid, attackers, exceeds
from salus.synth.report.breakdown import Grid, cell, grids
from salus.synth.report.groups import group_grids
from salus.synth.report.history import earlier_grid, ledger_grids, ledger_lines
from salus.synth.report.models import WAYS, four_ways, model_grids
from salus.synth.report.power import chances, power_chart, power_text

__all__ = ["row", "sections"]

_RANK = {"NOT MET": 0, "CANNOT BE JUDGED": 1, "MET": 2, None: 3}
_BESIDE = ("fresh real people", "verbatim copy")
_CARDS = 6  # figures of use that are drawn at once; the others unfold


def sections(full: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each section what the template shows; empty values leave a section out."""
    findings = full["audit"]["findings"]
    by_group = {g: [f for f in findings if f["group"] == g] for g in {f["group"] for f in findings}}
    privacy = sorted(by_group.get("privacy", ()), key=_urgency)
    useful = [row(f) for f in by_group.get("utility", ())]
    rows = chances(full)
    return {
        "privacy": [row(f) for f in privacy if f["limit"] is not None],
        "checks": [row(f) for f in sorted(findings, key=_urgency) if f["limit"] is not None],
        "measured": [_measured(f) for f in privacy if f["limit"] is None],
        "beside": _BESIDE,
        "attackers": attackers(findings, full["audit"]["context"]),
        "power": rows,
        "power_text": power_text(full),
        "power_chart": power_chart(rows) if rows else None,
        "groups": group_grids(findings),
        "group_folds": [row(f) for f in by_group.get("subgroup", ()) if attack_grid(f)],
        "utility": useful[:_CARDS],
        "more_utility": useful[_CARDS:],
        "ways": four_ways(findings),
        "way_words": WAYS,
        "models": model_grids(findings),
        "fidelity": [row(f) for f in by_group.get("fidelity", ())],
        "replication": [row(f) for f in by_group.get("replication", ())],
        "analyses": _analyses(by_group.get("replication", ())),
        "clinical": [row(f) for f in by_group.get("clinical", ())],
        "comparison": [row(f) for f in by_group.get("comparison", ())],
        "findings": [row(f) for f in findings],
        "earlier": earlier_grid(full),
        "ledger": ledger_lines(full),
        "ledger_grids": ledger_grids(full),
    }


def row(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Gather all that a template shows of one finding."""
    percent, result = wording.is_share(finding), finding["result"]
    word, tone, sign = wording.answer(finding["verdict"])
    limit = finding["limit"]
    write = wording.share if percent else wording.number
    detail = {k: v for k, v in finding["detail"].items() if k != "attacks"}
    tables, rest = grids(detail)
    return {
        "finding": finding,
        "word": word,
        "tone": tone,
        "sign": sign,
        "value": wording.value_of(result, percent=percent),
        "interval": wording.interval(result, percent=percent),
        "level": f"{100 * result.get('level', 0.95):g}",
        "limit": None if limit is None else write(limit),
        "reason": _sentence(result.get("cannot_judge", "")),
        "highest": wording.value_of({"value": result["high"]}, percent=percent)
        if "value" in result
        else "not known",
        "needed": result.get("needed"),
        "anchors": [
            (name, wording.value_of(a, percent=percent), a.get("cannot_judge", ""))
            for name, a in wording.anchors_of(finding)
        ],
        "chart": figures.finding_chart(finding),
        "attacks": attack_grid(finding),
        "corrected": exceeds(finding),
        "grids": tables,
        "lines": [(key, cell(value)) for key, value in rest.items()],
    }


def _analyses(findings: Iterable[Mapping[str, Any]]) -> list[tuple[str, Grid]]:
    """Return the tables of each analysis once, with its formula, though several figures hold it."""
    out: list[tuple[str, Grid]] = []
    for finding in findings:
        formula = str(finding["detail"].get("formula") or finding["title"])
        out += [(formula, g) for g in row(finding)["grids"] if (formula, g) not in out]
    return out


def _measured(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a finding that has no limit, with its two most telling anchors."""
    beside = {name: value for name, value, _ in row(finding)["anchors"]}
    return {**row(finding), "beside": [beside.get(name, "–") for name in _BESIDE]}


def _urgency(finding: Mapping[str, Any]) -> int:
    return _RANK.get(finding["verdict"], 3)


def _sentence(text: str) -> str:
    """Begin with a capital and end in a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")
