"""Distances of one column, against SciPy, and their bounds and symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from salus.synth.measure.divergence import (
    bin_edges,
    bin_shares,
    grouped_ks,
    grouped_shares,
    jensen_shannon,
    kolmogorov_smirnov,
    mass_edges,
    own_range_divergence,
    range_overlap,
    total_variation,
)
from salus.synth.measure.jackknife import GROUPS, people_groups

VALUES = arrays(
    float, st.integers(1, 40), elements=st.integers(-5, 5).map(float) | st.floats(-1e6, 1e6)
)


@st.composite
def two_distributions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    k = draw(st.integers(1, 8))
    count = arrays(float, k, elements=st.integers(0, 20).map(float))
    p, q = draw(count) + np.eye(k)[0], draw(count) + np.eye(k)[-1]
    return p / p.sum(), q / q.sum()


@settings(max_examples=50, deadline=None)
@given(VALUES, VALUES)
def test_kolmogorov_smirnov_is_the_largest_gap(a: np.ndarray, b: np.ndarray) -> None:
    ours = kolmogorov_smirnov(a, b)
    steps = np.concatenate([a, b])
    gap = [np.mean(a <= x) - np.mean(b <= x) for x in steps]
    assert ours == pytest.approx(np.abs(gap).max(), abs=1e-12)
    assert ours == pytest.approx(kolmogorov_smirnov(b, a), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(two_distributions())
def test_divergences_of_levels(pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, q = pair
    js = jensen_shannon(p, q)
    assert js == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)
    assert 0 <= js <= 1
    assert js == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    tv = float(total_variation(p, q))
    assert tv == pytest.approx(np.maximum(p - q, 0).sum(), abs=1e-12)
    assert js <= tv + 1e-12  # Lin 1991, in bits


def test_kolmogorov_smirnov_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=80), np.round(rng.normal(0.4, 2, size=50))
    assert kolmogorov_smirnov(a, b) == pytest.approx(ks_2samp(a, b).statistic)


def test_extremes() -> None:
    a, none = np.arange(10.0), np.zeros(0)
    assert kolmogorov_smirnov(a, a + 100) == pytest.approx(1)
    assert kolmogorov_smirnov(a, none) == kolmogorov_smirnov(none, a) == 1
    assert kolmogorov_smirnov(none, none) == 0
    assert range_overlap(a, a + 100) == 0
    assert range_overlap(none, none) == 1
    assert range_overlap(a, none) == 0
    assert range_overlap(np.ones(3), np.ones(3)) == 1
    assert len(bin_edges(none)) == 0


def test_leaving_out_a_group_is_the_figure_without_its_rows() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=90), np.round(rng.normal(0.3, 1, size=70), 1)
    people = np.repeat(np.arange(45), 2)
    of_a, of_b = people_groups(people, rng), people_groups(np.arange(70), rng)
    every = grouped_ks(a, b, of_a, of_b)
    assert every.shape == (GROUPS + 1,)
    assert every[0] == pytest.approx(kolmogorov_smirnov(a, b))
    for g in range(GROUPS):
        without = kolmogorov_smirnov(a[of_a != g], b[of_b != g])
        assert every[g + 1] == pytest.approx(without, abs=1e-12)


def test_shares_without_a_group() -> None:
    cells, groups = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 3])
    shares = grouped_shares(cells, groups, 3)
    assert shares[0].tolist() == [0.5, 0.25, 0.25]
    assert shares[1].tolist() == [0.5, 0, 0.5]
    assert shares[4] == pytest.approx([2 / 3, 1 / 3, 0])
    assert (grouped_shares(np.zeros(0, int), np.zeros(0, int), 3) == 0).all()


def test_shared_bins_see_location_and_scale() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    same, moved, wide = rng.normal(size=500), a + 1, 3 * a

    def apart(b: np.ndarray) -> float:
        edges = bin_edges(np.concatenate([a, b]))
        return jensen_shannon(bin_shares(a, edges), bin_shares(b, edges))

    assert apart(a) == 0
    assert apart(same) < 0.05
    assert apart(moved) > 0.1
    assert apart(wide) > 0.1


def test_tied_bins_are_merged_and_shares_sum_to_one() -> None:
    x = np.array([0.0] * 90 + [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    edges = bin_edges(x)
    assert (np.diff(edges) > 0).all()
    assert bin_shares(x, edges).sum() == pytest.approx(1)
    assert bin_shares(np.zeros(0), edges).sum() == 0


def test_bins_of_like_mass_cut_no_value_and_lose_no_tail() -> None:
    rng = np.random.default_rng(0)
    zeros = np.where(rng.random(1000) < 0.92, 0.0, rng.integers(1, 1000, 1000))
    share = bin_shares(zeros, mass_edges(zeros, 5))
    assert len(share) == 5
    assert share[0] == (zeros == 0).mean()
    assert share[1:].max() < 2.5 * share[1:].min()
    even = rng.normal(size=1000)
    assert bin_shares(even, mass_edges(even, 4)) == pytest.approx([0.25] * 4, abs=1e-3)
    assert mass_edges(np.ones(10), 5).tolist() == []
    assert mass_edges(np.zeros(0), 5).tolist() == []


@settings(max_examples=40, deadline=None)
@given(VALUES, st.integers(2, 6))
def test_bins_of_like_mass_are_never_empty_nor_too_many(x: np.ndarray, bins: int) -> None:
    share = bin_shares(x, mass_edges(x, bins))
    assert len(share) <= bins
    assert (share > 0).all()


def test_the_published_divergence_is_blind_to_location_and_scale() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    assert own_range_divergence(x, 1024 + 8 * x) == pytest.approx(0, abs=1e-12)
    assert own_range_divergence(x, x**3) > 0.1
    assert own_range_divergence(x, np.zeros(0)) == pytest.approx(np.log(2))
    assert own_range_divergence(np.zeros(0), np.zeros(0)) == 0
    assert own_range_divergence(np.ones(5), np.ones(9)) == 0
