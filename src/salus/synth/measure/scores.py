"""Scores of predictions, for many bootstrap weights at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "average_precision", "macro_f1", "weighted_auc"]

Floats = NDArray[np.float64]


def auc(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, ties counted half.

    Examples
    --------
    >>> auc(np.array([0.1, 0.9]), np.array([False, True]))
    1.0
    """
    return float(weighted_auc(score, positive, np.ones((1, len(score))))[0])


def weighted_auc(score: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the area under the ROC curve for each row of weights (b, n), as (b,)."""
    _, group = np.unique(score, return_inverse=True)
    group = group.ravel()
    k = int(group.max(initial=0)) + 1
    b = len(weights)
    up, down = np.zeros((b, k)), np.zeros((b, k))
    order = np.argsort(group, kind="stable")
    cuts = np.searchsorted(group[order], np.arange(k))
    sorted_w = weights[:, order]
    mine = positive[order]
    up[:] = np.add.reduceat(sorted_w * mine, cuts, axis=1)
    down[:] = np.add.reduceat(sorted_w * ~mine, cuts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    total = up.sum(1) * down.sum(1)
    return np.asarray(np.where(total > 0, (up * below).sum(1) / np.maximum(total, 1e-12), 0.5))


def average_precision(score: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the average precision for each row of weights (b, n), as (b,)."""
    order = np.argsort(-score, kind="stable")
    w, mine = weights[:, order], positive[order]
    hits = np.cumsum(w * mine, axis=1)
    seen = np.cumsum(w, axis=1)
    last = np.append(np.diff(score[order]) != 0, True)  # a tied group counts at its end
    precision = hits / np.maximum(seen, 1e-12)
    total = np.maximum(hits[:, -1], 1e-12)
    gained = np.diff(np.column_stack([np.zeros(len(w)), hits[:, last]]), axis=1)
    return np.asarray((gained * precision[:, last]).sum(1) / total)


def macro_f1(
    predicted: NDArray[np.intp], truth: NDArray[np.intp], classes: int, weights: Floats
) -> Floats:
    """Return F1 averaged over the classes that occur, for each row of weights (b, n), as (b,)."""
    out = []
    for k in range(classes):
        if not ((truth == k) | (predicted == k)).any():
            continue
        hit = weights @ ((truth == k) & (predicted == k)).astype(float)
        either = weights @ (truth == k).astype(float) + weights @ (predicted == k).astype(float)
        out.append(2 * hit / np.maximum(either, 1e-12))
    return np.asarray(np.mean(out, axis=0)) if out else np.zeros(len(weights))
