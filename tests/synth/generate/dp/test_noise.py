from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from salus.synth.generate.dp.noise import (
    Secret,
    Seeded,
    bernoulli_exp,
    choose,
    discrete_gaussian,
    discrete_laplace,
    rational_variance,
    shuffled,
)

N = 40_000


def fits(z: np.ndarray, log_weight: np.ndarray, support: np.ndarray) -> float:
    """Return the p-value of draws against probabilities, rare values together."""
    p = np.exp(log_weight - log_weight.max())
    p /= p.sum()
    seen = np.array([(z == k).sum() for k in support])
    assert seen.sum() == len(z)
    common = p * len(z) >= 5
    observed = np.append(seen[common], seen[~common].sum())
    expected = np.append(p[common], p[~common].sum()) * len(z)
    return float(chisquare(observed, expected).pvalue)


@pytest.mark.parametrize(
    "variance", [Fraction(1, 4), Fraction(1), Fraction(7, 3), Fraction(50), Fraction(1000, 3)]
)
def test_discrete_gaussian_has_its_distribution(variance: Fraction) -> None:
    z = discrete_gaussian(Seeded(7), variance, N)
    support = np.arange(-int(12 * math.sqrt(variance)) - 3, int(12 * math.sqrt(variance)) + 4)
    assert fits(z, -(support**2) / (2 * float(variance)), support) > 0.001


@pytest.mark.parametrize("scale", [1, 2, 9])
def test_discrete_laplace_has_its_distribution(scale: int) -> None:
    z = discrete_laplace(Seeded(3), scale, N)
    support = np.arange(-60 * scale, 60 * scale + 1)
    assert fits(z, -np.abs(support) / scale, support) > 0.001


def test_large_noise_is_drawn_with_large_integers() -> None:
    """Beyond some thousands the numbers pass 64 bits; the distribution stays."""
    z = discrete_gaussian(Seeded(1), Fraction(20_000**2), 3_000)
    assert kstest(z / 20_000, "norm").pvalue > 0.001


@pytest.mark.parametrize("gamma", [Fraction(0), Fraction(1, 3), Fraction(1), Fraction(5, 2)])
def test_bernoulli_exp(gamma: Fraction) -> None:
    above = np.full(N, gamma.numerator)
    hits = bernoulli_exp(Seeded(5), above, np.full(N, gamma.denominator)).sum()
    p = math.exp(-gamma)
    assert abs(hits - N * p) <= 4 * math.sqrt(N * p * (1 - p))


def test_a_choice_follows_the_exponential_mechanism() -> None:
    score = np.array([0.0, 1.0, 2.5, 7.0])
    source = Seeded(2)
    picked = np.bincount([choose(source, score, 0.6) for _ in range(4_000)], minlength=4)
    p = np.exp(0.6 * score)
    assert chisquare(picked, 4_000 * p / p.sum()).pvalue > 0.001


def test_a_choice_of_hopeless_candidates_ends() -> None:
    assert choose(Seeded(1), np.array([-1e12, 0.0, -1e300]), 1.0) == 1


@given(st.floats(1e-3, 1e6))
def test_the_variance_is_never_rounded_down(sigma: float) -> None:
    variance = rational_variance(sigma)
    assert variance >= Fraction(sigma) ** 2 * (1 - Fraction(1, 2**50))
    assert float(variance) <= 1.05 * sigma**2 + 2.0**-24


def test_a_senseless_sigma_is_refused() -> None:
    for sigma in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="sigma"):
            rational_variance(sigma)


def test_a_seed_repeats_and_a_secret_does_not() -> None:
    assert np.array_equal(Seeded(4).words(9), Seeded(4).words(9))
    assert not np.array_equal(Secret().words(9), Secret().words(9))
    assert discrete_gaussian(Secret(), Fraction(9), 5).shape == (5,)


def test_shuffling_is_even() -> None:
    source = Seeded(0)
    first = np.bincount([shuffled(source, 5)[0] for _ in range(3_000)], minlength=5)
    assert sorted(shuffled(source, 5)) == [0, 1, 2, 3, 4]
    assert chisquare(first).pvalue > 0.001


def test_no_draws() -> None:
    assert len(discrete_gaussian(Seeded(0), Fraction(4), 0)) == 0
