"""Budgets of a sweep: one strictness, and what each limit leaves beyond chance scaled by it."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.release.frontier_plan import CHANCE, leading_risk, no_limits, plan_of


def test_the_default_goes_from_no_limit_to_none_beyond_chance() -> None:
    steps = plan_of(Budget())
    assert [s.limit for s in steps] == [None, 1.0, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.0]
    assert [s.number for s in steps] == list(range(9))
    assert steps[0].budget == no_limits()
    assert all(getattr(steps[0].budget, f.name) is None for f in fields(Budget))
    assert steps[4].budget == Budget()  # the limits given are among the points
    last = steps[-1].budget
    assert (last.membership, last.tpr_at_1pct, last.copies) == (0.0, 0.01, 0.0)


def test_all_limits_move_alike_beyond_chance() -> None:
    half = plan_of(Budget(), limits=[0.025])[1].budget
    assert half.to_dict() == {
        **Budget().to_dict(),
        "membership": 0.025,
        "tpr_at_1pct": 0.02,
        "copies": 0.0025,
        "near_copies": 0.01,
        "attribute": 0.025,
    }


def test_a_named_risk_moves_alone() -> None:
    steps = plan_of(Budget(), risk="attribute", limits=[0.01, 0.5])
    assert [s.limit for s in steps] == [None, 0.5, 0.01]
    for step in steps[1:]:
        rest = {k: v for k, v in step.budget.to_dict().items() if k != "attribute"}
        assert rest.items() <= Budget().to_dict().items()
        assert step.budget.attribute == step.limit


def test_what_is_off_stays_off_and_the_first_limit_leads() -> None:
    budget = Budget(membership=None, linkage=None)
    assert leading_risk(budget) == "tpr_at_1pct"
    for step in plan_of(budget):
        assert step.budget.membership is None and step.budget.linkage is None


def test_a_limit_at_chance_is_not_scaled() -> None:
    for step in plan_of(Budget(tpr_at_1pct=0.005, copies=0.0))[1:]:
        assert (step.budget.tpr_at_1pct, step.budget.copies) == (0.005, 0.0)


@given(
    base=st.floats(0.011, 1),
    risk=st.sampled_from(["membership", "tpr_at_1pct", None]),
    limits=st.none() | st.lists(st.floats(0.01, 1), min_size=1, max_size=8),
)
def test_points_grow_stricter_in_every_limit(
    base: float, risk: str | None, limits: list[float] | None
) -> None:
    budget = Budget(membership=base, tpr_at_1pct=base)
    steps = plan_of(budget, risk=risk, limits=limits)
    assert len({s.limit for s in steps}) == len(steps)
    for a, b in pairwise(steps[1:]):
        for name, limit in b.budget.to_dict().items():
            above = getattr(a.budget, name)
            assert (limit is None) == (above is None)
            assert limit is None or CHANCE.get(name, 0.0) <= limit + 1e-9 <= above + 2e-9


@pytest.mark.parametrize(
    ("budget", "asked", "said"),
    [
        (Budget(), {"risk": "height"}, "knows no risk 'height'"),
        (Budget(), {"risk": "linkage"}, "sets no limit on 'linkage'"),
        (no_limits(), {}, "sets no limit at all"),
        (Budget(membership=0.0), {}, "no more than chance"),
        (Budget(), {"limits": []}, "no limit is given"),
        (Budget(), {"limits": [1.5]}, "between 0 .chance. and 1, got 1.5"),
        (Budget(), {"limits": [float("nan")]}, "got nan"),
        (Budget(), {"limits": [True]}, "got True"),
        (Budget(), {"risk": "tpr_at_1pct", "limits": [0.005]}, "between 0.01"),
        (Budget(), {"limits": [k / 100 for k in range(60)]}, "60 limits are more than 50"),
    ],
)
def test_what_can_not_be_swept_is_named(budget: Budget, asked: dict, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        plan_of(budget, **asked)
