"""Do the synthetic rows look like people? Columns, pairs, missing values, and a classifier.

Every figure is taken against real people who were held out, so that memorising earns nothing, and
stands beside the same figure for other real people and for columns permuted independently. The
intervals come from leaving out groups of people of both tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.detection import BOOSTING, TWIN_AREA, detect, twins
from salus.synth.audit.finding import Finding
from salus.synth.audit.pictures import column_pictures
from salus.synth.measure.association import associations
from salus.synth.measure.divergence import (
    bin_edges,
    bin_shares,
    grouped_ks,
    grouped_shares,
    jensen_shannon,
    range_overlap,
    total_variation,
)
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.jackknife import GROUPS, jackknife_interval, people_groups
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["findings", "pictures"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Results = Mapping[str, Estimate | CannotJudge]
MOST = 4_000  # rows of each table that are compared
FEW = 5  # people below whom a level is not counted on
COMMON = 20  # levels of a column that relations tell apart; rarer ones are one
TENTHS = 10
WORST = 10  # pairs named
TAIL = 0.05
PICTURED = 2_000  # rows behind the relations drawn
FRESH, INDEPENDENT = "fresh real people", "independent columns"


@dataclass(frozen=True)
class _Sample:
    """Hold rows to be compared and the group of people of each."""

    table: Table
    groups: Ints


@dataclass(frozen=True)
class _Measured:
    """Hold a figure with its replicates, and what it is made of."""

    values: Floats | CannotJudge
    detail: Mapping[str, Any]


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
        ``fidelity.shape``, ``.pairs``, ``.detection``, ``.missingness`` and ``.coverage``.
    """
    rng = np.random.default_rng(seed)
    n = min(len(real), len(synthetic), MOST)
    if n == 0:
        return tuple(_unjudged(name, "one of the tables has no rows") for name in _TEXTS)
    a, b = _sample(synthetic, n, rng), _sample(real, n, rng)
    fresh = _fresh(real, b, baseline, n, rng)
    people, beside = fresh or (b, b)
    null = _sample(independent_columns(people.table, rng), n, rng)
    others: dict[str, tuple[_Sample, _Sample]] = {INDEPENDENT: (null, beside)}
    if fresh is not None:
        others[FRESH] = fresh
    out = [
        _finding("fidelity.shape", _shape, a, b, others, (0.0, 1.0)),
        _finding("fidelity.pairs", _pairs, a, b, others, (0.0, 1.0)),
        _detection(a.table, b.table, others, baseline, seed),
        _finding("fidelity.missingness", _missingness, a, b, others, (0.0, 1.0)),
        _finding("fidelity.coverage", _coverage, a, b, others, (0.0, 1.0)),
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
    a, b = _sample(synthetic, PICTURED, rng), _sample(real, PICTURED, rng)
    empty = np.zeros((len(real.schema.modelled),) * 2)
    return {
        "columns": column_pictures(synthetic, real),
        "pairs": {
            "names": [c.name for c in real.schema.modelled],
            "real": (_relations(b, b.table)[0] if len(real) else empty).tolist(),
            "synthetic": (_relations(a, b.table)[0] if len(synthetic) else empty).tolist(),
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
    measure: Any,
    a: _Sample,
    b: _Sample,
    others: Mapping[str, tuple[_Sample, _Sample]],
    bounds: tuple[float, float],
) -> Finding:
    title, meaning, ideal, direction = _TEXTS[name]
    measured: _Measured = measure(a, b)
    return Finding(
        name=name,
        group="fidelity",
        title=title,
        meaning=meaning,
        result=_estimate(measured, b, bounds),
        ideal=ideal,
        direction=direction,
        anchors={k: _estimate(measure(*pair), pair[1], bounds) for k, pair in others.items()},
        detail=measured.detail,
    )


def _estimate(
    measured: _Measured, b: _Sample, bounds: tuple[float, float]
) -> Estimate | CannotJudge:
    if isinstance(measured.values, CannotJudge):
        return measured.values
    if len(np.unique(b.groups)) < GROUPS:
        return CannotJudge(f"fewer than {GROUPS} people to compare with", needed=GROUPS)
    value, low, high = jackknife_interval(measured.values, low=bounds[0], high=bounds[1])
    return Estimate(
        value, low, high, b.table.n_people, f"jackknife over {GROUPS} groups of people"
    )


def _sample(table: Table, n: int, rng: np.random.Generator) -> _Sample:
    if len(table) > n:
        table = table.take(np.sort(rng.permutation(len(table))[:n]))
    return _Sample(table, people_groups(table.people, rng))


def _fresh(
    real: Table, b: _Sample, baseline: Table | None, n: int, rng: np.random.Generator
) -> tuple[_Sample, _Sample] | None:
    """Return further real people beside these, or one half of them beside the other."""
    if baseline is not None and len(baseline):
        return _sample(baseline, n, rng), b
    half = people_groups(real.people, rng) % 2 == 0
    if real.n_people < 2 * GROUPS:
        return None
    return _sample(real.take(half), n, rng), _sample(real.take(~half), n, rng)


def _cells(table: Table, column: Column) -> tuple[Ints, int]:
    """Return each row's cell, levels before missing states, and their number."""
    state = table.states[column.name].astype(np.intp)
    k = len(column.levels) if column.is_levelled else 1
    value = table.values[column.name].astype(np.intp) if column.is_levelled else 0 * state
    return np.where(state == PRESENT, value, k + state - 1), k + 1 + len(column.missing_codes)


def _values(table: Table, column: Column) -> Floats:
    """Return numbers or positions of levels, NaN where missing."""
    here = table.states[column.name] == PRESENT
    return np.where(here, table.values[column.name].astype(float), np.nan)


def _shape(a: _Sample, b: _Sample) -> _Measured:
    columns = b.table.schema.modelled
    each = [_likeness(a, b, c) for c in columns]
    detail: dict[str, Any] = {"columns": {}, "Jensen-Shannon divergence": {}, "range overlap": {}}
    for c, value in zip(columns, each, strict=True):
        detail["columns"][c.name] = float(value[0])
        x, y = _values(a.table, c), _values(b.table, c)
        x, y = x[~np.isnan(x)], y[~np.isnan(y)]
        if c.is_numeric:
            edges = bin_edges(np.concatenate([x, y]))
            p, q = bin_shares(x, edges), bin_shares(y, edges)
            detail["range overlap"][c.name] = range_overlap(x, y)
        else:
            (cell_a, k), (cell_b, _) = _cells(a.table, c), _cells(b.table, c)
            p, q = (np.bincount(cell, minlength=k) / len(cell) for cell in (cell_a, cell_b))
        detail["Jensen-Shannon divergence"][c.name] = jensen_shannon(p, q)
    return _Measured(np.mean(each, axis=0), detail)


def _likeness(a: _Sample, b: _Sample, column: Column) -> Floats:
    """Return 1 minus the distance of one column, (21,): KS and missing states, or TV of levels."""
    (cell_a, k), (cell_b, _) = _cells(a.table, column), _cells(b.table, column)
    apart = total_variation(
        grouped_shares(cell_a, a.groups, k), grouped_shares(cell_b, b.groups, k)
    )
    if column.is_numeric:
        x, y = _values(a.table, column), _values(b.table, column)
        p, q = ~np.isnan(x), ~np.isnan(y)
        apart = np.maximum(apart, grouped_ks(x[p], y[q], a.groups[p], b.groups[q]))
    return np.asarray(1 - apart)


def _relations(sample: _Sample, real: Table) -> Floats:
    """Return the associations of all pairs, (21, d, d), with the cells taken from the real table."""
    columns = real.schema.modelled
    cells, sizes = [], []
    for c in columns:
        if c.is_numeric or c.kind == "ordinal":
            value, pool = _values(sample.table, c), _values(real, c)
            edges = bin_edges(pool[~np.isnan(pool)], TENTHS)
            state = sample.table.states[c.name].astype(np.intp)
            inside = np.searchsorted(edges, np.nan_to_num(value), side="right")
            k = len(edges) + 1
            cells.append(np.where(state == PRESENT, inside, k + state - 1))
            sizes.append(k + 1 + len(c.missing_codes))
        else:
            cell, k = _cells(sample.table, c)
            count = np.bincount(_cells(real, c)[0], minlength=k)
            place = np.full(k, min(k, COMMON))
            place[np.argsort(-count, kind="stable")[:COMMON]] = np.arange(min(k, COMMON))
            cells.append(place[cell])
            sizes.append(min(k, COMMON) + 1)
    return associations(
        np.column_stack([_values(sample.table, c) for c in columns]),
        np.column_stack(cells),
        np.array(sizes),
        np.array([c.is_numeric or c.kind == "ordinal" for c in columns]),
        sample.groups,
    )


def _pairs(a: _Sample, b: _Sample) -> _Measured:
    columns = b.table.schema.modelled
    if len(columns) < 2:
        return _Measured(CannotJudge("the table has one column"), {})
    made, real = _relations(a, b.table), _relations(b, b.table)
    i, j = np.triu_indices(len(columns), 1)
    gap = np.minimum(np.abs(made - real)[:, i, j], 1.0)
    outcome = b.table.schema.outcome
    of_outcome = np.array([columns[p] == outcome or columns[q] == outcome for p, q in zip(i, j)])
    parts = {
        "between features": 1 - gap[:, ~of_outcome].mean(1) if not of_outcome.all() else None,
        "with the outcome": 1 - gap[:, of_outcome].mean(1) if of_outcome.any() else None,
    }
    known = {k: v for k, v in parts.items() if v is not None}
    widest = [
        {
            "pair": [columns[int(i[k])].name, columns[int(j[k])].name],
            "real": float(real[0, i[k], j[k]]),
            "synthetic": float(made[0, i[k], j[k]]),
        }
        for k in np.argsort(-gap[0], kind="stable")[:WORST]
    ]
    detail = {k: float(v[0]) for k, v in known.items()} | {"widest gaps": widest}
    return _Measured(np.mean(list(known.values()), axis=0), detail)


def _missingness(a: _Sample, b: _Sample) -> _Measured:
    names = [
        c.name
        for c in b.table.schema.modelled
        if any((s.table.states[c.name] != PRESENT).any() for s in (a, b))
    ]
    if not names:
        return _Measured(CannotJudge("no value is missing in either table"), {})
    gone = [
        np.column_stack([(s.table.states[n] != PRESENT).astype(np.intp) for n in names])
        for s in (a, b)
    ]
    rates = [
        np.array([grouped_shares(x[:, k], s.groups, 2)[:, 1] for k in range(len(names))])
        for x, s in zip(gone, (a, b), strict=True)
    ]  # (columns, 21) each
    gaps = np.abs(rates[0] - rates[1])
    depends = [_dependence(s, gone_s, names, b.table) for s, gone_s in zip((a, b), gone)]
    detail = {
        "columns": {n: float(g) for n, g in zip(names, gaps[:, 0], strict=True)},
        "dependence of missing values on other columns, mean gap": float(
            np.abs(depends[0] - depends[1]).mean()
        ),
        "missing together, mean gap of correlations": _together(gone[0], gone[1]),
    }
    return _Measured(gaps.mean(0), detail)


def _dependence(sample: _Sample, gone: Ints, names: list[str], real: Table) -> Floats:
    """Return how strongly each column's missingness goes with each other column's content."""
    columns = real.schema.modelled
    cells, sizes = [], []
    for c in columns:
        value, pool = _values(sample.table, c), _values(real, c)
        edges = bin_edges(pool[~np.isnan(pool)], 5)
        inside = np.searchsorted(edges, np.nan_to_num(value), side="right")
        cells.append(np.where(np.isnan(value), len(edges) + 1, inside))
        sizes.append(len(edges) + 2)
    d, m = len(columns), len(names)
    every = associations(
        np.zeros((len(gone), d + m)),
        np.column_stack([*cells, gone]),
        np.array([*sizes, *[2] * m]),
        np.zeros(d + m, bool),
        sample.groups,
    )[0]
    strength = every[d:, :d]
    own = np.array([[c.name == n for c in columns] for n in names])
    return np.asarray(np.where(own, 0.0, strength))


def _together(a: Ints, b: Ints) -> float:
    """Return the mean gap of the correlations of missing indicators, over pairs of columns."""
    off = np.triu_indices(a.shape[1], 1)
    if not len(off[0]):
        return 0.0
    r = []
    for x in (a.astype(float), b.astype(float)):
        z = x - x.mean(0)
        sd = np.sqrt((z * z).mean(0))
        z = np.divide(z, sd, out=np.zeros_like(z), where=sd > 0)
        r.append((z.T @ z / len(z))[off])
    return float(np.abs(r[0] - r[1]).mean())


def _coverage(a: _Sample, b: _Sample) -> _Measured:
    found = np.zeros(GROUPS + 1)
    total = np.zeros(GROUPS + 1)
    lost: dict[str, list[str]] = {}
    for c in b.table.schema.modelled:
        if not c.is_levelled:
            continue
        (cell_a, k), (cell_b, _) = _cells(a.table, c), _cells(b.table, c)
        real = np.bincount(cell_b, minlength=k)
        common = real >= FEW
        p = grouped_shares(cell_a, a.groups, k)[:, common]
        found += (p > 0).sum(1)
        total += common.sum()
        names = [*c.levels, "(empty)", *c.missing_codes]
        gone = [names[i] for i in np.flatnonzero(common)[p[0] == 0]]
        if gone:
            lost[c.name] = gone
    detail = {"levels lost": lost, "share of values in the tails": _tails(a, b)}
    if not total[0]:
        return _Measured(CannotJudge(f"no column has levels that {FEW} people share"), detail)
    return _Measured(found / total, detail)


def _tails(a: _Sample, b: _Sample) -> dict[str, dict[str, float]]:
    """Return the shares of values below the real 5 % quantile and above the real 95 % one."""
    out = {}
    for c in b.table.schema.modelled:
        x, y = _values(a.table, c), _values(b.table, c)
        x, y = x[~np.isnan(x)], y[~np.isnan(y)]
        if not c.is_numeric or len(y) * TAIL < FEW or not len(x):
            continue
        low, high = np.quantile(y, [TAIL, 1 - TAIL])
        out[c.name] = {
            "low, real": float((y < low).mean()),
            "low, synthetic": float((x < low).mean()),
            "high, real": float((y > high).mean()),
            "high, synthetic": float((x > high).mean()),
        }
    return out


def _detection(
    a: Table,
    b: Table,
    others: Mapping[str, tuple[_Sample, _Sample]],
    baseline: Table | None,
    seed: int,
) -> Finding:
    name = "fidelity.detection"
    title, meaning, ideal, direction = _TEXTS[name]
    each: dict[str, Estimate | CannotJudge] = detect(a, b, seed=seed)
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
        anchors={
            k: detect(x.table, y.table, seed=seed, models=(BOOSTING,))[BOOSTING]
            for k, (x, y) in others.items()
        },
        detail={
            "models": {k: r.to_dict() for k, r in each.items()},
            "random forest, which twins mislead most, against": {
                k: r.to_dict() for k, r in look.items()
            },
            "copied twins": low,
            "measures": "fidelity",
        },
    )
