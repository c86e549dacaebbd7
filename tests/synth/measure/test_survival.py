"""Scores and curves of survival: published answers, brute force, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.measure.survival import concordance, kaplan_meier, nelson_aalen, time_at_risk

# Weeks of remission under 6-mercaptopurine (Freireich et al. 1963; Gehan 1965)
RELAPSED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
TIME, EVENT = np.array([*RELAPSED, *CENSORED], float), np.arange(21) < 9


def by_hand(risk: np.ndarray, time: np.ndarray, event: np.ndarray, w: np.ndarray) -> float:
    won = pairs = 0.0
    for i in np.flatnonzero(event):
        for j in range(len(risk)):
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                pairs += w[i] * w[j]
                won += w[i] * w[j] * ((risk[i] > risk[j]) + (risk[i] == risk[j]) / 2)
    return won / pairs


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_concordance_is_the_count_over_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    risk, time = np.round(rng.random((2, 25)), 1)  # with ties
    event = rng.random(25) < 0.6
    event[np.argmin(time)] = True
    weights = np.vstack([np.ones(25), rng.multinomial(25, np.full(25, 0.04), 3) + 1.0])
    found = concordance(risk, time, event, weights)
    expected = [by_hand(risk, time, event, w) for w in weights]
    assert found == pytest.approx(expected)
    assert concordance(-risk, time, event, weights) == pytest.approx(1 - found)
    assert concordance(np.exp(risk), 3 * time, event, weights) == pytest.approx(found)


def test_concordance_of_many_people_is_the_same_in_blocks() -> None:
    rng = np.random.default_rng(0)
    time = rng.exponential(size=1200)
    ones = np.ones((1, 1200))
    assert concordance(-time, time, np.ones(1200, bool), ones)[0] == 1
    assert concordance(rng.random(1200), time, rng.random(1200) < 0.7, ones)[0] == pytest.approx(
        0.5, abs=0.04
    )


def test_concordance_without_a_pair_is_nan() -> None:
    ones = np.ones((2, 3))
    nobody, last = np.zeros(3, bool), np.array([False, False, True])
    assert np.isnan(concordance(np.arange(3.0), np.arange(3.0), nobody, ones)).all()
    assert np.isnan(concordance(np.arange(3.0), np.arange(3.0), last, ones)).all()
    assert np.isnan(concordance(np.zeros(0), np.zeros(0), np.zeros(0, bool), np.ones((2, 0)))).all()


def test_the_published_survival_curve() -> None:
    grid = np.array([5.0, 6, 7, 10, 13, 16, 22, 23, 99])
    curve = kaplan_meier(TIME, EVENT, np.ones((1, 21)), grid)[0]
    expected = [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448]
    assert curve == pytest.approx(expected, abs=5e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_weighted_curve_is_that_of_repeated_people(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(21, np.full(21, 1 / 21), 4).astype(float)
    grid = np.arange(0.0, 40)
    curves = kaplan_meier(TIME, EVENT, weights, grid)
    for w, curve in zip(weights, curves, strict=True):
        again = np.repeat(np.arange(21), w.astype(int))
        expected = kaplan_meier(TIME[again], EVENT[again], np.ones((1, 21)), grid)[0]
        assert curve == pytest.approx(expected)
    assert (np.diff(curves, axis=1) <= 1e-12).all()


def test_the_cumulative_hazard_adds_events_by_people_at_risk() -> None:
    hazard = nelson_aalen(TIME, EVENT)
    assert hazard[0] == pytest.approx(3 / 21)
    assert hazard[3] == pytest.approx(3 / 21 + 1 / 17)
    # martingale residuals add up to nothing
    assert (EVENT - hazard).sum() == pytest.approx(0)


def test_the_time_to_which_a_share_is_followed() -> None:
    assert time_at_risk(np.arange(1.0, 101), 0.05) == 96
    assert time_at_risk(np.arange(1.0, 101), 1.0) == 1
    assert time_at_risk(np.array([3.0]), 0.05) == 3
