"""Choose a setting on a small table, each judged by cross-fitting the procedure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from salus.synth.audit import clinical, utility
from salus.synth.audit.copies import record_keys
from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.audit.observation import Observation
from salus.synth.audit.pooling import pool
from salus.synth.audit.privacy import conclude, judge_privacy
from salus.synth.audit.refits import model_finding, refit_finding
from salus.synth.audit.run import CLAIM, attackers
from salus.synth.budget import Budget
from salus.synth.errors import Infeasible
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.release.choose import Candidate, in_order
from salus.synth.release.crossfit import Earlier, Make, Trial, anchor_trials, run_trials
from salus.synth.release.judged import Choice, Judged, Ladders, Progress, unmade
from salus.synth.release.series import Series
from salus.synth.release.useful import Contender, most_useful, usefulness
from salus.synth.table.rules import rules_of
from salus.synth.table.table import Table

__all__ = ["Crossfit", "choose_by_crossfit"]

Anchors = Mapping[str, Sequence[Observation] | CannotJudge]


@dataclass
class Crossfit:
    """Judge one setting after the other, with the anchors judged once.

    Parameters
    ----------
    table : Table
    budget : Budget
    rows, repeats, seed, jobs : int
    tell : callable
    series : Series
    earlier : sequence of Earlier
    share : float
        Of the error that this judge may spend; 1 unless several generators compete.
    """

    table: Table
    budget: Budget
    rows: int
    repeats: int
    seed: int
    jobs: int
    tell: Progress
    series: Series = field(default_factory=Series)
    earlier: Sequence[Earlier] = ()
    share: float = 1.0
    anchors: Anchors | None = None

    def __call__(self, make: Make) -> Judged:
        """Fit, sample and judge the setting that ``make`` stands for.

        Raises
        ------
        Infeasible
            If fresh real people would break a limit.
        """
        if self.anchors is None:
            self.tell("judging known releases", 0.0)
            self.anchors = anchor_trials(self.table, seed=self.seed, jobs=self.jobs)
            _refuse_unreachable(self.anchors, self.budget, self.seed)
        trials = run_trials(
            self.table,
            make,
            rows=self.rows,
            repeats=self.repeats,
            seed=self.seed,
            jobs=self.jobs,
            earlier=self.earlier,
            progress=self.tell,
        )
        short = next((t.shortfall for t in trials if t.shortfall), None)
        if short is not None:  # too few rows obey the rules: nothing is there to be judged
            return unmade(make, self.table, self.seed, short)
        self.tell("fitting the model to release", 0.0)
        model = make().fit(self.table, seed=self.seed)
        sampled = model.sample(self.rows, seed=self.seed)
        audit = self._audit(trials, sampled.table, self.anchors)
        return Judged(audit, model, sampled.table, sampled.shortfall)

    def _audit(self, trials: Sequence[Trial], made: Table, anchors: Anchors) -> Audit:
        seen = [t.observation for t in trials if t.observation is not None]
        error = self.series.error * self.share
        privacy = judge_privacy(seen, self.budget, anchors=anchors, seed=self.seed, error=error)
        findings = [*privacy.findings, *_by_refits(trials, seen, self.seed, error)]
        findings += pool([t.likeness for t in trials if t.likeness])
        findings += utility.pool(
            [t.usefulness for t in trials if t.usefulness is not None], seed=self.seed
        )
        findings += _released(self.table, made, seen, self.budget)
        findings += clinical.findings(made, self.table, rules_of(self.table.schema))
        findings += self.series.finding()
        return Audit(
            findings=tuple(findings),
            subject=f"the procedure, by {len(trials)} fits on random halves of the people",
            context={
                "people": self.table.n_people,
                "trials": len(trials),
                "attacks": attackers(),
                "power": privacy.power,
                **self.series.context(),
                "claim": [
                    *CLAIM,
                    "What was judged is the procedure on half of the people; the table released "
                    "comes from the same procedure on all of them, where each one weighs less.",
                ],
            },
        )


def choose_by_crossfit(judge: Crossfit, ladders: Ladders) -> Choice:
    """Return the boldest setting that holds, of the most useful generator for which one does.

    Of each generator settings are judged from the safest on for as long as every limit holds. On a
    small table bounds by person stand for p-values: a limit that is met is one whose p-value is at
    most the error, in large samples. Generators share the error (Bonferroni).

    Parameters
    ----------
    judge : Crossfit
    ladders : sequence of sequence of (setting, make)
        For each generator, from the safest setting to the boldest.
    """
    judge = replace(judge, share=1 / len(ladders))
    steps: list[Mapping[str, Any]] = []
    found: list[Judged] = []
    contenders: list[Contender] = []
    for ladder in ladders:
        judged, contender = _boldest_that_holds(judge, ladder, steps)
        found.append(judged)
        contenders.append(contender)
    best, why = most_useful(contenders)
    return Choice(found[best], contenders[best].setting, steps, why)


def _boldest_that_holds(
    judge: Callable[[Make], Judged],
    ladder: Sequence[tuple[Mapping[str, Any], Make]],
    steps: list[Mapping[str, Any]],
) -> tuple[Judged, Contender]:
    kept: list[Judged] = []

    def candidates() -> Iterator[Candidate]:
        for setting, make in ladder:
            judged = judge(make)
            held = judged.audit.verdict is Verdict.MET and judged.shortfall is None
            steps.append({**setting, "verdict": str(judged.audit.verdict), "certified": held})
            kept.append(judged)
            yield Candidate(setting, {"every limit": 0.0 if held else 1.0})

    certified = in_order(candidates())
    at = max(len(certified) - 1, 0)
    useful = usefulness(kept[at].audit.findings)
    return kept[at], Contender(ladder[at][0], bool(certified), useful)


def _by_refits(
    trials: Sequence[Trial], seen: Sequence[Observation], seed: int, error: float
) -> tuple[Finding, ...]:
    likelihoods = [t.log_prob for t in trials if t.log_prob is not None]
    known = np.array(likelihoods) if len(likelihoods) == len(seen) else None
    if known is not None and not np.isfinite(known).all():
        known = None
    return (
        refit_finding(seen, seed, error=error),
        model_finding(seen, known, seed, error=error),
    )


def _refuse_unreachable(anchors: Anchors, budget: Budget, seed: int) -> None:
    """Stop before the long work if fresh real people would break a limit, or none could be met."""
    fresh = anchors.get("fresh real people")
    if fresh is None or isinstance(fresh, CannotJudge):
        return
    for finding in conclude(fresh, budget, seed=seed):
        result = finding.result
        if not isinstance(result, Estimate) or finding.limit is None:
            continue
        floor = finding.ideal or 0.0
        if finding.limit < floor or result.low > finding.limit:
            nearest = max(floor * 1.5, result.high)
            raise Infeasible(
                f"the limit {finding.limit:g} on {finding.name!r} can't be met on this table: "
                f"fresh real people, who leak nothing, already show {max(floor, result.value):.3g}.",
                remedy=f"The nearest limit that could be met is about {nearest:.2g}.",
            )


def _released(
    table: Table, made: Table, trials: Sequence[Observation], budget: Budget
) -> tuple[Finding, ...]:
    """Count the rows of the very table to be released that equal a real person's record."""
    mine, theirs = record_keys([table, made])
    share = float(np.isin(theirs, mine).mean()) if len(made) else 0.0
    # strangers' records are met by chance where few columns make people alike
    chance = float(np.mean([o.exact["exact"][~o.member].sum() for o in trials]))
    value = share - 2 * chance  # strangers were half of the people
    limit = budget.copies
    met = limit is None or value <= max(limit, 0.0)
    return (
        Finding(
            name="copies.released",
            group="privacy",
            title="Copied records in this very table",
            meaning="Share of the rows to be released that equal a person's record, beyond those "
            "that would equal a stranger's by chance: a count, without sampling error.",
            result=Estimate(value, value, value, len(made), "count"),
            ideal=0.0,
            limit=limit,
            verdict=None if limit is None else Verdict.MET if met else Verdict.NOT_MET,
            because="" if met else "more rows than chance would make equal a person's record",
            detail={"share that equals a person": share, "expected by chance": 2 * chance},
        ),
    )
