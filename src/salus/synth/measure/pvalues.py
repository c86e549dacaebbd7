"""Valid p-values: how surprising a release's figure would be if its limit were exceeded.

Each is for a hypothesis "the risk is above the limit", so a small p-value speaks for the release.
Where a bound is easier than a p-value, the p-value is the smallest error at which the bound is
within the limit. None assumes a normal distribution; people are independent draws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

__all__ = [
    "at_least",
    "betting",
    "binomial_upper",
    "hoeffding_bentkus",
    "inverted",
    "rate_above",
]

Floats = NDArray[np.float64]
STEPS = 40  # of a bisection; p-values are then exact to 1e-12
BOLDEST = 0.5  # share of the largest stake that keeps the capital positive


def at_least(hits: int, n: int, rate: float) -> float:
    """Return the chance of so many hits or more among n, each with a chance of ``rate``.

    The exact one-sided binomial p-value of "the rate is at most this".

    Examples
    --------
    >>> round(at_least(3, 100, 0.01), 4)
    0.0794
    """
    return float(binom.sf(hits - 1, n, min(max(rate, 0.0), 1.0)))


def binomial_upper(hits: int, n: int, error: float) -> float:
    """Return the one-sided upper bound of a rate (Clopper & Pearson 1934)."""
    return 1.0 if hits >= n else float(beta.ppf(1 - error, hits + 1, n - hits))


def inverted(bound: Callable[[float], float], limit: float) -> float:
    """Return the smallest error at which an upper bound is within the limit; 1 if at none.

    Parameters
    ----------
    bound : callable
        Maps an error in (0, 1) to an upper bound that falls as the error rises.
    limit : float

    Examples
    --------
    >>> round(inverted(lambda error: binomial_upper(0, 59, error), 0.05), 3)
    0.048
    """
    low, high = 1e-12, 1 - 1e-12
    if bound(high) > limit:
        return 1.0
    if bound(low) <= limit:
        return low
    for _ in range(STEPS):
        middle = float(np.sqrt(low * high))  # errors differ by orders of magnitude
        low, high = (low, middle) if bound(middle) <= limit else (middle, high)
    return high


def rate_above(inside: Floats, outside: Floats, rate: float, limit: float) -> float:
    """Return the p-value of "the true-positive rate at a false-positive rate is above the limit".

    The members judged are all there are, so their rate at a threshold is a fact, and the error sits
    in the threshold: the x-th largest score of the others has a false-positive rate of at least
    ``rate`` but for a chance that the Beta distribution of an order statistic tells.

    Parameters
    ----------
    inside, outside : array (m,), (n,)
        Scores of members and of others.
    rate, limit : float
    """
    theirs = np.sort(outside)[::-1]
    found = (inside[:, None] >= theirs[None, :]).mean(0) if len(inside) else np.ones(len(theirs))
    within = np.flatnonzero(found <= limit)
    if not len(within):
        return 1.0
    x = int(within[-1]) + 1  # rates rise with x, so all up to this one are within the limit
    return float(beta.cdf(rate, x, len(theirs) - x + 1))


def hoeffding_bentkus(mean: float, n: int, limit: float) -> float:
    """Return the p-value of "the mean of variables in [0, 1] is above the limit".

    The smaller of Hoeffding's and Bentkus' bounds (Bates et al. 2021, arXiv:2101.02703).

    Examples
    --------
    >>> hoeffding_bentkus(0.0, 59, 0.05) < 0.05 < hoeffding_bentkus(0.05, 59, 0.05)
    True
    """
    if mean >= limit:
        return 1.0
    if limit >= 1:
        return 0.0
    p = max(mean, 0.0)
    entropy = (p * np.log(p / limit) if p > 0 else 0.0) + (1 - p) * np.log((1 - p) / (1 - limit))
    bentkus = np.e * float(binom.cdf(np.ceil(n * p), n, limit))
    return float(min(1.0, np.exp(-n * entropy), bentkus))


def betting(values: Floats, limit: float) -> float:
    """Return the p-value of "the mean of variables in [0, 1] is at most the limit".

    A gambler who stakes on larger values can't expect to win under that hypothesis; the p-value is
    one over the most that they held (Waudby-Smith & Ramdas 2024, arXiv:2010.09686, with their
    predictable stakes). It adapts to the variance, which Hoeffding's bound doesn't.

    Parameters
    ----------
    values : array (n,)
        In a random order.
    limit : float
    """
    if limit < 0:
        return 0.0  # no mean is that low
    if limit >= 1 or not len(values):
        return 1.0
    t = np.arange(1, len(values) + 1)
    mean = (0.5 + np.cumsum(values)) / (t + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])  # a stake knows nothing of its own throw
    stake = np.sqrt(2 * np.log(20) / (before * len(values)))
    stake = np.minimum(stake, BOLDEST / max(limit, 1e-9))
    capital = np.cumsum(np.log1p(stake * (values - limit)))
    return float(min(1.0, np.exp(-max(capital.max(), 0.0))))
