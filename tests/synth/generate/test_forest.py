"""The default generator: what its budget does to its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate.forest import Forest
from salus.synth.generate.stage import Growth
from tests.synth.generate.tables import mixed

FAST = Growth(trees=4)
OFF = Budget(membership=None, tpr_at_1pct=None)


def forest(budget: Budget | None, slack: float = 1.0) -> Forest:
    return Forest(budget=budget, slack=slack, growth=FAST).fit(mixed(140), seed=1)


def risks(model: Forest) -> dict[str, Any]:
    return {r["name"]: r for r in model.account_["constraint"]["risks"]}


def parameters(model: Forest) -> np.ndarray:
    return np.concatenate(
        [s.stage.shrinkage.to_vector(s.stage.numeric) for s in model.chain_.steps]
    )


def test_a_tight_budget_moves_the_parameters() -> None:
    free, tight = forest(None), forest(Budget(membership=0.02, tpr_at_1pct=None))
    mine = risks(tight)["membership gap"]
    assert mine["without"] > mine["limit"]
    assert mine["value"] <= mine["limit"] + 0.02 * max(mine["limit"], 0.05)
    assert mine["multiplier"] > 0
    constraint = tight.account_["constraint"]
    assert constraint["feasible"] and constraint["utility"] < constraint["utility_without"]
    assert len(constraint["trace"]) > 1
    moved = parameters(tight) - parameters(free)
    three = ("kappa", "weight", "bandwidth")
    names = [n for s in free.chain_.steps for n in three[: 2 + s.stage.numeric]]
    for name in three:  # all pull toward what more people share
        here = moved[[n == name for n in names]]
        assert here.max() > 0.05 and here.mean() > 0, name


def test_without_a_budget_the_constraint_is_off() -> None:
    for budget in (None, OFF):
        account = forest(budget).account_["constraint"]
        assert account["message"] == "constraint off" and account["risks"] == []
        assert account["utility"] == account["utility_without"] and account["feasible"]


def test_a_loose_budget_costs_nothing() -> None:
    model = forest(Budget(membership=0.9, tpr_at_1pct=0.9), slack=4.0)
    assert all(r["multiplier"] == 0 for r in risks(model).values())
    assert np.allclose(parameters(model), parameters(forest(None)), atol=1e-6)


def test_an_impossible_budget_is_reported() -> None:
    table, others = mixed(120), mixed(80, seed=5)
    others = others.replace("age", others.values["age"] * 0 + 20)  # not the same kind of people
    budget = Budget(membership=0.01, tpr_at_1pct=None)
    model = Forest(budget=budget, slack=1.0, growth=FAST).fit(table, reference=others, seed=1)
    account = model.account_["constraint"]
    assert not account["feasible"] and account["message"]
    risk = risks(model)["membership gap"]
    assert risk["limit"] < risk["value"] <= risk["without"] + 1e-9  # the nearest


def test_reference_people_may_be_the_judges() -> None:
    model = Forest(growth=FAST).fit(mixed(120), reference=mixed(80, seed=5), seed=1)
    assert set(risks(model)) == {"membership gap", "membership tail"}


def test_constrained_models_tell_members_apart_less() -> None:
    table, others = mixed(140), mixed(400, seed=11)
    gap = {}
    for budget in (None, Budget(membership=0.05)):
        model = Forest(budget=budget, slack=1.0, growth=FAST).fit(table, seed=1)
        gap[budget is None] = model.log_prob(table).mean() - model.log_prob(others).mean()
    assert gap[False] < gap[True]


def test_slack_must_be_positive() -> None:
    with pytest.raises(OptionError):
        Forest(slack=0).fit(mixed(), seed=1)
