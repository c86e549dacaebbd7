"""Leaving out groups of people: the interval of a figure."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.measure.jackknife import GROUPS, jackknife_interval, leave_each_out, people_groups


def test_rows_of_a_person_stay_together_and_groups_are_even() -> None:
    people = np.repeat(np.arange(100), 3)
    groups = people_groups(people, np.random.default_rng(0))
    assert all(len(set(groups[people == p])) == 1 for p in range(100))
    assert np.bincount(groups, minlength=GROUPS).tolist() == [15] * GROUPS


def test_totals_without_each_group() -> None:
    sums = np.random.default_rng(0).random((GROUPS, 2, 3))
    out = leave_each_out(sums)
    assert out.shape == (GROUPS + 1, 2, 3)
    assert out[5] == pytest.approx(sums.sum(0) - sums[4])


def test_the_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        x, groups = rng.normal(size=200), people_groups(np.arange(200), rng)
        sums = np.array([[x[groups == g].sum(), (groups == g).sum()] for g in range(GROUPS)])
        total = leave_each_out(sums)
        value, low, high = jackknife_interval(total[:, 0] / total[:, 1])
        assert value == pytest.approx(x.mean())
        held += low <= 0 <= high
    assert 0.92 <= held / 400 <= 0.975


def test_the_interval_stays_in_the_range_and_around_the_figure() -> None:
    values = np.concatenate([[0.99], 0.99 + np.linspace(-0.2, 0.2, GROUPS)])
    value, low, high = jackknife_interval(values, low=0, high=1)
    assert 0 <= low <= value <= high == 1
