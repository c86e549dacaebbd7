"""Judge settings on a large table by people set apart: choose on one part, judge on another, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from salus.synth.audit.held import observe_held
from salus.synth.audit.observation import Observation
from salus.synth.audit.run import audit
from salus.synth.budget import Budget
from salus.synth.generate.protocol import Generator, Sampled
from salus.synth.release.choose import Candidate, in_order, p_values
from salus.synth.release.crossfit import Make
from salus.synth.release.judged import Judged, Progress, unmade
from salus.synth.release.series import Series
from salus.synth.table.parts import Parts
from salus.synth.table.table import Table

__all__ = ["choose_and_judge"]

Fitted = tuple[Generator, Sampled]


def choose_and_judge(
    settings: Sequence[tuple[dict[str, Any], Make]],
    parts: Parts,
    budget: Budget,
    *,
    rows: int,
    seed: int,
    series: Series,
    tell: Progress,
) -> tuple[Judged, list[dict[str, Any]], dict[str, Any]]:
    """Certify settings on the calibration part and audit the boldest one on the audit part, once.

    Where none is certified, the safest is audited all the same: a verdict says more than silence.

    Parameters
    ----------
    settings : sequence of (setting, make)
        From the safest to the boldest.
    parts : Parts
    budget : Budget
    rows, seed : int
    series : Series
    tell : callable

    Returns
    -------
    (Judged, steps, setting)
        What came of it, the settings tried with their p-values, and the one judged.
    """
    fitted: dict[int, Fitted] = {}
    steps: list[dict[str, Any]] = []

    def candidates() -> Iterator[Candidate]:
        for k, (setting, make) in enumerate(settings):
            tell("fitting", k / len(settings))
            fitted[k] = _fit(make, parts, rows, seed)
            sampled = fitted[k][1]
            if sampled.shortfall is not None:
                return
            tell("choosing", (k + 0.5) / len(settings))
            found = p_values(_seen(sampled.table, parts, series, seed), budget)
            candidate = Candidate(setting, found)
            steps.append(
                {
                    **setting,
                    "p": round(candidate.p, 5),
                    "weakest": candidate.weakest,
                    "certified": candidate.p <= series.error,
                }
            )
            yield candidate

    certified = in_order(candidates(), delta=series.error)
    chosen = max(len(certified) - 1, 0)
    setting = settings[chosen][0]
    model, sampled = fitted[chosen]
    if sampled.shortfall is not None:
        return (
            unmade(partial(_as_fitted, model), parts.train, seed, sampled.shortfall),
            steps,
            setting,
        )
    tell("judging", 0.9)
    judged = audit(
        sampled.table, parts, budget=budget, earlier=series.tables, error=series.error, seed=seed
    )
    judged = replace(
        judged,
        subject="the table, by people set apart",
        findings=(*judged.findings, *series.finding()),
        context={**judged.context, **series.context(), "settings tried": steps},
    )
    return Judged(judged, model, sampled.table, None), steps, setting


def _fit(make: Make, parts: Parts, rows: int, seed: int) -> Fitted:
    model = make().fit(parts.train, reference=parts.reference, seed=seed)
    return model, model.sample(rows, seed=seed)


def _as_fitted(model: Generator) -> Generator:
    return model


def _seen(made: Table, parts: Parts, series: Series, seed: int) -> Observation:
    """Observe the rows on the people learnt from and on those set apart for the choice."""
    people = Table.concat([parts.train, parts.calibration])
    member = np.arange(len(people)) < len(parts.train)
    return observe_held(made, series.tables, people, member, reference=parts.reference, seed=seed)
