"""How strongly pairs of columns go together, for all pairs and all replicates at once.

Two ranked columns (numbers, ordered levels): Spearman's correlation, -1 to 1. Two unordered ones:
Cramer's V with the bias correction of Bergsma (2013, doi:10.1016/j.jkss.2012.10.002), 0 to 1. A
ranked and an unordered one: mutual information of the levels and tenths of the ranked column, over
the geometric mean of the entropies (Strehl & Ghosh 2002), 0 to 1. A missing state is a level.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import rankdata

from salus.synth.measure.jackknife import GROUPS, leave_each_out

__all__ = ["associations", "strengths"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


def associations(values: Floats, cells: Ints, sizes: Ints, ranked: Bools, groups: Ints) -> Floats:
    """Return the associations of all pairs of columns, and those without each group of people.

    Parameters
    ----------
    values : array (n, d)
        Numbers or positions of ordered levels, NaN where missing; read for ranked columns only.
    cells : array (n, d)
        Cell of each row, 0 to ``sizes[j] - 1``: levels, or bins of a ranked column.
    sizes : array (d,)
    ranked : array (d,)
        Whether the column's values have an order.
    groups : array (n,)
        As ``people_groups`` makes them.

    Returns
    -------
    array (21, d, d)
        Symmetric, with ones on the diagonal; 0 where a column doesn't vary.
    """
    v, information = _from_cells(cells, sizes, groups)
    both = ~ranked[:, None] & ~ranked[None, :]
    out = np.where(both, v, information)
    order = np.flatnonzero(ranked)
    if len(order):
        block = _spearman(values[:, order], groups)
        out[:, order[:, None], order[None, :]] = block
    out[:, np.arange(len(sizes)), np.arange(len(sizes))] = 1.0
    return np.asarray(out)


def strengths(values: Floats, cells: Ints, sizes: Ints, ranked: Bools) -> Floats:
    """Return Spearman's correlation of ranked pairs and normalised information of all others.

    The figures of ``associations`` for the whole sample, with mutual information in place of
    Cramer's V between unordered columns.

    Parameters
    ----------
    values, cells, sizes, ranked
        As for ``associations``.

    Returns
    -------
    array (d, d)
        Symmetric; 0 where a column doesn't vary, and on the diagonal 1.
    """
    n, d = cells.shape
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    hot = np.zeros((n, int(sizes.sum())))
    hot[np.arange(n)[:, None], cells + start] = 1.0
    total = max(n, 1)
    entropy = -np.add.reduceat(_plogp(hot.sum(0) / total), start)
    joint = _plogp(hot.T @ hot / total)
    joint = -np.add.reduceat(np.add.reduceat(joint, start, axis=0), start, axis=1)
    bottom = np.sqrt(entropy[:, None] * entropy)
    mutual = entropy[:, None] + entropy - joint
    out = np.divide(mutual, bottom, out=np.zeros((d, d)), where=bottom > 1e-12)
    out = np.clip(out, 0, 1)
    order = np.flatnonzero(ranked)
    if len(order):
        here = ~np.isnan(values[:, order])
        ranks = np.zeros((n, len(order)))
        for k, j in enumerate(order):
            ranks[here[:, k], k] = rankdata(values[here[:, k], j]) / max(here[:, k].sum(), 1) - 0.5
        out[np.ix_(order, order)] = _pairwise(ranks, here.astype(float))
    out[np.arange(d), np.arange(d)] = 1.0
    return np.asarray(out)


def _spearman(values: Floats, groups: Ints) -> Floats:
    """Return rank correlations over the rows where both are there, (21, p, p)."""
    n, p = values.shape
    ranks = np.zeros((GROUPS + 1, n, p))
    here = ~np.isnan(values)
    for j in range(p):
        mine = here[:, j]
        support, cell = np.unique(values[mine, j], return_inverse=True)
        if not len(support):
            continue
        k = len(support)
        sums = np.bincount(groups[mine] * k + cell.ravel(), minlength=GROUPS * k)
        count = leave_each_out(sums.reshape(GROUPS, k).astype(float))
        middle = np.cumsum(count, 1) - count / 2
        ranks[:, mine, j] = middle[:, cell.ravel()] / np.maximum(count.sum(1), 1)[:, None] - 0.5
    out = np.zeros((GROUPS + 1, p, p))
    for r in range(GROUPS + 1):
        keep = groups != r - 1
        out[r] = _pairwise(ranks[r][keep], here[keep].astype(float))
    return out


def _pairwise(x: Floats, m: Floats) -> Floats:
    """Return correlations of columns, each over the rows where both are there, (p, p)."""
    count = np.maximum(m.T @ m, 1.0)
    first, square = x.T @ m, (x * x).T @ m  # of column i over the rows of pair (i, j)
    mean = first / count
    covariance = x.T @ x / count - mean * mean.T
    variance = square / count - mean**2
    variance = np.where(variance > 1e-10, variance, 0.0)
    bottom = np.sqrt(variance * variance.T)
    r = np.divide(covariance, bottom, out=np.zeros_like(bottom), where=bottom > 0)
    return np.asarray(np.clip(r, -1, 1))


def _from_cells(cells: Ints, sizes: Ints, groups: Ints) -> tuple[Floats, Floats]:
    """Return Cramer's V and normalised mutual information of all pairs, (21, d, d) each."""
    n, d = cells.shape
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = cells + start
    hot = np.zeros((n, int(sizes.sum())))
    hot[np.arange(n)[:, None], place] = 1.0
    margin = leave_each_out(_by_group(np.zeros(n, np.intp), 1, groups, hot)[:, 0])  # (21, K)
    total = np.maximum(margin[:, : sizes[0]].sum(1), 1.0)
    reached = np.add.reduceat((margin > 0).astype(float), start, axis=1)  # (21, d)
    entropy = -np.add.reduceat(_plogp(margin / total[:, None]), start, axis=1)
    phi, mutual = np.zeros((GROUPS + 1, d, d)), np.zeros((GROUPS + 1, d, d))
    for i in range(d):
        table = leave_each_out(_by_group(cells[:, i], int(sizes[i]), groups, hot))  # (21, k, K)
        mine = margin[:, start[i] : start[i] + sizes[i]]
        both = np.maximum(mine[:, :, None] * margin[:, None, :], 1.0)
        phi[:, i] = np.add.reduceat((table**2 / both).sum(1), start, axis=1) - 1
        joint = -np.add.reduceat(_plogp(table / total[:, None, None]).sum(1), start, axis=1)
        mutual[:, i] = entropy[:, i, None] + entropy - joint
    bottom = np.sqrt(entropy[:, :, None] * entropy[:, None, :])
    information = np.divide(mutual, bottom, out=np.zeros_like(mutual), where=bottom > 1e-12)
    return _cramer(phi, reached, total), np.asarray(np.clip(information, 0, 1))


def _cramer(phi: Floats, reached: Floats, total: Floats) -> Floats:
    rest = np.maximum(total - 1, 1.0)[:, None]
    shrunk = reached - (reached - 1) ** 2 / rest
    free = (reached - 1)[:, :, None] * (reached - 1)[:, None, :]
    corrected = np.maximum(0.0, phi - free / rest[:, :, None])
    least = np.minimum(shrunk[:, :, None], shrunk[:, None, :]) - 1
    ratio = np.divide(corrected, least, out=np.zeros_like(corrected), where=least > 1e-9)
    return np.asarray(np.sqrt(np.clip(ratio, 0, 1)))


def _by_group(cell: Ints, k: int, groups: Ints, hot: Floats) -> Floats:
    """Return the counts of cell by indicator in each group of people, (20, k, K)."""
    n = len(cell)
    row = csr_matrix((np.ones(n), (groups * k + cell, np.arange(n))), shape=(GROUPS * k, n))
    return np.asarray(row @ hot).reshape(GROUPS, k, hot.shape[1])


def _plogp(p: Floats) -> Floats:
    return np.asarray(p * np.log(np.where(p > 0, p, 1.0)))
