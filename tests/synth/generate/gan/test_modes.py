"""Mixtures of normals: peaks are found, places are inverse to values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.generate.gan.modes import LEAST_SHARE, Modes


def fit(x: np.ndarray, people: np.ndarray | None = None) -> Modes:
    who = np.arange(len(x)) if people is None else people
    return Modes.fit(x, who, np.random.default_rng(0))


def middles(modes: Modes) -> np.ndarray:
    return modes.decode(np.arange(modes.size), np.zeros(modes.size))


def test_two_peaks_are_two_modes() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(10, 1, 200), rng.normal(30, 2, 100)])
    modes = fit(x)
    heavy = modes.share > 0.1
    assert heavy.sum() == 2
    assert np.allclose(modes.decode(np.flatnonzero(heavy), np.zeros(2)), [10, 30], atol=1.0)
    assert np.allclose(modes.share[heavy], [2 / 3, 1 / 3], atol=0.08)


def test_small_groups_are_no_mode() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(0, 1, 300), [500.0, 501.0, 502.0]])
    modes = fit(x)
    assert (modes.share * len(x) >= LEAST_SHARE * len(x) * 0.5).all()
    assert middles(modes).max() < 250


def test_rows_of_few_people_are_no_mode() -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(0, 1, 200), rng.normal(50, 1, 40)])
    alone = np.concatenate([np.arange(200), np.full(40, 200)])  # forty rows of one person
    assert middles(fit(x, alone)).max() < 40
    assert middles(fit(x)).max() > 40


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e4, 1e4, allow_subnormal=False), min_size=1, max_size=80),
    st.integers(0, 2**31),
)
def test_places_are_inverse_to_values(values: list[float], seed: int) -> None:
    x = np.round(np.array(values), 3)
    modes = fit(x)
    mode, place = modes.encode(x, np.random.default_rng(seed).random(len(x)))
    assert np.all((mode >= 0) & (mode < modes.size)) and np.all(np.abs(place) <= 1)
    back = modes.decode(mode, place)
    inside = np.abs(place) < 1  # values further out than a mode reaches come to its end
    assert np.allclose(back[inside], x[inside], rtol=1e-6, atol=1e-6 * modes.spread)


def test_the_unit_does_not_matter() -> None:
    x = np.random.default_rng(4).normal(size=150)
    a, b = fit(x), fit(x * 1024)
    u = np.random.default_rng(5).random(150)
    for one, two in zip(a.encode(x, u), b.encode(x * 1024, u), strict=True):
        assert np.allclose(one, two, rtol=1e-9)
