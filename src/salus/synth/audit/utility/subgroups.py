"""Whether synthetic rows serve one subgroup worse than everyone else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.finding import Finding
from salus.synth.audit.groups import FEWEST as LEAST
from salus.synth.audit.utility.panel import Panel, Score, estimate
from salus.synth.audit.utility.trial import FEWEST, Figures
from salus.synth.audit.utility.wording import FRESH, INDEPENDENT
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.scores import macro_area, rank_correlation

__all__ = ["of_subgroups", "unjudged_subgroups"]

Floats = NDArray[np.float64]
_SCORES: dict[str, tuple[str, Score]] = {
    "classes": ("area under the ROC curve", macro_area),
    "numbers": ("rank correlation", rank_correlation),
}
_UNDEFINED = "too few people of a second outcome"
_METHOD = "paired bootstrap by person"


def of_subgroups(panel: Panel) -> list[Finding]:
    """Return a finding for each declared subgroup, over the trials that have it."""
    return [_subgroup(name, panel) for name in _names(panel.trials)]


def unjudged_subgroups(trials: Sequence[Figures], reason: str) -> list[Finding]:
    """Return a finding without a figure for each declared subgroup."""
    return [_make(name, "prediction", CannotJudge(reason), {}, {}) for name in _names(trials)]


def _names(trials: Sequence[Figures]) -> list[str]:
    return list(dict.fromkeys(name for t in trials for name in t["groups"]))


def _subgroup(name: str, panel: Panel) -> Finding:
    kept = [i for i, t in enumerate(panel.trials) if name in t["groups"]]
    here = Panel(
        [panel.trials[i] for i in kept],
        [panel.weights[i] for i in kept],
        [panel.made_weights[i] for i in kept],
        panel.n,
    )
    masks = [t["groups"][name] for t in here.trials]
    inside, outside = here.within(masks), here.within([~m for m in masks])
    called, score = _SCORES[panel.trials[0]["kind"]]
    for people, who in ((inside, "of this subgroup"), (outside, "outside this subgroup")):
        reason = _too_few(people)
        if reason is not None:
            text = f"{reason.reason} {who} are held out"
            return _make(name, called, CannotJudge(text, reason.needed), {}, {})
    return _compared(name, called, score, inside, outside)


def _too_few(panel: Panel) -> CannotJudge | None:
    """Say why people can't be judged by themselves; None if they can."""
    if panel.n < LEAST:
        return CannotJudge(f"fewer than {LEAST} people", LEAST)
    if panel.trials[0]["kind"] == "numbers":
        return None
    truth = np.concatenate([t["truth"] for t in panel.trials])
    people = np.concatenate([t["people"] for t in panel.trials])
    count = sorted(len(np.unique(people[truth == k])) for k in np.unique(truth))
    if len(count) < 2:
        return CannotJudge("people of one outcome only")
    if count[-2] < FEWEST:
        return CannotJudge(f"fewer than {FEWEST} people with a second outcome")
    return None


def _compared(name: str, called: str, score: Score, inside: Panel, outside: Panel) -> Finding:
    tstr, trtr, null = (inside.score(score, of).mean(0) for of in ("tstr", "trtr", "null"))
    theirs = {of: outside.score(score, of).mean(0) for of in ("tstr", "trtr", "null")}
    gap, elsewhere = trtr - tstr, theirs["trtr"] - theirs["tstr"]
    lost = (trtr - null) - (theirs["trtr"] - theirs["null"])

    def told(values: Floats, n: int, method: str = _METHOD) -> Estimate | CannotJudge:
        return estimate(values, n, undefined=_UNDEFINED, method=method)

    single = "bootstrap by person"
    detail = {
        "score": called,
        "people of the subgroup held out": inside.n,
        "TSTR": told(tstr, inside.n, single).to_dict(),
        "TRTR": told(trtr, inside.n, single).to_dict(),
        "gap TRTR - TSTR": told(gap, inside.n).to_dict(),
        "gap in everyone else": told(elsewhere, outside.n).to_dict(),
        "headline": "mean over the models, which were fixed beforehand",
    }
    anchors = {
        FRESH: Estimate(0.0, 0.0, 0.0, inside.n, "by definition"),
        INDEPENDENT: told(lost, inside.n),
    }
    return _make(name, called, told(gap - elsewhere, inside.n), anchors, detail)


def _make(
    name: str,
    called: str,
    result: Estimate | CannotJudge,
    anchors: dict[str, Estimate | CannotJudge],
    detail: dict[str, object],
) -> Finding:
    return Finding(
        name=f"subgroup.utility.{name}",
        group="subgroup",
        title=f"Prediction for {name}",
        meaning=f"How much more {called} models lose by learning from synthetic rows instead of "
        "people (TRTR - TSTR), in this subgroup than in everyone else held out. Above 0, the "
        "synthetic rows serve this subgroup worse.",
        result=result,
        ideal=0.0,
        direction="low",
        anchors=anchors,
        detail=detail,
    )
