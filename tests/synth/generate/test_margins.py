"""Values to normal scores and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from salus.synth.generate.margins import Margin


def test_continuous_values_come_back_nearly() -> None:
    x = np.random.default_rng(0).gamma(2.0, size=500)
    margin = Margin.fit(x)
    back = margin.decode(margin.encode(x))
    inner = (x > np.quantile(x, 0.02)) & (x < np.quantile(x, 0.98))
    assert np.abs(back - x)[inner].max() < 0.1
    z = margin.encode(x)
    assert abs(z.mean()) < 0.05 and abs(z.std() - 1) < 0.05


def test_heaps_come_back_exactly() -> None:
    x = np.repeat([0.0, 1.5, 7.0], [60, 30, 10])
    margin = Margin.fit(x)
    rng = np.random.default_rng(1)
    assert np.array_equal(margin.decode(margin.dequantise(x, rng)), x)
    low, high = margin.interval(np.array([0.0, 1.5, 7.0]))
    assert np.allclose(ndtr(high) - ndtr(low), [0.6, 0.3, 0.1])
    drawn = margin.decode(rng.standard_normal(20_000))
    assert np.allclose([(drawn == v).mean() for v in (0, 1.5, 7)], [0.6, 0.3, 0.1], atol=0.02)


def test_a_mean_score_lies_within_its_interval() -> None:
    margin = Margin.fit(np.repeat([0.0, 1.0], [90, 10]))
    low, high = margin.interval(np.array([0.0, 1.0]))
    z = margin.encode(np.array([0.0, 1.0]))
    assert np.all((z > low) & (z < high))


def test_no_knot_is_a_single_value() -> None:
    rng = np.random.default_rng(2)
    between = np.concatenate([np.zeros(50), [3.14159], np.full(50, 7.0), [9.87654]])
    for x in (rng.normal(size=200), between, np.concatenate([between, rng.normal(size=40)])):
        unique, count = np.unique(x, return_counts=True)
        margin = Margin.fit(x)
        kept = np.concatenate([margin.values, margin.atoms])
        assert not np.isin(unique[count < 5], kept).any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60),
    st.integers(0, 3),
)
def test_decoding_is_monotone_and_within_range(values: list[float], decimals: int) -> None:
    x = np.round(np.array(values), decimals)
    margin = Margin.fit(x, decimals=decimals, low=-2e6, high=2e6)
    z = np.linspace(-5, 5, 200)
    back = margin.decode(z)
    assert np.isfinite(back).all() and np.all(np.diff(back) >= -1e-9 * np.abs(back).max() - 1e-9)
    assert back.min() >= -2e6 and back.max() <= 2e6
    assert np.allclose(back, np.round(back, decimals))
    low, high = margin.interval(x)
    assert np.all(low <= high)


def test_no_negative_values_are_invented() -> None:
    x = np.random.default_rng(3).exponential(size=300)
    assert Margin.fit(x).decode(np.linspace(-6, 6, 500)).min() >= 0


def test_saved_form_is_the_same_margin() -> None:
    margin = Margin.fit(np.arange(50.0), decimals=1, low=0)
    again = Margin.from_dict(*margin.to_dict())
    z = np.linspace(-3, 3, 50)
    assert np.array_equal(margin.decode(z), again.decode(z))
    assert again.low == 0 and again.high == np.inf


def test_nothing_to_learn_from() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Margin.fit(np.zeros(0))


def test_rows_of_one_person_are_one() -> None:
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(size=90), np.full(10, 0.123456789)])
    people = np.concatenate([np.arange(90), np.full(10, 90)])
    assert 0.123456789 in Margin.fit(x).atoms
    margin = Margin.fit(x, people=people)
    kept = np.concatenate([margin.values, margin.atoms])
    assert not np.isclose(kept, 0.123456789, atol=1e-9, rtol=0).any()
    many = Margin.fit(rng.normal(size=400), people=np.arange(400) // 10)
    assert len(many.values) >= 5 and abs(many.decode(np.zeros(1))[0]) < 0.3
