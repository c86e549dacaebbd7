"""Scores and curves of times to an event, some of them censored, for many weights at once.

As in ``scores.py``, weights are (b, n), one row a replicate. A time is that of the event where
``event`` holds; else the person was last seen then, without it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["concordance", "kaplan_meier", "nelson_aalen", "time_at_risk"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
BLOCK = 500  # people with the event compared with everybody at a time


def concordance(risk: Floats, time: Floats, event: Bools, weights: Floats) -> Floats:
    """Return Harrell's concordance, (b,): how often the one whose event comes first is at more risk.

    Over the pairs in which it's known who came first: the other's time is longer, or equal and
    censored. Equal risks count half (Harrell et al. 1996,
    doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4). NaN without such a pair.
    The cost grows with the number of events times people.

    Parameters
    ----------
    risk, time, event : arrays (n,)
    weights : array (b, n)

    Examples
    --------
    >>> seen, ones = np.array([True, True, False]), np.ones((1, 3))
    >>> float(concordance(np.array([2.0, 3.0, 1.0]), np.array([1.0, 2.0, 3.0]), seen, ones)[0])
    0.6666666666666666
    """
    first = np.flatnonzero(event)
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    single = weights.astype(np.float32)  # counts of this size are exact
    for start in range(0, len(first), BLOCK):
        i = first[start : start + BLOCK, None]
        later = (time > time[i]) | ((time == time[i]) & ~event)  # (block, n)
        half = (risk < risk[i]).astype(np.float32) + (risk == risk[i]) * np.float32(0.5)
        mine = weights[:, i[:, 0]]
        won += (mine * (single @ (later * half).T)).sum(1)
        pairs += (mine * (single @ later.astype(np.float32).T)).sum(1)
    out = np.full(len(weights), np.nan)
    np.divide(won, pairs, out=out, where=pairs > 0)
    return out


def kaplan_meier(time: Floats, event: Bools, weights: Floats, grid: Floats) -> Floats:
    """Return the share that is still free of the event just after each grid time, (b, g).

    Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452. A curve stays where it is once nobody
    is at risk.
    """
    order = np.argsort(time, kind="stable")
    rising, w = time[order], weights[:, order]
    cuts = np.flatnonzero(np.append(True, rising[1:] != rising[:-1]))[: len(time)]
    at_risk = np.cumsum(w[:, ::-1], axis=1)[:, ::-1][:, cuts]
    died = np.add.reduceat(w * event[order], cuts, axis=1)
    hazard = np.divide(died, at_risk, out=np.zeros_like(died), where=at_risk > 0)
    free = np.hstack([np.ones((len(w), 1)), np.cumprod(1 - hazard, axis=1)])
    return np.asarray(free[:, np.searchsorted(rising[cuts], grid, side="right")])


def nelson_aalen(time: Floats, event: Bools) -> Floats:
    """Return each person's cumulative hazard at their time, (n,): events so far by people at risk.

    Aalen 1978, doi:10.1214/aos/1176344247.
    """
    grid, cell = np.unique(time, return_inverse=True)
    died = np.bincount(cell, event, len(grid))
    left = np.cumsum(np.bincount(cell, minlength=len(grid))[::-1])[::-1]
    return np.asarray(np.cumsum(died / left)[cell])


def time_at_risk(time: Floats, share: float) -> float:
    """Return the last time at which at least this share of the people is still followed."""
    falling = np.sort(time)[::-1]
    return float(falling[max(0, int(np.ceil(share * len(time))) - 1)])
