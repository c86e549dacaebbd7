from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import MissingExtra, OptionError
from salus.synth.generate.dp.accounting import (
    _ORDERS,
    choice_epsilon,
    choice_rho,
    delta_of,
    epsilon_of,
    gaussian_rho,
    gaussian_sigma,
    rho_of,
    sgd_epsilon,
    sgd_noise,
)

TRAININGS = [  # noise multiplier, sampling rate, steps
    (1.0, 0.01, 1000),
    (1.0, 0.05, 500),
    (2.0, 0.02, 2000),
    (0.8, 0.004, 3000),
    (4.0, 0.5, 100),
]


def test_costs_by_hand() -> None:
    assert gaussian_rho(1, 2) == 0.125  # 1 / (2 * 4)
    assert gaussian_rho(3, 2) == 1.125  # 9 / (2 * 4)
    assert gaussian_sigma(1, 0.125) == 2.0
    assert choice_rho(1.0) == 0.125  # 1 / 8
    assert choice_epsilon(0.125) == 1.0


@pytest.mark.parametrize("rho", [1e-4, 0.02, 0.5, 8.0])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 12.0])
def test_delta_is_the_minimum_over_orders(rho: float, epsilon: float) -> None:
    a = 1 + np.geomspace(1e-4, 1e6, 400_000)
    log_delta = (a - 1) * (a * rho - epsilon) + a * np.log1p(-1 / a) - np.log(a - 1)
    assert delta_of(rho, epsilon) == pytest.approx(min(1.0, math.exp(log_delta.min())), rel=1e-3)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 20), st.floats(1e-12, 1e-2))
def test_rho_and_epsilon_are_inverse(epsilon: float, delta: float) -> None:
    rho = rho_of(epsilon, delta)
    assert epsilon_of(rho, delta) == pytest.approx(epsilon, rel=1e-6)
    assert delta_of(rho, epsilon) <= delta * (1 + 1e-9)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0, 10.0])
def test_rho_lies_between_the_exact_gaussian_and_the_simple_bound(epsilon: float) -> None:
    """The noise exceeds that of one Gaussian accounted exactly, by less than a tenth."""
    dp_accounting = pytest.importorskip("dp_accounting")
    delta = 1e-6
    rho = rho_of(epsilon, delta)
    exact = dp_accounting.get_sigma_gaussian(epsilon, delta)
    assert exact < gaussian_sigma(1, rho) < 1.1 * exact
    assert epsilon <= rho + 2 * math.sqrt(rho * math.log(1 / delta))


def test_zcdp_agrees_with_dp_accounting() -> None:
    dp_accounting = pytest.importorskip("dp_accounting")
    for rho in (0.01, 0.2, 2.0):
        theirs = dp_accounting.rdp.RdpAccountant([1 + x / 100 for x in range(1, 20_000)])
        theirs.compose(dp_accounting.ZCDpEvent(rho))
        assert epsilon_of(rho, 1e-6) == pytest.approx(theirs.get_epsilon(1e-6), abs=1e-3)


def test_nothing_spent_costs_nothing() -> None:
    assert epsilon_of(0.0, 1e-6) == 0.0
    assert delta_of(0.0, 1.0) == 0.0


@pytest.mark.parametrize(
    "run",
    [
        TRAININGS[2],
        *(pytest.param(t, marks=pytest.mark.slow) for t in TRAININGS[:4] if t[2] != 2000),
    ],
    ids=str,
)
def test_noisy_gradients_agree_with_opacus(run: tuple[float, float, int]) -> None:
    pytest.importorskip("dp_accounting")
    opacus = pytest.importorskip("opacus.accountants")
    numeric = opacus.PRVAccountant()
    numeric.history = [run]
    # opacus adds the error that it allows for
    theirs = numeric.get_epsilon(1e-5, eps_error=1e-3, delta_error=1e-9) - 1e-3
    assert sgd_epsilon([run], 1e-5) == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize("run", TRAININGS, ids=str)
def test_renyi_orders_agree_with_opacus(run: tuple[float, float, int]) -> None:
    pytest.importorskip("dp_accounting")
    opacus = pytest.importorskip("opacus.accountants")
    renyi = opacus.RDPAccountant()
    renyi.history = [run]
    theirs = renyi.get_epsilon(1e-5, alphas=list(_ORDERS))
    ours = sgd_epsilon([run], 1e-5, accountant="RDP")
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert sgd_epsilon([run], 1e-5) <= ours


def test_full_batches_are_one_gaussian() -> None:
    dp_accounting = pytest.importorskip("dp_accounting")
    exact = dp_accounting.get_epsilon_gaussian(4.0 / math.sqrt(50), 1e-5)
    assert sgd_epsilon([(4.0, 1.0, 50)], 1e-5) == pytest.approx(exact, abs=1e-3)


def test_rho_spent_elsewhere_adds_up() -> None:
    both = sgd_epsilon([(4.0, 1.0, 50)], 1e-5, rho=0.3)
    assert both == pytest.approx(epsilon_of(50 / (2 * 16) + 0.3, 1e-5), abs=5e-3)


def test_the_least_noise_is_found() -> None:
    noise = sgd_noise(2.0, 1e-6, rate=0.05, steps=200, accountant="RDP")
    assert sgd_epsilon([(noise, 0.05, 200)], 1e-6, accountant="RDP") <= 2.0
    assert sgd_epsilon([(noise - 2e-3, 0.05, 200)], 1e-6, accountant="RDP") > 2.0


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(OptionError, match="delta"):
        rho_of(1.0, 0.0)
    with pytest.raises(OptionError, match="epsilon"):
        rho_of(0.0, 1e-6)
    with pytest.raises(OptionError, match="epsilon"):
        rho_of(math.inf, 1e-6)
    pytest.importorskip("dp_accounting")
    with pytest.raises(OptionError, match="sampling rate"):
        sgd_epsilon([(1.0, 1.5, 10)], 1e-6)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(MissingExtra, match=r"salus\[dp\]"):
        sgd_epsilon([(1.0, 0.1, 10)], 1e-6)


def test_noise_for_what_counts_leave() -> None:
    """Counts cost rho 0.01; the noise is the least for the rest, and more than without them."""
    noise = sgd_noise(1.0, 1e-6, rate=0.1, steps=50, rho=0.01)
    assert sgd_epsilon([(noise, 0.1, 50)], 1e-6, rho=0.01) <= 1.0
    assert sgd_epsilon([(noise - 2e-3, 0.1, 50)], 1e-6, rho=0.01) > 1.0
    assert noise > sgd_noise(1.0, 1e-6, rate=0.1, steps=50, accountant="RDP") + 0.1
    with pytest.raises(OptionError, match="leaves nothing"):
        sgd_noise(1.0, 1e-6, rate=0.1, steps=50, rho=0.03)
