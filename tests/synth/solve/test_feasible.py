"""Whether constraints can be met at all."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.solve import Constraint, Problem, nearest


def at_least(limit, name="at least"):
    return Constraint(name, lambda x: (float(limit - x[0]), np.array([-1.0])))


def no_objective(x):
    return 0.0, np.zeros_like(x)


def test_a_start_that_meets_all_is_its_own_answer():
    found = nearest(Problem.of(no_objective, [at_least(1.0)], [2.0]))
    assert found.feasible and found.x.tolist() == [2.0] and found.evaluations == 1


def test_a_reachable_budget_is_reached():
    found = nearest(Problem.of(no_objective, [at_least(1.0)], [-4.0]))
    assert found.feasible and found.values["at least"] <= 1e-6


def test_the_nearest_point_shares_the_violation_in_the_scales_of_the_constraints():
    wide = Constraint("at most", lambda x: (float(10 * (x[0] - 1)), np.array([10.0])))
    found = nearest(Problem.of(no_objective, [at_least(3.0), wide], [0.0]))
    assert not found.feasible
    assert found.values == pytest.approx({"at least": 1.0, "at most": 10.0}, abs=1e-5)


def test_a_curved_constraint_that_no_point_meets():
    curved = Constraint("curved", lambda x: (float(x @ x + 0.5), 2 * x))
    found = nearest(Problem.of(no_objective, [curved], [2.0, -1.0]))
    assert not found.feasible
    assert found.values["curved"] == pytest.approx(0.5, abs=1e-6)
