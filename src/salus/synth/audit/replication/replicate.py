"""Run a published analysis on real people and on synthetic rows, and say whether they agree.

A researcher who was given the synthetic rows would have published their coefficients. The figures
say how often these have the sign of the real ones, and how much the intervals overlap (Karr et al.
2006, doi:10.1198/000313006X124640). Random halves of the real people are held against each other
in the same way: what two studies of real people share is all that can be asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salus.synth.audit.finding import Finding
from salus.synth.audit.replication.agreement import (
    INTERCEPT,
    Row,
    compare,
    interval,
    mean_overlap,
    overlap,
    same_signs,
)
from salus.synth.audit.replication.combining import Rule, combine
from salus.synth.audit.replication.design import Design, Plan, make_plan
from salus.synth.audit.replication.fitting import Coefficient, Fitted, fit
from salus.synth.audit.replication.formula import parse
from salus.synth.audit.replication.sheet import Sheet, read_sheet
from salus.synth.errors import OptionError
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table

__all__ = ["replicate"]

Floats = NDArray[np.float64]
Source = Table | pd.DataFrame
FRESH, INDEPENDENT = "fresh real people", "independent columns"
SPLITS, SPLITS_OF_MANY = 20, 5  # halvings of the real people
MANY = {"logistic": 10_000, "linear": 10_000, "cox": 1_000}  # rows; fits of Cox's model are slow
SHUFFLES = 5  # of the real columns
DRAWS = 2_000  # of the synthetic estimates
_TEXTS = {
    "sign": (
        "Coefficients of the same sign",
        "Share of the coefficients of a published analysis, among those whose sign the real people "
        "tell, that have this sign in the synthetic rows. The interval runs from those whose "
        "synthetic interval lies on that side of 0 to those where it doesn't lie on the other.",
    ),
    "overlap": (
        "Overlap of the intervals",
        "Mean overlap of the real and the synthetic 95 % intervals of the coefficients of a "
        "published analysis (1: they are the same; 0: they are apart).",
    ),
}


def replicate(
    formula: str,
    *,
    real: Source,
    synthetic: Source | Sequence[Source],
    kind: Literal["auto", "logistic", "linear", "cox"] = "auto",
    rule: Rule = "simple",
    seed: int = 0,
    label: str = "",
) -> tuple[Finding, Finding]:
    """Fit an analysis on the real people and on the synthetic rows.

    Rows with a missing cell in a column of the formula are left out, in each table by itself.

    Parameters
    ----------
    formula : str
        Such as ``death ~ age + log(bili)`` or ``Surv(days, status == "dead") ~ age``; what it may
        hold stands in ``formula.py``.
    real : Table or DataFrame
    synthetic : Table or DataFrame, or a sequence of m of them
        The synthetic estimate is their mean.
    kind : {"auto", "logistic", "linear", "cox"}
        The model; ``auto`` tells it from the outcome.
    rule : {"simple", "proper", "raghunathan", "naive"}
        How the interval for the population is combined (``combining.py``); ``raghunathan``
        needs two tables.
    seed : int
        Of the halves of the real people.
    label : str
        Distinguishes several analyses: the findings are then ``replication.sign.LABEL``.

    Returns
    -------
    tuple of Finding
        ``replication.sign`` and ``replication.overlap``; both hold the coefficients in ``detail``.

    Raises
    ------
    OptionError
        If the formula can't be read, holds what isn't allowed, or doesn't suit the table.
    MissingExtra
        Without the extra ``replicate``.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> table = load_pbc()
    >>> sign, overlap = replicate(
    ...     "albumin ~ age + log(bili)", real=table, synthetic=table
    ... )  # doctest: +SKIP
    >>> sign.result.value, overlap.result.value  # doctest: +SKIP
    (1.0, 1.0)
    """
    many = [synthetic] if isinstance(synthetic, Table | pd.DataFrame) else list(synthetic)
    if not many:
        raise OptionError("no synthetic table was given.")
    analysis = parse(formula)
    sheet = read_sheet(real, analysis.columns)
    plan = make_plan(analysis, sheet, kind)
    design = plan.design(sheet)
    made = [plan.design(read_sheet(s, analysis.columns, like=sheet)) for s in many]
    detail = _counts(plan, design, made, rule, label)
    truth = fit(design, plan.kind)
    if isinstance(truth, CannotJudge):
        return _unjudged(f"on the real people, {truth.reason}", detail, label)
    fits = [fit(d, plan.kind) for d in made]
    failed = [f for f in fits if isinstance(f, CannotJudge)]
    if failed:
        where = "on the synthetic rows" + (
            f" ({len(failed)} of {len(fits)} tables)" if len(fits) > 1 else ""
        )
        return _unjudged(f"{where}, {failed[0].reason}", detail, label)
    fitted = [f for f in fits if isinstance(f, Fitted)]
    rows = _rows(truth, fitted, rule)
    detail |= {
        "coefficients": [r.to_dict() for r in rows],
        "not determined by the real people": dict(truth.absent),
    }
    beside = _Anchors.of(plan, sheet, design, truth, rows, seed)
    return (
        _finding("sign", _sign(rows, len(design)), beside.sign, detail, label),
        _finding("overlap", _overlap(rows, len(design), seed), beside.overlap, detail, label),
    )


def _rows(truth: Fitted, fits: list[Fitted], rule: Rule) -> list[Row]:
    """Return a row for each real coefficient, beside the mean of the synthetic ones.

    The synthetic interval is the one that the synthetic tables foretell for the real analysis, with
    the variance ``v k/n`` of one table of n rows (Nowok, Raab & Dibben 2016,
    doi:10.18637/jss.v074.i11): for one table of n rows it is the table's own.
    """
    if rule == "raghunathan" and len(fits) < 2:
        raise OptionError(
            "the rule 'raghunathan' needs at least two synthetic tables.",
            remedy="Use the rule 'simple' for one table.",
        )
    rows = []
    for row in compare(truth, fits[0]):
        each = [f.coefficients.get(row.name) for f in fits]
        found = [c for c in each if c is not None]
        if len(found) < len(fits):
            why = next((f.absent[row.name] for f in fits if row.name in f.absent), row.absent)
            rows.append(Row(name=row.name, real=row.real, synthetic=None, absent=why))
            continue
        q, v = [c.estimate for c in found], [c.variance for c in found]
        sizes = {"n_real": truth.rows, "n_synthetic": round(np.mean([f.rows for f in fits]))}
        ratio = sizes["n_synthetic"] / sizes["n_real"]
        df = found[0].df if len(found) == 1 else math.inf
        rows.append(
            Row(
                name=row.name,
                real=row.real,
                synthetic=Coefficient(float(np.mean(q)), ratio * float(np.mean(v)), df),
                noise=combine(q, v, rule="naive", **sizes).variance,
                population=combine(q, v, rule=rule, **sizes).interval(),
            )
        )
    return rows


def _sign(rows: list[Row], n: int) -> Estimate | CannotJudge:
    told = [r for r in rows if r.determined and r.name != INTERCEPT]
    if not told:
        return CannotJudge("the real people tell the sign of no coefficient")
    value = float(np.mean([r.same_sign for r in told]))
    sure = float(np.mean([r.same_conclusion for r in told]))
    opposite = float(np.mean([_is_opposite(r) for r in told]))
    return Estimate(value, sure, 1 - opposite, n, "signs that the synthetic intervals tell")


def _is_opposite(row: Row) -> bool:
    """Tell whether a sign is surely not kept: told as the other one, or not there at all."""
    if row.synthetic is None:
        return True
    low, high = interval(row.synthetic)
    return not row.same_sign and (low > 0 or high < 0)


def _overlap(rows: list[Row], n: int, seed: int) -> Estimate | CannotJudge:
    """Return the mean overlap; the interval is that of other tables from the same model."""
    value = mean_overlap(rows)
    if value is None:
        return CannotJudge("the formula has no coefficient but the intercept")
    rng = np.random.default_rng(seed)
    kept = [r for r in rows if r.name != INTERCEPT]
    drawn = np.zeros((len(kept), DRAWS))
    for k, row in enumerate(kept):
        if row.synthetic is not None:
            low, high = interval(row.synthetic)
            shift = rng.normal(0, math.sqrt(row.noise), DRAWS)
            drawn[k] = overlap(interval(row.real), (low + shift, high + shift))
    half = 1.96 * float(drawn.mean(0).std())
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value, low, high, n, "draws of the synthetic estimates, as if independent")


@dataclass(frozen=True)
class _Anchors:
    """Hold the same figures for halves of the real people, and for columns drawn apart."""

    sign: dict[str, Estimate | CannotJudge]
    overlap: dict[str, Estimate | CannotJudge]

    @classmethod
    def of(
        cls, plan: Plan, sheet: Sheet, design: Design, real: Fitted, rows: list[Row], seed: int
    ) -> _Anchors:
        rng = np.random.default_rng(seed)
        told = {r.name: r.determined and r.name != INTERCEPT for r in rows}
        splits = SPLITS if len(design) <= MANY[plan.kind] else SPLITS_OF_MANY
        halves = [_halves(plan, design, rng) for _ in range(splits)]
        drawn = [fit(plan.design(sheet.shuffled(rng)), plan.kind) for _ in range(SHUFFLES)]
        apart = [compare(real, d) for d in drawn if isinstance(d, Fitted)]
        named = f"{splits} random halvings of the real people"

        def both(figure: Callable[[list[Row]], float | None]) -> dict[str, Estimate | CannotJudge]:
            return {
                FRESH: _spread([figure(h) for h in halves if h], len(design) // 2, named),
                INDEPENDENT: _spread(
                    [figure(a) for a in apart], len(design), f"{SHUFFLES} shufflings"
                ),
            }

        return cls(both(lambda r: same_signs(r, told)), both(mean_overlap))


def _halves(plan: Plan, design: Design, rng: np.random.Generator) -> list[Row]:
    """Return one half of the real people beside the other; empty if either can't be fitted."""
    unique, who = np.unique(design.people, return_inverse=True)
    first = (rng.permutation(len(unique)) % 2 == 0)[who]
    one, other = fit(design.take(first), plan.kind), fit(design.take(~first), plan.kind)
    if isinstance(one, CannotJudge) or isinstance(other, CannotJudge):
        return []
    return compare(one, other)


