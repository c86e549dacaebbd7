"""Frontiers as their dictionary, made by hand: plain, ugly, and with points that came to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salus.synth.budget import Budget
from salus.synth.release.frontier_plan import plan_of

__all__ = ["UGLY", "document", "point"]

UGLY = "<script>alert('x')</script> & \"Größe\""
RISKS = ("membership.advantage", "copies.exact", f"attribute.{UGLY}", "linkage")
USE = {
    "name": "utility.ratio",
    "title": "Prediction kept",
    "meaning": "TSTR / TRTR.",
    "ideal": 1.0,
    "direction": "high",
}


def estimate(value: float, half: float = 0.02) -> dict[str, Any]:
    return {
        "value": value,
        "low": value - half,
        "high": value + half,
        "n": 400,
        "method": "by person",
        "level": 0.9,
    }


def point(number: int, limit: float | None, risk: float, use: float, **more: Any) -> dict[str, Any]:
    """Return a point at which every risk is ``risk``."""
    budget = plan_of(Budget(), limits=[0.05 if limit is None else limit])[limit is not None].budget
    verdict = None if limit is None else "MET" if risk + 0.02 <= limit else "NOT MET"
    gap = {"name": "membership gap", "value": 2 * risk, "limit": 0.1, "without": 0.4}
    return {
        "number": number,
        "limit": limit,
        "budget": budget.to_dict(),
        "setting": {"generator": "forest", "slack": 1.0},
        "state": "judged",
        "message": "",
        "trials": 8,
        "risks": [
            {
                "name": name,
                "title": name,
                "meaning": "",
                "result": estimate(risk),
                "limit": None if name == "linkage" else limit,
                "verdict": None if name == "linkage" else verdict,
                "because": "too high" if verdict == "NOT MET" and name != "linkage" else "",
            }
            for name in RISKS
        ],
        "utility": [{**USE, "result": estimate(use, 0.05)}],
        "training": {
            "risks": [] if limit is None else [{**gap, "multiplier": 1.5 / (0.1 + risk)}],
            "utility": -20.0 - 10 * (0.3 - risk),
            "utility_without": -20.0,
            "feasible": True,
            "message": "",
        },
        "infeasible": [],
        "verdict": verdict,
        **more,
    }


def document(*more: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """Return a frontier of four points and ``more``; ``changed`` replaces whole keys."""
    points = [
        point(0, None, 0.3, 0.95),
        point(1, 1.0, 0.3, 0.95),
        point(2, 0.05, 0.02, 0.9),
        point(3, 0.0, 0.04, 0.7, infeasible=["limit 0, but the nearest is 0.04."]),
        *more,
    ]
    known = {name: estimate(1.0, 0.0) for name in RISKS}
    return {
        "format": "salus-frontier/1",
        "settings": {
            "format": "salus-frontier/1",
            "version": "0.1.0",
            "generator": "forest",
            "options": {"slack": 1.0, "way": UGLY},
            "budget": Budget().to_dict(),
            "risk": None,
            "limits": [1.0, 0.05, 0.0],
            "rows": 400,
            "repeats": 4,
            "seed": 7,
            "split_seed": None,
            "columns": ["age", UGLY],
        },
        "table": {"name": UGLY, "rows": 400, "people": 400, "columns": 2, "outcome": UGLY},
        "judged": {"fits a point": 8},
        "lead": "membership",
        "utility": USE,
        "points": points,
        "anchors": {
            "verbatim copy": {
                "risks": known,
                "reason": "",
                "utility": {"utility.ratio": estimate(1.0, 0.0)},
            },
            "fresh real people": {
                "risks": {name: estimate(-0.01) for name in RISKS},
                "reason": "",
                "utility": {"utility.ratio": estimate(1.0, 0.0)},
            },
            "independent columns": {"risks": {}, "reason": "nobody", "utility": {}},
        },
        "curves": {name: [2, 0] for name in RISKS},
        "claim": ["This is no certificate.", "To pick is a look."],
        **changed,
    }
