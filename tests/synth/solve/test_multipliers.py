"""The updates of the multipliers, on their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from salus.synth.errors import OptionError
from salus.synth.solve import NuPI, Penalty, augmented_lagrangian

numbers = st.floats(-10, 10)


@given(arrays(np.float64, (7, 3), elements=numbers), st.floats(0.01, 2))
def test_nupi_without_its_proportional_part_is_dual_ascent(estimates, rate):
    state = NuPI(np.zeros(3), rate=rate, proportional=0.0, integral=1.0, memory=0.0)
    plain = np.zeros(3)
    for g in estimates:
        state, plain = state.update(g), np.maximum(0.0, plain + rate * g)
        assert state.multipliers.tolist() == plain.tolist()


def test_nupi_follows_its_equations():
    g = np.array([[2.0], [-1.0], [0.5]])
    state = NuPI(np.ones(1), rate=0.1, proportional=3.0, integral=2.0, memory=0.6)
    xi, price = g[0], np.maximum(0, 1 + 0.1 * 2 * g[0])
    assert state.update(g[0]).multipliers == pytest.approx(price)
    state = state.update(g[0])
    for estimate in g[1:]:
        new = 0.6 * xi + 0.4 * estimate
        price = np.maximum(0, price + 0.1 * (2 * estimate + 3 * (new - xi)))
        xi, state = new, state.update(estimate)
        assert state.multipliers == pytest.approx(price)


def test_nupi_damps_what_plain_ascent_lets_swing():
    """On the bilinear game min_x x (2 - lambda) the plain dual cycles; K_P makes it settle."""

    def swing(proportional):
        x, state, seen = 0.0, NuPI(np.zeros(1), rate=0.05, proportional=proportional), []
        for _ in range(600):
            x -= 0.05 * float(2 - state.multipliers[0])
            state = state.update(np.array([-1.0 - x]))
            seen.append(float(state.multipliers[0]))
        return max(seen[-200:]) - min(seen[-200:])

    assert swing(10.0) < 0.1 * swing(0.0)


@pytest.mark.parametrize("options", [{"rate": 0.0}, {"rate": 1.0, "memory": 1.0}])
def test_nupi_refuses_what_cannot_work(options):
    with pytest.raises(OptionError):
        NuPI(np.zeros(1), **options)


def test_the_penalty_grows_only_without_progress_and_never_beyond_its_cap():
    state = Penalty(np.zeros(1), cap=4.0)
    penalties = []
    for g in (1.0, 0.5, 0.4, 0.1, 0.09, 0.08, 0.07, 1e-7, 1e-7):
        state = state.update(np.array([g]))
        penalties.append(state.penalty)
    assert penalties == [1, 1, 2, 2, 4, 4, 4, 4, 4]
    assert state.stuck == 0
    assert state.multipliers[0] > 0


@given(
    arrays(np.float64, 4, elements=numbers),
    arrays(np.float64, 4, elements=st.floats(0, 5)),
    st.floats(0.1, 10),
)
def test_the_gradient_of_the_lagrangian_is_the_slope_of_its_value(g, multipliers, penalty):
    jacobian = np.arange(12.0).reshape(4, 3) - 5
    direction, step = np.array([0.3, -0.2, 0.1]), 1e-6

    def value(t):
        return augmented_lagrangian(
            1.0 + t, direction, g + t * (jacobian @ direction), jacobian, multipliers, penalty
        )[0]

    _, gradient = augmented_lagrangian(1.0, np.zeros(3), g, jacobian, multipliers, penalty)
    slope = (value(step) - value(-step)) / (2 * step)
    assert slope == pytest.approx(1 + gradient @ direction, abs=1e-3)
