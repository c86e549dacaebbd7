"""Judge settings on a large table by people set apart: choose on one part, judge on another, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from salus.synth.audit import fidelity, utility
from salus.synth.audit.held import observe_held
from salus.synth.audit.observation import Observation
from salus.synth.audit.run import audit
from salus.synth.budget import Budget
from salus.synth.generate.protocol import Generator, Sampled
from salus.synth.release.choose import Candidate, in_order, p_values
from salus.synth.release.crossfit import Make
from salus.synth.release.judged import Choice, Judged, Ladders, Progress, unmade
from salus.synth.release.series import Series
from salus.synth.release.settings import drawn_from
from salus.synth.release.useful import Contender, most_useful, usefulness
from salus.synth.table.parts import Parts
from salus.synth.table.table import Table

__all__ = ["choose_by_calibration"]

Fitted = tuple[Generator, Sampled]


def choose_by_calibration(
    ladders: Ladders,
    parts: Parts,
    budget: Budget,
    *,
    rows: int,
    seed: int,
    series: Series,
    tell: Progress,
) -> Choice:
    """Certify settings on the calibration part and audit the chosen one on the audit part, once.

    Of each generator the boldest setting certified counts, and of these the most useful is audited.
    Generators share the error of the choice (Bonferroni). Where none is certified, the safest setting
    of the first is audited all the same: a verdict says more than silence.

    Parameters
    ----------
    ladders : sequence of sequence of (setting, make)
        For each generator, from the safest setting to the boldest.
    parts : Parts
    budget : Budget
    rows, seed : int
    series : Series
    tell : callable
    """
    bench = _Bench(parts, budget, rows, seed, series, series.error / len(ladders), tell)
    found: list[Fitted] = []
    contenders: list[Contender] = []
    for k, ladder in enumerate(ladders):
        fitted, contender = bench.boldest_certified(ladder, k / len(ladders), len(ladders))
        found.append(fitted)
        contenders.append(contender)
    best, why = most_useful(contenders)
    (model, sampled), setting = found[best], contenders[best].setting
    if sampled.shortfall is not None:
        judged = unmade(partial(_as_fitted, model), parts.train, seed, sampled.shortfall)
        return Choice(judged, setting, bench.steps, why)
    tell("judging", 0.9)
    told = audit(
        sampled.table, parts, budget=budget, earlier=series.tables, error=series.error, seed=seed
    )
    told = replace(
        told,
        subject="the table, by people set apart",
        findings=(*told.findings, *series.finding()),
        context={**told.context, **series.context(), "settings tried": bench.steps},
    )
    return Choice(Judged(told, model, sampled.table, None), setting, bench.steps, why)


@dataclass
class _Bench:
    """Fit settings and test them on the people set apart for the choice."""

    parts: Parts
    budget: Budget
    rows: int
    seed: int
    series: Series
    error: float
    tell: Progress
    steps: list[dict[str, Any]] = field(default_factory=list)

    def boldest_certified(
        self, ladder: Sequence[tuple[Mapping[str, Any], Make]], done: float, ladders: int
    ) -> tuple[Fitted, Contender]:
        """Return the boldest setting certified, or the safest where none is."""
        fitted: list[Fitted] = []

        def candidates() -> Iterator[Candidate]:
            for k, (setting, make) in enumerate(ladder):
                share = 0.9 * (done + k / len(ladder) / ladders)
                self.tell(f"fitting {setting.get('generator', '')}".strip(), share)
                fitted.append(self._fit(make, fitted[-1][0] if fitted else None))
                sampled = fitted[-1][1]
                if sampled.shortfall is not None:
                    return
                self.tell("choosing", share + 0.45 / len(ladder) / ladders)
                candidate = Candidate(setting, p_values(self._seen(sampled.table), self.budget))
                self.steps.append(
                    {
                        **setting,
                        "p": round(candidate.p, 5),
                        "weakest": candidate.weakest,
                        "certified": candidate.p <= self.error,
                    }
                )
                yield candidate

        certified = in_order(candidates(), delta=self.error)
        at = max(len(certified) - 1, 0)
        useful = ("", 0.0) if ladders == 1 or not certified else self._useful(fitted[at][1].table)
        return fitted[at], Contender(ladder[at][0], bool(certified), useful)

    def _fit(self, make: Make, before: Generator | None) -> Fitted:
        wanted = make()
        model = drawn_from(wanted, before)
        if model is None:
            model = wanted.fit(self.parts.train, reference=self.parts.reference, seed=self.seed)
        return model, model.sample(self.rows, seed=self.seed)

    def _seen(self, made: Table) -> Observation:
        """Observe the rows on the people learnt from and on those set apart for the choice."""
        train, apart = self.parts.train, self.parts.calibration
        people = Table.concat([train, apart])
        member = np.arange(len(people)) < len(train)
        return observe_held(
            made, self.series.tables, people, member, reference=self.parts.reference, seed=self.seed
        )

    def _useful(self, made: Table) -> tuple[str, float]:
        """Return how useful the rows are, by the people set apart for the choice."""
        train, apart = self.parts.train, self.parts.calibration
        findings = utility.findings(made, train, apart, seed=self.seed)
        name, value = usefulness(findings)
        if name:
            return name, value
        return usefulness(fidelity.findings(made, apart, baseline=train, seed=self.seed))


def _as_fitted(model: Generator) -> Generator:
    return model
