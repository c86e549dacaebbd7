"""The published scores as findings: beside the audit's own figures, without a limit or a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.finding import Finding
from salus.synth.audit.paper.closeness import Closeness, Pool, above_real, closeness, pools
from salus.synth.audit.paper.halves import over_repeats, some_rows, split
from salus.synth.audit.paper.published import published_divergence
from salus.synth.audit.paper.quality import Quality, quality
from salus.synth.audit.paper.settings import PaperSettings
from salus.synth.audit.samples import Measured, Sample, sample_of
from salus.synth.measure.distance import Encoder
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.jackknife import GROUPS, jackknife_interval
from salus.synth.table.table import Table

__all__ = ["findings"]

FRESH, INDEPENDENT, COPY = "fresh real people", "independent columns", "verbatim copy"
FLOOR = f" of {FRESH}"
_Direction = Literal["low", "high", "near"]
_TEXTS: Mapping[str, tuple[str, str, float, _Direction]] = {
    "comparison.paper_q": (
        "Utility Q of PSyGenTAB, corrected",
        "Weighted mean of likeness of columns (D), outliers and rare levels (A), relations (C) and "
        "coverage (V), against people held out; from arXiv:2606.18518, whose constants are known "
        "second hand. It mixes unlike things and decides nothing.",
        1.0,
        "high",
    ),
    "comparison.paper_p": (
        "Privacy P of PSyGenTAB, corrected",
        "Where the distances of the synthetic rows to the training people lie between those of a "
        "copy (0) and of fresh people (1), in the worst of three spaces; from arXiv:2606.18518. "
        "1 - P is roughly the copied share. It is coarse and decides nothing.",
        1.0,
        "high",
    ),
    "comparison.jsd_published": (
        "Jensen-Shannon divergence as published",
        "Divergence of the numbers' histograms in nats, each over its own range, on average. It is "
        "blind to location and scale: a column in other units has 0. The figures over shared bins "
        "stand beside it. It decides nothing.",
        0.0,
        "low",
    ),
}


def findings(
    synthetic: Table,
    train: Table,
    holdout: Table,
    *,
    settings: PaperSettings | None = None,
    seed: int,
) -> tuple[Finding, ...]:
    """Return the published scores of a synthetic table: for comparison, without any verdict.

    Parameters
    ----------
    synthetic : Table
        Made from ``train``.
    train, holdout : Table
        The people it was made from, and people of the same kind who were never used.
    settings : PaperSettings, optional
        Every constant; the published ones by default.
    seed : int

    Returns
    -------
    tuple of Finding
        ``comparison.paper_q``, ``comparison.paper_p`` and ``comparison.jsd_published``.
    """
    settings = PaperSettings() if settings is None else settings
    reason = _too_few(synthetic, train, holdout, settings)
    if reason is not None:
        return tuple(_finding(name, reason) for name in _TEXTS)
    rng = np.random.default_rng(seed)
    encoder = Encoder.fit([train, holdout])
    return (
        _utility(synthetic, holdout, encoder, settings, rng),
        _privacy(synthetic, train, holdout, encoder, settings, rng),
        _divergence(synthetic, train, holdout, settings, rng),
    )


def _too_few(
    synthetic: Table, train: Table, holdout: Table, settings: PaperSettings
) -> CannotJudge | None:
    if not len(synthetic):
        return CannotJudge("the synthetic table has no rows")
    if not train.schema.modelled:
        return CannotJudge("no column is modelled")
    least = settings.least_people
    if min(train.n_people, holdout.n_people, len(synthetic)) < least:
        return CannotJudge("fewer people than two halves of the held-out ones need", needed=least)
    return None


def _finding(
    name: str,
    result: Estimate | CannotJudge,
    *,
    because: str = "",
    anchors: Mapping[str, Estimate | CannotJudge] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Finding:
    title, meaning, ideal, direction = _TEXTS[name]
    return Finding(
        name=name,
        group="comparison",
        title=title,
        meaning=meaning,
        result=result,
        ideal=ideal,
        direction=direction,
        because=because,
        anchors=anchors or {},
        detail=detail or {},
    )


def _utility(
    synthetic: Table,
    holdout: Table,
    encoder: Encoder,
    settings: PaperSettings,
    rng: np.random.Generator,
) -> Finding:
    """Average Q over random halves of the people held out, each against tables of its size."""
    found: dict[str, list[Quality]] = {"": [], FRESH: [], INDEPENDENT: []}
    for _ in range(settings.repeats):
        one, other = split(holdout.people, 2, rng)
        made = some_rows(synthetic.people, len(synthetic), rng)
        n = min(len(one), len(other), len(made), settings.most_rows)
        real, fresh = holdout.take(one[:n]), holdout.take(other[:n])
        loose = independent_columns(fresh, rng)
        for name, table in (("", synthetic.take(made[:n])), (FRESH, fresh), (INDEPENDENT, loose)):
            found[name].append(quality(table, real, encoder, settings))
    weights = {k: getattr(settings, v) for k, v in _PARTS.items()}
    parts = _part_means(found[""])
    absent = [k for k, w in weights.items() if w > 0 and k not in parts]
    detail = {
        "parts": parts,
        f"parts{FLOOR}": _part_means(found[FRESH]),
        "weights": weights,
        "absent parts": absent,
    }
    results = {k: _score(v, holdout.n_people) for k, v in found.items()}
    return _finding(
        "comparison.paper_q",
        results.pop(""),
        because=f"without {', '.join(absent)}, which no column has" if absent else "",
        anchors=results,
        detail=detail,
    )


_PARTS = {
    "D": "distribution",
    "A": "anomalies",
    "C": "association",
    "V": "diversity",
    "T": "temporal",
}


def _part_means(found: Sequence[Quality]) -> dict[str, float]:
    names = dict.fromkeys(name for q in found for name in q.parts)
    return {n: float(np.mean([q.parts[n] for q in found if n in q.parts])) for n in names}


def _score(found: Sequence[Quality], n: int) -> Estimate | CannotJudge:
    values = []
    for q in found:
        if isinstance(q.score, CannotJudge):
            return q.score
        values.append(q.score)
    return over_repeats(np.array(values), n=n)


def _privacy(
    synthetic: Table,
    train: Table,
    holdout: Table,
    encoder: Encoder,
    settings: PaperSettings,
    rng: np.random.Generator,
) -> Finding:
    tables = {
        "": synthetic,
        "held": holdout,
        INDEPENDENT: independent_columns(holdout, rng),
    }
    known = pools(train, tables, encoder, settings, rng)
    held, copies = known["held"], known["copies"]

    def score(pool: Pool | None) -> Closeness:
        return closeness(pool, held, copies, settings, rng)

    found = score(known[""])
    return _finding(
        "comparison.paper_p",
        found.result,
        because=_equivalent(found.result, settings.p_min),
        anchors={
            COPY: score(copies).result,
            FRESH: score(None).result,
            INDEPENDENT: score(known[INDEPENDENT]).result,
        },
        detail=_of_closeness(found, settings) | above_real(known[""], held, settings, rng),
    )


def _equivalent(result: Estimate | CannotJudge, least: float) -> str:
    """Say what P stands for: the copied share that it tolerates."""
    tolerated = (
        f"1 - P is roughly the copied share: the published threshold of {least:.2f} tolerates "
        f"verbatim copies of {100 * (1 - least):.0f} % of the rows"
    )
    if isinstance(result, CannotJudge):
        return tolerated
    side = "above" if result.low >= least else "below" if result.high < least else "at"
    return f"{tolerated}; this table lies {side} it"


def _of_closeness(found: Closeness, settings: PaperSettings) -> dict[str, Any]:
    result = found.result
    published = settings.quantiles + settings.copies
    return {
        "worst space": found.worst,
        "spaces": {k: v.to_dict() for k, v in found.spaces.items()},
        "parts": dict(found.parts),
        "published threshold": settings.p_min,
        "on the published scale": result.value - published
        if isinstance(result, Estimate)
        else None,
        "highest on the published scale": settings.closeness,
    }


def _divergence(
    synthetic: Table,
    train: Table,
    holdout: Table,
    settings: PaperSettings,
    rng: np.random.Generator,
) -> Finding:
    n = min(len(synthetic), len(train), len(holdout), settings.most_rows)
    a, b, fresh = (sample_of(t, n, rng) for t in (synthetic, holdout, train))
    bins = {"bins": settings.bins, "few": settings.few_bins}
    made, beside = published_divergence(a, b, **bins), published_divergence(fresh, b, **bins)
    floor = {f"{k}{FLOOR}": v for k, v in beside.detail.items()}
    return _finding(
        "comparison.jsd_published",
        _jackknife(made, b),
        because="blind to location and scale, as each histogram lies on its own table's range",
        anchors={FRESH: _jackknife(beside, b)},
        detail={**made.detail, **floor},
    )


def _jackknife(measured: Measured, b: Sample) -> Estimate | CannotJudge:
    if isinstance(measured.values, CannotJudge):
        return measured.values
    value, low, high = jackknife_interval(measured.values, low=0.0, high=float(np.log(2)))
    method = f"jackknife over {GROUPS} groups of people"
    return Estimate(value, low, high, b.table.n_people, method)
