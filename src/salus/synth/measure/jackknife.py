"""How uncertain a figure is, from leaving out one group of people after the other.

The figures of fidelity are gaps between two tables. A bootstrap draws both tables again and so adds
noise to every gap, which shifts all of its replicates upward and makes each of them slow. Leaving
out a random twentieth of the people keeps the replicates near the figure, needs 20 of them, and all
follow from the counts of each group. It holds for quantiles too, as the groups are larger than the
square root of n (Shao & Wu 1989, doi:10.1214/aos/1176347263; Kott 2001, Journal of Official
Statistics 17).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

__all__ = ["GROUPS", "jackknife_interval", "leave_each_out", "people_groups"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
GROUPS = 20


def people_groups(people: NDArray[np.int64], rng: np.random.Generator) -> Ints:
    """Return the group of each row, (n,) in 0 to 19; all rows of one person share theirs.

    Examples
    --------
    >>> group = people_groups(np.array([5, 5, 7]), np.random.default_rng(0))
    >>> bool(group[0] == group[1]), bool(group[0] == group[2])
    (True, False)
    """
    unique, inverse = np.unique(people, return_inverse=True)
    return np.asarray((rng.permutation(len(unique)) % GROUPS)[inverse.ravel()])


def leave_each_out(sums: Floats) -> Floats:
    """Return the total of groups and the total without each, (1 + g, ...), from sums (g, ...).

    Examples
    --------
    >>> leave_each_out(np.array([1.0, 2, 4])).tolist()
    [7.0, 6.0, 5.0, 3.0]
    """
    total = sums.sum(0, keepdims=True)
    return np.concatenate([total, total - sums])


def jackknife_interval(
    values: Floats, *, low: float = -np.inf, high: float = np.inf, level: float = 0.95
) -> tuple[float, float, float]:
    """Return a figure with its interval by Student's t, kept within the figure's range.

    Parameters
    ----------
    values : array (1 + g,)
        The figure, and the figure without each group. Where figures of two tables depend on both,
        the same group number is left out of both at once: their variances add up.
    low, high : float
        The least and largest value that the figure can take.
    level : float
        Two-sided.
    """
    value, without = float(values[0]), values[1:]
    g = len(without)
    sd = float(np.sqrt((g - 1) / g * ((without - without.mean()) ** 2).sum()))
    half = float(student.ppf((1 + level) / 2, g - 1)) * sd
    return value, min(value, max(low, value - half)), max(value, min(high, value + half))
