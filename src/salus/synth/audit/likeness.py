"""Measure how alike single columns, pairs of columns and levels of two tables are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.samples import Measured, Sample, cells_of, values_of
from salus.synth.measure.association import associations
from salus.synth.measure.divergence import (
    bin_edges,
    bin_shares,
    grouped_ks,
    grouped_shares,
    jensen_shannon,
    mass_edges,
    range_overlap,
    total_variation,
)
from salus.synth.measure.estimate import CannotJudge
from salus.synth.measure.jackknife import GROUPS
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["FEW", "coverage", "pairs", "relations", "shape"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
FEW = 5  # people below whom a level is not counted on
COMMON = 20  # levels of a column that relations tell apart; rarer ones are one
TENTHS = 10
WORST = 10  # pairs named
TAIL = 0.05


def shape(a: Sample, b: Sample) -> Measured:
    """Return 1 minus the distance of each column, averaged, in 0 to 1."""
    columns = b.table.schema.modelled
    each = [_likeness(a, b, c) for c in columns]
    detail: dict[str, Any] = {"columns": {}, "Jensen-Shannon divergence": {}, "range overlap": {}}
    for c, value in zip(columns, each, strict=True):
        detail["columns"][c.name] = float(value[0])
        x, y = values_of(a.table, c), values_of(b.table, c)
        x, y = x[~np.isnan(x)], y[~np.isnan(y)]
        if c.is_numeric:
            edges = bin_edges(np.concatenate([x, y]))
            p, q = bin_shares(x, edges), bin_shares(y, edges)
            detail["range overlap"][c.name] = range_overlap(x, y)
        else:
            (cell_a, k), (cell_b, _) = cells_of(a.table, c), cells_of(b.table, c)
            p, q = (np.bincount(cell, minlength=k) / len(cell) for cell in (cell_a, cell_b))
        detail["Jensen-Shannon divergence"][c.name] = jensen_shannon(p, q)
    return Measured(np.mean(each, axis=0), detail)


def _likeness(a: Sample, b: Sample, column: Column) -> Floats:
    """Return 1 minus the distance of one column, (21,): KS and missing states, or TV of levels."""
    (cell_a, k), (cell_b, _) = cells_of(a.table, column), cells_of(b.table, column)
    apart = total_variation(
        grouped_shares(cell_a, a.groups, k), grouped_shares(cell_b, b.groups, k)
    )
    if column.is_numeric:
        x, y = values_of(a.table, column), values_of(b.table, column)
        p, q = ~np.isnan(x), ~np.isnan(y)
        apart = np.maximum(apart, grouped_ks(x[p], y[q], a.groups[p], b.groups[q]))
    return np.asarray(1 - apart)


def relations(sample: Sample, real: Table) -> Floats:
    """Return the associations of all pairs, (21, d, d), with cells as in the real table."""
    columns = real.schema.modelled
    cells, sizes = [], []
    for c in columns:
        if c.is_numeric or c.kind == "ordinal":
            value, pool = values_of(sample.table, c), values_of(real, c)
            edges = mass_edges(pool[~np.isnan(pool)], TENTHS)
            state = sample.table.states[c.name].astype(np.intp)
            inside = np.searchsorted(edges, np.nan_to_num(value), side="right")
            k = len(edges) + 1
            cells.append(np.where(state == PRESENT, inside, k + state - 1))
            sizes.append(k + 1 + len(c.missing_codes))
        else:
            cell, k = cells_of(sample.table, c)
            count = np.bincount(cells_of(real, c)[0], minlength=k)
            place = np.full(k, min(k, COMMON))
            place[np.argsort(-count, kind="stable")[:COMMON]] = np.arange(min(k, COMMON))
            cells.append(place[cell])
            sizes.append(min(k, COMMON) + 1)
    return associations(
        np.column_stack([values_of(sample.table, c) for c in columns]),
        np.column_stack(cells),
        np.array(sizes),
        np.array([c.is_numeric or c.kind == "ordinal" for c in columns]),
        sample.groups,
    )


def pairs(a: Sample, b: Sample) -> Measured:
    """Return 1 minus the gap of the relations of each two columns, averaged, in 0 to 1."""
    columns = b.table.schema.modelled
    if len(columns) < 2:
        return Measured(CannotJudge("the table has one column"), {})
    made, real = relations(a, b.table), relations(b, b.table)
    i, j = np.triu_indices(len(columns), 1)
    gap = np.minimum(np.abs(made - real)[:, i, j], 1.0)
    outcome = b.table.schema.outcome
    of_outcome = np.array([columns[p] == outcome or columns[q] == outcome for p, q in zip(i, j)])
    parts = {
        "between features": 1 - gap[:, ~of_outcome].mean(1) if not of_outcome.all() else None,
        "with the outcome": 1 - gap[:, of_outcome].mean(1) if of_outcome.any() else None,
    }
    known = {k: v for k, v in parts.items() if v is not None}
    names = [" × ".join(sorted((columns[p].name, columns[q].name))) for p, q in zip(i, j)]
    widest = [
        {
            "pair": names[k],
            "real": float(real[0, i[k], j[k]]),
            "synthetic": float(made[0, i[k], j[k]]),
        }
        for k in np.argsort(-gap[0], kind="stable")[:WORST]
    ]
    detail: dict[str, Any] = {k: float(v[0]) for k, v in known.items()}
    detail |= {
        "pairs": {name: float(1 - g) for name, g in zip(names, gap[0], strict=True)},
        "widest gaps": widest,
    }
    return Measured(np.mean(list(known.values()), axis=0), detail)


def coverage(a: Sample, b: Sample) -> Measured:
    """Return the share of the levels that real people have and synthetic rows too."""
    found = np.zeros(GROUPS + 1)
    total = np.zeros(GROUPS + 1)
    lost: dict[str, list[str]] = {}
    for c in b.table.schema.modelled:
        if not c.is_levelled:
            continue
        (cell_a, k), (cell_b, _) = cells_of(a.table, c), cells_of(b.table, c)
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
        return Measured(CannotJudge(f"no column has levels that {FEW} people share"), detail)
    return Measured(found / total, detail)


def _tails(a: Sample, b: Sample) -> dict[str, dict[str, float]]:
    """Return the shares of values below the real 5 % quantile and above the real 95 % one."""
    out = {}
    for c in b.table.schema.modelled:
        x, y = values_of(a.table, c), values_of(b.table, c)
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
