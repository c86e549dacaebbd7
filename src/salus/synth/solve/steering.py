"""Constraints on a training by minibatches: multipliers that steer it while it runs.

A network's training has no exact inner solve, so two time scales stand in for the loop of
``augmented.py``. Every minibatch gives a noisy estimate of each ``g``: its running average, the
multiplier and the penalty give the weight with which the constraint's gradient enters the loss
(Powell-Hestenes-Rockafellar), and the multiplier moves by nuPI at a rate that adds up to one dual step
a round. Every round ends with a full estimate: only these may raise the penalty, call an iterate
feasible, or make it the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from salus.synth.errors import OptionError
from salus.synth.solve.augmented import Step
from salus.synth.solve.constraint import Array
from salus.synth.solve.multipliers import NuPI

__all__ = ["Steering"]

PATIENCE = 5  # rounds that must fail before the penalty is raised


class Steering:
    """Steer a training so that every ``g`` ends at or below 0, and keep account of its price.

    Parameters
    ----------
    names : sequence of str
        Of the constraints.
    scales : sequence of float
        The size of a change in each ``g`` that matters, positive; everything inside is in these.
    round_length : int
        Minibatches between two full estimates.
    penalty, cap : float
        mu at first, and the most that mu and a multiplier (in scales) may become.
    proportional, memory : float
        K_P and nu of nuPI; ``memory`` is also that of the running average of ``g``.
    tolerance : float
        Violation of a full estimate, in scales, that counts as none.
    start : mapping of str to float, optional
        Multipliers at first, in objective per unit of each ``g``; 0 by default. To begin high is to
        begin on the safe side: the multiplier falls as long as there is room below the limit.

    Examples
    --------
    >>> steering = Steering(["at least 1"], [1.0], round_length=1)
    >>> steering.weights({"at least 1": 2.0})  # broken: the penalty pulls, the multiplier rises
    {'at least 1': 2.0}
    >>> steering.multipliers
    {'at least 1': 2.0}
    >>> steering.conclude_round(utility=0.0, values={"at least 1": -0.5})  # met, best so far
    True
    """

    def __init__(
        self,
        names: Sequence[str],
        scales: Sequence[float],
        *,
        round_length: int,
        penalty: float = 1.0,
        cap: float = 1e4,
        proportional: float = 0.0,
        memory: float = 0.9,
        tolerance: float = 0.02,
        start: Mapping[str, float] | None = None,
    ) -> None:
        size = np.asarray(scales, np.float64)
        if len(size) != len(names) or len(set(names)) != len(names):
            raise OptionError("every constraint needs a name of its own and a scale.")
        if not (np.isfinite(size) & (size > 0)).all():
            raise OptionError("the scales of constraints must be positive.")
        if round_length < 1 or not 0 < penalty <= cap:
            raise OptionError("a round needs a minibatch, and the penalty must lie in (0, cap].")
        self.names = tuple(names)
        self.scales = size
        self.round_length = round_length
        self.penalty, self.cap, self.tolerance = penalty, cap, tolerance
        self.broken: list[float] = []  # violations of the full estimates since mu last rose
        self.average: Array | None = None
        first = np.array([(start or {}).get(n, 0.0) for n in names], np.float64) * size
        if not (np.isfinite(first) & (first >= 0)).all():
            raise OptionError("a multiplier can't be negative at first.")
        self.dual = NuPI(
            np.minimum(first, cap),
            penalty / round_length,
            proportional=proportional * round_length,
            memory=memory,
        )
        self.trace: list[Step] = []
        self.best: int | None = None  # step of the best feasible iterate
        self.nearest: int | None = None  # step of the least-violating one

    @property
    def multipliers(self) -> dict[str, float]:
        """In objective per unit of each ``g``: the price of the constraint."""
        return self._named(self.dual.multipliers / self.scales)

    def weights(self, estimates: Mapping[str, float]) -> dict[str, float]:
        """Take one minibatch's ``g`` and return the weight of each one's gradient in the loss.

        A constraint that this minibatch says nothing of (absent, or not finite) keeps its average,
        and its multiplier stays where it is.
        """
        given = np.array([estimates.get(n, np.nan) for n in self.names], np.float64) / self.scales
        known = np.isfinite(given)
        before = given if self.average is None else self.average
        before = np.where(np.isfinite(before), before, given)
        memory = self.dual.memory
        self.average = np.where(known, memory * before + (1 - memory) * given, before)
        held = self.dual.multipliers
        pull = np.maximum(0.0, held + self.penalty * np.nan_to_num(self.average))
        moved = self.dual.update(np.where(known, given, 0.0))
        new = np.where(known, np.minimum(moved.multipliers, self.cap), held)
        self.dual = replace(moved, multipliers=new)
        return self._named(np.where(known, pull / self.scales, 0.0))

    def conclude_round(self, *, utility: float, values: Mapping[str, float]) -> bool:
        """Take a full estimate; return whether its iterate is the best one to keep so far.

        Best is the feasible iterate of most utility; while none is feasible, the one that breaks the
        constraints least.
        """
        g = np.array([values[n] for n in self.names], np.float64)
        if not np.isfinite(g).all() or not np.isfinite(utility):
            raise OptionError("a full estimate must be finite.")
        violation = float(np.max(g / self.scales, initial=0.0))
        self.trace.append(
            Step(len(self.trace), -utility, self._named(g), self.multipliers, self.penalty)
        )
        self.broken.append(violation)
        if self._stuck():
            self.penalty = min(2.0 * self.penalty, self.cap)
            self.dual = replace(self.dual, rate=self.penalty / self.round_length)
            self.broken = []
        return self._keep(violation)

    def _stuck(self) -> bool:
        """Whether several rounds in a row broke a constraint without halving the violation.

        One round decides nothing: noise breaks a constraint that is met on average.
        """
        last = self.broken[-PATIENCE:]
        stays = len(last) == PATIENCE and min(last) > self.tolerance
        return stays and last[-1] > 0.5 * last[0]

    def _keep(self, violation: float) -> bool:
        now, step = len(self.trace) - 1, self.trace[-1]
        if self.nearest is None or violation < self._violation_at(self.nearest):
            self.nearest, nearer = now, True
        else:
            nearer = False
        if violation > self.tolerance:
            return nearer and self.best is None
        if self.best is None or step.objective < self.trace[self.best].objective:
            self.best = now
            return True
        return False

    @property
    def feasible(self) -> bool:
        """Whether an iterate met every constraint by its full estimate."""
        return self.best is not None

    @property
    def kept(self) -> Step:
        """The full estimate of the iterate to keep."""
        at = self.nearest if self.best is None else self.best
        if at is None:
            raise OptionError("no round has been concluded.")
        return self.trace[at]

    def prices(self, rounds: int = 5) -> dict[str, float]:
        """Return each multiplier's mean over the last rounds, in objective per unit of ``g``."""
        last = self.trace[-rounds:]
        return {
            n: float(np.mean([s.multipliers[n] for s in last])) if last else 0.0 for n in self.names
        }

    def state(self) -> dict[str, Any]:
        """Return all that moves, as plain JSON values, for a checkpoint."""
        dual = self.dual
        return {
            "penalty": self.penalty,
            "broken": self.broken[-PATIENCE:],
            "average": _plain(self.average),
            "multipliers": dual.multipliers.tolist(),
            "memory": _plain(dual.average),
            "trace": [vars(s) for s in self.trace],
            "best": self.best,
            "nearest": self.nearest,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state()``."""
        self.penalty = state["penalty"]
        self.broken = list(state["broken"])
        self.average = _array(state["average"])
        self.dual = replace(
            self.dual,
            multipliers=np.array(state["multipliers"], np.float64),
            rate=self.penalty / self.round_length,
            average=_array(state["memory"]),
        )
        self.trace = [Step(**s) for s in state["trace"]]
        self.best, self.nearest = state["best"], state["nearest"]

    def _violation_at(self, step: int) -> float:
        values = self.trace[step].values
        g = np.array([values[n] for n in self.names]) / self.scales
        return float(np.max(g, initial=0.0))

    def _named(self, values: Array) -> dict[str, float]:
        return {n: float(v) for n, v in zip(self.names, values, strict=True)}


def _plain(values: Array | None) -> list[float | None] | None:
    """Return an array as JSON values, where not a number as None."""
    if values is None:
        return None
    return [float(v) if np.isfinite(v) else None for v in values]


def _array(values: Sequence[float | None] | None) -> Array | None:
    if values is None:
        return None
    return np.array([np.nan if v is None else v for v in values], np.float64)
