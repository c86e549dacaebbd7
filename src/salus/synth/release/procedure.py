"""The act of release: fit under the budget, judge on people never seen, release or refuse."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from salus.synth.audit import fidelity
from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.budget import Budget
from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.generate.protocol import Generator
from salus.synth.generate.shrinkage import SLACK
from salus.synth.measure.estimate import CannotJudge
from salus.synth.release.claims import claim_of, statement
from salus.synth.release.crossfit import Make
from salus.synth.release.judged import Choice, Progress
from salus.synth.release.large import choose_by_calibration
from salus.synth.release.ledger import Ledger
from salus.synth.release.series import Series, digest, series_of
from salus.synth.release.settings import Setting, ladders_of
from salus.synth.release.small import Crossfit, choose_by_crossfit
from salus.synth.table.parts import split
from salus.synth.table.rules import RuleCheck, check, rules_of
from salus.synth.table.table import Table

__all__ = ["STATUS", "Outcome", "Word", "carry_out"]

Word = Literal["RELEASED", "REFUSED", "CANNOT BE JUDGED"]

FEW = 5  # people, below whom a level may point at one of them
FEWEST = 60  # people, below whom nothing can be shown
MANY = 6_000  # people, from whom on one split decides
REPEATS = 10  # of the cross-fit; each is two fits
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
    went_out : bool or None
        Whether the ledger says that the table is handed over; None without a ledger.
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
    went_out: bool | None = None


def carry_out(
    table: Table,
    *,
    budget: Budget | None = None,
    generator: str = "forest",
    options: Mapping[str, Any] | None = None,
    n: int | None = None,
    seed: int = 0,
    repeats: int = REPEATS,
    jobs: int | None = None,
    ledger: Ledger | None = None,
    earlier: Sequence[Table] = (),
    cohort_name: str = "",
    name: str = "",
    when: str = "",
    withheld_ok: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Learn, judge and release a synthetic table, or refuse.

    Small tables (under 6,000 people) are judged by cross-fitting the procedure, larger ones by
    people set apart. The constraint of the fit is loosened step by step for as long as every limit is
    shown to hold, on a large table by the calibration part: in this fixed order, from the safest to
    the boldest, the error over all steps is that of one (``choose.py``). What is released was fitted
    with the boldest setting that held; a large table is then audited once by people whom neither fit
    nor choice has seen.

    Parameters
    ----------
    table : Table
    budget : Budget, optional
    generator : str
        One of ``salus.synth.generate.KINDS()``, or ``auto``: the one whose certified table predicts the
        outcome best.
    options : mapping, optional
        Further arguments of the generator.
    n : int, optional
        Rows to release; as many as the table has by default.
    seed : int
    repeats : int
        Of the cross-fit of a small table; each is two fits.
    jobs : int, optional
        Processes; one a core by default.
    ledger : Ledger, optional
        Where looks at these people and tables that went out are recorded; what stands there about them
        is accounted for (``series.py``).
    earlier : sequence of Table
        Tables of these people that went out before; needed from 6,000 people on.
    cohort_name, name, when : str
        For the ledger: what the people are called, what the table is called, and the time.
    withheld_ok : bool
        Whether a table that can't be judged will be handed over all the same.
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
    _check_options(table, rows, repeats)
    small = table.n_people < MANY
    ladders, absent = ladders_of(generator, options or {}, small=small)
    jobs = jobs or os.cpu_count() or 1
    tell: Progress = progress or (lambda what, share: None)
    checks = check(table, rules_of(table.schema))
    asked: dict[str, Any] = {
        "generator": generator,
        "budget": budget.to_dict(),
        "rows": rows,
        "seed": seed,
        "repeats": repeats if small else None,
        "columns": [c.name for c in table.schema.modelled],
        "earlier": sorted(digest(t) for t in earlier),
        **({"options": dict(options)} if options else {}),
    }
    series, people = Series(), None
    if ledger is not None:
        series, people = series_of(
            ledger, table, asked, earlier, by_crossfit=small, name=cohort_name
        )
    elif earlier:
        raise OptionError(
            "earlier tables can be judged only with the ledger that they stand in.",
            remedy="Give --ledger as well.",
        )
    tried = [[(one.to_dict(), partial(one.make, budget)) for one in ladder] for ladder in ladders]
    if small:
        again = () if series.obstacle else series.made_again(_again)
        judge = Crossfit(table, budget, rows, repeats, seed, jobs, tell, series, again)
        choice = choose_by_crossfit(judge, tried)
    else:
        split_seed = seed if series.split_seed is None else series.split_seed
        asked["split_seed"] = split_seed
        choice = choose_by_calibration(
            tried,
            split(table, seed=split_seed),
            budget,
            rows=rows,
            seed=seed,
            series=series,
            tell=tell,
        )
    judged = choice.judged
    outcome = _outcome(table, choice, checks, budget, seed, series, ledger, absent)
    if ledger is not None and people is not None:
        goes_out = outcome.verdict == "RELEASED" or (
            withheld_ok and outcome.verdict == "CANNOT BE JUDGED"
        )
        made = digest(judged.synthetic) if goes_out else ""
        _refuse_another(made, series.again)
        ledger.record(
            {
                "kind": "release",
                "verb": "release",
                "touched": "all people, by cross-fitting"
                if small
                else "train, reference, calibration and audit parts",
                "name": name,
                "cohort_name": cohort_name,
                "when": when,
                "settings": {**asked, "setting": dict(choice.setting)},
                "verdict": outcome.verdict,
                "sha256": made,
                "differential_privacy": claim_of(judged.model.card()),
            },
            people,
            accounted=series.lines,
        )
        outcome = replace(outcome, went_out=goes_out)
    return outcome


def _refuse_another(made: str, again: Sequence[str]) -> None:
    """Refuse a further table under the name of an earlier run, as other versions may make."""
    if made and again and made not in again:
        raise OptionError(
            "the ledger holds a run with these very settings, which made another table (with other "
            "versions of the program or its libraries?).",
            remedy="Give another --seed: it is then judged as a further look at these people.",
        )


def _check_options(table: Table, rows: int, repeats: int) -> None:
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


def _again(settings: Mapping[str, Any]) -> Make:
    """Return how a recorded release made its table."""
    before = {"generator": settings["generator"], "slack": settings.get("slack", SLACK)}
    one = Setting.from_dict(settings.get("setting", before))
    return partial(one.make, Budget(**settings["budget"]))


def _outcome(
    table: Table,
    choice: Choice,
    checks: tuple[RuleCheck, ...],
    budget: Budget,
    seed: int,
    series: Series,
    ledger: Ledger | None,
    absent: Sequence[str],
) -> Outcome:
    judged, steps = choice.judged, choice.steps
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
    decisions.append(_on_the_series(series, ledger))
    decisions += [choice.why] if choice.why else []
    claims = (e.content.get("differential_privacy") for e in series.out)
    decisions += statement(judged.model.card(), [c for c in claims if c])
    decisions += [f"Not tried: {why}." for why in absent]
    uncertified = [s for s in steps if not s.get("certified", True)]
    if uncertified and len(uncertified) == len(steps) and "p" in steps[0]:
        decisions.append(
            "No setting was certified on the part set apart for the choice (hardest for the safest: "
            f"{steps[0]['weakest']!r}, p = {steps[0]['p']:.2g} against {series.error:.2g}); the safest "
            "was judged all the same."
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
            "generator": choice.setting["generator"],
            "budget": budget.to_dict(),
            "seed": seed,
            "settings tried": list(steps),
            "model": judged.model.card(),
        },
        pictures=fidelity.pictures(judged.synthetic, table) if len(judged.synthetic) else {},
        decisions=tuple(decisions),
    )


def _on_the_series(series: Series, ledger: Ledger | None) -> str:
    if ledger is None:
        return (
            "Nothing was recorded: without --ledger a further table of the same people will be judged "
            "as if it were the first."
        )
    if series.looks == 1:
        return "The ledger holds no earlier look at these people."
    return (
        f"Audit reused: this is look {series.looks} at these people, so each bound was taken at an "
        f"error of {series.error:.2g}; attackers were given {len(series.out)} earlier table(s) too."
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
