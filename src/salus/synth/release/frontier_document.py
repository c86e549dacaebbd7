"""Sum a sweep up: one dictionary of plain figures, of which the page is a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from salus.synth.release.frontier_points import ENDS
from salus.synth.release.frontier_store import FORMAT
from salus.synth.release.procedure import REPEATS as RELEASE_REPEATS
from salus.synth.release.useful import FIGURES

__all__ = ["document_of", "goodness"]

_CLAIM = (
    "Every interval holds for its figure and its point alone, not for all of them together: of many "
    "points the luckiest looks better than it is.",
    "This is no certificate. Only 'salus release' judges a table, and it judges the point that was "
    "picked anew.",
    "To pick a point by these figures is a look at the people they come from. Name a ledger, so that "
    "it is on record.",
)


def document_of(
    asked: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    anchors: Mapping[str, Any],
    *,
    lead: str,
    table: Mapping[str, Any],
    judged: Mapping[str, int],
    went_out: int,
) -> dict[str, Any]:
    """Return ``frontier.json``.

    Parameters
    ----------
    asked : mapping
        The settings.
    points, anchors : sequence, mapping
        As ``frontier_points`` returns them.
    lead : str
        The leading risk.
    table : mapping
        Name, rows, people, columns and outcome.
    judged : mapping of str to int
        By how many fits and people a point was judged.
    went_out : int
        Tables of these people that went out before.

    Returns
    -------
    dict
        ``settings``, ``table``, ``judged`` and ``lead`` as given; ``points``; ``anchors``, with
        ``risks`` and ``utility`` by name; ``utility``, the figure of use that all points share;
        ``curves``, the points that no other beats, by risk; ``claim``.
    """
    useful = _shared_figure(points)
    first = next((p for p in points if p["state"] == "judged"), None)
    beside = {f["name"]: f.get("anchors", {}) for f in first["utility"]} if first else {}
    ends = {
        name: {
            **anchors[name],
            "utility": {k: known[name] for k, known in beside.items() if name in known},
        }
        for name in ENDS
        if name in anchors
    }
    return {
        "format": FORMAT,
        "settings": dict(asked),
        "table": dict(table),
        "judged": dict(judged),
        "lead": lead,
        "utility": useful,
        "points": [dict(p) for p in points],
        "anchors": ends,
        "curves": _curves(points, useful),
        "claim": [*_CLAIM, *_more(asked, went_out)],
    }


def _more(asked: Mapping[str, Any], went_out: int) -> list[str]:
    """Say what a release sees that these points don't, and the other way round."""
    out = []
    if asked["split_seed"] is not None:
        out.append(
            "The points were judged by the people whom a release sets apart for its choice. Those "
            "whom its verdict rests on were seen by no point."
        )
    elif asked["repeats"] < RELEASE_REPEATS:
        out.append(
            f"A point is judged by {2 * asked['repeats']} fits on halves of the people, a release by "
            f"{2 * RELEASE_REPEATS}: intervals are wider here."
        )
    if went_out:
        out.append(
            f"{went_out} table(s) of these people went out before. The attackers here don't hold "
            "them; those of a release do."
        )
    return out


def _shared_figure(points: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the first figure of use that every point judged has."""
    judged = [p for p in points if p["state"] == "judged"]
    for name in FIGURES:
        found = [f for p in judged for f in p["utility"] if f["name"] == name]
        if judged and len(found) == len(judged) and all("value" in f["result"] for f in found):
            return {k: found[0][k] for k in ("name", "title", "meaning", "ideal", "direction")}
    return None


def _curves(
    points: Sequence[Mapping[str, Any]], useful: Mapping[str, Any] | None
) -> dict[str, list[int]]:
    """Return for each risk the points that no other beats in both, from the safest on."""
    if useful is None:
        return {}
    met = [p for p in points if p["state"] == "judged" and not p["infeasible"]]
    out: dict[str, list[int]] = {}
    for name in dict.fromkeys(f["name"] for p in met for f in p["risks"]):
        at = []
        for p in met:
            found: Mapping[str, Any] = next(
                (f["result"] for f in p["risks"] if f["name"] == name), {}
            )
            use = next(f["result"] for f in p["utility"] if f["name"] == useful["name"])
            if "value" in found:
                at.append((float(found["value"]), -goodness(useful, use["value"]), p["number"]))
        best = float("inf")
        out[name] = []
        for _, bad, number in sorted(at):
            if bad < best:
                out[name].append(number)
                best = bad
    return out


def goodness(useful: Mapping[str, Any], value: float) -> float:
    """Return how good a figure of use is: the higher, the better."""
    if useful["direction"] == "near":
        return -abs(value - float(useful["ideal"]))
    return -value if useful["direction"] == "low" else value
