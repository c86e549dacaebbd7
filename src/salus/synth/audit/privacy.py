"""From what was observed to findings: each privacy risk, its bounds, its limit and its verdict.

``observation.observe`` runs every attack once on one synthetic table; ``conclude`` turns one
observation of a release, or many of a procedure, into findings beside those of the anchors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salus.synth.audit.finding import Finding, Verdict
from salus.synth.audit.observation import Observation, observe
from salus.synth.audit.observed import Shown, limit_of, shown
from salus.synth.audit.power import power
from salus.synth.audit.titles import title_and_meaning
from salus.synth.audit.trials import ERROR, Each, Risk
from salus.synth.audit.verdicts import chance_to_meet, judge
from salus.synth.audit.worst import group_findings, group_risks, worst_group
from salus.synth.budget import Budget
from salus.synth.measure.estimate import CannotJudge, Estimate

__all__ = ["Observation", "Privacy", "conclude", "judge_privacy", "observe"]

Anchors = Mapping[str, Sequence[Observation] | CannotJudge]
_OF_EVERYBODY = ("membership.advantage", "membership.tpr_at_1pct", "membership.tpr_at_01pct")
METHOD = "by person; each end one-sided {:g} %, over all attacks"


@dataclass(frozen=True)
class Privacy:
    """Hold the findings on privacy, and what the audit would have found.

    Parameters
    ----------
    findings : tuple of Finding
    power : list of dict
        See ``power.power``; empty without anchors.
    """

    findings: tuple[Finding, ...]
    power: list[dict[str, Any]]


def conclude(
    observations: Sequence[Observation],
    budget: Budget,
    *,
    anchors: Anchors | None = None,
    seed: int = 0,
    error: float = ERROR,
) -> tuple[Finding, ...]:
    """Turn observations of one release, or of many trials of a procedure, into findings.

    Parameters
    ----------
    observations : sequence of Observation
        Of the same people, one for each trial.
    budget : Budget
    anchors : mapping, optional
        Observations of releases whose risk is known, or why there are none.
    seed : int
    error : float
        Of each one-sided bound.

    Returns
    -------
    tuple of Finding
        ``membership.advantage``, ``membership.tpr_at_1pct``, ``membership.tpr_at_01pct``,
        ``membership.worst_group``, ``copies.exact``, ``copies.near``, ``linkage``,
        ``singling_out``, ``attribute.COLUMN`` for the outcome and each sensitive column, and
        ``membership.group.NAME`` for each group.
    """
    return judge_privacy(observations, budget, anchors=anchors, seed=seed, error=error).findings


def judge_privacy(
    observations: Sequence[Observation],
    budget: Budget,
    *,
    anchors: Anchors | None = None,
    seed: int = 0,
    error: float = ERROR,
) -> Privacy:
    """Return the findings of ``conclude`` with the power of this audit."""
    beside = {
        name: a if isinstance(a, CannotJudge) else shown(a, seed).risks
        for name, a in (anchors or {}).items()
    }
    found = shown(observations, seed, error=error)
    risks: dict[str, Risk | CannotJudge] = {**found.risks, **found.idle}
    groups = group_risks(observations, seed, error=error)
    risks["membership.worst_group"] = worst_group(groups, error=error)
    findings = [
        _finding(name, risk, budget, beside, found, len(observations), error)
        for name, risk in risks.items()
    ]
    findings += group_findings(groups, error=error)
    limits = {name: limit_of(name, budget) for name in found.risks}
    return Privacy(
        tuple(findings),
        power(
            found.risks,
            {name: limit for name, limit in limits.items() if limit is not None},
            {name: a for name, a in beside.items() if not isinstance(a, CannotJudge)},
        ),
    )


def _finding(
    name: str,
    risk: Risk | CannotJudge,
    budget: Budget,
    beside: Mapping[str, Mapping[str, Risk] | CannotJudge],
    found: Shown,
    trials: int,
    error: float,
) -> Finding:
    title, meaning = title_and_meaning(name)
    limit = None if name in found.idle else limit_of(name, budget)
    if isinstance(risk, CannotJudge):
        return Finding(
            name=name,
            group="privacy",
            title=title,
            meaning=meaning,
            result=risk,
            ideal=0.0,
            limit=limit,
            verdict=None if limit is None else Verdict.CANNOT_BE_JUDGED,
            because=risk.reason,
        )
    answer = judge(risk, limit, limits=_limits(budget, found))
    anchors = _beside(name, beside)
    because = answer.because
    if answer.verdict is Verdict.MET:
        because = _vacuous(anchors, limit)
    detail: dict[str, Any] = {
        "strongest": risk.strongest,
        "attacks": _attacks(risk.each, found.areas if name in _OF_EVERYBODY else {}),
        "people": risk.n,
        "trials": trials,
    }
    if limit is not None:
        detail["chance to be met without any leak"] = round(chance_to_meet(risk, limit), 3)
    if answer.needed is not None:
        detail["needed"] = answer.needed
    return Finding(
        name=name,
        group="privacy",
        title=title,
        meaning=meaning,
        result=_estimate(risk, error),
        ideal=risk.floor,
        limit=limit,
        verdict=answer.verdict,
        because=because,
        anchors=anchors,
        detail=detail,
    )


def _limits(budget: Budget, found: Shown) -> int:
    """Return how many limits are judged."""
    names = [*found.risks, "membership.worst_group"]
    return sum(limit_of(name, budget) is not None for name in names)


def _beside(
    name: str, beside: Mapping[str, Mapping[str, Risk] | CannotJudge]
) -> dict[str, Estimate | CannotJudge]:
    out: dict[str, Estimate | CannotJudge] = {}
    for anchor, their in beside.items():
        if isinstance(their, CannotJudge):
            out[anchor] = their
        elif name in their:
            out[anchor] = _estimate(their[name])
    return out


def _estimate(risk: Risk, error: float = ERROR) -> Estimate:
    method = METHOD.format(100 * (1 - error))
    return Estimate(risk.value, risk.low, risk.high, risk.n, method, level=1 - 2 * error)


def _attacks(each: Each, areas: Each) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for name, (value, low, high) in each.items():
        out[name] = {"value": round(value, 5), "interval": [round(low, 5), round(high, 5)]}
        if name in areas:
            area, low, high = areas[name]
            out[name] |= {"AUC": round(area, 5), "AUC interval": [round(low, 5), round(high, 5)]}
    return out


def _vacuous(anchors: Mapping[str, Estimate | CannotJudge], limit: float | None) -> str:
    """Say so if a limit is met that a copy of the people would meet too."""
    copy = anchors.get("verbatim copy")
    if limit is None or not isinstance(copy, Estimate) or copy.high > limit:
        return ""
    return "on this table a verbatim copy would meet the limit too, so it shows little"
