"""How far one column of two tables is apart: pure functions on arrays.

Two tables share their bins, whose edges are quantiles of both together: bins of each table's own
would be blind to location and scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.jackknife import GROUPS, leave_each_out

__all__ = [
    "bin_edges",
    "bin_shares",
    "grouped_ks",
    "grouped_shares",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "mass_edges",
    "own_range_divergence",
    "range_overlap",
    "total_variation",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def kolmogorov_smirnov(a: Floats, b: Floats) -> float:
    """Return the largest gap between two empirical distribution functions.

    A column without values is as far as can be from one with values, and equal to another one.

    Examples
    --------
    >>> kolmogorov_smirnov(np.array([1.0, 2, 3]), np.array([1.0, 2, 3]))
    0.0
    """
    zeros = np.zeros(len(a), np.intp), np.zeros(len(b), np.intp)
    return float(grouped_ks(a, b, *zeros)[0])


def grouped_ks(a: Floats, b: Floats, group_a: Ints, group_b: Ints) -> Floats:
    """Return the Kolmogorov-Smirnov distance, and the one without each group of people.

    Parameters
    ----------
    a, b : arrays (n,), (m,)
        Finite values.
    group_a, group_b : arrays (n,), (m,)
        As ``people_groups`` makes them.

    Returns
    -------
    array (21,)
    """
    support, cell = np.unique(np.concatenate([a, b]), return_inverse=True)
    cell = cell.ravel()
    p = grouped_shares(cell[: len(a)], group_a, len(support))
    q = grouped_shares(cell[len(a) :], group_b, len(support))
    gap = np.abs(np.cumsum(p - q, axis=1)).max(1, initial=0.0)
    one_empty = (p.sum(1) > 0) != (q.sum(1) > 0)
    return np.asarray(np.where(one_empty, 1.0, np.minimum(gap, 1.0)))


def grouped_shares(cells: Ints, groups: Ints, k: int) -> Floats:
    """Return the shares of k cells, and those without each group of people, (21, k).

    Parameters
    ----------
    cells, groups : arrays (n,)
        Cell in 0 to k - 1 and group of each row. Without rows all shares are 0.
    """
    sums = np.bincount(groups * k + cells, minlength=GROUPS * k).reshape(GROUPS, k)
    counts = leave_each_out(sums.astype(float))
    return np.asarray(counts / np.maximum(counts.sum(1, keepdims=True), 1.0))


def total_variation(p: Floats, q: Floats) -> Floats:
    """Return half the summed gap of distributions over the same cells, (...) for (..., k) each."""
    return np.asarray(0.5 * np.abs(p - q).sum(-1))


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Return the Jensen-Shannon divergence in bits, 0 to 1, of two distributions, (k,) each.

    Source: Lin 1991, doi:10.1109/18.61115.

    Examples
    --------
    >>> jensen_shannon(np.array([1.0, 0]), np.array([0.0, 1]))
    1.0
    """
    middle = (p + q) / 2

    def against(a: Floats) -> float:
        here = a > 0
        return float((a[here] * np.log2(a[here] / middle[here])).sum())

    return min(1.0, max(0.0, (against(p) + against(q)) / 2))


def bin_edges(pooled: Floats, bins: int = 30) -> Floats:
    """Return inner edges at quantiles of values pooled over tables, merged where tied."""
    if not len(pooled):
        return np.zeros(0)
    return np.unique(np.quantile(pooled, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))


def mass_edges(pooled: Floats, bins: int) -> Floats:
    """Return inner edges of at most so many bins of like mass, none of which cuts a value in two.

    A value that most people have is a bin of its own, and the rest is shared out among the others;
    quantiles alone would put all of a column with nine zeros in ten into one bin.

    Examples
    --------
    >>> mass_edges(np.array([0.0, 0, 0, 0, 0, 0, 1, 2, 3, 4]), 3).tolist()
    [1.0, 3.0]
    """
    support, count = np.unique(pooled, return_counts=True)
    edges: list[float] = []
    left, held = float(count.sum()), 0.0
    for k in range(len(support) - 1):
        held += count[k]
        if held >= left / (bins - len(edges)):
            edges.append(float(support[k + 1]))
            left, held = left - held, 0.0
            if len(edges) == bins - 1:
                break
    return np.array(edges)


def bin_shares(x: Floats, edges: Floats) -> Floats:
    """Return the share of values in each bin, (edges + 1,); a value on an edge lies above it."""
    count = np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1)
    return np.asarray(count / max(len(x), 1))


def own_range_divergence(a: Floats, b: Floats, bins: int = 30) -> float:
    """Return the Jensen-Shannon divergence in nats of histograms, each over its own range.

    This is a published mistake, kept for comparison: bins that follow each table's own range don't
    see where it lies nor how wide it is, so a column and any linear change of it are equal (0).
    The divergence is 0 to 0.693, the natural logarithm of 2.

    Parameters
    ----------
    a, b : arrays (n,), (m,)
        Finite values; a column without values is as far as can be from one with values.
    bins : int

    Examples
    --------
    >>> x = np.arange(100.0)
    >>> own_range_divergence(x, 1024 + 8 * x)
    0.0
    """
    if not len(a) or not len(b):
        return 0.0 if len(a) == len(b) else float(np.log(2))
    p, q = (np.histogram(x, bins=bins)[0] / len(x) for x in (a, b))
    return jensen_shannon(p, q) * float(np.log(2))


def range_overlap(a: Floats, b: Floats) -> float:
    """Return intersection over union of the ranges from the 1 % to the 99 % quantile.

    Examples
    --------
    >>> round(range_overlap(np.arange(101.0), np.arange(101.0)), 3)
    1.0
    """
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    (p, q), (r, s) = np.quantile(a, [0.01, 0.99]), np.quantile(b, [0.01, 0.99])
    union = max(q, s) - min(p, r)
    return float(max(0.0, min(q, s) - max(p, r)) / union) if union > 0 else 1.0
