"""Scores of predictions, for many bootstrap weights at once.

Each function takes weights (b, n), one row a replicate, and returns (b,): NaN where a replicate
leaves the score undefined, such as an area without a positive. With weights of one they equal
scikit-learn's. The scores of survival are in ``survival.py``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = [
    "area_under_roc",
    "average_precision",
    "brier",
    "calibration_slope",
    "macro_area",
    "macro_f1",
    "macro_precision",
    "mean_absolute_error",
    "r_squared",
    "rank_correlation",
    "recall",
    "threshold_at",
    "weighted_area",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
SUREST = 1e-3  # chances nearer to 0 or 1 are taken for this: a forest's are often 0 itself


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
    if len(cuts) == len(score):
        return [p[:, order] for p in parts]
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


def macro_precision(chance: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return the average precision averaged over classes, each against the rest, (b,).

    Parameters
    ----------
    chance : array (n, k)
    truth : array (n,)
    weights : array (b, n)
    """
    parts = [average_precision(chance[:, c], truth == c, weights) for c in np.unique(truth)]
    return _mean_defined(parts) if len(parts) > 1 else np.full(len(weights), np.nan)


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


def threshold_at(score: Floats, positive: Bools, specificity: float) -> float:
    """Return the lowest score above which at most ``1 - specificity`` of the negatives lie.

    A row is called positive if its score is higher, never if it is equal. NaN without a negative.

    Examples
    --------
    >>> float(threshold_at(np.arange(10.0), np.zeros(10, bool), 0.9))
    8.0
    """
    rising = np.sort(score[~positive])
    if not len(rising):
        return float("nan")
    return float(rising[max(0, int(np.ceil(specificity * len(rising) - 1e-9)) - 1)])


def brier(chance: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return the mean squared error of chances, (b,): Brier 1950.

    For two classes that of one class's chance; for more, the sum over the classes.

    Parameters
    ----------
    chance : array (n, k)
    truth : array (n,)
    weights : array (b, n)
    """
    hit = truth[:, None] == np.arange(chance.shape[1])
    missed = ((chance - hit) ** 2).sum(1) / (2 if chance.shape[1] == 2 else 1)
    return _ratio(weights @ missed, weights.sum(1))


def calibration_slope(chance: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return the slope of the outcome's log odds on the predicted ones, (b,): 1 is calibrated.

    Logistic recalibration (Cox 1958, doi:10.1093/biomet/45.3-4.562): below 1 the chances are too
    extreme, above 1 too timid, at 0 they tell nothing. For more than two classes each against the
    rest, with an intercept of its own and one slope for all of them. Solved for equal weights; a
    replicate is one Newton step away from there (Andrews 2002, doi:10.1111/1468-0262.00266). NaN
    where the chances are constant or separate the classes, so that no finite slope fits.

    Parameters
    ----------
    chance : array (n, k)
    truth : array (n,)
    weights : array (b, n)
    """
    first = 1 if chance.shape[1] == 2 else 0  # of two classes the second tells all
    x = logit(np.clip(chance[:, first:], SUREST, 1 - SUREST))
    y = truth[:, None] == np.arange(first, chance.shape[1])
    mixed = y.any(0) & ~y.all(0)
    x, y = x[:, mixed], y[:, mixed]
    if not _has_slope(x, y):
        return np.full(len(weights), np.nan)
    ones = np.ones((1, len(x)))
    cuts, slope = np.zeros(x.shape[1]), 0.0
    fit = _recalibrated(cuts, slope, x, y)
    for _ in range(50):
        to_cuts, to_slope = _newton(cuts, slope, x, y, ones)
        size = 1.0
        while _recalibrated(cuts + size * to_cuts[0], slope + size * to_slope[0], x, y) < fit:
            size /= 2
            if size < 1e-6:
                break
        cuts, slope = cuts + size * to_cuts[0], slope + size * float(to_slope[0])
        fit = _recalibrated(cuts, slope, x, y)
        if np.abs(to_slope[0]) < 1e-10:
            break
    return slope + _newton(cuts, slope, x, y, weights)[1]


def _has_slope(x: Floats, y: Bools) -> bool:
    """Tell whether a finite slope fits: not if it would tell all classes apart."""
    sides = [(x[y[:, k], k], x[~y[:, k], k]) for k in range(x.shape[1]) if np.ptp(x[:, k]) > 0]
    rises = all(up.min() >= down.max() for up, down in sides)
    falls = all(up.max() <= down.min() for up, down in sides)
    return not (rises or falls)


def _recalibrated(cuts: Floats, slope: float, x: Floats, y: Bools) -> float:
    """Return the log likelihood."""
    z = cuts + slope * x
    return float((y * z - np.logaddexp(0, z)).sum())


def _newton(
    cuts: Floats, slope: float, x: Floats, y: Bools, weights: Floats
) -> tuple[Floats, Floats]:
    """Return the step of the intercepts (b, k) and of the slope (b,) for each replicate."""
    p = expit(cuts + slope * x)
    off, v = y - p, p * (1 - p)
    up, flat, tilt = weights @ off, weights @ v, weights @ (v * x)
    share = tilt / np.maximum(flat, 1e-300)
    climb = weights @ (off * x).sum(1) - (share * up).sum(1)
    curve = weights @ (v * x * x).sum(1) - (share * tilt).sum(1)
    to_slope = _ratio(climb, curve)
    return up / np.maximum(flat, 1e-300) - share * to_slope[:, None], to_slope


def mean_absolute_error(predicted: Floats, truth: Floats, weights: Floats) -> Floats:
    """Return the mean distance of prediction and truth, (b,)."""
    return _ratio(weights @ np.abs(truth - predicted), weights.sum(1))


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
