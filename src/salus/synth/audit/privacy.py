"""From one synthetic table, or many, to the verdict on each privacy limit.

``observe`` runs every attack once on one synthetic table and keeps one number a person;
``conclude`` turns observations into findings: the strongest attack's gain, its interval by person,
the limit, the verdict, and the same figures for the anchors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from salus.synth.audit import attribute, copies, membership
from salus.synth.audit.finding import Finding, Verdict
from salus.synth.audit.trials import (
    ERROR,
    Figures,
    Trials,
    advantage,
    auc,
    excess,
    gain,
    strongest,
    tpr_at,
)
from salus.synth.budget import Budget
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table

__all__ = ["Observation", "conclude", "observe"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MOST_PEOPLE = 3_000  # members, and others, judged by distance
MOST_ROWS = 10_000  # synthetic rows that distances are taken to
FPR = 0.01


@dataclass(frozen=True)
class Observation:
    """Hold what one synthetic table gave away, one number for each of n people.

    Parameters
    ----------
    member, seen : bool arrays (n,)
    membership, exact, near, success : mappings of str to array (n,)
        Attack scores; shares of the synthetic rows that copy or nearly copy the person; successes
        of guessing each target, keyed ``column / attacker``.
    chunks : int
        How many times the others the members are.
    rows : int
        Synthetic rows.
    whole : bool
        Whether all members were judged.
    """

    member: Bools
    seen: Bools
    membership: Mapping[str, Floats]
    exact: Mapping[str, Floats]
    near: Mapping[str, Floats]
    success: Mapping[str, Floats]
    chunks: int
    rows: int
    whole: bool


def observe(
    synthetic: Table,
    people: Table,
    member: Bools,
    *,
    reference: Table | None = None,
    seed: int,
) -> Observation:
    """Run every attack on one synthetic table.

    Parameters
    ----------
    synthetic : Table
    people : Table
        n rows: members, and others who were not in the data.
    member : bool array (n,)
    reference : Table, optional
        People who are neither; see ``membership.person_scores``.
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = len(people)
    seen = np.zeros(n, bool)
    for side in (np.flatnonzero(member), np.flatnonzero(~member)):
        seen[rng.permutation(side)[:MOST_PEOPLE]] = True
    judged = np.flatnonzero(seen)
    few = people.take(judged)
    made = synthetic
    if len(made) > MOST_ROWS:
        made = made.take(np.sort(rng.permutation(len(made))[:MOST_ROWS]))
    if reference is not None and len(reference) > MOST_PEOPLE:
        reference = reference.take(np.sort(rng.permutation(len(reference))[:MOST_PEOPLE]))

    def spread(values: Mapping[str, Floats]) -> dict[str, Floats]:
        out = {}
        for name, value in values.items():
            out[name] = np.zeros(n)
            out[name][judged] = value
        return out

    group, chunks = _chunks(member, np.ones(n, bool), rng)
    near_group, _ = _chunks(member[judged], np.ones(len(judged), bool), rng)
    success: dict[str, Floats] = {}
    for target in attribute.targets(people.schema):
        for name, value in attribute.person_success(few, made, target, seed=seed).items():
            success[f"{target.name} / {name}"] = value
    return Observation(
        member=member,
        seen=seen,
        membership=spread(membership.person_scores(few, made, reference=reference)),
        exact={"exact": copies.copied(people, member, synthetic, group)},
        near=spread(
            copies.near_copied(few, member[judged], made, near_group, reference=reference)
        ),
        success=spread(success),
        chunks=chunks,
        rows=len(synthetic),
        whole=bool(seen[member].all()),
    )


def _chunks(
    member: Bools, seen: Bools, rng: np.random.Generator
) -> tuple[NDArray[np.intp], int]:
    """Cut the members into random chunks about as large as the others; -1 marks the others."""
    inside, outside = np.flatnonzero(member & seen), np.flatnonzero(~member & seen)
    chunks = max(1, round(len(inside) / max(len(outside), 1)))
    group = np.full(len(member), -1, np.intp)
    group[rng.permutation(inside)] = np.arange(len(inside)) % chunks
    return group, chunks


def conclude(
    observations: Sequence[Observation],
    budget: Budget,
    *,
    anchors: Mapping[str, Sequence[Observation] | CannotJudge] | None = None,
    settings: int = 1,
    seed: int = 0,
) -> tuple[Finding, ...]:
    """Turn observations of one release, or of many trials of a procedure, into findings.

    Parameters
    ----------
    observations : sequence of Observation
    budget : Budget
    anchors : mapping of name to observations, optional
    settings : int
        How many settings are judged by such observations before one is chosen. The error of the
        bounds is divided by it (Bonferroni), so that the choice earns nothing.
    seed : int
    """
    error = ERROR / settings
    anchors = anchors or {}
    figures = _figures(observations, seed, error)
    beside = {
        name: a if isinstance(a, CannotJudge) else _figures(a, seed, ERROR) for name, a in anchors.items()
    }
    out = []
    for name, one in figures.items():
        limit, null = _limit(name, budget)
        estimate, worst = strongest(one.figures, one.people, error=error)
        verdict, because, needed = _judge(estimate, limit, null)
        title, meaning = _words(name)
        detail = {
            "strongest": worst,
            "attacks": one.detail,
            "people": one.people,
            "trials": len(observations),
        }
        if needed is not None:
            detail["needed"] = needed
        shown: dict[str, Estimate | CannotJudge] = {}
        for anchor, their in beside.items():
            if isinstance(their, CannotJudge):
                shown[anchor] = their
            elif name in their:
                shown[anchor] = strongest(their[name].figures, their[name].people)[0]
        out.append(
            Finding(
                name=name,
                group="privacy",
                title=title,
                meaning=meaning,
                result=estimate,
                ideal=null,
                limit=limit,
                verdict=verdict,
                because=because,
                anchors=shown,
                detail=detail,
            )
        )
    return tuple(out)


