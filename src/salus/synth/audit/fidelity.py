"""Do the synthetic rows look like people? Columns, pairs, missing values, and a classifier.

Every figure is taken against real people who were held out, so that memorising earns nothing, and
stands beside the same figure for other real people and for columns permuted independently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.finding import Finding
from salus.synth.measure.divergence import association, kolmogorov_smirnov, total_variation
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.features import Features
from salus.synth.measure.intervals import person_weights
from salus.synth.measure.scores import weighted_auc
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["findings", "pictures"]

Floats = NDArray[np.float64]
REPLICATES = 40
MOST = 4_000  # rows of each table that are compared
FEW = 5  # people below whom nothing is shown


def findings(
    synthetic: Table, real: Table, *, baseline: Table | None = None, seed: int
) -> tuple[Finding, ...]:
    """Compare a synthetic table with real people held out.

    Parameters
    ----------
    synthetic, real : Table
    baseline : Table, optional
        Further real people, such as the training ones, compared with ``real`` in the same way.
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = min(len(real), len(synthetic), MOST)
    real, synthetic = _some(real, n, rng), _some(synthetic, n, rng)
    others: dict[str, Table] = {"independent columns": independent_columns(real, rng)}
    if baseline is not None and len(baseline):
        others["fresh real people"] = _some(baseline, n, rng)
    return (
        _shape(synthetic, real, others, rng),
        _pairs(synthetic, real, others, rng),
        _detection(synthetic, real, others, seed),
        _missingness(synthetic, real, others, rng),
        _coverage(synthetic, real, others),
    )


def _some(table: Table, n: int, rng: np.random.Generator) -> Table:
    return table if len(table) <= n else table.take(np.sort(rng.permutation(len(table))[:n]))


def _cells(table: Table, column: Column) -> NDArray[np.intp]:
    state = table.states[column.name].astype(np.intp)
    value = table.values[column.name]
    return np.where(state == PRESENT, value.astype(np.intp), len(column.levels) + state - 1)


def _likeness(a: Table, b: Table, column: Column) -> float:
    """Return 1 minus the distance of one column in two tables: KS or TV, missing states included."""
    if column.is_levelled:
        k = len(column.levels) + 1 + len(column.missing_codes)
        p, q = (np.bincount(_cells(t, column), minlength=k) / len(t) for t in (a, b))
        return 1 - total_variation(p, q)
    top = 2 + len(column.missing_codes)
    p, q = (np.bincount(t.states[column.name], minlength=top) / len(t) for t in (a, b))
    x, y = (t.values[column.name][t.states[column.name] == PRESENT].astype(float) for t in (a, b))
    gap = kolmogorov_smirnov(x, y) if len(x) and len(y) else float(len(x) != len(y))
    return 1 - max(gap, total_variation(p, q))


def _by_column(a: Table, b: Table) -> dict[str, float]:
    return {c.name: _likeness(a, b, c) for c in a.schema.modelled}


def _bootstrap(
    statistic: Any, a: Table, b: Table, rng: np.random.Generator, value: float
) -> Estimate:
    """Return a basic bootstrap interval: rows of both tables drawn again."""
    drawn = [
        statistic(a.take(rng.integers(0, len(a), len(a))), b.take(rng.integers(0, len(b), len(b))))
        for _ in range(REPLICATES)
    ]
    sd = float(np.std(drawn))  # a bootstrapped distance is biased upward: only its spread is used
    low, high = max(0.0, value - 1.96 * sd), min(1.0, value + 1.96 * sd)
    return Estimate(value, min(low, value), max(high, value), len(b), "bootstrap of rows")


def _shape(a: Table, b: Table, others: dict[str, Table], rng: np.random.Generator) -> Finding:
    each = _by_column(a, b)

    def mean(x: Table, y: Table) -> float:
        return float(np.mean(list(_by_column(x, y).values())))

    return Finding(
        name="fidelity.shape",
        group="fidelity",
        title="Single columns",
        meaning="How alike each column is in the synthetic rows and in people held out: 1 minus "
        "the largest gap of the distributions, on average.",
        result=_bootstrap(mean, a, b, rng, float(np.mean(list(each.values())))),
        ideal=1.0,
        direction="high",
        anchors={k: _bootstrap(mean, t, b, rng, mean(t, b)) for k, t in others.items()},
        detail={"columns": each},
    )


def _associations(table: Table) -> Floats:
    """Return the matrix of associations of the modelled columns, (d, d), ones on the diagonal."""
    columns = table.schema.modelled
    out = np.eye(len(columns))
    content = []
    for c in columns:
        here = table.states[c.name] == PRESENT
        if c.is_numeric:
            content.append((table.values[c.name].astype(float), here, True))
        else:
            content.append((_cells(table, c).astype(float), np.ones(len(table), bool), False))
    for i in range(len(columns)):
        for j in range(i):
            both = content[i][1] & content[j][1]
            out[i, j] = out[j, i] = association(
                content[i][0][both], content[j][0][both], content[i][2], content[j][2]
            )
    return out


