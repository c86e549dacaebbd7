"""Exact noise: discrete Gaussians and private choices by integer arithmetic alone.

Textbook noise in floating point leaks through its lowest bits (Mironov 2012,
doi:10.1145/2382196.2382264). Counts are whole numbers, so their noise is one too: the discrete
Gaussian, drawn from random bits without rounding (Canonne, Kamath & Steinke 2020,
arXiv:2004.00010, algorithms 1 to 3), all cells of a table at once.

The bits come from the operating system. Whoever knows them can take the noise away, so a seed that
is written down anywhere voids the guarantee: ``Seeded`` is for tests and for runs that make no
claim.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SLACK",
    "Secret",
    "Seeded",
    "Source",
    "bernoulli_exp",
    "choose",
    "discrete_gaussian",
    "discrete_laplace",
    "happens",
    "rational_variance",
    "rounded_gaussian",
    "shuffled",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

GRID = 2**30  # scores of a private choice are rounded to this part of a nat
SLACK = 4 / GRID  # what that rounding adds to its epsilon
_FAR = 40  # scales beyond which a discrete Laplace is never accepted: less than 1e-300


class Source(Protocol):
    """Give random words."""

    def words(self, n: int) -> NDArray[np.uint64]:
        """Return n independent uniform 64-bit words, (n,)."""
        ...


class Secret:
    """Take words from the operating system's generator; nobody can draw them again."""

    def words(self, n: int) -> NDArray[np.uint64]:
        """Return n words, (n,)."""
        return np.frombuffer(os.urandom(8 * n), np.uint64)


@dataclass(frozen=True)
class Seeded:
    """Draw the same words for the same seed: for tests, never for a claim."""

    seed: int
    _rng: np.random.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rng", np.random.default_rng(self.seed))

    def words(self, n: int) -> NDArray[np.uint64]:
        """Return n words, (n,)."""
        return self._rng.integers(0, 2**64, n, dtype=np.uint64)


def shuffled(source: Source, n: int) -> NDArray[np.intp]:
    """Return the numbers below n in a random order, (n,)."""
    return np.argsort(source.words(n), kind="stable").astype(np.intp)


def rational_variance(sigma: float) -> Fraction:
    """Return the variance as a fraction, never below ``sigma`` squared.

    The denominator is small, so that integers of 64 bits hold what the sampler computes.
    """
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ValueError(f"sigma must be positive and finite, got {sigma}")
    scale = 2 ** max(0, min(24, 8 - 2 * math.floor(math.log2(sigma))))
    return Fraction(math.ceil(sigma**2 * scale), scale)


