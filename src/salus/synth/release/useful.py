"""Which of several generators serves best, among those whose limits were shown to hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import Estimate

__all__ = ["Contender", "most_useful", "usefulness"]

# The first that can be judged counts: what the table is for, then how real it looks.
FIGURES = ("utility.ratio", "utility.concordance", "fidelity.detection")


@dataclass(frozen=True)
class Contender:
    """Hold one generator's boldest setting that held, or its safest where none did.

    Parameters
    ----------
    setting : mapping
    certified : bool
    useful : (str, float)
        From ``usefulness``.
    """

    setting: Mapping[str, Any]
    certified: bool
    useful: tuple[str, float]


def usefulness(findings: Iterable[Finding]) -> tuple[str, float]:
    """Return the figure that tells how useful a table is, and its value: the higher the better.

    Prediction kept (TSTR / TRTR) or, without an outcome, how little a classifier tells rows from
    people.
    """
    by_name = {f.name: f for f in findings}
    for name in FIGURES:
        finding = by_name.get(name)
        if finding is not None and isinstance(finding.result, Estimate):
            value = finding.result.value
            if finding.direction == "near" and finding.ideal is not None:
                value = -abs(value - finding.ideal)
            elif finding.direction == "low":
                value = -value
            return name, value
    return "", 0.0


def most_useful(contenders: Sequence[Contender]) -> tuple[int, str]:
    """Return the contender to release and why: the most useful of those certified, else the first."""
    if len(contenders) == 1:
        return 0, ""
    held = [i for i, c in enumerate(contenders) if c.certified]
    told = "; ".join(_told(c) for c in contenders)
    if not held:
        return 0, f"No generator was shown to hold every limit, so the default was judged: {told}."
    shared = {contenders[i].useful[0] for i in held}
    if len(shared) > 1 or shared == {""}:  # nothing that all of them can be compared by
        first = contenders[held[0]].setting["generator"]
        return held[0], f"{first} was taken: no figure of usefulness compares the others: {told}."
    best = max(held, key=lambda i: (contenders[i].useful[1], -i))
    chosen = contenders[best]
    return best, (
        f"{chosen.setting['generator']} was taken: of the generators shown to hold every limit it "
        f"does best by {chosen.useful[0]} ({told})."
    )


def _told(contender: Contender) -> str:
    name, value = contender.useful
    held = "" if contender.certified else ", not shown to hold"
    return (
        f"{contender.setting['generator']} {value:.3f}{held}"
        if name
        else (f"{contender.setting['generator']}, not compared{held}")
    )
