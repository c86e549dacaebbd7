"""Lay models side by side: learnt and tested on synthetic rows or on people, in all four ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from salus.synth.report import wording
from salus.synth.report.breakdown import Grid, cell, is_estimate, with_intervals

__all__ = ["WAYS", "four_ways", "model_grids"]

WAYS: Mapping[str, str] = {
    "TSTR": "learnt from synthetic rows, tested on people",
    "TRTR": "learnt from people, tested on people",
    "TRTS": "learnt from people, tested on synthetic rows",
    "TSTS": "learnt and tested on synthetic rows",
}
"""The four ways to learn and test, by their usual names (Esteban et al. 2017, arXiv:1706.02633)."""
_REAL = "fresh real people"


def four_ways(findings: Sequence[Mapping[str, Any]]) -> Grid | None:
    """Return each score in the ways in which it was taken; ``None`` unless two ways are known."""
    table: dict[str, dict[str, str]] = {}
    for finding in _useful(findings):
        way, score = _way(finding)
        if not _taken(finding, way):
            continue
        row = table.setdefault(score, {})
        row[way] = _said(finding["result"])
        if way == "TSTR" and is_estimate(finding["anchors"].get(_REAL)):
            row["TRTR"] = _said(finding["anchors"][_REAL])
    rows = {score: row for score, row in table.items() if len(row) > 1}
    ways = [way for way in WAYS if any(way in row for row in rows.values())]
    if not rows:
        return None
    titles = {_way(f)[1]: f["title"] for f in reversed(_useful(findings)) if _way(f)[0] == "TSTR"}
    body = [
        (str(titles.get(score, score)), *(row.get(way, "–") for way in ways))
        for score, row in rows.items()
    ]
    return Grid("", ("Score", *ways), tuple(body))


def model_grids(findings: Sequence[Mapping[str, Any]]) -> list[Grid]:
    """Return for each score what each model reached, in the ways in which it was taken."""
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    titles: dict[str, str] = {}
    for finding in _useful(findings):
        way, score = _way(finding)
        models = finding["detail"].get("models")
        if not isinstance(models, Mapping):
            continue
        if way == "TSTR" or score not in titles:
            titles[score] = str(finding["title"])
        for model, reached in models.items():
            row = scores.setdefault(score, {}).setdefault(str(model), {})
            row.update(with_intervals(reached) if _by_way(reached) else {way: reached})
    return [_grid(titles[score], by_model) for score, by_model in scores.items()]


def _grid(title: str, by_model: Mapping[str, Mapping[str, Any]]) -> Grid:
    found = dict.fromkeys(key for row in by_model.values() for key in row)
    keys = [*(w for w in WAYS if w in found), *(k for k in found if k not in WAYS)]
    rows = [(model, *(cell(row.get(key)) for key in keys)) for model, row in by_model.items()]
    return Grid(title, ("Model", *keys), tuple(rows))


def _useful(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [f for f in findings if f["group"] == "utility"]


def _way(finding: Mapping[str, Any]) -> tuple[str, str]:
    """Return in which way a score was taken, and the score: ``trts_auc`` is TRTS and ``auc``."""
    score = str(finding["name"]).removeprefix("utility.")
    for way in WAYS:
        if score.startswith(f"{way.lower()}_"):
            return way, score[len(way) + 1 :]
    return "TSTR", score


def _taken(finding: Mapping[str, Any], way: str) -> bool:
    """Tell whether models were scored in this way: a ratio or a curve stands by itself."""
    models = finding["detail"].get("models")
    each = models.values() if isinstance(models, Mapping) else ()
    return any(isinstance(reached, Mapping) and way in reached for reached in each)


def _by_way(reached: Any) -> bool:
    return isinstance(reached, Mapping) and not is_estimate(reached)


def _said(result: Mapping[str, Any]) -> str:
    if "value" not in result:
        return "not known"
    return f"{wording.number(result['value'])} ({wording.interval(result, percent=False)})"
