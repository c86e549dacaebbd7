"""Whether the constraints can be met at all, and how near they can be brought.

Run before the long work: a budget that no setting reaches is found in one short solve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from salus.synth.solve.constraint import Array, Problem
from salus.synth.solve.descent import Watch, descend

__all__ = ["Nearest", "approach", "nearest"]


@dataclass(frozen=True, eq=False)
class Nearest:
    """Hold the point at which the constraints are least broken.

    Parameters
    ----------
    x : array (d,)
    values : mapping of str to float
        ``g`` of each constraint there, in its own unit: how much its limit would have to be
        loosened, where it is above 0.
    feasible : bool
        Whether all constraints are met there.
    evaluations : int

    """

    x: Array
    values: Mapping[str, float]
    feasible: bool
    evaluations: int


def nearest(problem: Problem, *, tolerance: float = 1e-6, inner: int = 500) -> Nearest:
    """Find the point that breaks the constraints least, whatever the objective.

    Minimises the sum of ``max(0, g_i / scale_i)^2`` over the box, from the problem's start. The
    answer is exact for convex constraints and local otherwise.

    Parameters
    ----------
    problem : Problem
    tolerance : float
        A violation up to this many scales counts as none.
    inner : int
        Cap on the iterations.

    Examples
    --------
    >>> import numpy as np
    >>> from salus.synth.solve.constraint import Constraint
    >>> least = Constraint("at least 3", lambda x: (3 - x[0], np.array([-1.0])))
    >>> found = nearest(Problem.of(lambda x: (0.0, 0 * x), [least], [0.0], [(0, 1)]))
    >>> found.feasible, found.values["at least 3"]
    (False, 2.0)

    """
    watch = Watch(problem, tolerance)
    approach(watch, problem.start, inner)
    g = watch.nearest_g
    return Nearest(watch.nearest_x, watch.named(g), watch.meets(g), watch.evaluations)


def approach(watch: Watch, x: Array, inner: int) -> None:
    """Lower the squared violations from ``x`` (d,); ``watch`` keeps the least-violating point."""

    def squared(y: Array) -> tuple[float, Array]:
        _, _, g, jacobian = watch.at(y)
        broken = np.maximum(0.0, g)
        return float(broken @ broken), 2.0 * broken @ jacobian

    if not watch.meets_scaled(watch.at(x)[2]):
        descend(squared, x, watch.problem, inner=inner, stationarity=1e-12)
