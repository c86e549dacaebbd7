"""P-values are small no more often than they say, and known where a formula is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom

from salus.synth.measure.pvalues import (
    at_least,
    betting,
    binomial_upper,
    hoeffding_bentkus,
    inverted,
    rate_above,
)

ROUNDS = 1500


def super_uniform(draw: Callable[[np.random.Generator], float]) -> None:
    rng = np.random.default_rng(0)
    p = np.array([draw(rng) for _ in range(ROUNDS)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / ROUNDS)


def test_exact_binomial() -> None:
    assert at_least(0, 10, 0.3) == 1
    assert at_least(10, 10, 0.5) == pytest.approx(0.5**10)
    super_uniform(lambda rng: at_least(int(rng.binomial(50, 0.2)), 50, 0.2))


def test_inverting_a_bound_gives_the_exact_p_value() -> None:
    for hits in (0, 2, 7):
        p = inverted(lambda error, k=hits: binomial_upper(k, 100, error), 0.1)
        assert p == pytest.approx(binom.cdf(hits, 100, 0.1), rel=1e-6)
    assert inverted(lambda error: 0.5, 0.1) == 1
    assert inverted(lambda error: 0.05, 0.1) < 1e-9


def test_a_rate_just_above_its_limit_is_seldom_certified() -> None:
    """A tenth and a bit of the members score above the others' 99 % quantile."""
    inside = np.concatenate([np.full(52, 5.0), np.full(448, -5.0)])  # a fact

    def draw(rng: np.random.Generator) -> float:
        outside = np.where(rng.random(400) < 0.01, 10.0, rng.normal(size=400))
        outside[rng.random(400) < 0.002] = 4.0
        return rate_above(inside, outside, 0.02, 0.1)

    super_uniform(draw)


def test_a_rate_within_its_limit_is_certified_with_enough_people() -> None:
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(size=5000), rng.normal(size=5000)
    assert rate_above(inside, outside, 0.01, 0.03) < 0.01
    assert rate_above(inside, outside, 0.01, 0.005) > 0.5
    assert rate_above(inside + 3, outside, 0.01, 0.03) == 1


@pytest.mark.parametrize("shape", ["coin", "rare", "smooth"])
def test_means_of_bounded_values(shape: str) -> None:
    mean = {"coin": 0.5, "rare": 0.05, "smooth": 0.4}[shape]

    def values(rng: np.random.Generator) -> np.ndarray:
        if shape == "smooth":
            return np.asarray(rng.beta(4, 6, 120))
        return (rng.random(120) < mean).astype(float)

    super_uniform(lambda rng: betting(values(rng), mean))
    super_uniform(lambda rng: hoeffding_bentkus(float(values(rng).mean()), 120, mean))


def test_betting_gains_where_values_vary_little() -> None:
    values = np.random.default_rng(2).beta(40, 60, 300)
    assert betting(values, 0.35) < 1e-4
    assert betting(values, 0.35) < hoeffding_bentkus(1 - float(values.mean()), 300, 1 - 0.35)
    assert betting(values, 0.41) > 0.05
    assert betting(values, 1.0) == 1 and betting(values, -0.1) == 0
