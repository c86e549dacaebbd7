"""What observations show: every privacy risk by name, over one trial or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.observation import Observation
from salus.synth.audit.risks import advantage, auc, excess, gain, tpr_at
from salus.synth.audit.trials import ERROR, LEAST_ROOM, Each, Risk, Trials
from salus.synth.budget import Budget
from salus.synth.measure.estimate import CannotJudge

__all__ = ["Shown", "limit_of", "membership_trials", "shown"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Get = Callable[[Observation], Mapping[str, Floats]]
RATES = {"membership.tpr_at_1pct": 0.01, "membership.tpr_at_01pct": 0.001}
_LIMITS = {
    "membership.advantage": "membership",
    "membership.tpr_at_1pct": "tpr_at_1pct",
    "membership.tpr_at_01pct": "tpr_at_01pct",
    "membership.worst_group": "worst_group",
    "copies.exact": "copies",
    "copies.near": "near_copies",
    "linkage": "linkage",
    "singling_out": "singling_out",
}


@dataclass(frozen=True)
class Shown:
    """Hold every risk by its name, and each membership attack's area under the ROC curve.

    The areas' intervals are two-sided, 95 % unless told otherwise; ``idle`` are targets that nothing
    can be inferred of.
    """

    risks: Mapping[str, Risk]
    areas: Each
    idle: Mapping[str, CannotJudge] = field(default_factory=dict)


def limit_of(name: str, budget: Budget) -> float | None:
    """Return the budget's limit on the risk of this name."""
    field = "attribute" if name.startswith("attribute.") else _LIMITS[name]
    limit: float | None = getattr(budget, field)
    return limit


def shown(observations: Sequence[Observation], seed: int, *, error: float = ERROR) -> Shown:
    """Return the risks that one release, or many trials of a procedure, showed."""
    member = np.array([o.member for o in observations])
    seen = np.array([o.seen for o in observations])
    whole = all(o.whole for o in observations)

    def trials(get: Get, seen: Bools) -> Trials:
        return _of_the_seen(Trials(member, seen, _common(observations, get), whole))

    def summed(get: Get, seen: Bools, *, all_members: bool, rows: int | None = None) -> Risk:
        alone = trials(lambda o: {k: o.sole.get(k, v) for k, v in get(o).items()}, seen)
        every = replace(trials(get, seen), whole=all_members)
        scale = float(max(o.chunks for o in observations))
        return excess(every, alone.values, seed=seed, rows=rows, scale=scale, error=error)

    attacks = trials(lambda o: o.membership, seen)
    everyone = np.ones_like(seen)  # whoever is judged by distance, copies are searched among all
    searched = [o.searched for o in observations if o.searched is not None]
    exact = summed(lambda o: o.exact, everyone, all_members=True)
    people = max(o.people for o in observations)
    out = {"membership.advantage": advantage(attacks, seed=seed, error=error)}
    for name, rate in RATES.items():
        out[name] = tpr_at(attacks, rate, seed=seed, error=error)
    out["copies.exact"] = replace(exact, n=people) if people else exact
    out["copies.near"] = summed(
        lambda o: o.near, everyone, all_members=True, rows=min(searched, default=None)
    )
    success, idle = _common(observations, lambda o: o.success), {}
    for column in dict.fromkeys(k.rsplit(" / ", 1)[0] for k in success):
        mine = {
            k.rsplit(" / ", 1)[1]: v for k, v in success.items() if k.rsplit(" / ", 1)[0] == column
        }
        guessed = _of_the_seen(Trials(member, seen, mine, whole))
        count, n = _who_differ(observations, column)
        if count == 0:
            idle[f"attribute.{column}"] = CannotJudge(
                "everybody judged has the same value: there is nothing to infer"
            )
            continue
        risk = gain(guessed, seed=seed, error=error)
        if count < LEAST_ROOM * n:  # the gain is a share of these few; the figure makes it smaller
            few = f"only {count:,} of {n:,} people judged have another value than the commonest"
            risk = replace(risk, unclear=f"{few}: too few to show that theirs can't be inferred")
        out[f"attribute.{column}"] = risk
    if all(o.linked for o in observations):
        paired = np.array([o.seen if o.paired is None else o.paired for o in observations])
        linked = trials(lambda o: o.linked, paired)
        all_linked = whole and bool((paired == seen).all())
        out["linkage"] = gain(replace(linked, whole=all_linked), seed=seed, error=error)
    if all(o.singled for o in observations):
        # that members meet conditions by chance is luck, and no fact as a copy is
        out["singling_out"] = summed(lambda o: o.singled, seen, all_members=False)
    return Shown(out, auc(attacks, error=error / 2), idle)


def membership_trials(observations: Sequence[Observation], here: Bools | None = None) -> Trials:
    """Return the trials of the membership attacks, of some of the people only where told.

    Parameters
    ----------
    observations : sequence of Observation
    here : bool array (n,) or (r, n), optional
    """
    seen = np.array([o.seen for o in observations])
    return _of_the_seen(
        Trials(
            np.array([o.member for o in observations]),
            seen if here is None else seen & here,
            _common(observations, lambda o: o.membership),
            all(o.whole for o in observations),
        )
    )


def _who_differ(observations: Sequence[Observation], column: str) -> tuple[int, int]:
    """Return how many people judged have another value than the commonest, and how many there are."""
    seen = np.any([o.seen for o in observations], axis=0)
    every = np.ones_like(seen)
    other = np.any([o.differs.get(column, every) & o.seen for o in observations], axis=0)
    return int(other.sum()), int(seen.sum())


def _of_the_seen(trials: Trials) -> Trials:
    """Return the trials without the rows that were judged in none: beside many they cost time."""
    some = trials.seen.any(0)
    if some.all() or not some.any():
        return trials
    values = {name: value[:, some] for name, value in trials.values.items()}
    return Trials(trials.member[:, some], trials.seen[:, some], values, trials.whole)


def _common(observations: Sequence[Observation], get: Get) -> dict[str, Floats]:
    """Return what all observations hold, (r, n) for each name."""
    names = set.intersection(*(set(get(o)) for o in observations))
    return {k: np.array([get(o)[k] for o in observations]) for k in sorted(names)}