def discrete_gaussian(source: Source, variance: Fraction, n: int) -> Ints:
    """Return n draws, (n,), each z with probability proportional to exp(-z^2 / (2 variance)).

    Algorithm 3 of arXiv:2004.00010: a discrete Laplace of scale t = floor(sigma) + 1 is accepted
    with probability exp(-(abs(z) - variance / t)^2 / (2 variance)).
    """
    p, q = variance.numerator, variance.denominator
    t = math.isqrt(p // q) + 1
    below = 2 * p * q * t * t
    small = max((_FAR * t * t * q + p) ** 2, below * 64) < 2**62
    dtype: type = np.int64 if small else object
    kept: list[Ints] = []
    missing = n
    while missing > 0:
        z = discrete_laplace(source, t, 2 * missing + 16)
        z = z[np.abs(z) <= _FAR * t]
        off: NDArray[Any] = np.abs(z).astype(dtype) * (q * t) - p
        good = bernoulli_exp(source, off * off, np.full(len(z), below, dtype))
        kept.append(z[good])
        missing -= int(good.sum())
    return np.concatenate(kept)[:n] if kept else np.zeros(0, np.int64)


def discrete_laplace(source: Source, scale: int, n: int) -> Ints:
    """Return n draws, (n,), each z with probability proportional to exp(-abs(z) / scale).

    Algorithm 2 of arXiv:2004.00010, for a whole scale.
    """
    kept: list[Ints] = []
    missing = n
    while missing > 0:
        m = 2 * missing + 16
        low = _below(source, np.full(m, scale, np.int64))
        low = low[_unit_exp(source, low, np.full(m, scale, np.int64))]
        z = low + scale * _successes(source, len(low))
        minus = _below(source, np.full(len(z), 2, np.int64)) == 1
        z = np.where(minus, -z, z)[~(minus & (z == 0))]
        kept.append(z)
        missing -= len(z)
    return np.concatenate(kept)[:n] if kept else np.zeros(0, np.int64)


def rounded_gaussian(source: Source, sigma: float, n: int) -> NDArray[np.float64]:
    """Return n Gaussian draws of deviation ``sigma`` >= 1, rounded to whole numbers, (n,).

    Of a large deviation, for vectors too long for the discrete Gaussian. Whole numbers have no low
    bits that could tell of what they are added to. Draws come in pairs by Box and Muller (1958,
    doi:10.1214/aoms/1177706645) from 64 bits each; none lies beyond 9.4 deviations, where a Gaussian
    has less than 1e-20.
    """
    if not sigma >= 1:
        raise ValueError(f"sigma must be at least 1, got {sigma}")
    m = (n + 1) // 2
    word = source.words(2 * m).astype(np.float64)
    radius = sigma * np.sqrt(-2 * np.log((word[:m] + 0.5) * 2.0**-64))
    angle = 2 * np.pi * (word[m:] * 2.0**-64)
    both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    return np.asarray(np.rint(both[:n]))


def happens(source: Source, chance: float, n: int) -> Bools:
    """Return True with probability ``chance``, rounded down to a multiple of 2^-64, each, (n,)."""
    if chance >= 1:
        return np.ones(n, bool)
    return np.asarray(source.words(n) < np.uint64(int(chance * 2.0**64)))


def choose(source: Source, scores: NDArray[np.float64], rate: float) -> int:
    """Return i with probability proportional to exp(rate * scores[i]): the exponential mechanism.

    A candidate is picked evenly and kept with probability exp(-rate * (best - score)), until one
    is kept. With rate = epsilon / (2 sensitivity) this is epsilon-DP with bounded range (McSherry &
    Talwar 2007, doi:10.1109/FOCS.2007.66); scores are rounded to ``1 / GRID`` nats, which adds at
    most ``SLACK`` to epsilon.
    """
    nats = np.minimum(rate * (scores.max() - scores), 2.0**30)  # further down is never kept
    loss = np.ceil(nats * GRID).astype(np.int64)
    m = 4 * len(scores) + 64
    while True:
        picked = _below(source, np.full(m, len(scores), np.int64))
        kept = bernoulli_exp(source, loss[picked], np.full(m, GRID, np.int64))
        if kept.any():
            return int(picked[np.argmax(kept)])


def bernoulli_exp(source: Source, above: NDArray[Any], below: NDArray[Any]) -> Bools:
    """Return True with probability exp(-above / below) each, (n,); whole numbers, below > 0."""
    whole = above // below
    out = _unit_exp(source, above % below, below)
    open_ = np.flatnonzero(out & (whole > 0))
    done = 0
    while len(open_):  # one factor exp(-1) after the other, until one fails
        ones = np.ones(len(open_), np.int64)
        good = _unit_exp(source, ones, ones)
        out[open_[~good]] = False
        done += 1
        open_ = open_[good]
        open_ = open_[whole[open_] > done]
    return out


def _unit_exp(source: Source, above: NDArray[Any], below: NDArray[Any]) -> Bools:
    """Return True with probability exp(-above / below) each, for quotients up to 1."""
    out = np.empty(len(above), bool)
    alive = np.arange(len(above))
    k = 1
    while len(alive):
        go = (_below(source, below[alive] * k) < above[alive]).astype(bool)
        out[alive[~go]] = k % 2 == 1
        alive = alive[go]
        k += 1
    return out


def _successes(source: Source, n: int) -> Ints:
    """Return how often exp(-1) happens before it first fails, (n,)."""
    count = np.zeros(n, np.int64)
    alive = np.arange(n)
    while len(alive):
        ones = np.ones(len(alive), np.int64)
        alive = alive[_unit_exp(source, ones, ones)]
        count[alive] += 1
    return count


def _below(source: Source, bound: NDArray[Any]) -> NDArray[Any]:
    """Return a whole number from 0 to bound - 1 each, evenly, (n,)."""
    if bound.dtype == object:
        return _below_large(source, bound)
    out = np.empty(len(bound), np.int64)
    open_ = np.arange(len(bound))
    top = np.uint64(2**64 - 1)
    while len(open_):
        b = bound[open_].astype(np.uint64)
        word = source.words(len(open_))
        rest = word % b
        fair = word - rest <= top - (b - np.uint64(1))  # the last, incomplete stretch is refused
        out[open_[fair]] = rest[fair].astype(np.int64)
        open_ = open_[~fair]
    return out


def _below_large(source: Source, bound: NDArray[Any]) -> NDArray[Any]:
    """Do the same for Python's integers of up to 256 bits."""
    out = np.empty(len(bound), object)
    for i, b in enumerate(bound):
        while True:
            word = int.from_bytes(source.words(4).tobytes(), "little")
            rest = word % b
            if word - rest <= 2**256 - b:
                out[i] = rest
                break
    return out
