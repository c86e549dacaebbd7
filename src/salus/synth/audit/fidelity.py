"""Compare synthetic rows with people: columns, pairs, missing values, and a classifier.

Every figure is taken against real people who were held out, so that memorising earns nothing, and
stands beside the same figure for other real people and for columns permuted independently. The
intervals come from leaving out groups of people of both tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.detection import BOOSTING, TWIN_AREA, detect, twins
from salus.synth.audit.finding import Finding
from salus.synth.audit.likeness import FEW, coverage, pairs, relations, shape
from salus.synth.audit.missing import missing_patterns, missingness
from salus.synth.audit.pictures import column_pictures
from salus.synth.audit.samples import Measured, Sample, sample_of
from salus.synth.audit.triples import triples
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.jackknife import GROUPS, jackknife_interval, people_groups
from salus.synth.table.table import Table

__all__ = ["FLOOR", "findings", "pictures"]

MOST = 4_000  # rows of each table that are compared
PICTURED = 2_000  # rows behind the relations drawn
FRESH, INDEPENDENT = "fresh real people", "independent columns"
FLOOR = f" of {FRESH}"


_Others = Mapping[str, tuple[Sample, Sample] | None]
_TOO_FEW = CannotJudge("too few people for two halves", needed=2 * GROUPS)


def findings(
    synthetic: Table, real: Table, *, baseline: Table | None = None, seed: int
) -> tuple[Finding, ...]:
    """Compare a synthetic table with real people held out, at equal size.

    Parameters
    ----------
    synthetic, real : Table
        Of one schema.
    baseline : Table, optional
        Further real people, such as the training ones, compared with ``real`` in the same way; else
        one half of ``real`` is compared with the other.
    seed : int

    Returns
    -------
    tuple of Finding
        ``fidelity.shape``, ``.pairs``, ``.triples``, ``.detection``, ``.missingness``,
        ``.missing_patterns`` and ``.coverage``. In each detail a key that ends in ``FLOOR`` holds
        the same figures for real people beside real people.
    """
    rng = np.random.default_rng(seed)
    n = min(len(real), len(synthetic), MOST)
    if n == 0:
        return tuple(_unjudged(name, "one of the tables has no rows") for name in _TEXTS)
    a, b = sample_of(synthetic, n, rng), sample_of(real, n, rng)
    fresh = _fresh(real, b, baseline, n, rng)
    people, beside = fresh or (b, b)
    null = sample_of(independent_columns(people.table, rng), n, rng)
    others: _Others = {INDEPENDENT: (null, beside), FRESH: fresh}
    equal = _equal(a, b, others, seed)
    out = [
        _finding("fidelity.shape", shape, a, b, others, (0.0, 1.0)),
        _finding("fidelity.pairs", pairs, a, b, others, (0.0, 1.0)),
        _finding("fidelity.triples", triples, *equal, (0.0, 1.0)),
        _detection(a.table, b.table, others, baseline, seed),
        _finding("fidelity.missingness", missingness, a, b, others, (0.0, 1.0)),
        _finding("fidelity.missing_patterns", missing_patterns, *equal, (0.0, 1.0)),
        _finding("fidelity.coverage", coverage, a, b, others, (0.0, 1.0)),
    ]
    return tuple(out)


def pictures(synthetic: Table, real: Table) -> dict[str, Any]:
    """Return what a report draws: shares by bin or level, missing shares, relations of columns.

    No bin and no level stands for one to four real people: bins are merged, levels grouped.

    Returns
    -------
    dict
        ``columns`` as ``column_pictures`` returns them; ``pairs`` with ``names`` and the matrices
        ``real`` and ``synthetic``.
    """
    rng = np.random.default_rng(0)
    a, b = sample_of(synthetic, PICTURED, rng), sample_of(real, PICTURED, rng)
    empty = np.zeros((len(real.schema.modelled),) * 2)
    return {
        "columns": column_pictures(synthetic, real),
        "pairs": {
            "names": [c.name for c in real.schema.modelled],
            "real": (relations(b, b.table)[0] if len(real) else empty).tolist(),
            "synthetic": (relations(a, b.table)[0] if len(synthetic) else empty).tolist(),
        },
    }


_Direction = Literal["low", "high", "near"]
_TEXTS: Mapping[str, tuple[str, str, float, _Direction]] = {
    "fidelity.shape": (
        "Single columns",
        "How alike each column is in the synthetic rows and in people held out: 1 minus the "
        "largest gap of the distributions, missing values included, on average.",
        1.0,
        "high",
    ),
    "fidelity.pairs": (
        "Pairs of columns",
        "How alike the relation of each two columns is: 1 minus the mean gap of Spearman's "
        "correlation, Cramer's V or mutual information; pairs with the outcome weigh one half.",
        1.0,
        "high",
    ),
    "fidelity.triples": (
        "Triples of columns",
        "How alike the joint distribution of each three columns is: 1 minus the total variation "
        "of few bins and levels, on average; triples with the outcome weigh one half. Chance alone "
        "keeps it below 1, so it counts beside the figure for fresh real people.",
        1.0,
        "high",
    ),
    "fidelity.detection": (
        "Telling synthetic rows from people",
        "How well a classifier tells synthetic rows from people held out: 0.5 is not at all, 1 is "
        "always. It measures likeness and says nothing about membership.",
        0.5,
        "near",
    ),
    "fidelity.missingness": (
        "Missing values",
        "Gap between the shares of missing values in the synthetic rows and in people held out, on "
        "average over the columns that have any.",
        0.0,
        "low",
    ),
    "fidelity.missing_patterns": (
        "Patterns of missing values",
        "Gap between the distributions of which columns are missing together, by total variation; "
        f"patterns of fewer than {FEW} held-out people are one. Chance alone keeps it above 0.",
        0.0,
        "low",
    ),
    "fidelity.coverage": (
        "Levels that survive",
        f"Share of the levels that at least {FEW} held-out people have and that occur in the "
        "synthetic rows.",
        1.0,
        "high",
    ),
}


def _unjudged(name: str, reason: str) -> Finding:
    title, meaning, ideal, direction = _TEXTS[name]
    return Finding(
        name=name,
        group="fidelity",
        title=title,
        meaning=meaning,
        result=CannotJudge(reason),
        ideal=ideal,
        direction=direction,
    )


def _finding(
    name: str,
    measure: Callable[[Sample, Sample], Measured],
    a: Sample,
    b: Sample,
    others: _Others,
    bounds: tuple[float, float],
) -> Finding:
    title, meaning, ideal, direction = _TEXTS[name]
    measured = measure(a, b)
    beside = {k: (measure(*pair), pair[1]) if pair else None for k, pair in others.items()}
    floor = beside[FRESH]
    return Finding(
        name=name,
        group="fidelity",
        title=title,
        meaning=meaning,
        result=_estimate(measured, b, bounds),
        ideal=ideal,
        direction=direction,
        anchors={
            k: _estimate(*known, bounds) if known else _TOO_FEW for k, known in beside.items()
        },
        detail=_with_floor(measured.detail, floor[0].detail if floor else {}),
    )


def _with_floor(detail: Mapping[str, Any], floor: Mapping[str, Any]) -> dict[str, Any]:
    """Put the same figures of fresh real people beside those of a detail.

    A number, and numbers by name, get a key that ends in ``FLOOR``; a list of the worst pairs or
    triples gets the fresh people's figure in each entry.
    """
    out: dict[str, Any] = {}
    for key, value in detail.items():
        out[key] = value
        beside = floor.get(key)
        figures = isinstance(value, Mapping) and all(_is_number(v) for v in value.values())
        if beside is not None and (isinstance(value, float) or figures):
            out[key + FLOOR] = beside
        elif isinstance(value, list):
            out[key] = [_entry(entry, floor) for entry in value]
    return out


def _entry(entry: Mapping[str, Any], floor: Mapping[str, Any]) -> dict[str, Any]:
    for one, every in (("pair", "pairs"), ("triple", "triples")):
        if one in entry and entry[one] in floor.get(every, {}):
            return {**entry, f"likeness{FLOOR}": floor[every][entry[one]]}
    return dict(entry)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(a: Sample, b: Sample, others: _Others, seed: int) -> tuple[Sample, Sample, _Others]:
    """Bring all samples to the size of the smallest: total variation grows as samples shrink."""
    rng = np.random.default_rng(seed)
    n = min(len(s.table) for pair in ((a, b), *others.values()) if pair for s in pair)
    cut = {k: (_cut(p[0], n, rng), _cut(p[1], n, rng)) if p else None for k, p in others.items()}
    return _cut(a, n, rng), _cut(b, n, rng), cut


def _cut(sample: Sample, n: int, rng: np.random.Generator) -> Sample:
    """Return some of the people, with no more than n rows unless the first has more."""
    if len(sample.table) <= n:
        return sample
    people, inverse, count = np.unique(sample.table.people, return_inverse=True, return_counts=True)
    order = rng.permutation(len(people))
    chosen = np.zeros(len(people), bool)
    chosen[order[np.cumsum(count[order]) <= n]] = True
    chosen[order[0]] = True
    kept = sample.table.take(chosen[inverse.ravel()])
    return Sample(kept, people_groups(kept.people, rng))


def _estimate(measured: Measured, b: Sample, bounds: tuple[float, float]) -> Estimate | CannotJudge:
    if isinstance(measured.values, CannotJudge):
        return measured.values
    if len(np.unique(b.groups)) < GROUPS:
        return CannotJudge(f"fewer than {GROUPS} people to compare with", needed=GROUPS)
    value, low, high = jackknife_interval(measured.values, low=bounds[0], high=bounds[1])
    return Estimate(value, low, high, b.table.n_people, f"jackknife over {GROUPS} groups of people")


def _fresh(
    real: Table, b: Sample, baseline: Table | None, n: int, rng: np.random.Generator
) -> tuple[Sample, Sample] | None:
    """Return further real people beside these, or one half of them beside the other."""
    if baseline is not None and len(baseline):
        return sample_of(baseline, n, rng), b
    half = people_groups(real.people, rng) % 2 == 0
    if real.n_people < 2 * GROUPS:
        return None
    return sample_of(real.take(half), n, rng), sample_of(real.take(~half), n, rng)


def _detection(
    a: Table,
    b: Table,
    others: _Others,
    baseline: Table | None,
    seed: int,
) -> Finding:
    name = "fidelity.detection"
    title, meaning, ideal, direction = _TEXTS[name]
    each: dict[str, Estimate | CannotJudge] = detect(a, b, seed=seed)
    beside: dict[str, dict[str, Estimate | CannotJudge]] = {}
    for k, pair in others.items():
        models = tuple(each) if k == FRESH else (BOOSTING,)
        beside[k] = (
            detect(pair[0].table, pair[1].table, seed=seed, models=models)
            if pair
            else dict.fromkeys(models, _TOO_FEW)
        )
    look: dict[str, Estimate | CannotJudge] = {"people held out": twins(a, b, seed=seed)}
    if baseline is not None and len(baseline):
        look["further real people"] = twins(a, baseline, seed=seed)
    judged = {**each, **look}
    low = any(isinstance(r, Estimate) and r.high < TWIN_AREA for r in judged.values())
    return Finding(
        name=name,
        group="fidelity",
        title=title,
        meaning=meaning,
        result=each[BOOSTING],
        ideal=ideal,
        direction=direction,
        because="copied twins: well below one half, as where rows of one table are copies of the "
        "other's"
        if low
        else "",
        anchors={k: known[BOOSTING] for k, known in beside.items()},
        detail={
            "models": {k: r.to_dict() for k, r in each.items()},
            f"models{FLOOR}": {k: r.to_dict() for k, r in beside[FRESH].items()},
            "random forest, which twins mislead most, against": {
                k: r.to_dict() for k, r in look.items()
            },
            "copied twins": low,
            "measures": "fidelity",
        },
    )
