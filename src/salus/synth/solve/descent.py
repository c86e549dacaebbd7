"""Smooth minimisation inside a box, and the record of what was seen on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize

from salus.synth.errors import OptionError
from salus.synth.solve.constraint import Array, Problem, Smooth

__all__ = ["Watch", "descend", "projected_gradient"]


class Watch:
    """Evaluate a problem at unit spread, and remember the best and the least-violating point.

    Every evaluation is complete (objective and all constraints), so each one may serve as the
    answer: the points inside a line search count as well as the ends of the inner solves.

    Parameters
    ----------
    problem : Problem
    tolerance : float
        Violation, in scales, that counts as none.

    """

    def __init__(self, problem: Problem, tolerance: float) -> None:
        self.problem = problem
        self.tolerance = tolerance
        self.evaluations = 0
        self.best_x: Array | None = None  # best feasible point
        self.best_f = np.inf
        self.nearest_x = problem.start
        self._least = np.inf
        self._last: tuple[Array, tuple[float, Array, Array, Array]] | None = None
        first = problem.at(problem.start)
        if not all(np.isfinite(part).all() for part in first):
            raise OptionError(
                "the objective, a constraint or a gradient is not finite at the start.",
                remedy="Start where all are defined.",
            )
        self.scales = _spread(problem, first[2], first[3])
        self.nearest_g = first[2]
        self.at(problem.start)

    def at(self, x: Array) -> tuple[float, Array, Array, Array]:
        """Return f, its gradient, ``g / scale`` and the Jacobian of that at ``x`` (d,)."""
        if self._last is not None and np.array_equal(self._last[0], x):
            return self._last[1]
        f, gradient, g, jacobian = self.problem.at(x)
        self.evaluations += 1
        scaled = g / self.scales
        if np.isfinite(f) and np.isfinite(g).all():
            broken = np.maximum(0.0, scaled)
            violation = float(broken @ broken)
            if violation < self._least:
                self._least, self.nearest_x, self.nearest_g = violation, x.copy(), g
            if f < self.best_f and self.meets_scaled(scaled):
                self.best_f, self.best_x = f, x.copy()
        found = f, gradient, scaled, jacobian / self.scales[:, None]
        self._last = (x.copy(), found)
        return found

    def meets_scaled(self, scaled: Array) -> bool:
        """Whether all constraints, given in scales (m,), are met."""
        return bool(np.max(scaled, initial=-np.inf) <= self.tolerance)

    def meets(self, g: Array) -> bool:
        """Whether all constraints, given in their own units (m,), are met."""
        return self.meets_scaled(g / self.scales)

    def named(self, values: Array) -> Mapping[str, float]:
        """Return numbers (m,) by the names of their constraints."""
        return dict(zip(self.problem.names, values.tolist(), strict=True))


def descend(
    function: Smooth, x: Array, problem: Problem, *, inner: int, stationarity: float
) -> tuple[Array, bool]:
    """Minimise a smooth function inside the problem's box from ``x`` (d,), by L-BFGS-B.

    A step to where the function isn't finite, or absurdly far away, is answered by a wall, so
    that the line search turns back (Byrd et al. 1995, doi:10.1137/0916069, for the method). The
    flag beside the point found says whether the search ran that far: then there is no minimum.
    """
    highest = abs(function(x)[0])
    far, lost = 1e8 * problem.reach, False

    def walled(y: Array) -> tuple[float, Array]:
        nonlocal highest, lost
        if np.max(np.abs(y)) > far:
            lost = True
            return 1e3 * (1.0 + highest), np.zeros_like(y)
        value, gradient = function(y)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return 1e3 * (1.0 + highest), np.zeros_like(y)
        highest = max(highest, abs(value))
        return value, gradient

    found = minimize(
        walled,
        x,
        jac=True,
        method="L-BFGS-B",
        bounds=problem.bounds,
        options={"maxiter": inner, "maxfun": 4 * inner, "ftol": 1e-16, "gtol": stationarity},
    )
    end = np.clip(found.x, problem.low, problem.high)
    return np.asarray(end, dtype=np.float64), lost


def projected_gradient(x: Array, gradient: Array, problem: Problem) -> float:
    """Return the largest step that the gradient would still make inside the box.

    It is 0 exactly where ``x`` is stationary: a gradient that points out of the box at a bound
    does not count.
    """
    step = x - np.clip(x - gradient, problem.low, problem.high)
    return float(np.max(np.abs(step), initial=0.0))


def _spread(problem: Problem, g: Array, jacobian: Array) -> Array:
    """Return the scale of each constraint (m,): its own, or the norm of its gradient at the start.

    Where that gradient all but vanishes (a saturated start) a thousandth of the value stands in,
    so that the quotient stays within reason; a constraint that is flat and 0 keeps its unit.
    """
    slope = np.maximum(np.linalg.norm(jacobian, axis=1), 1e-3 * np.abs(g))
    automatic = np.where(slope > 0, slope, 1.0)
    given = [np.nan if s is None else s for s in problem.scales]
    return np.where(np.isnan(given), automatic, given) if len(g) else np.ones(0)
