"""Measure how far missing values differ: how many, with what they go, and which come together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.samples import Measured, Sample, values_of
from salus.synth.measure.association import associations
from salus.synth.measure.divergence import bin_edges, grouped_shares
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.table import PRESENT, Table

__all__ = ["missingness"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def missingness(a: Sample, b: Sample) -> Measured:
    """Return the gap of the missing shares, averaged over columns with any, in 0 to 1."""
    names = [
        c.name
        for c in b.table.schema.modelled
        if any((s.table.states[c.name] != PRESENT).any() for s in (a, b))
    ]
    if not names:
        return Measured(CannotJudge("no value is missing in either table"), {})
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
    return Measured(gaps.mean(0), detail)


def _dependence(sample: Sample, gone: Ints, names: list[str], real: Table) -> Floats:
    """Return how strongly each column's missingness goes with each other column's content."""
    columns = real.schema.modelled
    cells, sizes = [], []
    for c in columns:
        value, pool = values_of(sample.table, c), values_of(real, c)
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