def _pairs(a: Table, b: Table, others: dict[str, Table], rng: np.random.Generator) -> Finding:
    columns = a.schema.modelled
    title, meaning = (
        "Pairs of columns",
        "How alike the association of each pair of columns is (Spearman's correlation or Cramer's "
        "V): 1 minus the mean gap.",
    )
    if len(columns) < 2:
        return Finding(
            name="fidelity.pairs", group="fidelity", title=title, meaning=meaning,
            result=CannotJudge("the table has one column"), direction="high", ideal=1.0,
        )
    real = _associations(b)
    off = np.triu_indices(len(columns), 1)

    def estimate(table: Table) -> tuple[Estimate, Floats]:
        gap = np.minimum(np.abs(_associations(table) - real)[off], 1)
        value = 1 - float(gap.mean())
        half = float(1.96 * gap.std() / np.sqrt(len(columns)))
        low, high = max(0.0, value - half), min(1.0, value + half)
        return Estimate(value, low, high, len(b), "spread over columns"), gap

    result, gap = estimate(a)
    worst = np.argsort(-gap)[:10]
    return Finding(
        name="fidelity.pairs",
        group="fidelity",
        title=title,
        meaning=meaning,
        result=result,
        ideal=1.0,
        direction="high",
        anchors={k: estimate(t)[0] for k, t in others.items()},
        detail={
            "widest gaps": [
                {
                    "pair": [columns[int(off[0][k])].name, columns[int(off[1][k])].name],
                    "gap": float(gap[k]),
                }
                for k in worst
            ]
        },
    )


def _detection(a: Table, b: Table, others: dict[str, Table], seed: int) -> Finding:
    result = _detect(a, b, seed)
    because = ""
    if isinstance(result, Estimate) and result.high < 0.45:
        because = (
            "well below one half: rows of one table have twins in the other, as copies would make"
        )
    return Finding(
        name="fidelity.detection",
        group="fidelity",
        title="Telling synthetic rows from people",
        meaning="How well a classifier tells synthetic rows from people held out: 0.5 is not at "
        "all, 1 is always. It measures likeness and says nothing about privacy.",
        result=result,
        ideal=0.5,
        direction="near",
        because=because,
        anchors={k: _detect(t, b, seed) for k, t in others.items()},
    )


def _detect(a: Table, b: Table, seed: int) -> Estimate | CannotJudge:
    """Return the out-of-fold AUC of gradient boosting, direction kept."""
    n = min(len(a), len(b))
    if n < 20:
        return CannotJudge("fewer than 20 rows to tell apart", needed=20)
    both = Table.concat([a.take(np.arange(n)), b.take(np.arange(n))])
    x = Features.fit(both).transform(both)
    y = np.repeat([1, 0], n)
    score = np.zeros(2 * n)
    for fit, test in StratifiedKFold(5, shuffle=True, random_state=seed % 2**31).split(x, y):
        model = HistGradientBoostingClassifier(max_iter=60, random_state=0, early_stopping=False)
        score[test] = model.fit(x[fit], y[fit]).predict_proba(x[test])[:, 1]
    rng = np.random.default_rng(seed)
    weights = np.hstack([person_weights(n, 200, rng), person_weights(n, 200, rng)])
    value = float(weighted_auc(score, y == 1, np.ones((1, 2 * n)))[0])
    drawn = weighted_auc(score, y == 1, weights)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n, "bootstrap of rows")


def _missing_gap(a: Table, b: Table) -> dict[str, float]:
    out = {}
    for c in a.schema.modelled:
        p, q = (float((t.states[c.name] != PRESENT).mean()) for t in (a, b))
        if p or q:
            out[c.name] = abs(p - q)
    return out


def _missingness(a: Table, b: Table, others: dict[str, Table], rng: np.random.Generator) -> Finding:
    gaps = _missing_gap(a, b)

    def mean(x: Table, y: Table) -> float:
        each = _missing_gap(x, y)
        return float(np.mean(list(each.values()))) if each else 0.0

    patterns = {"synthetic": _together_missing(a), "real": _together_missing(b)}
    return Finding(
        name="fidelity.missingness",
        group="fidelity",
        title="Missing values",
        meaning="Gap between the shares of missing values in the synthetic rows and in people held "
        "out, on average over the columns that have any.",
        result=_bootstrap(mean, a, b, rng, mean(a, b))
        if gaps
        else CannotJudge("no value is missing in either table"),
        ideal=0.0,
        anchors={k: _bootstrap(mean, t, b, rng, mean(t, b)) for k, t in others.items()}
        if gaps
        else {},
        detail={"columns": gaps, "mean correlation of missing indicators": patterns},
    )


