"""The solver against problems whose optimum and multipliers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import OptionError
from salus.synth.solve import Constraint, Problem, solve


def square(x):
    return float(x[0] ** 2), 2 * x


def linear(name, row, limit, scale=None):
    """Return the constraint ``row @ x <= limit``."""
    row = np.asarray(row, dtype=float)
    return Constraint(name, lambda x: (float(row @ x - limit), row.copy()), scale)


AT_LEAST_1 = linear("at least 1", [-1.0], -1.0)


def quadratic(matrix, vector):
    """Return x -> 1/2 x'Ax - b'x."""
    return lambda x: (float(0.5 * x @ matrix @ x - vector @ x), matrix @ x - vector)


def test_at10_finds_the_optimum_and_its_price():
    found = solve(Problem.of(square, [AT_LEAST_1], [0.0]))
    assert found.feasible and found.converged and found.nearest is None
    assert found.x[0] == pytest.approx(1, abs=1e-5)
    assert found.multipliers["at least 1"] == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize("penalty", [0.5, 1.0, 2.0, 5.0])
def test_at10_error_of_the_multiplier_shrinks_as_the_closed_form_says(penalty):
    found = solve(
        Problem.of(square, [AT_LEAST_1], [0.0]),
        penalty=penalty,
        penalty_cap=penalty,
        tolerance=1e-12,
        stationarity=1e-12,
        steps=25,
    )
    errors = [abs(step.multipliers["at least 1"] - 2) for step in found.trace]
    closed = [2 * (2 / (2 + penalty)) ** k for k in range(len(errors))]
    assert errors == pytest.approx(closed, abs=1e-8)
    assert {step.penalty for step in found.trace} == {penalty}
    if penalty == 1.0:
        assert errors[25] == pytest.approx(7.9e-5, rel=0.01)


def test_at11_a_multiplier_that_is_not_needed_falls_to_zero():
    problem = Problem.of(lambda x: (float((x[0] - 2) ** 2), 2 * (x - 2)), [AT_LEAST_1], [0.0])
    found = solve(problem, multipliers={"at least 1": 5.0}, penalty=2.0)
    assert found.converged
    assert found.x[0] == pytest.approx(2, abs=1e-5)
    assert found.multipliers["at least 1"] == 0
    assert found.trace[0].multipliers["at least 1"] == 5


def test_at12_infeasible_is_reported_with_the_nearest_reachable_values():
    constraints = [linear("at least 3", [-1.0], -3.0), linear("at most 1", [1.0], 1.0)]
    found = solve(Problem.of(square, constraints, [0.0]))
    assert not found.feasible and not found.converged
    assert found.x[0] == pytest.approx(2, abs=1e-4)
    assert found.nearest == pytest.approx({"at least 3": 1, "at most 1": 1}, abs=1e-4)
    assert "'at " in found.message and "above its limit" in found.message
    assert all(step.penalty <= 1e4 for step in found.trace)
    assert np.isfinite([step.objective for step in found.trace]).all()
    assert len(found.trace) < 20  # said early, not after all the steps


def test_at12_infeasible_within_the_box():
    found = solve(Problem.of(square, [linear("at least 3", [-1.0], -3.0)], [0.2], [(0, 1)]))
    assert not found.feasible
    assert found.nearest == pytest.approx({"at least 3": 2.0})
    assert found.x.tolist() == [1.0]


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_at13_the_unit_of_a_constraint_does_not_matter(factor):
    matrix, vector = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([4.0, 3.0])
    rows = {"a": ([1.0, 1.0], 1.0), "b": ([1.0, -1.0], -0.5)}

    def run(times):
        constraints = [
            linear(n, np.array(r) * (times if n == "b" else 1), lim * (times if n == "b" else 1))
            for n, (r, lim) in rows.items()
        ]
        return solve(Problem.of(quadratic(matrix, vector), constraints, [0.0, 0.0]))

    one, other = run(1.0), run(factor)
    assert other.x == pytest.approx(one.x, abs=1e-8)
    assert other.multipliers["a"] == pytest.approx(one.multipliers["a"], rel=1e-6)
    assert other.multipliers["b"] * factor == pytest.approx(one.multipliers["b"], rel=1e-6)
    assert len(other.trace) == len(one.trace)
    assert other.multipliers["a"] > 0 and other.multipliers["b"] > 0


def test_a_stated_scale_gives_the_same_solution():
    found = solve(Problem.of(square, [linear("at least 1", [-1.0], -1.0, scale=0.3)], [0.0]))
    assert found.x[0] == pytest.approx(1, abs=1e-5)
    assert found.multipliers["at least 1"] == pytest.approx(2, abs=1e-4)


@st.composite
def convex(draw):
    """Draw a strictly convex quadratic problem that some known point meets strictly."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, m = draw(st.integers(1, 5)), draw(st.integers(0, 4))
    root = rng.normal(size=(d, d))
    matrix = root @ root.T + np.eye(d)
    rows = rng.normal(size=(m, d)) * 10.0 ** rng.uniform(-1, 1, (m, 1))
    inside = rng.uniform(-1, 1, d)
    limits = rows @ inside + rng.uniform(0.1, 1, m) * np.linalg.norm(rows, axis=1)
    bounds = [(-2.0, 2.0)] * d if draw(st.booleans()) else None
    return matrix, rng.normal(size=d) * 5, rows, limits, bounds


