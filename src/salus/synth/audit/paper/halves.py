"""Draw the people that the published scores compare, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from salus.synth.measure.estimate import Estimate

__all__ = ["over_repeats", "some_rows", "split"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def split(people: NDArray[np.int64], parts: int, rng: np.random.Generator) -> list[Ints]:
    """Return the rows of random parts of the people, in random order of the people."""
    unique, inverse = np.unique(people, return_inverse=True)
    order = rng.permutation(len(unique))
    place = np.empty(len(unique), np.intp)
    place[order] = np.arange(len(unique))
    at = place[inverse.ravel()]
    return [_in_order(np.flatnonzero(at % parts == k), at) for k in range(parts)]


def some_rows(people: NDArray[np.int64], n: int, rng: np.random.Generator) -> Ints:
    """Return n rows at random, or all: the rows of one person stay together but for the last."""
    return split(people, 1, rng)[0][:n]


def over_repeats(values: Floats, *, n: int) -> Estimate:
    """Return the mean over repeats with its interval, kept within 0 and 1.

    A statistic of a random half spreads about that of the whole as far as the whole does about the
    truth (balanced half-samples, McCarthy 1969, doi:10.2307/1402116). That holds for the people
    held out; the variance is doubled for the release's own rows, which aren't halved.

    Parameters
    ----------
    values : array (repeats,)
    n : int
        People behind each repeat.
    """
    value, repeats = float(np.clip(values.mean(), 0, 1)), len(values)
    half = float(student.ppf(0.975, repeats - 1) * values.std(ddof=1) * 2**0.5)
    low, high = max(0.0, value - half), min(1.0, value + half)
    method = f"{repeats} random halves, t, doubled for the release's rows"
    return Estimate(value, min(low, value), max(high, value), n, method)


def _in_order(rows: Ints, at: Ints) -> Ints:
    return rows[np.argsort(at[rows], kind="stable")]
