"""Intervals for rates, sums and maxima, and resampling by person."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2, norm

__all__ = [
    "bootstrap_by_person",
    "clopper_pearson",
    "draw_normal",
    "newcombe",
    "order_statistic_for_lower",
    "order_statistic_for_upper",
    "person_weights",
    "poisson_sum",
    "simultaneous",
    "wilson",
]

Floats = NDArray[np.float64]


def wilson(hits: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's two-sided interval of a rate (Wilson 1927, doi:10.2307/2276774).

    Examples
    --------
    >>> [round(x, 3) for x in wilson(5, 50)]
    [0.043, 0.214]
    """
    if n == 0:
        return 0.0, 1.0
    z = float(norm.ppf((1 + level) / 2))
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float(min(p, max(0.0, middle - half))), float(max(p, min(1.0, middle + half)))


def clopper_pearson(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate (Clopper & Pearson 1934).

    Each end alone is a one-sided bound of confidence ``(1 + level) / 2``.

    Examples
    --------
    >>> [round(x, 4) for x in clopper_pearson(0, 100, level=0.9)]
    [0.0, 0.0295]
    """
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def newcombe(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the difference of two independent estimates with its interval.

    The squared distances to the single intervals' ends add up (Newcombe 1998, method 10,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), so neither end needs a
    normal distribution of its estimate. A fact is an estimate whose ends coincide with it.

    Parameters
    ----------
    first, second : (value, low, high)

    Examples
    --------
    >>> [round(x, 3) for x in newcombe((0.1, 0.05, 0.2), (0.02, 0.02, 0.02))]
    [0.08, 0.03, 0.18]
    """
    (p, a, b), (q, c, d) = first, second
    low = p - q - float(np.hypot(p - a, d - q))
    high = p - q + float(np.hypot(b - p, q - c))
    return p - q, low, high


def poisson_sum(weights: Floats, largest: float, *, error: float = 0.05) -> tuple[float, float]:
    """Return one-sided bounds of the mean of a sum of rare, unequal contributions.

    Each contribution is taken for a weight times a Poisson count (gamma interval, Fay & Feuer 1997,
    doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#). With equal weights this
    is the exact Poisson interval.

    Parameters
    ----------
    weights : array
        The contributions seen.
    largest : float
        The largest contribution that one more event could make.
    error : float
        Chance of each end to be wrong.

    Examples
    --------
    >>> [round(x, 2) for x in poisson_sum(np.ones(0), 1.0)]
    [0.0, 3.0]
    """
    total, square = float(weights.sum()), float((weights**2).sum())
    low = 0.0
    if square > 0:
        low = square / (2 * total) * float(chi2.ppf(error, 2 * total**2 / square))
    if largest <= 0 and square == 0:
        return 0.0, 0.0
    total, square = total + largest, square + largest**2
    high = square / (2 * total) * float(chi2.ppf(1 - error, 2 * total**2 / square))
    return low, high


def order_statistic_for_upper(n: int, rate: float, *, error: float = 0.05) -> int:
    """Return the smallest x whose x-th largest of n scores has a rate of at least ``rate``.

    The rate is the chance of a further score to exceed that one; it's below ``rate`` with a chance
    of at most ``error``. The true-positive rate at that threshold is then an upper bound of the
    one at ``rate``. Returns n + 1 if no order statistic will do.
    """
    x = np.arange(1, n + 1)
    fits = np.asarray(beta.ppf(error, x, n - x + 1) >= rate)
    return int(x[fits][0]) if fits.any() else n + 1


def order_statistic_for_lower(n: int, rate: float, *, error: float = 0.05) -> int:
    """Return the largest x whose x-th largest of n scores has a rate of at most ``rate``, or 0."""
    x = np.arange(1, n + 1)
    fits = np.asarray(beta.ppf(1 - error, x, n - x + 1) <= rate)
    return int(x[fits][-1]) if fits.any() else 0


def person_weights(n: int, replicates: int, rng: np.random.Generator) -> Floats:
    """Return bootstrap weights of n people, (replicates, n): how often each is drawn."""
    return rng.multinomial(n, np.full(n, 1 / n), size=replicates).astype(float)


def bootstrap_by_person(
    statistic: Callable[[Floats], Floats],
    n: int,
    *,
    rng: np.random.Generator,
    replicates: int = 1000,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Return a statistic of n people with the percentile interval of its bootstrap.

    Parameters
    ----------
    statistic : callable
        Maps weights (b, n) to values (b,); all of a person's rows carry that person's weight.
    n : int
        People.
    level : float
        Two-sided; each end is a one-sided bound of confidence ``(1 + level) / 2``.
    """
    value = float(statistic(np.ones((1, n)))[0])
    drawn = statistic(person_weights(n, replicates, rng))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return value, min(value, float(low)), max(value, float(high))


def simultaneous(
    covariance: Floats, *, rng: np.random.Generator, error: float = 0.05, draws: int = 4000
) -> float:
    """Return how many standard deviations cover all of several normal errors from one side at once.

    Parameters
    ----------
    covariance : array (m, m)
        Of the errors; those without spread don't count.
    error : float
        Chance that any of them is exceeded.
    """
    sd = np.sqrt(np.diag(covariance))
    here = sd > 0
    if not here.any():
        return float(norm.ppf(1 - error))
    z = draw_normal(covariance[np.ix_(here, here)], draws, rng) / sd[here]
    return max(float(np.quantile(z.max(1), 1 - error)), float(norm.ppf(1 - error)))


def draw_normal(covariance: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return normal errors of this covariance, (draws, m), also where it is singular."""
    value, vector = np.linalg.eigh(covariance)
    root = vector * np.sqrt(np.maximum(value, 0))
    return np.asarray(rng.standard_normal((draws, len(value))) @ root.T)
