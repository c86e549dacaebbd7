"""Scores of predictions, for many bootstrap weights at once.

Each function takes weights (b, n), one row a replicate, and returns (b,): NaN where a replicate
leaves the score undefined, such as an area without a positive. With weights of one they equal
scikit-learn's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "area_under_roc",
    "average_precision",
    "macro_area",
    "macro_f1",
    "r_squared",
    "rank_correlation",
    "recall",
    "weighted_area",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


def _ratio(top: Floats, bottom: Floats) -> Floats:
    out = np.full(np.shape(top), np.nan)
    np.divide(top, bottom, out=out, where=bottom > 1e-12)
    return out


def area_under_roc(score: Floats, positive: Bools) -> float:
    """Return the area under the ROC curve, ties counted half.

    Examples
    --------
    >>> area_under_roc(np.array([0.1, 0.9]), np.array([False, True]))
    1.0
    """
    return float(weighted_area(score, positive, np.ones((1, len(score))))[0])


def weighted_area(score: Floats, positive: Bools, weights: Floats) -> Floats:
    """Return the area under the ROC curve, (b,): the chance that a positive scores higher.

    Parameters
    ----------
    score, positive : arrays (n,)
    weights : array (b, n)
    """
    up, down = _by_tie(score, weights * positive, weights * ~positive)
    below = np.cumsum(down, axis=1) - down / 2
    return _ratio((up * below).sum(1), up.sum(1) * down.sum(1))


def _by_tie(score: Floats, *parts: Floats) -> list[Floats]:
    """Return each (b, n) summed over rows of equal score, scores rising."""
    if not len(score):
        return list(parts)
    order = np.argsort(score, kind="stable")
    rising = score[order]
    cuts = np.flatnonzero(np.append(True, rising[1:] != rising[:-1]))
    return [np.add.reduceat(p[:, order], cuts, axis=1) for p in parts]


def macro_area(chance: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return the area averaged over classes, each against the rest, over the classes present.

    Parameters
    ----------
    chance : array (n, k)
    truth : array (n,)
    weights : array (b, n)
    """
    classes = [c for c in np.unique(truth) if (truth != c).any()]
    if not classes:
        return np.full(len(weights), np.nan)
    if chance.shape[1] == 2:
        return weighted_area(chance[:, 1], truth == 1, weights)  # both directions are the same
    return _mean_defined([weighted_area(chance[:, c], truth == c, weights) for c in classes])


def _mean_defined(parts: list[Floats]) -> Floats:
    """Average over those that are defined; NaN where none is."""
    each = np.array(parts)
    known = ~np.isnan(each)
    return _ratio(np.where(known, each, 0.0).sum(0), known.sum(0).astype(float))


def average_precision(score: Floats, positive: Bools, weights: Floats) -> Floats:
    """Return the average precision, (b,), without interpolation, ties taken at once.

    Parameters
    ----------
    score, positive : arrays (n,)
    weights : array (b, n)
    """
    hit, seen = (p[:, ::-1] for p in _by_tie(score, weights * positive, weights))
    found, passed = np.cumsum(hit, axis=1), np.cumsum(seen, axis=1)
    precision = found / np.maximum(passed, 1e-12)
    return _ratio((hit * precision).sum(1), hit.sum(1))


def macro_f1(predicted: Ints, truth: Ints, classes: int, weights: Floats) -> Floats:
    """Return F1 averaged over the classes that occur in either, (b,).

    Parameters
    ----------
    predicted, truth : arrays (n,) of 0 to ``classes`` - 1
    weights : array (b, n)
    """
    hit = weights @ ((predicted == truth)[:, None] & (truth[:, None] == np.arange(classes)))
    either = weights @ (
        (truth[:, None] == np.arange(classes)).astype(float)
        + (predicted[:, None] == np.arange(classes))
    )
    return _mean_defined(list(_ratio(2 * hit, either).T))


def recall(predicted: Ints, truth: Ints, of: int, weights: Floats) -> Floats:
    """Return the share of one class that is found, (b,)."""
    mine = truth == of
    return _ratio(weights @ (mine & (predicted == of)).astype(float), weights @ mine.astype(float))


def r_squared(predicted: Floats, truth: Floats, weights: Floats) -> Floats:
    """Return the share of the variance that is explained, (b,); below 0 is worse than the mean."""
    centred = truth - truth.mean()  # keeps the sums of squares apart from a large mean
    total = weights.sum(1)
    mean = weights @ centred / total
    spread = weights @ centred**2 - total * mean**2
    missed = weights @ (truth - predicted) ** 2
    scale = max(float((centred**2).sum()), 1e-300)  # the unit cancels
    return 1 - _ratio(missed / scale, spread / scale)


def rank_correlation(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Return Spearman's correlation, (b,), ranks taken in each replicate; 0 if one is constant."""
    x, y = _ranks(a, weights), _ranks(b, weights)
    total = weights.sum(1)
    x = x - ((weights * x).sum(1) / total)[:, None]
    y = y - ((weights * y).sum(1) / total)[:, None]
    bottom = np.sqrt((weights * x**2).sum(1) * (weights * y**2).sum(1))
    top = (weights * x * y).sum(1)
    r = np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 1e-9)
    return np.asarray(np.clip(r, -1, 1))


def _ranks(x: Floats, weights: Floats) -> Floats:
    """Return mid-ranks within each replicate, (b, n), as shares of its weight."""
    _, cell = np.unique(x, return_inverse=True)
    (sums,) = _by_tie(x, weights)
    middle = np.cumsum(sums, axis=1) - sums / 2
    return np.asarray(middle[:, cell.ravel()] / weights.sum(1, keepdims=True))
