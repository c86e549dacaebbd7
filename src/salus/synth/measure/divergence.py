"""How far two columns, or two pairs of columns, are apart: pure functions on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["association", "bin_edges", "jensen_shannon", "kolmogorov_smirnov", "total_variation"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def kolmogorov_smirnov(a: Floats, b: Floats) -> float:
    """Return the largest gap between two empirical distribution functions.

    Examples
    --------
    >>> kolmogorov_smirnov(np.array([1.0, 2, 3]), np.array([1.0, 2, 3]))
    0.0
    """
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    both = np.concatenate([a, b])
    fa = np.searchsorted(np.sort(a), both, side="right") / len(a)
    fb = np.searchsorted(np.sort(b), both, side="right") / len(b)
    return float(np.abs(fa - fb).max())


def total_variation(p: Floats, q: Floats) -> float:
    """Return half the summed gap of two distributions over the same cells, (k,) each."""
    return float(0.5 * np.abs(p - q).sum())


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Return the Jensen-Shannon divergence in bits, 0 to 1, of two distributions, (k,) each.

    Examples
    --------
    >>> jensen_shannon(np.array([1.0, 0]), np.array([0.0, 1]))
    1.0
    """
    middle = (p + q) / 2

    def against(a: Floats) -> float:
        here = a > 0
        return float((a[here] * np.log2(a[here] / middle[here])).sum())

    return (against(p) + against(q)) / 2


def bin_edges(pooled: Floats, bins: int) -> Floats:
    """Return inner edges at quantiles of the pooled values, merged where tied."""
    if not len(pooled):
        return np.zeros(0)
    return np.unique(np.quantile(pooled, np.linspace(0, 1, bins + 1)[1:-1]))


def association(a: Floats, b: Floats, a_numeric: bool, b_numeric: bool) -> float:
    """Return how strongly two columns go together, for rows in which both are there.

    Parameters
    ----------
    a, b : arrays (n,)
        Values, or cells of a levelled column.
    a_numeric, b_numeric : bool

    Returns
    -------
    float
        Spearman's correlation (-1 to 1) of two numbers; else Cramer's V (0 to 1), numbers in
        quintiles. 0 where one of them doesn't vary.
    """
    if len(a) < 3 or (a == a[0]).all() or (b == b[0]).all():
        return 0.0
    if a_numeric and b_numeric:
        return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
    return _cramer(_cells(a, a_numeric), _cells(b, b_numeric))


def _cells(x: Floats, numeric: bool) -> Ints:
    if numeric:
        return np.digitize(x, bin_edges(x, 5))
    return np.unique(x, return_inverse=True)[1].ravel()


def _cramer(a: Ints, b: Ints) -> float:
    """Return Cramer's V with the bias correction of Bergsma (2013)."""
    r, c, n = int(a.max()) + 1, int(b.max()) + 1, len(a)
    table = np.bincount(a * c + b, minlength=r * c).reshape(r, c).astype(float)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    r, c = table.shape
    if min(r, c) < 2:
        return 0.0
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    phi = float(((table - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(np.sqrt(corrected / max(min(rows, columns) - 1, 1e-9)))