@settings(max_examples=60, deadline=None)
@given(convex())
def test_quadratic_problems_end_where_the_optimality_conditions_hold(problem):
    matrix, vector, rows, limits, bounds = problem
    constraints = [
        linear(str(i), r, lim) for i, (r, lim) in enumerate(zip(rows, limits, strict=True))
    ]
    found = solve(
        Problem.of(quadratic(matrix, vector), constraints, np.zeros(len(vector)), bounds),
        tolerance=1e-7,
    )
    assert found.feasible and found.converged
    prices = np.array([found.multipliers[str(i)] for i in range(len(rows))])
    room = limits - rows @ found.x
    sizes = np.linalg.norm(rows, axis=1)
    assert (prices >= 0).all() and (room >= -1e-6 * sizes).all()
    assert np.abs(np.minimum(prices * sizes, room / np.where(sizes > 0, sizes, 1))) == (
        pytest.approx(0, abs=1e-5)
    )
    slope = matrix @ found.x - vector + prices @ rows
    low, high = (-2.0, 2.0) if bounds else (-np.inf, np.inf)
    assert found.x - np.clip(found.x - slope, low, high) == pytest.approx(0, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 2.0))
def test_the_multiplier_is_the_gain_for_a_looser_limit(limit):
    vector = np.array([3.0, 1.0])

    def best(budget):
        ball = Constraint("ball", lambda x: (float(x @ x - budget), 2 * x))
        problem = Problem.of(quadratic(np.eye(2), vector), [ball], [0.1, 0.1])
        return solve(problem, tolerance=1e-9, stationarity=1e-9)

    found, step = best(limit), 1e-3
    gain = (best(limit - step).objective - best(limit + step).objective) / (2 * step)
    assert found.multipliers["ball"] == pytest.approx(gain, rel=1e-3)
    assert found.multipliers["ball"] == pytest.approx(  # x = vector / (1 + 2 lambda)
        (np.linalg.norm(vector) / np.sqrt(limit) - 1) / 2, rel=1e-5
    )


def test_a_tighter_limit_moves_the_variables_and_costs_more():
    found = [solve(Problem.of(square, [linear("c", [-1.0], -b)], [0.0])) for b in (0.5, 1.0, 2.0)]
    assert [f.x[0] for f in found] == pytest.approx([0.5, 1, 2], abs=1e-4)
    assert [f.multipliers["c"] for f in found] == pytest.approx([1, 2, 4], abs=1e-3)


def test_a_problem_whose_inner_problem_has_no_bottom_at_first():
    rows = [linear("right", [1.0], 1.0), linear("left", [-1.0], 0.5)]
    found = solve(Problem.of(lambda x: (float(-(x[0] ** 2)), -2 * x), rows, [0.3]))
    assert found.feasible and found.converged
    assert abs(found.x[0]) == pytest.approx(1, abs=1e-4) or found.x[0] == pytest.approx(-0.5)


def test_steps_to_where_the_objective_is_undefined_are_turned_back():
    def barrier(x):
        if x[0] <= 0:
            return np.nan, np.full(1, np.nan)
        return float(x[0] - np.log(x[0])), 1 - 1 / x

    found = solve(Problem.of(barrier, [linear("at most 1/2", [1.0], 0.5)], [5.0]))
    assert found.x[0] == pytest.approx(0.5, abs=1e-5)
    assert found.multipliers["at most 1/2"] == pytest.approx(1, abs=1e-3)


def test_the_best_feasible_point_is_kept_when_steps_run_out():
    steep = Constraint("at least 1", lambda x: (1 - x[0], np.array([-1.0])))
    found = solve(Problem.of(square, [steep], [3.0]), steps=1)
    assert found.feasible and not found.converged
    assert found.values["at least 1"] <= 1e-6
    assert "no optimum" in found.message


def test_without_constraints_it_is_a_plain_minimisation():
    found = solve(Problem.of(square, [], [3.0], [(1.0, None)]))
    assert found.converged and found.x.tolist() == [1.0] and found.multipliers == {}


def test_a_joint_evaluation_equals_separate_functions():
    joint = Problem(
        lambda x: (float(x @ x), 2 * x, np.array([1 - x[0]]), np.array([[-1.0, 0.0]])),
        ["at least 1"],
        [0.0, 1.0],
    )
    apart = Problem.of(
        lambda x: (float(x @ x), 2 * x), [linear("at least 1", [-1.0, 0.0], -1.0)], [0.0, 1.0]
    )
    assert solve(joint).x.tolist() == solve(apart).x.tolist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"penalty": 0.0}, "penalty"),
        ({"penalty": 10.0, "penalty_cap": 1.0}, "penalty"),
        ({"steps": 0}, "positive"),
        ({"multipliers": {"other": 1.0}}, "'other'"),
        ({"multipliers": {"at least 1": -1.0}}, "not negative"),
    ],
)
def test_options_outside_their_domain_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        solve(Problem.of(square, [AT_LEAST_1], [0.0]), **options)
