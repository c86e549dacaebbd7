"""A smooth problem with inequality constraints: what to minimise, and what must stay at or below 0.

Nothing here knows what the variables mean. A caller turns a limit on a risk into
``g(x) = risk(x) - limit``, which is met where ``g(x) <= 0``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from salus.synth.errors import OptionError

__all__ = ["Array", "Bounds", "Constraint", "Evaluate", "Problem", "Smooth"]

Array = NDArray[np.float64]
Smooth = Callable[[Array], tuple[float, Array]]
"""A function of ``x`` (d,) that returns its value and its gradient (d,)."""
Evaluate = Callable[[Array], tuple[float, Array, Array, Array]]
"""A function of ``x`` (d,) that returns f, its gradient (d,), g (m,) and its Jacobian (m, d)."""
Bounds = Sequence[tuple[float | None, float | None]]
"""One pair (lowest, highest) for each variable, ``None`` where there is no bound."""


@dataclass(frozen=True)
class Constraint:
    """Demand that a smooth function stays at or below 0.

    Parameters
    ----------
    name : str
        Key of the constraint in every result.
    function : Smooth
        Returns ``g(x)`` and its gradient (d,); the constraint is met where ``g(x) <= 0``.
    scale : float, optional
        The size of a change in ``g`` that matters; the solver works with ``g / scale`` and reports
        in the original unit. By default it is read off the gradient at the start.

    """

    name: str
    function: Smooth
    scale: float | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """Hold ``minimise f(x) subject to g_i(x) <= 0 and low <= x <= high``.

    The primitive is one callable for everything, since objective and constraints usually share
    most of their work. ``Problem.of`` builds it from separate functions.

    Parameters
    ----------
    evaluate : Evaluate
        Returns ``(f, gradient (d,), g (m,), jacobian (m, d))`` at ``x`` (d,).
    names : sequence of str
        Names of the constraints, in the order of ``g``.
    start : array (d,)
        Where the search begins; moved into the bounds.
    bounds : sequence of pairs, optional
        Lowest and highest value of each variable, ``None`` for no bound.
    scales : sequence of float or None, optional
        One for each constraint, see ``Constraint.scale``.

    Raises
    ------
    OptionError
        If sizes disagree, a name stands twice, or a bound, scale or start is not usable.

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem(
    ...     lambda x: (x[0] ** 2, 2 * x, np.array([1 - x[0]]), np.array([[-1.0]])),
    ...     names=["at least 1"],
    ...     start=[0.0],
    ... )
    >>> problem.names, problem.size
    (('at least 1',), 1)

    """

    evaluate: Evaluate
    names: tuple[str, ...]
    start: Array
    bounds: tuple[tuple[float | None, float | None], ...]
    scales: tuple[float | None, ...]
    low: Array = field(repr=False)
    high: Array = field(repr=False)

    def __init__(
        self,
        evaluate: Evaluate,
        names: Sequence[str],
        start: ArrayLike,
        bounds: Bounds | None = None,
        *,
        scales: Sequence[float | None] | None = None,
    ) -> None:
        names = tuple(names)
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise OptionError(f"two constraints are called {twice[0]!r}.", remedy="Rename one.")
        begin = np.atleast_1d(np.asarray(start, dtype=np.float64)).copy()
        if begin.ndim != 1 or not np.isfinite(begin).all():
            raise OptionError("the start must be a flat list of finite numbers.")
        scales = (None,) * len(names) if scales is None else tuple(scales)
        if len(scales) != len(names):
            raise OptionError(f"{len(scales)} scales were given for {len(names)} constraints.")
        for name, scale in zip(names, scales, strict=True):
            if scale is not None and not (math.isfinite(scale) and scale > 0):
                raise OptionError(f"the scale of constraint {name!r} must be positive.")
        pairs, low, high = _box(bounds, len(begin))
        object.__setattr__(self, "evaluate", evaluate)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "start", np.clip(begin, low, high))
        object.__setattr__(self, "bounds", pairs)
        object.__setattr__(self, "scales", scales)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @classmethod
    def of(
        cls,
        objective: Smooth,
        constraints: Sequence[Constraint],
        start: ArrayLike,
        bounds: Bounds | None = None,
    ) -> Problem:
        """Build a problem from an objective and constraints that are computed apart.

        Examples
        --------
        >>> import numpy as np
        >>> least = Constraint("at least 1", lambda x: (1 - x[0], np.array([-1.0])))
        >>> Problem.of(lambda x: (x[0] ** 2, 2 * x), [least], start=[0.0]).names
        ('at least 1',)

        """
        functions = [c.function for c in constraints]

        def evaluate(x: Array) -> tuple[float, Array, Array, Array]:
            value, gradient = objective(x)
            parts = [function(x) for function in functions]
            g = np.array([part[0] for part in parts], dtype=np.float64)
            rows = [np.asarray(part[1], dtype=np.float64).reshape(len(x)) for part in parts]
            return value, gradient, g, np.array(rows).reshape(len(parts), len(x))

        names = [c.name for c in constraints]
        return cls(evaluate, names, start, bounds, scales=[c.scale for c in constraints])

    @property
    def size(self) -> int:
        """Number of variables, d."""
        return len(self.start)

    @property
    def reach(self) -> float:
        """How large the variables are taken to be: the start's largest, or a finite bound's."""
        ends = np.concatenate([self.start, self.low, self.high])
        return 1.0 + float(np.max(np.abs(ends[np.isfinite(ends)]), initial=0.0))

    def at(self, x: Array) -> tuple[float, Array, Array, Array]:
        """Evaluate at ``x`` (d,) and check the shapes: f, gradient (d,), g (m,), Jacobian (m, d)."""
        value, gradient, g, jacobian = self.evaluate(x)
        found = (np.shape(gradient), np.shape(g), np.shape(jacobian))
        m, d = len(self.names), self.size
        if found != ((d,), (m,), (m, d)):
            raise OptionError(
                f"the problem returned gradient, constraints and Jacobian of shapes {found}.",
                remedy=f"They must be {((d,), (m,), (m, d))}.",
            )
        return (
            float(value),
            np.asarray(gradient, np.float64),
            np.asarray(g, np.float64),
            np.asarray(jacobian, np.float64),
        )


def _box(
    bounds: Bounds | None, d: int
) -> tuple[tuple[tuple[float | None, float | None], ...], Array, Array]:
    """Return the bounds as pairs and as two arrays (d,) with infinities."""
    pairs = ((None, None),) * d if bounds is None else tuple((b[0], b[1]) for b in bounds)
    if len(pairs) != d:
        raise OptionError(f"{len(pairs)} bounds were given for {d} variables.")
    low = np.array([-np.inf if b[0] is None else b[0] for b in pairs], dtype=np.float64)
    high = np.array([np.inf if b[1] is None else b[1] for b in pairs], dtype=np.float64)
    if not (low <= high).all():
        worst = int(np.flatnonzero(~(low <= high))[0])
        raise OptionError(
            f"variable {worst} has a lowest value above its highest.", remedy="Swap them."
        )
    return pairs, low, high
