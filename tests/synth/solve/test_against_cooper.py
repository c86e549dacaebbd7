"""The solver beside Cooper (Gallego-Posada et al. 2025, arXiv:2504.01212), where installed."""

from __future__ import annotations

import numpy as np
import pytest

cooper = pytest.importorskip("cooper", reason="cooper-optim is not installed")
torch = pytest.importorskip("torch")

from salus.synth.solve import Constraint, Problem, solve

MATRIX = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
VECTOR = np.array([5.0, 4.0, 3.0])
ROWS = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
LIMITS = np.array([1.0, -0.3, 50.0])


def by_cooper():
    """Solve with Cooper's augmented Lagrangian of inequalities; returns x and multipliers."""
    matrix, vector, rows, limits = map(torch.tensor, (MATRIX, VECTOR, ROWS, LIMITS))
    x = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))

    class Quadratic(cooper.ConstrainedMinimizationProblem):
        def __init__(self):
            super().__init__()
            self.multiplier = cooper.multipliers.DenseMultiplier(
                num_constraints=3, dtype=torch.float64
            )
            self.penalty = cooper.penalty_coefficients.DensePenaltyCoefficient(
                init=torch.ones(3, dtype=torch.float64)
            )
            self.limits = cooper.Constraint(
                constraint_type=cooper.ConstraintType.INEQUALITY,
                formulation_type=cooper.formulations.AugmentedLagrangian,
                multiplier=self.multiplier,
                penalty_coefficient=self.penalty,
            )

        def compute_cmp_state(self):
            state = cooper.ConstraintState(violation=rows @ x - limits)
            loss = 0.5 * x @ matrix @ x - vector @ x
            return cooper.CMPState(loss=loss, observed_constraints={self.limits: state})

    problem = Quadratic()
    optimizer = cooper.optim.AlternatingPrimalDualOptimizer(
        primal_optimizers=torch.optim.SGD([x], lr=0.05),
        dual_optimizers=torch.optim.SGD(problem.dual_parameters(), lr=1.0, maximize=True),
        cmp=problem,
    )
    for _ in range(6000):
        optimizer.roll()
    return x.detach().numpy(), problem.multiplier.weight.detach().numpy()


def test_cooper_finds_the_same_point_and_the_same_prices():
    constraints = [
        Constraint(str(i), lambda x, i=i: (float(ROWS[i] @ x - LIMITS[i]), ROWS[i].copy()))
        for i in range(3)
    ]
    objective = Problem.of(
        lambda x: (float(0.5 * x @ MATRIX @ x - VECTOR @ x), MATRIX @ x - VECTOR),
        constraints,
        np.zeros(3),
    )
    ours = solve(objective, tolerance=1e-9, stationarity=1e-9)
    x, prices = by_cooper()
    assert ours.x == pytest.approx(x, abs=1e-5)
    assert list(ours.multipliers.values()) == pytest.approx(prices, abs=1e-4)
    assert ours.multipliers["2"] == 0 and ours.multipliers["0"] > 0
