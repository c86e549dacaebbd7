"""Scores as others have published them, with their faults: for comparison, never to be used.

The sources are public prototypes that follow PSyGenTAB (2026, arXiv:2606.18518). What is wrong with
each stands in its docstring.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from salus.synth.audit.copies import record_keys
from salus.synth.audit.samples import Measured, Sample, cells_of, values_of
from salus.synth.measure.divergence import (
    bin_edges,
    bin_shares,
    jensen_shannon,
    own_range_divergence,
)
from salus.synth.measure.estimate import CannotJudge
from salus.synth.measure.jackknife import GROUPS
from salus.synth.table.table import Table

__all__ = ["published_divergence", "published_p"]

Floats = NDArray[np.float64]


def published_divergence(a: Sample, b: Sample, *, bins: int = 30, few: int = 20) -> Measured:
    """Return the published Jensen-Shannon divergence of numbers, averaged, 0 to 0.693 nats.

    Each histogram lies on its own table's range, so the figure doesn't see location or scale: a
    column and 100 plus 7 times that column have 0. The divergence over shared bins, in bits, stands
    beside it in the detail.
    """
    columns = [c for c in b.table.schema.modelled if c.is_numeric]
    if not columns:
        return Measured(CannotJudge("no column holds numbers"), {})
    each, fewer, shared = [], {}, {}
    for c in columns:
        x, y = values_of(a.table, c), values_of(b.table, c)
        p, q = ~np.isnan(x), ~np.isnan(y)
        each.append(
            [
                own_range_divergence(x[p & (a.groups != g)], y[q & (b.groups != g)], bins)
                for g in range(-1, GROUPS)
            ]
        )
        fewer[c.name] = own_range_divergence(x[p], y[q], few)
        edges = bin_edges(np.concatenate([x[p], y[q]]), bins)
        shared[c.name] = jensen_shannon(bin_shares(x[p], edges), bin_shares(y[q], edges))
    detail = {
        "columns": {c.name: float(v[0]) for c, v in zip(columns, each, strict=True)},
        f"with {few} bins": fewer,
        "over shared bins, in bits": shared,
    }
    return Measured(np.mean(each, axis=0), detail)


def published_p(synthetic: Table, train: Table) -> float:
    """Return the published P of a prototype's search, which ranks disguised copies above people.

    0.5 times the mean distance to the closest record over its own 95 % quantile, in raw units; 0.3
    times 1 minus the mean gap of the columns' quantiles over four times their median; 0.2 times 1
    minus duplicates over a tenth. Each scale follows what it measures, nobody is held out, and a
    copy with one column shifted has 0.99 where fresh people have 0.38. A negative control.
    """
    if not len(synthetic) or not len(train):
        raise ValueError("both tables need rows")
    x, y = _raw(synthetic), _raw(train)
    near = np.concatenate([cdist(x[i : i + 500], y).min(1) for i in range(0, len(x), 500)])
    scale = float(np.quantile(near, 0.95)) or 1.0
    grid = np.linspace(0.05, 0.95, 19)
    numeric = [c for c in train.schema.modelled if c.is_numeric]
    gaps = [
        np.abs(
            np.nanquantile(values_of(synthetic, c), grid)
            - np.nanquantile(values_of(train, c), grid)
        )
        for c in numeric
    ]
    moved = np.concatenate(gaps) if gaps else np.zeros(1)
    cap = 4 * float(np.median(moved)) or 1.0
    made, real = record_keys([synthetic, train])
    within = 1 - len(np.unique(made)) / len(made)
    overlap = float(np.isin(made, real).mean())
    parts = (
        near.mean() / scale,
        1 - moved.mean() / cap,
        1 - 0.5 * (within + overlap) / 0.10,
    )
    return float(np.dot([0.5, 0.3, 0.2], np.clip(parts, 0, 1)))


def _raw(table: Table) -> Floats:
    """Return numbers in their own units and an indicator for each level, (n, p)."""
    parts = []
    for c in table.schema.modelled:
        if c.is_numeric:
            parts.append(np.nan_to_num(values_of(table, c))[:, None])
        else:
            cell, k = cells_of(table, c)
            parts.append(np.eye(k)[cell])
    return np.hstack(parts)
