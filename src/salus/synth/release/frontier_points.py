"""One point of a frontier: fit under its budget, judge it, and keep plain figures.

Below 6,000 people a point is judged as a release is, by fits on random halves of the people; above,
on the part of the people that a release sets apart for the choice. The part that a release is
judged by is dropped as soon as the people are split: no point sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from salus.synth.audit import fidelity, utility
from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.audit.held import observe_held
from salus.synth.audit.observation import Observation
from salus.synth.audit.pooling import pool
from salus.synth.audit.privacy import conclude
from salus.synth.audit.run import anchor_observations
from salus.synth.budget import Budget
from salus.synth.errors import Infeasible
from salus.synth.generate.protocol import Generator, Shortfall
from salus.synth.measure.estimate import CannotJudge
from salus.synth.release.crossfit import anchor_trials, run_trials
from salus.synth.release.frontier_plan import Step
from salus.synth.release.judged import Progress
from salus.synth.release.settings import Setting
from salus.synth.release.useful import FIGURES
from salus.synth.table.parts import split
from salus.synth.table.table import Table

__all__ = ["ENDS", "Bench", "Halves", "SetApart", "anchor_figures", "below_fresh_people", "judge"]

ENDS = ("verbatim copy", "fresh real people", "independent columns")
"""The anchors that a frontier ends in."""
Plain = dict[str, Any]
_LEARNT = {"verbatim copy": "fresh real people"}  # models learnt from a copy are those of people


class Seen(NamedTuple):
    """Hold what judging a budget showed, or why no row could be made."""

    observations: Sequence[Observation]
    useful: Iterable[Finding]
    shortfall: Shortfall | None = None


class Bench(Protocol):
    """Fit and judge under one budget after the other, always on the same people and draws."""

    def facts(self) -> dict[str, int]:
        """Tell by how many fits and people a point is judged."""

    def learn(self, make: Any) -> Generator:
        """Fit as a release would."""

    def see(self, make: Any, model: Generator, tell: Progress) -> Seen:
        """Attack and use what is made under this budget."""

    def anchors(self) -> Mapping[str, Sequence[Observation] | CannotJudge]:
        """Attack releases of known quality."""


class Halves:
    """Judge on random halves of all people.

    Parameters
    ----------
    table : Table
    rows, repeats, seed, jobs : int
        As for ``crossfit.run_trials``; there are two fits a repeat.
    """

    def __init__(self, table: Table, *, rows: int, repeats: int, seed: int, jobs: int) -> None:
        self.table, self.rows, self.repeats = table, rows, repeats
        self.seed, self.jobs = seed, jobs

    def facts(self) -> dict[str, int]:
        """Tell the number of fits."""
        return {"fits a point": 2 * self.repeats}

    def learn(self, make: Any) -> Generator:
        """Fit on all people, as the model behind a small release is."""
        with threadpool_limits(1):
            return make().fit(self.table, seed=self.seed)  # type: ignore[no-any-return]

    def see(self, make: Any, model: Generator, tell: Progress) -> Seen:
        """Run the cross-fit."""
        trials = run_trials(
            self.table,
            make,
            rows=self.rows,
            repeats=self.repeats,
            seed=self.seed,
            jobs=self.jobs,
            progress=tell,
        )
        short = next((t.shortfall for t in trials if t.shortfall), None)
        if short is not None:
            return Seen((), (), short)
        predictions = [t.usefulness for t in trials if t.usefulness is not None]
        useful = utility.pool(predictions, seed=self.seed)
        likeness = pool([t.likeness for t in trials if t.likeness])
        return Seen(
            [t.observation for t in trials if t.observation is not None], (*useful, *likeness)
        )

    def anchors(self) -> Mapping[str, Sequence[Observation] | CannotJudge]:
        """Judge the anchors in a few trials."""
        return anchor_trials(self.table, seed=self.seed, jobs=self.jobs)


class SetApart:
    """Judge on the people whom a release of a large table sets apart for its choice.

    Parameters
    ----------
    table : Table
    split_seed : int
        Of the split into parts, which has to be the later release's.
    rows, seed, jobs : int
    """

    def __init__(self, table: Table, *, split_seed: int, rows: int, seed: int, jobs: int) -> None:
        parts = split(table, seed=split_seed)
        self.train, self.reference, self.apart = parts.train, parts.reference, parts.calibration
        self.rows, self.seed, self.jobs = rows, seed, jobs

    def facts(self) -> dict[str, int]:
        """Tell how many people were learnt from and set apart."""
        return {"people learnt from": self.train.n_people, "people set apart": self.apart.n_people}

    def learn(self, make: Any) -> Generator:
        """Fit on the training part beside the reference part."""
        with threadpool_limits(1):
            return make().fit(  # type: ignore[no-any-return]
                self.train, reference=self.reference, seed=self.seed
            )

    def see(self, make: Any, model: Generator, tell: Progress) -> Seen:
        """Draw rows and judge them on the people set apart."""
        with threadpool_limits(1):
            sampled = model.sample(self.rows, seed=self.seed)
            if sampled.shortfall is not None:
                return Seen((), (), sampled.shortfall)
            tell("judging", 0.5)
            people = Table.concat([self.train, self.apart])
            member = np.arange(len(people)) < len(self.train)
            seen = observe_held(
                sampled.table, (), people, member, reference=self.reference, seed=self.seed
            )
            useful = utility.findings(sampled.table, self.train, self.apart, seed=self.seed)
            likeness = fidelity.findings(
                sampled.table, self.apart, baseline=self.train, seed=self.seed
            )
        return Seen([seen], (*useful, *likeness))

    def anchors(self) -> Mapping[str, Sequence[Observation] | CannotJudge]:
        """Judge the anchors on the same people."""
        return anchor_observations(
            self.train, self.apart, reference=self.reference, seed=self.seed, jobs=self.jobs
        )


def anchor_figures(bench: Bench, budget: Budget, seed: int) -> dict[str, Plain]:
    """Return every risk of the anchors in ``ENDS`` as plain values by name, or why there is none."""
    out: dict[str, Plain] = {}
    for name, seen in bench.anchors().items():
        if name not in ENDS:
            continue
        if isinstance(seen, CannotJudge):
            out[name] = {"risks": {}, "reason": seen.reason}
            continue
        found = _of_everybody(conclude(seen, budget, seed=seed))
        out[name] = {"risks": {f.name: f.result.to_dict() for f in found}, "reason": ""}
    return out


def judge(
    bench: Bench,
    step: Step,
    setting: Setting,
    fresh: Mapping[str, Plain],
    *,
    seed: int,
    tell: Progress,
) -> Plain:
    """Fit and judge one budget and return what it showed as plain JSON values.

    Parameters
    ----------
    bench : Bench
    step : Step
    setting : Setting
        Of the generator, the same for all budgets.
    fresh : mapping
        Every risk of fresh real people as plain values: a limit below them can't be met.
    seed : int
    tell : callable

    Returns
    -------
    dict
        ``number``, ``limit``, ``budget``, ``setting``; ``state`` (``judged``, ``no rows`` or
        ``refused in training``) with its ``message``; ``risks`` and ``utility``, the findings;
        ``training``, the account of the constraint; ``infeasible``, a sentence for each limit that
        can't be met, with what is nearest; ``verdict``, of all limits together.
    """
    make = partial(setting.make, step.budget)
    out: Plain = {
        "number": step.number,
        "limit": step.limit,
        "budget": step.budget.to_dict(),
        "setting": setting.to_dict(),
        "state": "judged",
        "message": "",
        "trials": 0,
        "risks": [],
        "utility": [],
        "training": None,
        "infeasible": [],
        "verdict": None,
    }
    tell("fitting", 0.0)
    try:
        model = bench.learn(make)
        constraint = model.card().get("constraint")
        seen = bench.see(make, model, tell)
    except Infeasible as error:
        return {
            **out,
            "state": "refused in training",
            "message": str(error),
            "infeasible": [str(error)],
        }
    out["training"] = _training(constraint)
    out["infeasible"] = _not_met_in_training(out["training"])
    if seen.shortfall is not None:
        return {
            **out,
            "state": "no rows",
            "message": f"Too few rows obey the rules: {seen.shortfall}",
        }
    findings = _of_everybody(conclude(seen.observations, step.budget, seed=seed))
    out["infeasible"] += below_fresh_people(findings, fresh)
    verdict = Audit(findings=findings, subject="").verdict if step.limit is not None else None
    return {
        **out,
        "trials": len(seen.observations),
        "risks": [_plain(f) for f in findings],
        "utility": [_plain(f, anchors=True) for f in seen.useful if f.name in FIGURES],
        "verdict": None if verdict is None else str(verdict),
    }


def _of_everybody(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out single groups: their worst is among the risks."""
    return tuple(f for f in findings if not f.name.startswith("membership.group."))


