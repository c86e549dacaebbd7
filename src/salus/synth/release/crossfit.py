"""The audit of a procedure on a small table: many fits, everyone in and out.

One split of a few hundred people decides nothing. So the procedure (generator, settings, budget) is
run again and again on a random half of the people, and each synthetic table is judged on both
halves. Everyone is a member in half of the trials and a stranger in the others, which compares each
person with themselves; intervals are by person. What is certified is the procedure on half as many
people; the table released comes from the same procedure on all of them, where each one weighs less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from salus.synth.audit import fidelity, utility
from salus.synth.audit.anchors import make_anchors
from salus.synth.audit.finding import Finding
from salus.synth.audit.privacy import Observation, observe
from salus.synth.generate.protocol import Generator, Shortfall
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.parts import folds, halves
from salus.synth.table.table import Table

__all__ = ["Trial", "anchor_trials", "run_trials"]

Bools = NDArray[np.bool_]
Make = Callable[[], Generator]
LIKENESS_TRIALS = 4  # trials on which fidelity and utility are also measured
ANCHOR_TRIALS = 4


@dataclass(frozen=True)
class Trial:
    """Hold what one fit on half of the people showed; no observation where no row could be made."""

    observation: Observation | None
    likeness: tuple[Finding, ...]
    usefulness: utility.Figures | None
    shortfall: Shortfall | None


def run_trials(
    table: Table,
    make: Make,
    *,
    rows: int | None = None,
    repeats: int,
    seed: int,
    jobs: int,
    progress: Callable[[str, float], None] | None = None,
) -> list[Trial]:
    """Fit and judge on random halves, each half once: 2 ``repeats`` trials.

    Parameters
    ----------
    table : Table
    make : callable
        Returns an unfitted generator with the settings to be judged.
    rows : int, optional
        To be released of the whole table; a trial makes the same number for each of its members.
    repeats, seed, jobs : int
    progress : callable, optional
        Told what is done and the share of it.
    """
    sides: list[tuple[int, Bools]] = []
    for r in range(repeats):
        half = halves(table, seed=seed + r)
        sides += [(2 * r, half), (2 * r + 1, ~half)]
    ratio = 1.0 if rows is None else rows / len(table)
    work = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_trial)(table, member, make, ratio, seed + 7919 * (i + 1), i < LIKENESS_TRIALS)
        for i, member in sides
    )
    trials = []
    for trial in work:
        trials.append(trial)
        if progress is not None:
            progress("judging the procedure", len(trials) / len(sides))
    return trials


def _trial(table: Table, member: Bools, make: Make, ratio: float, seed: int, deep: bool) -> Trial:
    with threadpool_limits(1):
        return _one_trial(table, member, make, ratio, seed, deep)


def _one_trial(
    table: Table, member: Bools, make: Make, ratio: float, seed: int, deep: bool
) -> Trial:
    inside, outside = table.take(member), table.take(~member)
    model = make().fit(inside, seed=seed)
    sampled = model.sample(max(1, round(ratio * len(inside))), seed=seed)
    made = sampled.table
    if sampled.shortfall is not None:
        return Trial(None, (), None, sampled.shortfall)
    seen = observe(made, table, member, seed=seed)
    likeness: tuple[Finding, ...] = ()
    usefulness: utility.Figures | None = None
    if deep:
        likeness = fidelity.findings(made, outside, baseline=inside, seed=seed)
        usefulness = utility.figures(made, inside, outside, seed)
    return Trial(seen, likeness, usefulness, sampled.shortfall)


def anchor_trials(
    table: Table, *, seed: int, jobs: int
) -> dict[str, Sequence[Observation] | CannotJudge]:
    """Judge each anchor release in a few trials: members, others and fresh people, a third each."""
    rounds = Parallel(n_jobs=jobs)(
        delayed(_anchor_round)(table, shift, seed + r) for r, shift in _thirds(ANCHOR_TRIALS)
    )
    out: dict[str, Sequence[Observation] | CannotJudge] = {}
    for name in rounds[0]:
        seen = [r[name] for r in rounds]
        reasons = [s for s in seen if isinstance(s, CannotJudge)]
        out[name] = reasons[0] if reasons else [s for s in seen if isinstance(s, Observation)]
    return out


def _thirds(trials: int) -> Iterator[tuple[int, int]]:
    return ((t // 3, t % 3) for t in range(trials))


def _anchor_round(table: Table, shift: int, seed: int) -> Mapping[str, Observation | CannotJudge]:
    third = (folds(table, 3, seed=seed) + shift) % 3
    member, fresh = third == 0, third == 2
    judged = table.take(~fresh)
    anchors = make_anchors(table.take(member), table.take(fresh), seed=seed)
    out: dict[str, Observation | CannotJudge] = {}
    for name, made in anchors.items():
        if isinstance(made, CannotJudge):
            out[name] = made
            continue
        seen = observe(made, judged, member[~fresh], seed=seed)
        out[name] = _on_everyone(seen, ~fresh)
    return out


def _on_everyone(seen: Observation, here: Bools) -> Observation:
    """Return the observation as one of all people, of whom those elsewhere were not judged."""

    def spread(values: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        out = {}
        for name, value in values.items():
            out[name] = np.zeros(len(here))
            out[name][here] = value
        return out

    member, judged = np.zeros(len(here), bool), np.zeros(len(here), bool)
    member[here], judged[here] = seen.member, seen.seen
    return replace(
        seen,
        member=member,
        seen=judged,
        membership=spread(seen.membership),
        exact=spread(seen.exact),
        near=spread(seen.near),
        success=spread(seen.success),
        sole=spread(seen.sole),
    )
