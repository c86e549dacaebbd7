"""The utility Q of PSyGenTAB (2026, arXiv:2606.18518), corrected, of one table against another.

Q is the weighted mean of D (single columns), A (outliers and rare levels), C (relations), V (how
much of the real table is reached) and T (time; weight 0 for tables without). It is taken against
real people who were held out, never against the training people, so that memorising earns nothing.
Bins are shared by both tables, a missing value counts as a level, the outcome takes part, a table's
diagonal of ones doesn't, and a part that no column has is absent instead of perfect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.paper.settings import PaperSettings
from salus.synth.audit.samples import cells_of, values_of
from salus.synth.measure.association import strengths
from salus.synth.measure.distance import Encoder, nearest
from salus.synth.measure.divergence import (
    bin_edges,
    bin_shares,
    jensen_shannon,
    kolmogorov_smirnov,
    mass_edges,
    range_overlap,
    total_variation,
)
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Quality", "quality"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
SLACK = 1e-9  # of a quartile distance: a value on a fence stays inside in every unit


@dataclass(frozen=True)
class Quality:
    """Hold Q and its parts by letter; a part that can't be computed is absent."""

    score: float | CannotJudge
    parts: Mapping[str, float]


def quality(made: Table, real: Table, encoder: Encoder, settings: PaperSettings) -> Quality:
    """Return Q of one table against real people of about the same number of rows.

    Parameters
    ----------
    made, real : Table
        Of one schema.
    encoder : Encoder
        Of real people, for distances.
    settings : PaperSettings
    """
    found = {
        "D": _distribution(made, real, settings),
        "A": _anomalies(made, real, settings),
        **_association(made, real, settings),
        "V": _diversity(made, real, encoder, settings),
    }
    parts = {k: v for k, v in found.items() if v is not None}
    weights = {
        "D": settings.distribution,
        "A": settings.anomalies,
        "C": settings.association,
        "V": settings.diversity,
    }
    total = sum(w for k, w in weights.items() if k in parts)
    if not total > 0:
        return Quality(CannotJudge("no part of Q with a weight applies to this table"), parts)
    score = sum(w * parts[k] for k, w in weights.items() if k in parts) / total
    return Quality(score, parts)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _values(made: Table, real: Table, c: Column) -> tuple[Floats, Floats]:
    x, y = values_of(made, c), values_of(real, c)
    return x[~np.isnan(x)], y[~np.isnan(y)]


def _shares(made: Table, real: Table, c: Column) -> tuple[Floats, Floats]:
    (x, k), (y, _) = cells_of(made, c), cells_of(real, c)
    return np.bincount(x, minlength=k) / len(x), np.bincount(y, minlength=k) / len(y)


def _bins(x: Floats, y: Floats, bins: int) -> tuple[Floats, Floats]:
    edges = bin_edges(np.concatenate([x, y]), bins)
    return bin_shares(x, edges), bin_shares(y, edges)


def _distribution(made: Table, real: Table, settings: PaperSettings) -> float | None:
    """Return D: 1 minus KS, 1 minus JSD and overlap of ranges; 1 minus TV of levels."""
    out = []
    for c in real.schema.modelled:
        apart = float(total_variation(*_shares(made, real, c)))  # of missing states, for a number
        if c.is_numeric:
            x, y = _values(made, real, c)
            alike = (
                1 - max(apart, kolmogorov_smirnov(x, y)),
                1 - jensen_shannon(*_bins(x, y, settings.bins)),
                range_overlap(x, y),
            )
            out.append(float(np.mean(alike)))
        else:
            out.append(1 - apart)
    return _mean(out)


def _anomalies(made: Table, real: Table, settings: PaperSettings) -> float | None:
    """Return A: rates beyond Tukey's fences, low and high apart, and rates of rare levels."""
    out = []
    for c in real.schema.modelled:
        if c.is_numeric:
            x, y = _values(made, real, c)
            if len(x) and len(y):
                gaps = _outliers(x, y, settings.fence)
                out.append(float(np.mean(1 - np.minimum(1, gaps / settings.outlier_gap))))
        else:
            p, q = _shares(made, real, c)
            rare = (q > 0) & (q <= settings.rare)
            if rare.any():
                gaps = np.abs(p - q)[rare]
                out.append(float(np.mean(1 - np.minimum(1, gaps / settings.rare_gap))))
    return _mean(out)


