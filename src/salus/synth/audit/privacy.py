"""From one synthetic table, or many, to the verdict on each privacy limit.

``observe`` runs every attack once on one synthetic table and keeps one number a person;
``conclude`` turns observations into findings: the strongest attack's gain, its bounds by person,
the limit, the verdict, and the same figures for the anchors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit import attribute, copies, membership
from salus.synth.audit.finding import Finding, Verdict
from salus.synth.audit.trials import Each, Risk, Trials, advantage, auc, excess, gain, tpr_at
from salus.synth.budget import Budget
from salus.synth.errors import TableError
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table

__all__ = ["Observation", "conclude", "observe"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MOST_PEOPLE = 3_000  # members, and others, judged by distance
MOST_ROWS = 20_000  # synthetic rows that distances are taken to
FPR = 0.01
POWER = 0.8  # chance of a release without any leak to be shown to be safe, from which it must be
METHOD = "by person; each end one-sided 95 %, over all attacks"


@dataclass(frozen=True)
class Observation:
    """Hold what one synthetic table gave away, one number for each of n rows of people.

    A person with several rows is held in the first of them; the others are not ``seen``.

    Parameters
    ----------
    member, seen : bool arrays (n,)
    membership, exact, near, success : mappings of str to array (n,)
        Attack scores (a person's largest); shares of the synthetic rows that copy or nearly copy
        the person; chances of guessing each target, keyed ``column / attacker``.
    chunks : int
        Into how many groups the members were cut to be compared with others at equal size.
    rows : int
        Synthetic rows.
    whole : bool
        Whether all members were judged.
    sole : mapping of str to array (n,)
        For ``exact`` and ``near``: the part of the share that hangs on this person alone.
    people : int
        Number of people, judged by distance or not.
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
    sole: Mapping[str, Floats] = field(default_factory=dict)
    people: int = 0


def observe(
    synthetic: Table,
    people: Table,
    member: Bools,
    *,
    reference: Table | None = None,
    seed: int,
    most: int = MOST_PEOPLE,
) -> Observation:
    """Run every attack on one synthetic table.

    Parameters
    ----------
    synthetic : Table
        At least one row.
    people : Table
        n rows: members, and others who were not in the data. No person is both.
    member : bool array (n,)
    reference : Table, optional
        People who are neither; see ``membership.person_scores``.
    seed : int
    most : int
        Members, and others, judged by distance; a random part of them if there are more. Exact
        copies are counted among all.

    Raises
    ------
    TableError
        If there are no synthetic rows, members or others, or the columns differ.
    """
    _check(synthetic, people, member)
    rng = np.random.default_rng(seed)
    first, owner = np.unique(people.people, return_index=True, return_inverse=True)[1:]
    owner = owner.ravel()
    chosen = _choose(member[first], most, rng)  # of the persons
    judged = np.flatnonzero(chosen[owner])
    few = people.take(judged)
    made = _some(synthetic, MOST_ROWS, rng)
    reference = None if reference is None else _some(reference, MOST_PEOPLE, rng)
    seen = np.zeros(len(people), bool)
    seen[first[chosen]] = True
    encoder = membership.blind_encoder(few, reference)

    def keep(values: Floats, rows: NDArray[np.intp], how: np.ufunc, start: float) -> Floats:
        by_person = np.full(len(first), start)
        how.at(by_person, owner[rows], values)
        out = np.zeros(len(people))
        out[first] = np.where(np.isfinite(by_person), by_person, 0.0)
        return out

    scores = membership.person_scores(few, made, reference=reference, encoder=encoder)
    groups = copies.make_groups(people, member, rng)
    exact = copies.exact_copies(people, synthetic, groups)
    near_groups = copies.make_groups(few, member[judged], rng)
    near = copies.near_copies(few, made, near_groups, encoder=encoder)
    part = member[first].sum() / max(int((member[first] & chosen).sum()), 1)
    everyone = np.arange(len(people))
    rows_of = np.bincount(owner)[owner[judged]]
    success = {}
    for target in attribute.targets(people.schema):
        for name, value in attribute.person_success(few, made, target, seed=seed).items():
            success[f"{target.name} / {name}"] = keep(value / rows_of, judged, np.add, 0.0)
    return Observation(
        member=member,
        seen=seen,
        membership={k: keep(v, judged, np.maximum, -np.inf) for k, v in scores.items()},
        exact={"exact": keep(exact.share, everyone, np.add, 0.0)},
        near={k: keep(v.share * part, judged, np.add, 0.0) for k, v in near.items()},
        success=success,
        chunks=len(groups.chunks),
        rows=len(synthetic),
        whole=bool(chosen[member[first]].all()),
        sole={"exact": keep(exact.sole, everyone, np.add, 0.0)}
        | {k: keep(v.sole * part, judged, np.add, 0.0) for k, v in near.items()},
        people=len(first),
    )


def _check(synthetic: Table, people: Table, member: Bools) -> None:
    if not len(synthetic):
        raise TableError("the synthetic table has no rows to judge.")
    if member.all() or not member.any():
        raise TableError("an audit needs people who were in the data and people who were not.")
    theirs = {c.name: c.levels for c in synthetic.schema.modelled}
    for column in people.schema.modelled:
        if theirs.pop(column.name, None) != column.levels:
            raise TableError(
                "the synthetic table has no such column, or other levels in it.",
                column=column.name,
                remedy="Read it with the schema of the real table.",
            )
    if theirs:
        raise TableError(
            "the real table has no such column.",
            column=next(iter(theirs)),
            remedy="Read the synthetic table with the schema of the real one.",
        )


def _choose(member: Bools, most: int, rng: np.random.Generator) -> Bools:
    chosen = np.zeros(len(member), bool)
    for side in (np.flatnonzero(member), np.flatnonzero(~member)):
        chosen[rng.permutation(side)[:most]] = True
    return chosen


def _some(table: Table, most: int, rng: np.random.Generator) -> Table:
    if len(table) <= most:
        return table
    return table.take(np.sort(rng.permutation(len(table))[:most]))


def conclude(
    observations: Sequence[Observation],
    budget: Budget,
    *,
    anchors: Mapping[str, Sequence[Observation] | CannotJudge] | None = None,
    seed: int = 0,
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

    Returns
    -------
    tuple of Finding
        ``membership.advantage``, ``membership.tpr_at_1pct``, ``copies.exact``, ``copies.near`` and
        ``attribute.COLUMN`` for the outcome and each sensitive column.
    """
    beside = {
        name: a if isinstance(a, CannotJudge) else _risks(a, seed)[0]
        for name, a in (anchors or {}).items()
    }
    risks, areas = _risks(observations, seed)
    out = []
    for name, risk in risks.items():
        limit = _limit(name, budget)
        verdict, because, needed = _judge(risk, limit)
        shown: dict[str, Estimate | CannotJudge] = {}
        for anchor, their in beside.items():
            if isinstance(their, CannotJudge):
                shown[anchor] = their
            elif name in their:
                shown[anchor] = _estimate(their[name])
        if verdict is Verdict.MET:
            because = _vacuous(shown, limit)
        title, meaning = _words(name)
        detail: dict[str, Any] = {
            "strongest": risk.strongest,
            "attacks": _attacks(risk.each, areas if name.startswith("membership.") else {}),
            "people": risk.n,
            "trials": len(observations),
        }
        if limit is not None:
            detail["chance to be met without any leak"] = round(float(_power(risk, limit)), 3)
        if needed is not None:
            detail["needed"] = needed
        out.append(
            Finding(
                name=name,
                group="privacy",
                title=title,
                meaning=meaning,
                result=_estimate(risk),
                ideal=risk.floor,
                limit=limit,
                verdict=verdict,
                because=because,
                anchors=shown,
                detail=detail,
            )
        )
    return tuple(out)


def _risks(observations: Sequence[Observation], seed: int) -> tuple[dict[str, Risk], Each]:
    """Return every privacy risk by name, and each membership attack's AUC."""
    member = np.array([o.member for o in observations])
    seen = np.array([o.seen for o in observations])
    whole = all(o.whole for o in observations)

    def trials(get: Callable[[Observation], Mapping[str, Floats]], seen: Bools) -> Trials:
        names = set.intersection(*(set(get(o)) for o in observations))
        values = {k: np.array([get(o)[k] for o in observations]) for k in sorted(names)}
        return Trials(member, seen, values, whole)

    def copying(get: Callable[[Observation], Mapping[str, Floats]], seen: Bools) -> Risk:
        alone = trials(lambda o: {k: o.sole.get(k, v) for k, v in get(o).items()}, seen)
        return excess(trials(get, seen), alone.values, seed=seed)

    attacks = trials(lambda o: o.membership, seen)
    exact = copying(lambda o: o.exact, np.ones_like(seen))
    out = {
        "membership.advantage": advantage(attacks, seed=seed),
        "membership.tpr_at_1pct": tpr_at(attacks, FPR, seed=seed),
        "copies.exact": _of(exact, max(o.people for o in observations)),
        "copies.near": copying(lambda o: o.near, seen),
    }
    success = trials(lambda o: o.success, seen)
    for column in dict.fromkeys(k.rsplit(" / ", 1)[0] for k in success.values):
        mine = {
            k.rsplit(" / ", 1)[1]: v
            for k, v in success.values.items()
            if k.rsplit(" / ", 1)[0] == column
        }
        out[f"attribute.{column}"] = gain(Trials(member, seen, mine, whole), seed=seed)
    return out, auc(attacks)


def _of(risk: Risk, people: int) -> Risk:
    return replace(risk, n=people) if people else risk


def _estimate(risk: Risk) -> Estimate:
    return Estimate(risk.value, risk.low, risk.high, risk.n, METHOD, level=0.9)


def _attacks(each: Each, areas: Each) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for name, (value, low, high) in each.items():
        out[name] = {"value": round(value, 5), "interval": [round(low, 5), round(high, 5)]}
        if name in areas:
            area, low, high = areas[name]
            out[name] |= {"AUC": round(area, 5), "AUC interval": [round(low, 5), round(high, 5)]}
    return out


def _limit(name: str, budget: Budget) -> float | None:
    if name.startswith("attribute."):
        return budget.attribute
    return {
        "membership.advantage": budget.membership,
        "membership.tpr_at_1pct": budget.tpr_at_1pct,
        "copies.exact": budget.copies,
        "copies.near": budget.near_copies,
    }[name]


def _power(risk: Risk, limit: float) -> float:
    """Return the chance of a release without any leak to be shown to meet the limit."""
    return float(np.mean(risk.null <= limit))


def _judge(risk: Risk, limit: float | None) -> tuple[Verdict | None, str, int | None]:
    """Return verdict, its reason, and the number of people that would decide, if not these.

    What isn't shown to be met is NOT MET only where a release without any leak would have been
    shown to be safe in four cases of five, and in nineteen of twenty would have come out better
    than this.
    """
    if limit is None:
        return None, "no limit is set, so this figure decides nothing", None
    if risk.high <= limit:
        return Verdict.MET, "", None
    if risk.low > limit:
        return Verdict.NOT_MET, "even the low end of the interval is above the limit", None
    power, usual = _power(risk, limit), float(np.quantile(risk.null, 0.95))
    if power >= POWER and risk.high > usual:
        because = (
            "not shown to be met, though a release that leaks nothing would have been, with a "
            f"chance of {power:.0%}"
        )
        return Verdict.NOT_MET, because, None
    room = limit - risk.floor
    if room <= 0:
        because = "no number of people could show a limit this low: fresh real people reach it too"
        return Verdict.CANNOT_BE_JUDGED, because, None
    goal = usual if power >= POWER else float(np.quantile(risk.null, POWER))
    more = ((goal - risk.floor) / room) ** 2
    needed = max(int(np.ceil(risk.n * more)), risk.n + 1)
    because = f"the interval reaches across the limit; about {needed:,} people would decide"
    return Verdict.CANNOT_BE_JUDGED, because, needed


def _vacuous(anchors: Mapping[str, Estimate | CannotJudge], limit: float | None) -> str:
    """Say so if a limit is met that a copy of the people would meet too."""
    copy = anchors.get("verbatim copy")
    if limit is None or not isinstance(copy, Estimate) or copy.high > limit:
        return ""
    return "on this table a verbatim copy would meet the limit too, so it shows little"


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
            "How many of the people in the data the best attack names when it may be wrong about "
            "1 % of the others. 1 % is chance.",
        ),
        "copies.exact": (
            "Copied records",
            "Share of synthetic rows that equal a person's record, beyond those that equal a "
            "stranger's by chance.",
        ),
        "copies.near": (
            "Nearly copied records",
            "Share of synthetic rows nearer to a person's record than 99 % of strangers are, "
            "beyond those as near to people who were not in the data.",
        ),
    }[name]
