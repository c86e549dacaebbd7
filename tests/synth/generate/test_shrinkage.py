"""The choice of shrinkage: gradients, limits, optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from salus.synth.budget import Budget
from salus.synth.generate.chained import people_of
from salus.synth.generate.order import modelling_order
from salus.synth.generate.sequence import fit_chain
from salus.synth.generate.shrinkage import (
    Exposure,
    _expose,
    bargain,
    choose_shrinkage,
    gap_limits,
    gaps,
)
from salus.synth.generate.stage import Growth, Shrinkage
from tests.synth.generate.tables import mixed


def learnt(reference: bool = False) -> tuple[Any, Any, Any, Exposure]:
    rng = np.random.default_rng(0)
    table = mixed(120)
    fold = people_of(table, 3, rng)
    chain = fit_chain(table, modelling_order(table), fold, growth=Growth(trees=3), rng=rng)
    others = mixed(80, seed=8) if reference else None
    return chain, table, fold, _expose(chain, table, fold, others, rng)


@pytest.mark.parametrize("reference", [False, True])
def test_gradients_of_utility_and_risks(reference: bool) -> None:
    exposure = learnt(reference)[3]
    x = exposure.free_optimum() * 0.9 + 0.1
    utility, climb, risks, jacobian = exposure.figures(x)
    assert np.isfinite(utility) and risks.shape == (2,) and jacobian.shape == (2, len(x))
    for i in range(len(x)):
        step = np.eye(len(x))[i] * 1e-5
        up, down = exposure.figures(x + step), exposure.figures(x - step)
        assert np.isclose(climb[i], (up[0] - down[0]) / 2e-5, rtol=1e-3, atol=1e-6)
        assert np.allclose(jacobian[:, i], (up[2] - down[2]) / 2e-5, rtol=1e-2, atol=1e-5)


def test_gaps_of_equal_people_are_zero() -> None:
    rng = np.random.default_rng(0)
    value, slope = rng.normal(size=50), rng.normal(size=(50, 3))
    for paired in (False, True):
        risks, jacobian = gaps(value, value, slope, slope, paired=paired)
        assert np.allclose(risks, 0) and np.allclose(jacobian, 0)
    far = value + 2 * value.std()
    assert gaps(far, value, slope, slope, paired=False)[0][0] == pytest.approx(2)


def test_limits_stand_for_rates() -> None:
    limits = gap_limits(Budget(membership=0.3, tpr_at_1pct=0.2), 1.0)
    gap = limits["membership gap"]
    assert 2 * norm.cdf(gap / 2) - 1 == pytest.approx(0.3)
    assert norm.cdf(limits["membership tail"] + norm.ppf(0.01)) == pytest.approx(0.2)
    assert gap_limits(None) == {}
    assert gap_limits(Budget(membership=None, tpr_at_1pct=None)) == {}
    assert list(gap_limits(Budget(membership=None))) == ["membership tail"]


def test_without_limits_the_optimum_is_free() -> None:
    chain, table, fold, exposure = learnt()
    rng = np.random.default_rng(1)
    choice = choose_shrinkage(chain, table, fold, reference=None, limits={}, rng=rng)
    assert choice.solution is None and choice.free == choice.chosen
    assert choice.utility == choice.free_utility
    x = exposure.free_optimum()
    best = exposure.figures(x)[0]
    for _ in range(20):  # no neighbour is better
        near = x + 0.3 * rng.normal(size=len(x))
        box = [(-6.9, 9.9)] * len(x)
        near = np.clip(near, *np.array(box).T)
        assert exposure.figures(near)[0] <= best + 1e-3


def test_multiplier_is_the_price_of_the_limit() -> None:
    exposure = learnt()[3]
    free = exposure.free_optimum()
    box = [b for s in exposure.stages for b in Shrinkage.bounds(s.numeric)]
    gap = exposure.figures(free)[2][0]
    found = {}
    for share in (0.45, 0.5, 0.55):
        found[share] = bargain(exposure.figures, free, box, {"membership gap": share * gap})[1]
    middle = found[0.5]
    assert middle.solution is not None and middle.solution.feasible
    price = middle.solution.multipliers["membership gap"]
    slope = (found[0.55].utility - found[0.45].utility) / (
        found[0.55].chosen["membership gap"] - found[0.45].chosen["membership gap"]
    )
    assert price > 0 and price == pytest.approx(slope, rel=0.25)


def test_a_limit_out_of_reach_is_reported_with_the_nearest() -> None:
    exposure = learnt()[3]
    free = exposure.free_optimum()
    box = [b for s in exposure.stages for b in Shrinkage.bounds(s.numeric)]
    x, price = bargain(exposure.figures, free, box, {"membership gap": -1.0})
    assert price.solution is not None and not price.solution.feasible
    assert price.solution.nearest is not None
    near = price.solution.nearest["membership gap"] - 1.0
    assert near == pytest.approx(price.chosen["membership gap"])
    assert near < price.free["membership gap"]
    assert np.allclose(exposure.figures(x)[2][0], near)