def _spread(values: list[float | None], n: int, method: str) -> Estimate | CannotJudge:
    """Return the mean with the range that holds 95 % of the values."""
    known = [v for v in values if v is not None]
    if not known:
        return CannotJudge("the analysis can't be fitted there")
    low, high = np.quantile(known, [0.025, 0.975])
    mean = float(np.mean(known))
    return Estimate(mean, min(float(low), mean), max(float(high), mean), n, method)


def _counts(
    plan: Plan, design: Design, made: list[Design], rule: str, label: str
) -> dict[str, Any]:
    people = _people(design)
    out: dict[str, Any] = {
        "formula": plan.analysis.text,
        "model": plan.kind,
        "label": label,
        "real rows": len(design),
        "real rows left out": design.rows - len(design),
        "synthetic tables": len(made),
        "synthetic rows": [len(d) for d in made],
        "synthetic rows left out": [d.rows - len(d) for d in made],
        "population interval by the rule": rule,
    }
    if people < len(design):
        out["note"] = f"{len(design)} rows of {people} people are taken as independent."
    return out


def _people(design: Design) -> int:
    return len(np.unique(design.people))


def _finding(
    name: str,
    result: Estimate | CannotJudge,
    anchors: dict[str, Estimate | CannotJudge],
    detail: dict[str, Any],
    label: str,
) -> Finding:
    title, meaning = _TEXTS[name]
    return Finding(
        name=f"replication.{name}" + (f".{label}" if label else ""),
        group="replication",
        title=f"{title}: {detail['formula']}",
        meaning=meaning,
        result=result,
        ideal=1.0,
        direction="high",
        anchors=anchors,
        detail=detail,
    )


def _unjudged(reason: str, detail: dict[str, Any], label: str) -> tuple[Finding, Finding]:
    return (
        _finding("sign", CannotJudge(reason), {}, detail, label),
        _finding("overlap", CannotJudge(reason), {}, detail, label),
    )
