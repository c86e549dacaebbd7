"""Score the predictions of one trial or of many: a person is one unit of the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from salus.synth.audit.finding import Finding
from salus.synth.audit.utility.classes import of_classes
from salus.synth.audit.utility.numbers import of_numbers
from salus.synth.audit.utility.panel import Panel
from salus.synth.audit.utility.subgroups import of_subgroups, unjudged_subgroups
from salus.synth.audit.utility.survival import of_survival
from salus.synth.audit.utility.trial import Figures
from salus.synth.audit.utility.wording import NAMES, put, unjudged

__all__ = ["pool"]


def pool(trials: Sequence[Figures], *, seed: int = 0) -> tuple[Finding, ...]:
    """Score the predictions of one or several trials.

    Each score is taken in each trial and averaged over trials and models. The interval draws people
    again, each with all the trials they were tested in; the predictions stay. So it tells how the
    figure varies with the people tested, not with those learnt from.

    Parameters
    ----------
    trials : sequence of mapping
        As ``figures`` returns them, of one table's people.
    seed : int
        Of the bootstrap.

    Returns
    -------
    tuple of Finding
        ``utility.*`` as ``NAMES`` lists them for the kind of outcome, those of survival if there is
        a column for the time, and ``subgroup.utility.NAME`` for each declared subgroup. Each is
        there even if it can't be judged.
    """
    if not trials:
        return (unjudged("auc", "no trial was made"),)
    out = _pooled(trials, seed)
    late = [t["survival"] for t in trials if t["survival"] is not None]
    if late:
        out += _pooled(late, seed)
    return (*out, *_by_subgroup(trials, seed))


def _pooled(trials: Sequence[Figures], seed: int) -> list[Finding]:
    judged = [t for t in trials if not t["reason"]]
    if not judged:
        first = trials[0]
        out = [unjudged(name, first["reason"]) for name in NAMES[first["kind"]]]
    else:
        panel = Panel.draw(judged, seed)
        kind = judged[0]["kind"]
        if kind == "survival":
            out = of_survival(panel, seed)
        else:
            out = of_classes(panel) if kind == "classes" else of_numbers(panel)
    detail = _detail(trials, len(judged))
    return [put(f, detail) for f in out]


def _detail(trials: Sequence[Figures], judged: int) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    if trials[0]["left_out"]:
        detail["rows without an outcome, left out"] = {
            name: int(sum(t["left_out"].get(name, 0) for t in trials))
            for name in trials[0]["left_out"]
        }
    if trials[0]["not_used"]:
        detail["not used as a predictor"] = dict.fromkeys(
            trials[0]["not_used"], "the time of follow-up tells whether the event came"
        )
    if len(trials) > 1 and judged:
        detail["trials"] = {"judged": judged, "made": len(trials)}
    return detail


def _by_subgroup(trials: Sequence[Figures], seed: int) -> list[Finding]:
    judged = [t for t in trials if not t["reason"]]
    if not judged:
        return unjudged_subgroups(trials, trials[0]["reason"])
    return of_subgroups(Panel.draw(judged, seed))
