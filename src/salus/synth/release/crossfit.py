"""The audit of a procedure on a small table: many fits, everyone in and out.

One split of a few hundred people decides nothing. So the procedure (generator, settings, budget) is
run again and again on a random half of the people, and each synthetic table is judged on both
halves. Everyone is a member in half of the trials and a stranger in the others, which compares each
person with themselves; intervals are by person. What is certified is the procedure on half as many
people; the table released comes from the same procedure on all of them, where each one weighs less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from salus.synth.audit import fidelity, utility
from salus.synth.audit.anchors import make_anchors
from salus.synth.audit.finding import Finding
from salus.synth.audit.held import observe_held
from salus.synth.audit.observation import Observation, observe
from salus.synth.generate.protocol import Generator, Shortfall
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.parts import folds, halves
from salus.synth.table.table import Table

__all__ = ["Earlier", "Make", "Trial", "anchor_trials", "run_trials"]

Bools = NDArray[np.bool_]
Make = Callable[[], Generator]
LIKENESS_TRIALS = 4  # trials on which fidelity and utility are also measured
ANCHOR_TRIALS = 4


@dataclass(frozen=True)
class Earlier:
    """Hold how an earlier release of the same people was made, and how many rows it had."""

    make: Make
    rows: int


@dataclass(frozen=True)
class Trial:
    """Hold what one fit on half of the people showed; no observation where no row could be made.

    Parameters
    ----------
    observation : Observation or None
    likeness : tuple of Finding
    usefulness : mapping or None
    shortfall : Shortfall or None
    log_prob : array (n,) or None
        Log likelihood of every row under this trial's model, where it has one.
    """

    observation: Observation | None
    likeness: tuple[Finding, ...]
    usefulness: utility.Figures | None
    shortfall: Shortfall | None
    log_prob: NDArray[np.float64] | None = None


def run_trials(
    table: Table,
    make: Make,
    *,
    rows: int | None = None,
    repeats: int,
    seed: int,
    jobs: int,
    earlier: Sequence[Earlier] = (),
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
    earlier : sequence of Earlier
        Tables that went out before: each trial makes them again of its half, and attackers hold
        them all.
    progress : callable, optional
        Told what is done and the share of it.
    """
    sides: list[tuple[int, Bools]] = []
    for r in range(repeats):
        half = halves(table, seed=seed + r)
        sides += [(2 * r, half), (2 * r + 1, ~half)]
    ratio = 1.0 if rows is None else rows / len(table)
    work = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_trial)(
            table, member, make, ratio, seed + 7919 * (i + 1), i < LIKENESS_TRIALS, earlier
        )
        for i, member in sides
    )
    trials = []
    for trial in work:
        trials.append(trial)
        if progress is not None:
            progress("judging the procedure", len(trials) / len(sides))
    return trials


def _trial(
    table: Table,
    member: Bools,
    make: Make,
    ratio: float,
    seed: int,
    deep: bool,
    earlier: Sequence[Earlier],
) -> Trial:
    with threadpool_limits(1):
        return _one_trial(table, member, make, ratio, seed, deep, earlier)


def _one_trial(
    table: Table,
    member: Bools,
    make: Make,
    ratio: float,
    seed: int,
    deep: bool,
    earlier: Sequence[Earlier],
) -> Trial:
    inside, outside = table.take(member), table.take(~member)
    model = make().fit(inside, seed=seed)
    sampled = model.sample(max(1, round(ratio * len(inside))), seed=seed)
    made = sampled.table
    if sampled.shortfall is not None:
        return Trial(None, (), None, sampled.shortfall)
    before = [
        _made_again(one, inside, len(table), seed + 104_729 * (k + 1))
        for k, one in enumerate(earlier)
    ]
    seen = observe_held(made, before, table, member, seed=seed)
    likeness: tuple[Finding, ...] = ()
    usefulness: utility.Figures | None = None
    if deep:
        likeness = fidelity.findings(made, outside, baseline=inside, seed=seed)
        usefulness = utility.figures(made, inside, outside, seed)
    known = getattr(model, "log_prob", None)
    return Trial(
        seen, likeness, usefulness, sampled.shortfall, None if known is None else known(table)
    )


def _made_again(one: Earlier, inside: Table, people: int, seed: int) -> Table:
    """Return what an earlier release would have made of this half."""
    rows = max(1, round(one.rows / people * len(inside)))
    return one.make().fit(inside, seed=seed).sample(rows, seed=seed).table


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
        out[name] = seen.among(~fresh)
    return out
