"""How multipliers move: the Powell-Hestenes-Rockafellar update and the nuPI controller.

A multiplier is the price of its constraint: by how much the best objective falls when the limit
is loosened by one unit. Both updates raise it while the constraint is broken, lower it while
there is room, and never let it fall below 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from salus.synth.errors import OptionError
from salus.synth.solve.constraint import Array

__all__ = ["NuPI", "Penalty", "augmented_lagrangian"]


def augmented_lagrangian(
    f: float, gradient: Array, g: Array, jacobian: Array, multipliers: Array, penalty: float
) -> tuple[float, Array]:
    r"""Return the augmented Lagrangian of inequality constraints and its gradient.

    .. math:: L = f + \frac{1}{2\mu} \sum_i [\max(0, \lambda_i + \mu g_i)^2 - \lambda_i^2]

    (Rockafellar 1973, doi:10.1007/BF01584679.) The hinge is what an inequality needs: without it
    the square would also punish constraints that are met with room to spare.

    Parameters
    ----------
    f, gradient : float, array (d,)
        Objective.
    g, jacobian : array (m,), array (m, d)
        Constraints, met where ``g <= 0``.
    multipliers : array (m,)
        Not negative.
    penalty : float
        The weight of the square, positive.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones(1)
    >>> augmented_lagrangian(0.0, 0 * one, -3 * one, np.ones((1, 1)), 2 * one, 1.0)
    (-2.0, array([0.]))

    """
    active = np.maximum(0.0, multipliers + penalty * g)
    value = f + float(np.sum(active**2 - multipliers**2)) / (2.0 * penalty)
    return value, gradient + active @ jacobian


@dataclass(frozen=True, eq=False)
class Penalty:
    """Hold the multipliers and the penalty of the Powell-Hestenes-Rockafellar method.

    ``lambda <- max(0, lambda + mu g)``. The penalty is doubled only where the violation did not
    fall to half of what it was, and never beyond ``cap``: with a growing multiplier a moderate
    penalty is enough, and a large one makes the inner problem ill-conditioned.

    Parameters
    ----------
    multipliers : array (m,)
    penalty : float
        mu, at first 1.
    cap : float
        The largest mu.
    tolerance : float
        A violation at or below it counts as none and never raises the penalty.
    violation : float
        The largest violation at the last update; infinite before the first.
    stuck : int
        How many updates in a row brought too small a decrease.

    """

    multipliers: Array
    penalty: float = 1.0
    cap: float = 1e4
    tolerance: float = 1e-6
    violation: float = np.inf
    stuck: int = 0

    def update(self, g: Array) -> Penalty:
        """Return the state after an inner solve that ended at constraint values ``g`` (m,)."""
        violation = float(np.max(g, initial=0.0))
        enough = violation <= max(self.tolerance, 0.5 * self.violation)
        return replace(
            self,
            multipliers=np.maximum(0.0, self.multipliers + self.penalty * g),
            penalty=self.penalty if enough else min(2.0 * self.penalty, self.cap),
            violation=violation,
            stuck=0 if enough else self.stuck + 1,
        )

    def harder(self) -> Penalty:
        """Return the state after an inner problem without a minimum: a larger penalty, no more."""
        return replace(self, penalty=min(2.0 * self.penalty, self.cap), stuck=self.stuck + 1)


@dataclass(frozen=True, eq=False)
class NuPI:
    r"""Move multipliers by noisy estimates of the constraints: a damped proportional-integral step.

    .. math::
        \xi_t = \nu \xi_{t-1} + (1 - \nu) g_t, \qquad
        \lambda_{t+1} = \max(0, \lambda_t + \eta [K_I g_t + K_P (\xi_t - \xi_{t-1})])

    with :math:`\lambda_1 = \max(0, \lambda_0 + \eta K_I g_0)` at the first step (Sohrabi et al.
    2024, "On PI controllers for updating Lagrange multipliers", arXiv:2406.04558). With
    ``proportional=0``, ``integral=1`` it is plain dual ascent. It is meant for training by
    minibatches, where no exact inner solve exists.

    Parameters
    ----------
    multipliers : array (m,)
    rate : float
        eta, the step.
    proportional, integral : float
        K_P, which damps oscillation, and K_I.
    memory : float
        nu, the share of the running average that is kept; in (-1, 1).
    average : array (m,), optional
        xi; none before the first step.

    Examples
    --------
    >>> import numpy as np
    >>> state = NuPI(np.zeros(1), rate=0.5)
    >>> state.update(np.array([2.0])).update(np.array([-1.0])).multipliers
    array([0.5])

    """

    multipliers: Array
    rate: float
    proportional: float = 0.0
    integral: float = 1.0
    memory: float = 0.0
    average: Array | None = field(default=None)

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise OptionError(f"the rate of nuPI must be positive, got {self.rate}.")
        if not -1 < self.memory < 1:
            raise OptionError(f"the memory of nuPI must lie between -1 and 1, got {self.memory}.")

    def update(self, g: Array) -> NuPI:
        """Return the state after one estimate ``g`` (m,) of the constraints."""
        if self.average is None:
            average, push = g, self.integral * g
        else:
            average = self.memory * self.average + (1.0 - self.memory) * g
            push = self.integral * g + self.proportional * (average - self.average)
        moved = np.maximum(0.0, self.multipliers + self.rate * push)
        return replace(self, multipliers=moved, average=average)