def _plain(finding: Finding, *, anchors: bool = False) -> Plain:
    whole = finding.to_dict()
    kept = ("name", "title", "meaning", "result", "ideal", "direction", "limit", "verdict")
    out = {k: whole[k] for k in (*kept, "because")}
    if "strongest" in finding.detail:
        out["strongest"] = finding.detail["strongest"]
    if anchors:
        known = whole["anchors"]
        out["anchors"] = {
            name: known[_LEARNT.get(name, name)]
            for name in ENDS
            if _LEARNT.get(name, name) in known
        }
    return out


def _training(constraint: Mapping[str, Any] | None) -> Plain | None:
    """Keep what the constraint cost, without the steps of the search."""
    if constraint is None:
        return None
    kept = ("risks", "utility", "utility_without", "feasible", "message")
    return {k: constraint[k] for k in kept if k in constraint}


def _not_met_in_training(training: Plain | None) -> list[str]:
    if training is None or training.get("feasible", True):
        return []
    far = [r for r in training["risks"] if r["value"] > r["limit"]]
    nearest = "; ".join(f"{r['name']} {r['value']:.3g} (limit {r['limit']:.3g})" for r in far)
    return [
        "The training found no setting that meets the constraint; the nearest, which is shown, has "
        f"{nearest or 'a risk above its limit'}."
    ]


def below_fresh_people(findings: Sequence[Finding], fresh: Mapping[str, Plain]) -> list[str]:
    """Name the limits that people who leak nothing would break, as a release does before it begins.

    One that leaves nothing beyond chance belongs here too, unless it is met: no number of people
    could show it.
    """
    out = []
    for finding in findings:
        theirs, limit = fresh.get(finding.name, {}), finding.limit
        if limit is None or "value" not in theirs or finding.verdict is Verdict.MET:
            continue
        floor = finding.ideal or 0.0
        nearest = max(1.5 * floor, theirs["high"])
        if limit < floor or theirs["low"] > limit:
            shown = max(floor, theirs["value"])
            why = f"fresh real people, who leak nothing, already show {shown:.3g}"
        elif limit <= floor:
            why = "that leaves nothing beyond chance, which no number of people can show"
        else:
            continue
        out.append(
            f"{finding.title}: limit {limit:g}, but {why}. The nearest that could be met is about "
            f"{nearest:.2g}."
        )
    return out
