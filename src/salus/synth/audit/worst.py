"""Membership within single groups: an average over everybody can hide who is exposed.

Looked at by themselves are the declared groups, the outcome's rarest class, and the tenth of the
people who stand apart most, whom a generator can least hide (Meeus et al. 2023, arXiv:2306.10308).
The attacks and their scores are those of everybody; thresholds are the group's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import norm

from salus.synth.audit.finding import Finding
from salus.synth.audit.groups import FEWEST
from salus.synth.audit.observation import Observation
from salus.synth.audit.observed import membership_trials
from salus.synth.audit.risks import advantage
from salus.synth.audit.trials import ERROR, Risk, Trials
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.intervals import newcombe

__all__ = ["GroupRisks", "group_findings", "group_risks", "worst_group"]

GroupRisks = Mapping[str, tuple[Risk, Risk] | CannotJudge]  # of the group, of everybody else
METHOD = "by person; each end one-sided"


def group_risks(
    observations: Sequence[Observation], seed: int, *, error: float = ERROR
) -> GroupRisks:
    """Return each group's risk and that of everybody else, or why there is none."""
    names = [n for n in observations[0].groups if all(n in o.groups for o in observations)]
    out: dict[str, tuple[Risk, Risk] | CannotJudge] = {}
    for name in names:
        here = np.array([o.groups[name] for o in observations])
        mine = membership_trials(observations, here)
        rest = membership_trials(observations, ~here)
        if _fewest(mine) < FEWEST or _fewest(rest) < FEWEST:
            out[name] = CannotJudge(f"fewer than {FEWEST} people on one side", needed=None)
            continue
        out[name] = (
            advantage(mine, seed=seed, error=error),
            advantage(rest, seed=seed, error=error),
        )
    return out


def _fewest(trials: Trials) -> int:
    """Return the smaller number of people who were members, and who were not, in any trial."""
    return min(int(trials.inside.any(0).sum()), int(trials.outside.any(0).sum()))


def worst_group(each: GroupRisks, *, error: float = ERROR) -> Risk | CannotJudge:
    """Return the risk of the group with the largest upper bound.

    Its lower bound holds for all groups at once: the normal error's width grows as for an error
    shared among them.
    """
    known = {name: pair[0] for name, pair in each.items() if not isinstance(pair, CannotJudge)}
    if not known:
        return CannotJudge(f"no group has {FEWEST} people on each side")
    worst = max(known, key=lambda name: known[name].high)
    risk = known[worst]
    wider = float(norm.ppf(1 - error / len(known)) / norm.ppf(1 - error))
    low = max(r.high - (r.high - r.low) * wider for r in known.values())
    null = np.max([r.null for r in known.values()], axis=0)
    low = min(low, risk.high)
    value = float(np.clip(risk.value, low, risk.high))
    return replace(risk, low=low, value=value, null=null, strongest=f"{worst}: {risk.strongest}")


def group_findings(each: GroupRisks, *, error: float = ERROR) -> tuple[Finding, ...]:
    """Return ``membership.group.NAME`` for each group: its advantage beside everybody else's."""
    out = []
    for name, pair in each.items():
        detail: dict[str, object] = {}
        result: Estimate | CannotJudge
        if isinstance(pair, CannotJudge):
            result = pair
        else:
            mine, rest = pair
            result = _estimate(mine, error)
            gap, low, high = newcombe(
                (mine.value, mine.low, mine.high), (rest.value, rest.low, rest.high)
            )
            detail = {
                "strongest": mine.strongest,
                "people": mine.n,
                "everybody else": _estimate(rest, error).to_dict(),
                "gap": {"value": gap, "low": low, "high": high},
            }
        out.append(
            Finding(
                name=f"membership.group.{name}",
                group="subgroup",
                title=f"Telling who was in the data: {name}",
                meaning="The strongest attack's advantage among these people alone, beside "
                "everybody else's.",
                result=result,
                ideal=0.0,
                detail=detail,
            )
        )
    return tuple(out)


def _estimate(risk: Risk, error: float) -> Estimate:
    return Estimate(risk.value, risk.low, risk.high, risk.n, METHOD, level=1 - 2 * error)
