"""From a risk and its limit to a verdict, with the number of people that would decide.

A limit is MET if the upper bound is at or below it, NOT MET if the lower bound is above it. What isn't
shown to be met is NOT MET only where a release without any leak would have been shown to be safe in
four cases of five, and would hardly ever have come out as badly as this: over all limits together in
one case of twenty. Else the limit CANNOT BE JUDGED.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.finding import Verdict
from salus.synth.audit.trials import Risk

__all__ = ["POWER", "Answer", "chance_to_meet", "judge", "usual"]

Floats = NDArray[np.float64]
POWER = 0.8  # chance of a release without any leak to be shown to be safe, from which it must be
FALSE_ALARM = 0.05  # chance of a release without any leak to be refused, over all limits together


@dataclass(frozen=True)
class Answer:
    """Hold a verdict, why it is so, and how many people would decide where these can't."""

    verdict: Verdict | None
    because: str
    needed: int | None = None


def chance_to_meet(risk: Risk, limit: float) -> float:
    """Return the chance of a release without any leak to be shown to meet the limit."""
    return float(np.mean(risk.null <= limit))


def usual(null: Floats, limits: int) -> float:
    """Return the upper bound that a release without any leak stays below, but for false alarms.

    Parameters
    ----------
    null : array (b,)
        Upper bounds that such a release would get.
    limits : int
        Judged in this audit; the chance of a false alarm is shared among them.
    """
    return float(np.quantile(null, 1 - FALSE_ALARM / max(limits, 1)))


def judge(risk: Risk, limit: float | None, *, limits: int = 1) -> Answer:
    """Hold a risk against its limit; without a limit there is no verdict.

    Parameters
    ----------
    risk : Risk
    limit : float or None
    limits : int
        Number of limits that the audit judges.
    """
    if limit is None:
        return Answer(None, "no limit is set, so this figure decides nothing")
    if risk.low > limit:
        return Answer(Verdict.NOT_MET, "even the low end of the interval is above the limit")
    if risk.unclear:
        return Answer(Verdict.CANNOT_BE_JUDGED, risk.unclear)
    if risk.high <= limit:
        return Answer(Verdict.MET, "")
    power, worst = chance_to_meet(risk, limit), usual(risk.null, limits)
    if power >= POWER and risk.high > worst:
        return Answer(
            Verdict.NOT_MET,
            "not shown to be met, though a release that leaks nothing would have been, with a "
            f"chance of {power:.0%}",
        )
    room = limit - risk.floor
    if room <= 0:
        return Answer(
            Verdict.CANNOT_BE_JUDGED,
            "no number of people could show a limit this low: fresh real people reach it too",
        )
    goal = worst if power >= POWER else float(np.quantile(risk.null, POWER))
    more = ((goal - risk.floor) / room) ** 2
    needed = max(int(np.ceil(risk.n * more)), risk.n + 1)
    return Answer(
        Verdict.CANNOT_BE_JUDGED,
        f"the interval reaches across the limit; about {needed:,} people would decide",
        needed,
    )
