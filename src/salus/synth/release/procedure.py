"""The act of release: fit under the budget, judge on people never seen, release or refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from salus.synth.audit import clinical, fidelity, utility
from salus.synth.audit.copies import record_keys
from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.audit.pooling import pool
from salus.synth.audit.privacy import Observation, conclude
from salus.synth.audit.run import CLAIM, audit
from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, OptionError, TooFewPeople
from salus.synth.generate import KINDS
from salus.synth.generate.protocol import Generator, Shortfall
from salus.synth.generate.shrinkage import SLACK
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.release.crossfit import Make, anchor_trials, run_trials
from salus.synth.table.parts import split
from salus.synth.table.rules import RuleCheck, check, rules_of
from salus.synth.table.table import Table

__all__ = ["STATUS", "Outcome", "Word", "carry_out"]

Progress = Callable[[str, float], None]
Word = Literal["RELEASED", "REFUSED", "CANNOT BE JUDGED"]
Anchors = Mapping[str, Sequence[Observation] | CannotJudge]

FEW = 5  # people, below whom a level may point at one of them
FEWEST = 60  # people, below whom nothing can be shown
MANY = 6_000  # people, from whom on one split decides
REPEATS = 10  # of the cross-fit; each is two fits
LADDER = (0.5, 1.0)  # slack of the constraint: settings judged in turn, the safest first
STATUS: dict[Word, int] = {"RELEASED": 0, "REFUSED": 3, "CANNOT BE JUDGED": 4}
_WORDS: dict[Verdict, Word] = {
    Verdict.MET: "RELEASED",
    Verdict.NOT_MET: "REFUSED",
    Verdict.CANNOT_BE_JUDGED: "CANNOT BE JUDGED",
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Hold what a release came to.

    Parameters
    ----------
    verdict : {"RELEASED", "REFUSED", "CANNOT BE JUDGED"}
    audit : Audit
    reasons : tuple of str
        One sentence for each limit that stood in the way.
    synthetic : Table or None
        The rows; ``None`` if refused.
    model : Generator or None
        Fitted with the settings that were judged; ``None`` if refused.
    source : Table
        The real table.
    rules : tuple of (check on the real table, rows of the synthetic one that break the rule)
    settings, pictures : mapping
        Plain JSON values.
    decisions : tuple of str
        What was decided on the way, for a steward to read.
    """

    verdict: Word
    audit: Audit
    reasons: tuple[str, ...]
    synthetic: Table | None
    model: Generator | None
    source: Table
    rules: tuple[tuple[RuleCheck, int | None], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Judged:
    """Hold one setting's audit, with the model that would be released and its rows."""

    audit: Audit
    model: Generator
    synthetic: Table
    shortfall: Shortfall | None


Judge = Callable[[Make], _Judged]


def carry_out(
    table: Table,
    *,
    budget: Budget | None = None,
    generator: str = "forest",
    n: int | None = None,
    seed: int = 0,
    repeats: int = REPEATS,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Learn, judge and release a synthetic table, or refuse.

    Small tables (under 6,000 people) are judged by cross-fitting the procedure, larger ones by
    people set apart. On a small table the constraint of the fit is loosened step by step for as long
    as every limit is shown to hold: in this fixed order, from the safest to the boldest, the error
    over all steps is that of one (Angelopoulos et al. 2021, arXiv:2110.01052). What is released was
    fitted with the boldest setting that held.

    Parameters
    ----------
    table : Table
    budget : Budget, optional
    generator : str
        One of ``salus.synth.generate.KINDS()``.
    n : int, optional
        Rows to release; as many as the table has by default.
    seed : int
    repeats : int
        Of the cross-fit of a small table; each is two fits.
    jobs : int, optional
        Processes; one a core by default.
    progress : callable, optional
        Told what is being done and how far it is, from 0 to 1.

    Raises
    ------
    TooFewPeople
        With fewer than 60 people.
    Infeasible
        If a limit lies below what fresh real people show on this (small) table.
    OptionError
        If an option is out of its domain.
    """
    budget = Budget() if budget is None else budget
    rows = len(table) if n is None else n
    _check_options(table, generator, rows, repeats)
    jobs = jobs or os.cpu_count() or 1
    tell: Progress = progress or (lambda what, share: None)
    checks = check(table, rules_of(table.schema))
    if table.n_people < MANY:
        judge: Judge = _Crossfit(table, budget, rows, repeats, seed, jobs, tell)
        tried: tuple[float, ...] = LADDER
    else:
        judge, tried = _parts_judge(table, budget, rows, seed, tell), (SLACK,)
    if generator not in ("forest", "copula"):
        tried = tried[:1]  # nothing to tighten
    steps: list[dict[str, Any]] = []
    best: _Judged | None = None
    for slack in tried:
        judged = judge(partial(_make, generator, budget, slack))
        held = judged.audit.verdict is Verdict.MET and judged.shortfall is None
        steps.append({"slack": slack, "verdict": str(judged.audit.verdict)})
        if held or best is None:
            best = judged
        if not held:
            break
    assert best is not None
    return _outcome(table, best, checks, budget, generator, seed, steps)


def _check_options(table: Table, generator: str, rows: int, repeats: int) -> None:
    if generator not in KINDS():
        raise OptionError(
            f"there is no generator {generator!r}.", remedy=f"Known: {', '.join(sorted(KINDS()))}."
        )
    if rows < 1 or repeats < 2:
        raise OptionError("at least 1 row must be asked for, and 2 repeats.")
    if not table.schema.modelled:
        raise OptionError("no column is left to release.", remedy="Drop fewer columns.")
    if table.n_people < FEWEST:
        raise TooFewPeople(
            f"{table.n_people} people are too few: with fewer than {FEWEST} no limit can be shown "
            "to be met or broken, so nothing is released.",
            remedy=f"Bring at least {FEWEST} people; a few hundred are needed for usual limits.",
        )


def _make(generator: str, budget: Budget, slack: float) -> Generator:
    kind = KINDS()[generator]
    model: Generator = (
        kind(budget=budget, slack=slack) if generator in ("forest", "copula") else kind()
    )
    return model


@dataclass
class _Crossfit:
    """Judge settings on a small table by cross-fitting."""

    table: Table
    budget: Budget
    rows: int
    repeats: int
    seed: int
    jobs: int
    tell: Progress
    anchors: Anchors | None = None

    def __call__(self, make: Make) -> _Judged:
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
            progress=self.tell,
        )
        short = next((t.shortfall for t in trials if t.shortfall), None)
        if short is not None:  # too few rows obey the rules: nothing is there to be judged
            return _unmade(make, self.table, self.seed, short)
        seen = [t.observation for t in trials if t.observation is not None]
        findings: list[Finding] = list(
            conclude(
                seen,
                self.budget,
                anchors=self.anchors,
                seed=self.seed,
            )
        )
        findings += pool([t.likeness for t in trials if t.likeness])
        findings += utility.pool(
            [t.usefulness for t in trials if t.usefulness is not None], seed=self.seed
        )
        self.tell("fitting the model to release", 0.0)
        model = make().fit(self.table, seed=self.seed)
        sampled = model.sample(self.rows, seed=self.seed)
        findings += _released(self.table, sampled.table, seen, self.budget)
        findings += clinical.findings(sampled.table, self.table, rules_of(self.table.schema))
        judged = Audit(
            findings=tuple(findings),
            subject=f"the procedure, by {len(trials)} fits on random halves of the people",
            context={
                "people": self.table.n_people,
                "trials": len(trials),
                "claim": [
                    *CLAIM,
                    "What was judged is the procedure on half of the people; the table released "
                    "comes from the same procedure on all of them, where each one weighs less.",
                ],
            },
        )
        return _Judged(judged, model, sampled.table, sampled.shortfall)


def _unmade(make: Make, table: Table, seed: int, shortfall: Shortfall) -> _Judged:
    """Return the refusal of rows that can't be made."""
    audit = Audit(findings=(), subject="nothing: too few rows obey the rules")
    return _Judged(audit, make().fit(table, seed=seed), table.take(np.zeros(0, int)), shortfall)


def _parts_judge(table: Table, budget: Budget, rows: int, seed: int, tell: Progress) -> Judge:
    """Return a judge that sets people apart: fit on train, judge on the audit part, once."""

    def judge(make: Make) -> _Judged:
        parts = split(table, seed=seed)
        tell("fitting", 0.0)
        model = make().fit(parts.train, reference=parts.reference, seed=seed)
        tell("sampling", 0.5)
        sampled = model.sample(rows, seed=seed)
        if sampled.shortfall is not None:
            return _unmade(make, parts.train, seed, sampled.shortfall)
        tell("judging", 0.6)
        judged = audit(sampled.table, parts, budget=budget, seed=seed)
        return _Judged(
            replace(judged, subject="the table, by people set apart"),
            model,
            sampled.table,
            sampled.shortfall,
        )

    return judge


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


def _outcome(
    table: Table,
    judged: _Judged,
    checks: tuple[RuleCheck, ...],
    budget: Budget,
    generator: str,
    seed: int,
    steps: list[dict[str, Any]],
) -> Outcome:
    word = _WORDS[judged.audit.verdict]
    reasons = [_reason(f) for f in judged.audit.findings if f.verdict not in (None, Verdict.MET)]
    if judged.shortfall is not None:
        word = "REFUSED"
        reasons.append(f"Not enough rows obey the rules: {judged.shortfall}")
    refused = word == "REFUSED"
    decisions = [
        f"{c.name!r} is left out: {c.reason or c.kind}."
        for c in table.schema.columns
        if not c.is_modelled
    ]
    rare = [c.name for c in table.schema.modelled if c.is_levelled and _rare_levels(table, c.name)]
    if rare:
        decisions.append(
            f"Levels that fewer than {FEW} people hold are kept and may occur in synthetic rows, in: "
            f"{', '.join(repr(name) for name in rare)}. Merge or drop them where knowing that such a "
            "person exists says too much."
        )
    if len(table) > table.n_people:
        decisions.append(
            f"{len(table)} rows of {table.n_people} people are released as single rows: people are "
            "kept whole when judging, but no synthetic person has several rows."
        )
    return Outcome(
        verdict=word,
        audit=judged.audit,
        reasons=tuple(reasons),
        synthetic=None if refused else judged.synthetic,
        model=None if refused else judged.model,
        source=table,
        rules=tuple(
            (c, None if refused else int(np.sum(~c.rule.holds(judged.synthetic)))) for c in checks
        ),
        settings={
            "generator": generator,
            "budget": budget.to_dict(),
            "seed": seed,
            "settings tried": steps,
            "model": judged.model.card(),
        },
        pictures=fidelity.pictures(judged.synthetic, table) if len(judged.synthetic) else {},
        decisions=tuple(decisions),
    )


def _rare_levels(table: Table, name: str) -> bool:
    """Whether a level of the column is held by some people, but fewer than 5."""
    code = table.values[name].astype(int)
    pairs = np.unique(np.column_stack([code, table.people])[code >= 0], axis=0)
    count = np.bincount(pairs[:, 0]) if len(pairs) else np.zeros(0, int)
    return bool(((count > 0) & (count < FEW)).any())


def _reason(finding: Finding) -> str:
    result = finding.result
    if isinstance(result, CannotJudge):
        return f"{finding.title}: {result.reason}"
    return (
        f"{finding.title}: at most {result.high:.3g} against a limit of {finding.limit:g} "
        f"({finding.because})."
    )