def _outliers(x: Floats, y: Floats, fence: float) -> Floats:
    """Return the gaps of outlier rates, low and high; without a quartile distance, off the mode."""
    low, high = np.quantile(y, [0.25, 0.75])
    span = float(high - low)
    if not span > 0:
        support, count = np.unique(y, return_counts=True)
        mode = support[np.argmax(count)]
        return np.array([abs(float((x != mode).mean() - (y != mode).mean()))])
    reach = (fence + SLACK) * span
    below = abs(float((x < low - reach).mean() - (y < low - reach).mean()))
    above = abs(float((x > high + reach).mean() - (y > high + reach).mean()))
    return np.array([below, above])


def _association(made: Table, real: Table, settings: PaperSettings) -> dict[str, float | None]:
    """Return C and its two halves: pairs of features, and pairs with the outcome."""
    columns = real.schema.modelled
    if len(columns) < 2:
        return {}
    i, j = np.triu_indices(len(columns), 1)
    gap = np.minimum(1, np.abs(_relations(made, real, settings) - _relations(real, real, settings)))
    told = np.array([real.schema.outcome in (columns[a], columns[b]) for a, b in zip(i, j)])
    apart = gap[i, j]
    features = float(1 - apart[~told].mean()) if not told.all() else None
    outcome = float(1 - apart[told].mean()) if told.any() else None
    known = [v for v in (features, outcome) if v is not None]
    return {"C": _mean(known), "C, features": features, "C, outcome": outcome}


def _relations(table: Table, real: Table, settings: PaperSettings) -> Floats:
    """Return the strengths of all pairs, with the real table's bins, (d, d)."""
    columns = real.schema.modelled
    cells, sizes, ranked = [], [], []
    for c in columns:
        ranked.append(c.is_numeric or c.kind == "ordinal")
        if ranked[-1]:
            value, pool = values_of(table, c), values_of(real, c)
            edges = mass_edges(pool[~np.isnan(pool)], settings.tenths)
            k = len(edges) + 1
            state = table.states[c.name].astype(np.intp)
            inside = np.searchsorted(edges, np.nan_to_num(value), side="right")
            cells.append(np.where(state == PRESENT, inside, k + state - 1))
            sizes.append(k + 1 + len(c.missing_codes))
        else:
            cell, k = cells_of(table, c)
            cells.append(cell)
            sizes.append(k)
    return strengths(
        np.column_stack([values_of(table, c) for c in columns]),
        np.column_stack(cells),
        np.array(sizes),
        np.array(ranked),
    )


def _diversity(made: Table, real: Table, encoder: Encoder, settings: PaperSettings) -> float | None:
    """Return V: levels that occur, real mass in what is reached, and real people well surrounded.

    The last is the share with a synthetic row among their neighbours (coverage of Naeem et al.
    2020, arXiv:2002.09797).
    """
    levels, mass = [], []
    for c in real.schema.modelled:
        p, q = _shares(made, real, c)
        if c.is_levelled:
            levels.append(float((p[q > 0] > 0).mean()))
        else:
            x, y = _values(made, real, c)
            present = 1 - q[1:].sum()
            states = (p > 0)[1:] @ q[1:]
            p, q = _bins(x, y, settings.bins)
            mass.append(float(states + present * q[p > 0].sum()))
            continue
        mass.append(float(q[p > 0].sum()))
    placed = encoder.place(real)
    k = settings.neighbours
    within = nearest(placed, placed, k=k, skip_same=True, left_out=False).all[:, -1]
    reached = nearest(placed, encoder.place(made), left_out=False).all[:, 0] <= within
    found = [_mean(levels), _mean(mass), float(reached.mean()) if len(real) > k else None]
    return _mean([v for v in found if v is not None])
