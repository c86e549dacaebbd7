"""Cox regression: published coefficients, a general optimiser's answer, and the penalty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from salus.synth.audit.utility.cox import fit_cox

# Weeks of remission, Freireich et al. 1963 (Gehan 1965): placebo, all relapsed; 6-MP, + censored
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
RELAPSED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


def test_the_published_hazard_ratio_of_placebo() -> None:
    time = np.array([*PLACEBO, *RELAPSED, *CENSORED], float)
    event = np.arange(42) < 30
    placebo = (np.arange(42) < 21).astype(float)[:, None]
    slope = fit_cox(placebo, time, event, penalty=0.0)
    assert slope[0] == pytest.approx(1.509, abs=5e-4)  # Breslow's handling of ties
    assert fit_cox(placebo, time, event, penalty=10.0)[0] < slope[0]
    assert fit_cox(1 - placebo, time, event, penalty=0.0)[0] == pytest.approx(-slope[0])


def loss(slopes: np.ndarray, x: np.ndarray, time: np.ndarray, event: np.ndarray) -> float:
    out = slopes @ slopes  # a penalty of 2
    for i in np.flatnonzero(event):
        out += np.log(np.exp(x[time >= time[i]] @ slopes).sum()) - x[i] @ slopes
    return float(out)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_maximum_is_a_general_optimisers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3))
    time, event = np.ceil(5 * rng.exponential(np.exp(-x[:, 0]))), rng.random(40) < 0.7
    found = fit_cox(x, time, event, penalty=2.0)
    best = minimize(loss, np.zeros(3), (x, time, event), method="BFGS", options={"gtol": 1e-6})
    assert found == pytest.approx(best.x, abs=1e-4)
    moved = fit_cox(x + 100, 7 * time, event, penalty=2.0)
    assert moved == pytest.approx(found, abs=1e-6)


def test_hard_cases_end() -> None:
    rng = np.random.default_rng(0)
    x, time = rng.normal(size=(30, 4)), rng.exponential(size=30)
    assert (fit_cox(x, time, np.zeros(30, bool), penalty=1.0) == 0).all()
    assert (fit_cox(np.ones((30, 2)), time, np.ones(30, bool), penalty=1.0) == 0).all()
    twice = fit_cox(np.hstack([x, x]), time, np.ones(30, bool), penalty=1.0)
    assert twice[:4] == pytest.approx(twice[4:])
    perfect = fit_cox(-100 * time[:, None], time, np.ones(30, bool), penalty=1.0)
    assert np.isfinite(perfect).all()
    assert perfect[0] > 0