def _together_missing(table: Table) -> float:
    """Return the mean absolute correlation of missing indicators: how far they come together."""
    gone = np.array([(s != PRESENT).astype(float) for s in table.states.values()])
    gone = gone[gone.std(1) > 0] if len(gone) else gone
    if len(gone) < 2:
        return 0.0
    r = np.corrcoef(gone)
    return float(np.abs(r[np.triu_indices(len(gone), 1)]).mean())


def _coverage(a: Table, b: Table, others: dict[str, Table]) -> Finding:
    def share(table: Table) -> tuple[int, int]:
        found = total = 0
        for c in b.schema.modelled:
            if c.is_levelled:
                common = np.flatnonzero(np.bincount(_cells(b, c)) >= FEW)
                found += len(np.intersect1d(common, np.unique(_cells(table, c))))
                total += len(common)
        return found, total

    def estimate(table: Table) -> Estimate | CannotJudge:
        found, total = share(table)
        if not total:
            return CannotJudge("no column has levels that 5 people share")
        value = found / total
        return Estimate(value, value, value, len(b), "count")

    return Finding(
        name="fidelity.coverage",
        group="fidelity",
        title="Levels that survive",
        meaning=f"Share of the levels that at least {FEW} held-out people have and that occur in "
        "the synthetic rows.",
        result=estimate(a),
        ideal=1.0,
        direction="high",
        anchors={k: estimate(t) for k, t in others.items()},
    )


def pictures(synthetic: Table, real: Table) -> dict[str, Any]:
    """Return what a report draws: shares by bin or level, missing shares, associations.

    No bin and no level stands for fewer than 5 real people: bins are merged, levels grouped.
    """
    columns = []
    for c in real.schema.modelled:
        entry: dict[str, Any] = {
            "name": c.name,
            "kind": c.kind,
            "unit": c.unit,
            "missing": {
                "real": float((real.states[c.name] != PRESENT).mean()),
                "synthetic": float((synthetic.states[c.name] != PRESENT).mean()),
            },
        }
        shown = _bars(synthetic, real, c) if c.is_levelled else _steps(synthetic, real, c)
        if shown is not None:
            columns.append(entry | shown)
    names = [c.name for c in real.schema.modelled]
    rng = np.random.default_rng(0)
    few = [_some(t, 2_000, rng) for t in (real, synthetic)]
    return {
        "columns": columns,
        "pairs": {
            "names": names,
            "real": _associations(few[0]).tolist(),
            "synthetic": _associations(few[1]).tolist(),
        },
    }


def _bars(synthetic: Table, real: Table, c: Column) -> dict[str, Any] | None:
    k = len(c.levels)
    if not k:
        return None
    p, q = (
        np.bincount(t.values[c.name][t.states[c.name] == PRESENT].astype(int), minlength=k)
        for t in (real, synthetic)
    )
    order = np.arange(k) if c.kind == "ordinal" else np.argsort(-p, kind="stable")
    shown = [i for i in order if p[i] >= FEW][:20]
    rest = np.setdiff1d(np.arange(k), shown)
    labels = [c.levels[i] for i in shown]
    a, b = [float(p[i]) for i in shown], [float(q[i]) for i in shown]
    if len(rest) and (p[rest].sum() >= FEW or not shown):
        labels.append("other")
        a.append(float(p[rest].sum()))
        b.append(float(q[rest].sum()))
    total_a, total_b = max(p.sum(), 1), max(q.sum(), 1)
    return {
        "labels": labels,
        "real": [v / total_a for v in a],
        "synthetic": [v / total_b for v in b],
    }


def _steps(synthetic: Table, real: Table, c: Column) -> dict[str, Any] | None:
    x, y = (
        t.values[c.name][t.states[c.name] == PRESENT].astype(float) for t in (real, synthetic)
    )
    if len(x) < 2 * FEW:
        return None
    low, high = np.quantile(x, [0.02, 0.98])  # the ends are nobody's own value
    edges = _rounded(np.linspace(low, high, 16))
    while len(edges) > 2:
        count = np.histogram(x, edges)[0]
        thin = np.flatnonzero(count < FEW)
        if not len(thin):
            break
        k = int(thin[0])
        edges = np.delete(edges, k if k + 1 == len(edges) - 1 else k + 1)
    if len(edges) < 2:
        return None
    inside_x, inside_y = np.clip(x, edges[0], edges[-1]), np.clip(y, edges[0], edges[-1])
    return {
        "edges": edges.tolist(),
        "real": (np.histogram(inside_x, edges)[0] / max(len(x), 1)).tolist(),
        "synthetic": (np.histogram(inside_y, edges)[0] / max(len(y), 1)).tolist(),
    }


def _rounded(edges: Floats) -> Floats:
    """Return the edges to three significant digits of their span, without repeats."""
    span = float(edges[-1] - edges[0])
    if span <= 0:
        return edges[:1]
    digits = 2 - int(np.floor(np.log10(span)))
    return np.unique(np.round(edges, digits))