@dataclass(frozen=True)
class _Risk:
    figures: Figures
    people: int
    detail: dict[str, dict[str, float]]


def _figures(observations: Sequence[Observation], seed: int, error: float) -> dict[str, _Risk]:
    """Return every privacy risk of some observations, by name."""
    member = np.array([o.member for o in observations])
    seen = np.array([o.seen for o in observations])
    whole = all(o.whole for o in observations)

    def trials(key: str, everyone: bool = False) -> Trials:
        names = set.intersection(*(set(getattr(o, key)) for o in observations))
        values = {k: np.array([getattr(o, key)[k] for o in observations]) for k in sorted(names)}
        return Trials(member, np.ones_like(seen) if everyone else seen, values, whole or everyone)

    attacks = trials("membership")
    people = attacks.n_people
    areas = auc(attacks, seed=seed)
    gains = advantage(attacks, seed=seed)
    rates = tpr_at(attacks, FPR, seed=seed, error=error)
    each = {
        name: {
            "AUC": areas.point[name],
            "advantage": gains.point[name],
            "TPR at 1 % FPR": rates.point[name],
        }
        for name in attacks.values
    }
    chunks = max(o.chunks for o in observations)
    rows = sum(o.rows for o in observations)
    exact = excess(trials("exact", everyone=True), chunks, rows, seed=seed, error=error)
    near = excess(trials("near"), chunks, rows, seed=seed, error=error)
    out = {
        "membership.advantage": _Risk(gains, people, each),
        "membership.tpr_at_1pct": _Risk(rates, people, each),
        "copies.exact": _Risk(exact, member.shape[1], _plain(exact)),
        "copies.near": _Risk(near, people, _plain(near)),
    }
    success = trials("success")
    columns = list(dict.fromkeys(k.rsplit(" / ", 1)[0] for k in success.values))
    for column in columns:
        mine = {k: v for k, v in success.values.items() if k.rsplit(" / ", 1)[0] == column}
        risk = gain(Trials(member, seen, mine, whole), seed=seed)
        out[f"attribute.{column}"] = _Risk(risk, people, _plain(risk))
    return out


def _plain(figures: Figures) -> dict[str, dict[str, float]]:
    return {k: {"value": v} for k, v in figures.point.items()}


def _limit(name: str, budget: Budget) -> tuple[float | None, float]:
    """Return the limit of a risk and what a release without any leak would show."""
    if name.startswith("attribute."):
        return budget.attribute, 0.0
    return {
        "membership.advantage": (budget.membership, 0.0),
        "membership.tpr_at_1pct": (budget.tpr_at_1pct, FPR),
        "copies.exact": (budget.copies, 0.0),
        "copies.near": (budget.near_copies, 0.0),
    }[name]


def _judge(
    estimate: Estimate, limit: float | None, null: float
) -> tuple[Verdict | None, str, int | None]:
    """Return verdict, its reason, and the number of people that would decide, if not these."""
    if limit is None:
        return None, "no limit is set, so this figure decides nothing", None
    if estimate.high <= limit:
        return Verdict.MET, "", None
    if estimate.low > limit:
        return Verdict.NOT_MET, "even the low end of the interval is above the limit", None
    # the one-sided bound of a release without leaks would lie this far above its value
    reach = max(estimate.high - estimate.value, 1e-9)
    room = limit - null
    power = float(norm.cdf(1.645 * (room / reach - 1))) if room > 0 else 0.0
    if power >= 0.8:
        return (
            Verdict.NOT_MET,
            "not shown to be met, though a release that leaks nothing would have been shown to, "
            f"with a chance of {power:.0%}",
            None,
        )
    if room <= 0:
        return (
            Verdict.CANNOT_BE_JUDGED,
            "no number of people could show a limit this low: fresh real people reach it too",
            None,
        )
    needed = int(np.ceil(estimate.n * (1.5 * reach / room) ** 2))
    needed = max(needed, estimate.n + 1)
    return (
        Verdict.CANNOT_BE_JUDGED,
        f"the interval reaches across the limit; about {needed:,} people would decide",
        needed,
    )


def _words(name: str) -> tuple[str, str]:
    """Return title and plain meaning of a risk."""
    if name.startswith("attribute."):
        column = name.removeprefix("attribute.")
        return (
            f"Guessing {column}",
            f"How much better someone who knows a person's other values guesses their {column} "
            "because that person was in the data, as a share of what could be gained.",
        )
    return {
        "membership.advantage": (
            "Telling who was in the data",
            "How much more often the best attack says 'was in the data' of people who were than of "
            "people who were not.",
        ),
        "membership.tpr_at_1pct": (
            "Exposing a few people with confidence",
            "How many of the people in the data the best attack names when it may be wrong about 1 % "
            "of the others. 1 % is chance.",
        ),
        "copies.exact": (
            "Copied records",
            "Share of synthetic rows that equal a person's record, beyond those that equal a "
            "stranger's by chance.",
        ),
        "copies.near": (
            "Nearly copied records",
            "Share of synthetic rows nearer to a person's record than 99 % of strangers are, beyond "
            "those as near to people who were not in the data.",
        ),
    }[name]
