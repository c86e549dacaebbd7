from __future__ import annotations

import math

import numpy as np
import pytest

from salus.synth.audit.replication.combining import Rule, combine
from salus.synth.errors import OptionError


def test_the_rules_by_hand() -> None:
    q, v = [1.0, 2.0, 3.0], [0.2, 0.3, 0.4]  # mean 2, b = 1, v = 0.3
    sizes = {"n_real": 100, "n_synthetic": 50}
    assert combine(q, v, rule="naive", **sizes).variance == pytest.approx(0.1)
    assert combine(q, v, rule="simple", **sizes).variance == pytest.approx(0.3 * (0.5 + 1 / 3))
    assert combine(q, v, rule="proper", **sizes).variance == pytest.approx(0.3 * (0.5 + 1.5 / 3))
    drawn = combine(q, v, rule="raghunathan", **sizes)
    assert drawn.variance == pytest.approx(4 / 3 - 0.3)
    assert drawn.df == pytest.approx(2 * (1 - 0.3 / (4 / 3)) ** 2)
    assert drawn.estimate == 2.0


def test_a_negative_variance_is_replaced() -> None:
    found = combine([1.0, 1.1], [0.5, 0.7], n_real=100, n_synthetic=50, rule="raghunathan")
    assert found.variance == pytest.approx(0.5 * 0.6) and math.isinf(found.df)


def test_an_interval_uses_the_degrees_of_freedom() -> None:
    found = combine([0.0, 1.0, 5.0], [0.1] * 3, n_real=9, n_synthetic=9, rule="raghunathan")
    low, high = found.interval()
    assert high - low > 2 * 1.96 * math.sqrt(found.variance)
    assert low + high == pytest.approx(2 * found.estimate)


@pytest.mark.parametrize(
    ("q", "v", "more"),
    [
        ([1.0], [0.1], {"rule": "raghunathan"}),
        ([1.0, 2.0], [0.1], {}),
        ([], [], {}),
        ([1.0], [-0.1], {}),
        ([float("nan")], [0.1], {}),
        ([1.0], [0.1], {"n_real": 0}),
        ([1.0], [0.1], {"rule": "guess"}),
    ],
)
def test_what_cannot_be_combined_is_refused(q: list[float], v: list[float], more: dict) -> None:
    with pytest.raises(OptionError):
        combine(q, v, **{"n_real": 10, "n_synthetic": 10, **more})


@pytest.mark.parametrize(
    ("rule", "m", "k"),
    [
        ("simple", 1, 200),
        ("simple", 5, 100),
        ("simple", 5, 800),
        ("proper", 1, 200),
        ("proper", 5, 400),
        ("raghunathan", 20, 200),
    ],
)
def test_a_95_percent_interval_covers_the_population(rule: Rule, m: int, k: int) -> None:
    """The mean of a normal population, from tables of its fitted model or of its posterior."""
    rng, n, trials, hits = np.random.default_rng(7), 200, 400, 0
    for _ in range(trials):
        real = rng.normal(3.0, 2.0, n)
        mean, sd = np.full(m, real.mean()), np.full(m, real.std(ddof=1))
        if rule != "simple":  # parameters drawn anew for each table
            sd = sd * np.sqrt((n - 1) / rng.chisquare(n - 1, m))
            mean = rng.normal(mean, sd / np.sqrt(n))
        made = rng.normal(mean[:, None], sd[:, None], (m, k))
        found = combine(made.mean(1), made.var(1, ddof=1) / k, n_real=n, n_synthetic=k, rule=rule)
        low, high = found.interval()
        hits += low <= 3.0 <= high
    assert 0.90 <= hits / trials <= 0.99


def test_the_naive_interval_is_too_narrow_for_the_population() -> None:
    rng, hits = np.random.default_rng(7), 0
    for _ in range(200):
        real = rng.normal(0.0, 1.0, 100)
        made = rng.normal(real.mean(), real.std(ddof=1), 1000)
        found = combine(
            [made.mean()], [made.var() / 1000], n_real=100, n_synthetic=1000, rule="naive"
        )
        low, high = found.interval()
        hits += low <= 0.0 <= high
    assert hits / 200 < 0.6
