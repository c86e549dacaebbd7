"""Minimise a smooth objective under smooth inequality constraints, and price each constraint.

The method is the augmented Lagrangian of Powell, Hestenes and Rockafellar: minimise

    L(x) = f(x) + 1/(2 mu) sum_i [max(0, lambda_i + mu g_i(x))^2 - lambda_i^2]

inside the box, then ``lambda_i <- max(0, lambda_i + mu g_i)``, and again (Rockafellar 1973,
doi:10.1007/BF01584679; Nocedal & Wright 2006, chapter 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from salus.synth.errors import OptionError
from salus.synth.solve.constraint import Array, Problem
from salus.synth.solve.descent import Watch, descend, projected_gradient
from salus.synth.solve.feasible import approach
from salus.synth.solve.multipliers import Penalty, augmented_lagrangian

__all__ = ["Solution", "Step", "solve"]

_PATIENCE = 4  # updates in a row without enough progress, before feasibility itself is tested

_RESTARTS = 3  # times that a local optimum is left for a better feasible point seen elsewhere


@dataclass(frozen=True)
class Step:
    """Record one outer step.

    Parameters
    ----------
    step : int
        0 is the start.
    objective : float
    values : mapping of str to float
        ``g`` of each constraint, in its own unit.
    multipliers : mapping of str to float
        After the step's update, in objective per unit of the constraint.
    penalty : float
        mu during the step.

    """

    step: int
    objective: float
    values: Mapping[str, float]
    multipliers: Mapping[str, float]
    penalty: float


@dataclass(frozen=True, eq=False)
class Solution:
    """Hold the answer, its price and how it was reached.

    Parameters
    ----------
    x : array (d,)
        The optimum; else the best point that meets the constraints; else the least-violating one.
    objective : float
    values : mapping of str to float
        ``g`` of each constraint at ``x``, in its own unit.
    multipliers : mapping of str to float
        The fall of the optimal objective for each unit by which the limit is loosened: the price.
        Without ``feasible`` they grow without bound and price nothing.
    feasible : bool
        Whether every ``g`` is at most ``tolerance`` of its scales above 0.
    converged : bool
        Whether ``x`` meets the optimality conditions, not just the constraints.
    trace : tuple of Step
    nearest : mapping of str to float, or None
        If infeasible, ``g`` at the point that breaks the constraints least: by how much each limit
        would have to be loosened.
    message : str
    evaluations : int

    """

    x: Array
    objective: float
    values: Mapping[str, float]
    multipliers: Mapping[str, float]
    feasible: bool
    converged: bool
    trace: tuple[Step, ...]
    nearest: Mapping[str, float] | None
    message: str
    evaluations: int


def solve(
    problem: Problem,
    *,
    multipliers: Mapping[str, float] | None = None,
    penalty: float = 1.0,
    penalty_cap: float = 1e4,
    tolerance: float = 1e-6,
    stationarity: float = 1e-6,
    steps: int = 100,
    inner: int = 200,
) -> Solution:
    """Minimise under constraints, or say that it can't be done and how near one can come.

    Parameters
    ----------
    problem : Problem
    multipliers : mapping of str to float, optional
        Where they start, in the original units; 0 by default.
    penalty, penalty_cap : float
        mu at the start and its cap.
    tolerance : float
        Largest violation, and largest ``|min(lambda, -g)|``, in scales of the constraints.
    stationarity : float
        Largest projected gradient of the Lagrangian, relative to that of the objective.
    steps, inner : int
        Caps on the outer steps and on the iterations of one inner solve.

    Returns
    -------
    Solution

    Raises
    ------
    OptionError
        If an option is out of its domain or the problem isn't finite at its start.

    Examples
    --------
    Minimise x² with x at least 1; each unit by which the limit is loosened is worth 2.

    >>> import numpy as np
    >>> from salus.synth.solve import Constraint, Problem, solve
    >>> least = Constraint("at least 1", lambda x: (1 - x[0], np.array([-1.0])))
    >>> found = solve(Problem.of(lambda x: (x[0] ** 2, 2 * x), [least], start=[0.0]))
    >>> found.feasible, round(float(found.x[0]), 5), round(found.multipliers["at least 1"], 4)
    (True, 1.0, 2.0)

    """
    if not 0 < penalty <= penalty_cap:
        raise OptionError(f"the penalty must lie in (0, {penalty_cap}], got {penalty}.")
    if steps < 1 or inner < 1 or not (tolerance > 0 and stationarity > 0):
        raise OptionError("steps, inner, tolerance and stationarity must be positive.")
    watch = Watch(problem, tolerance)
    dual = Penalty(_start(problem, multipliers, watch.scales), penalty, penalty_cap, tolerance)
    x = problem.start
    trace = [_record(watch, 0, x, dual, penalty)]
    converged = tested = False
    restarts = _RESTARTS
    for step in range(1, steps + 1):
        before, used = x, dual
        x, bottomless = _inner(watch, x, dual, inner, stationarity)
        if bottomless:
            x, dual = before, dual.harder()
        else:
            dual = dual.update(watch.at(x)[2])
        trace.append(_record(watch, step, x, dual, used.penalty))
        converged = _optimal(watch, x, dual.multipliers, stationarity)
        if converged and (restarts == 0 or not _beaten(watch, x, dual.multipliers)):
            break
        if converged and watch.best_x is not None:  # a better valley was passed on the way
            x, restarts, converged = watch.best_x, restarts - 1, False
        if dual.stuck >= _PATIENCE and watch.best_x is None and not tested:
            tested = True
            approach(watch, watch.nearest_x, 5 * inner)
            if watch.best_x is None:
                break
    if watch.best_x is None and not tested:
        approach(watch, watch.nearest_x, 5 * inner)
    return _conclude(watch, x, dual, tuple(trace), converged)


def _start(problem: Problem, given: Mapping[str, float] | None, scales: Array) -> Array:
    """Return the first multipliers (m,) in units of the scaled constraints."""
    named = dict(given or {})
    unknown = sorted(set(named) - set(problem.names))
    if unknown:
        raise OptionError(f"there is no constraint {unknown[0]!r} for a first multiplier.")
    first = np.array([named.get(n, 0.0) for n in problem.names], dtype=np.float64)
    if not (np.isfinite(first) & (first >= 0)).all():
        raise OptionError("first multipliers must be finite and not negative.")
    return np.asarray(first * scales)


def _inner(
    watch: Watch, x: Array, dual: Penalty, inner: int, stationarity: float
) -> tuple[Array, bool]:
    """Minimise the augmented Lagrangian from ``x`` (d,), multipliers and penalty held."""

    def lagrangian(y: Array) -> tuple[float, Array]:
        return augmented_lagrangian(*watch.at(y), dual.multipliers, dual.penalty)

    return descend(lagrangian, x, watch.problem, inner=inner, stationarity=0.1 * stationarity)


def _optimal(watch: Watch, x: Array, multipliers: Array, stationarity: float) -> bool:
    """Whether ``x`` is feasible, complementary and stationary, to the tolerances."""
    _, gradient, g, jacobian = watch.at(x)
    residual = np.max(np.abs(np.minimum(multipliers, -g)), initial=0.0)
    slope = projected_gradient(x, gradient + multipliers @ jacobian, watch.problem)
    size = 1.0 + float(np.max(np.abs(gradient), initial=0.0))
    return bool(residual <= watch.tolerance and slope <= stationarity * size)


def _record(watch: Watch, step: int, x: Array, dual: Penalty, penalty: float) -> Step:
    """Describe a step in the original units."""
    f, _, g, _ = watch.at(x)
    return Step(
        step,
        f,
        watch.named(g * watch.scales),
        watch.named(dual.multipliers / watch.scales),
        penalty,
    )


def _conclude(
    watch: Watch, x: Array, dual: Penalty, trace: tuple[Step, ...], converged: bool
) -> Solution:
    """Choose the point to return and say what it is."""
    feasible = watch.best_x is not None
    if watch.best_x is None:
        x, message = watch.nearest_x, _unreachable(watch)
    elif converged and not _beaten(watch, x, dual.multipliers):
        message = f"optimum found in {trace[-1].step} steps."
    else:
        x, converged = watch.best_x, False
        message = f"best point that meets every constraint; no optimum in {trace[-1].step} steps."
    last = _record(watch, trace[-1].step, x, dual, dual.penalty)
    return Solution(
        x=x,
        objective=last.objective,
        values=last.values,
        multipliers=last.multipliers,
        feasible=feasible,
        converged=converged,
        trace=trace,
        nearest=None if feasible else last.values,
        message=message,
        evaluations=watch.evaluations,
    )


def _beaten(watch: Watch, x: Array, multipliers: Array) -> bool:
    """Whether another feasible point is better by more than the tolerances can explain."""
    f = watch.at(x)[0]
    slack = 10.0 * watch.tolerance * (1.0 + abs(f) + float(np.sum(multipliers)))
    return watch.best_f < f - slack


def _unreachable(watch: Watch) -> str:
    """Say which constraint can't be met, and by how much."""
    scaled = watch.nearest_g / watch.scales
    worst = int(np.argmax(scaled))
    return (
        f"no point was found that meets every constraint: {watch.problem.names[worst]!r} stays "
        f"{watch.nearest_g[worst]:.6g} above its limit at the nearest one."
    )
