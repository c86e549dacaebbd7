"""Intervals against known values and against their own promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, norm

from salus.synth.measure.intervals import (
    bootstrap_by_person,
    clopper_pearson,
    newcombe,
    order_statistic_for_lower,
    order_statistic_for_upper,
    person_weights,
    poisson_sum,
    simultaneous,
    wilson,
)


@pytest.mark.parametrize(
    ("rate", "n", "upper", "lower"),
    [
        (0.001, 300, 2, 0),
        (0.001, 1_000, 4, 0),
        (0.001, 3_000, 7, 1),
        (0.001, 6_000, 11, 2),
        (0.001, 10_000, 16, 5),
        (0.01, 100, 4, 0),
        (0.01, 300, 7, 1),
        (0.01, 1_000, 16, 5),
        (0.01, 3_000, 40, 21),
    ],
)
def test_thresholds_are_the_printed_ones(rate: float, n: int, upper: int, lower: int) -> None:
    assert order_statistic_for_upper(n, rate) == upper
    assert order_statistic_for_lower(n, rate) == lower


@pytest.mark.parametrize(("rate", "n"), [(0.001, 2_995), (0.01, 299)])
def test_a_breach_can_be_proved_from_this_many_on(rate: float, n: int) -> None:
    assert order_statistic_for_lower(n, rate) == 1
    assert order_statistic_for_lower(n - 1, rate) == 0


def test_no_order_statistic_of_few_scores_bounds_from_above() -> None:
    assert order_statistic_for_upper(3, 0.5) == 4
    assert beta.ppf(0.05, 3, 1) < 0.5


@pytest.mark.parametrize(
    ("n", "bound"), [(142, 0.021), (300, 0.010), (600, 0.0050), (2000, 0.0015)]
)
def test_nothing_seen_has_an_exact_upper_bound(n: int, bound: float) -> None:
    assert clopper_pearson(0, n, level=0.9)[1] == pytest.approx(bound, rel=0.03)


def test_rates_at_the_edge() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 50)[0] == 0.0
    assert wilson(50, 50)[1] == 1.0
    assert clopper_pearson(50, 50)[1] == 1.0


def test_a_difference_with_a_fact_keeps_the_other_interval() -> None:
    assert newcombe((0.3, 0.3, 0.3), (0.1, 0.05, 0.2)) == pytest.approx((0.2, 0.1, 0.25))


def test_equal_weights_give_the_poisson_interval() -> None:
    low, high = poisson_sum(np.full(10, 0.5), 0.5)
    assert (low / 0.5, high / 0.5) == pytest.approx((5.4254, 16.9622), abs=1e-4)
    assert poisson_sum(np.zeros(0), 0.0) == (0.0, 0.0)


def test_unequal_weights_are_covered() -> None:
    rng = np.random.default_rng(0)
    weights = np.array([0.2, 0.5, 1.0, 3.0])
    rates = np.array([4.0, 3.0, 2.0, 0.5])
    truth = float(weights @ rates)
    missed = 0
    for _ in range(2000):
        seen = np.repeat(weights, rng.poisson(rates))
        low, high = poisson_sum(seen, 3.0)
        missed += not low <= truth
        missed += not high >= truth
    assert missed / 4000 <= 0.06


def test_simultaneous_lies_between_one_and_bonferroni() -> None:
    rng = np.random.default_rng(0)
    one = float(norm.ppf(0.95))
    assert simultaneous(np.eye(1), rng=rng) == pytest.approx(one, abs=0.1)
    assert simultaneous(np.ones((5, 5)), rng=rng) == pytest.approx(one, abs=0.1)
    assert simultaneous(np.eye(5), rng=rng) == pytest.approx(norm.ppf(0.95 ** (1 / 5)), abs=0.1)
    assert simultaneous(np.zeros((2, 2)), rng=rng) == pytest.approx(one)


def test_weights_resample_whole_people() -> None:
    weights = person_weights(7, 20, np.random.default_rng(1))
    assert weights.shape == (20, 7)
    assert (weights.sum(1) == 7).all()


def test_bootstrap_is_reproducible_and_covers() -> None:
    truth, hits = 0.0, 0
    for seed in range(120):
        x = np.random.default_rng(seed).normal(size=60)

        def mean(weights: np.ndarray, x: np.ndarray = x) -> np.ndarray:
            return weights @ x / weights.sum(1)

        first = bootstrap_by_person(mean, 60, rng=np.random.default_rng(0), replicates=300)
        again = bootstrap_by_person(mean, 60, rng=np.random.default_rng(0), replicates=300)
        assert first == again
        hits += first[1] <= truth <= first[2]
    assert hits / 120 >= 0.88
