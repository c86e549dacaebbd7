"""What this audit would have found: the chance to refuse releases that leak so and so much.

A planted leak moves each attack's gain by its share of what the attack gains on a full leak (the
anchors ``verbatim copy`` and ``blurred copy``): a tenth of the people copied gives a tenth of the
gain. The bounds that a release without any leak would get are moved by that and held against the
limit. So a few moves of known distributions stand for hundreds of simulated audits; the slow tests
compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.trials import Risk
from salus.synth.audit.verdicts import POWER, usual

__all__ = ["LEAKS", "power"]

Floats = NDArray[np.float64]
Leak = tuple[str, str, float]
LEAKS: tuple[Leak, ...] = (
    ("no leak", "verbatim copy", 0.0),
    ("1 % of the people copied", "verbatim copy", 0.01),
    ("5 % of the people copied", "verbatim copy", 0.05),
    ("10 % of the people copied", "verbatim copy", 0.1),
    ("everybody copied", "verbatim copy", 1.0),
    ("10 % of the people remembered with noise", "blurred copy", 0.1),
    ("everybody remembered with noise", "blurred copy", 1.0),
)
"""Words, the anchor that is the full leak, and the share of it."""
MOST = 1024  # times as many people, beyond which no number is told


def power(
    risks: Mapping[str, Risk],
    limits: Mapping[str, float],
    anchors: Mapping[str, Mapping[str, Risk]],
) -> list[dict[str, Any]]:
    """Return for each of ``LEAKS`` how probably an audit like this one would find it.

    Parameters
    ----------
    risks : mapping of str to Risk
        Of the release, by name: their ``null_each`` is what a release without any leak would show.
    limits : mapping of str to float
        Of the risks that have one.
    anchors : mapping of str to mapping of str to Risk
        The same risks of the anchor releases.

    Returns
    -------
    list of dict
        ``leak``; ``found``, the chance of NOT MET by the limit that sees it best (without a leak the
        sum over ``limits``, so no less than the chance of a false alarm by any of them);
        ``released``, the largest chance that all limits could be met together; ``by``, the risk that
        sees it best; ``needed``, the people that would find it in four cases of five, where these
        don't.
    """
    out = []
    for words, anchor, share in LEAKS:
        if anchor not in anchors:
            continue
        chances = {
            name: _chances(risks[name], limit, _moves(anchors[anchor][name], share), len(limits))
            for name, limit in limits.items()
            if name in anchors[anchor] and name in risks
        }
        if not chances:
            continue
        by = max(chances, key=lambda name: chances[name][0])
        found = chances[by][0]
        if not share:  # a false alarm may come from any limit
            found = min(1.0, sum(refused for refused, _ in chances.values()))
        row: dict[str, Any] = {
            "leak": words,
            "found": round(found, 3),
            "released": round(min(met for _, met in chances.values()), 3),
            "by": by if share else None,
            "needed": None,
        }
        if share and found < POWER:
            row["needed"] = _needed(risks, limits, anchors[anchor], share)
        out.append(row)
    return out


def _moves(full: Risk, share: float) -> dict[str, float]:
    """Return by how much a share of the full leak moves each attack's gain."""
    return {name: share * max(value - full.floor, 0.0) for name, (value, _, _) in full.each.items()}


def _chances(
    risk: Risk, limit: float, moves: Mapping[str, float], limits: int, *, times: float = 1.0
) -> tuple[float, float]:
    """Return the chances of NOT MET and of MET with ``times`` as many people."""
    low, high = _bounds(risk, moves, times)
    none = _bounds(risk, {}, times)[1]
    refused = low > limit
    if float(np.mean(none <= limit)) >= POWER:
        refused |= high > max(limit, usual(none, limits))
    return float(refused.mean()), float((high <= limit).mean())


def _bounds(risk: Risk, moves: Mapping[str, float], times: float) -> tuple[Floats, Floats]:
    """Return the draws of the lower and upper bound over all attacks."""
    shrink = 1 / np.sqrt(times)
    lows, highs = [], []
    for name, (low, high) in risk.null_each.items():
        move = moves.get(name, 0.0)
        lows.append(risk.floor + (low - risk.floor) * shrink + move)
        highs.append(risk.floor + (high - risk.floor) * shrink + move)
    return np.minimum(np.max(lows, axis=0), 1.0), np.minimum(np.max(highs, axis=0), 1.0)


def _needed(
    risks: Mapping[str, Risk],
    limits: Mapping[str, float],
    full: Mapping[str, Risk],
    share: float,
) -> int | None:
    """Return the people by whom the leak would be found in four cases of five, or None."""
    times = 1.0
    while times <= MOST:
        for name, limit in limits.items():
            if name not in full or name not in risks:
                continue
            moves = _moves(full[name], share)
            if _chances(risks[name], limit, moves, len(limits), times=times)[0] >= POWER:
                return int(np.ceil(risks[name].n * times))
        times *= np.sqrt(2)
    return None
