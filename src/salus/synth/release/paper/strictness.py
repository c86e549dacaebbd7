r"""The training stage: how strict the constraint in training must be for P to reach P_min.

Minimise f(s) = 1 - Q subject to g(s) = P_min - P <= 0 over one variable, the strictness s of the
limits that act in training, from 0 (none) to 1. Each evaluation is a whole training with the same
seeds, scored on rows drawn at temperature 1. So few can be paid for that the method of Powell,
Hestenes and Rockafellar runs between them, on interpolants of f and g through what was trained
(monotone cubic, Fritsch & Carlson 1980, doi:10.1137/0717021): it names the strictness to train
next, and the multiplier. Where P rises with s this is a secant search for g = 0.

What it is not: lambda moves between trainings and not within one. Inside a training the generator's
own constraints act, each with a multiplier of its own (``docs/methods/constraint.md``); P has no
gradient and enters through their limits alone. The seeds being the same each time, there is no
noise between evaluations to be smoothed, hence no running average.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from salus.synth.generate.protocol import Generator
from salus.synth.release.paper.bench import Scores
from salus.synth.solve import Problem, solve
from salus.synth.solve.constraint import Array

__all__ = ["TOLERANCE", "Trained", "Training", "train"]

TOLERANCE = 0.02  # of min(lambda, -g), in P: less is within the spread of P itself
NEAR = 0.02  # strictness that is as good as trained already

Attempt = Callable[[float], tuple[Generator, Scores]]


@dataclass(frozen=True)
class Training:
    """Hold one training.

    Parameters
    ----------
    strictness : float
    slack : float or None
        Factor of the limits in training; None without limits.
    scores : Scores
    gap : float
        g = P_min - P, met at or below 0.
    account : mapping
        What the generator's own constraint did, as plain JSON values; empty without one.
    """

    strictness: float
    slack: float | None
    scores: Scores
    gap: float
    account: Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """Hold the training stage.

    Parameters
    ----------
    trainings : tuple of Training
        In the order they were made.
    kept : int
        The feasible one of most Q; else the one that misses P_min least.
    model : Generator
        Of it.
    multiplier : float or None
        The price: Q lost for each unit of P_min, at the solution on the interpolants; 0 where P_min
        doesn't bind, None where there is no solution to price or P hardly moves there.
    multipliers : tuple of float or None
        As they stood when each training was asked for.
    message : str
    """

    trainings: tuple[Training, ...]
    kept: int
    model: Generator
    multiplier: float | None
    multipliers: tuple[float | None, ...]
    message: str

    @property
    def feasible(self) -> bool:
        """Whether a training reached P_min by itself."""
        return self.trainings[self.kept].gap <= 0


class _Search:
    """Train, and keep the best."""

    def __init__(self, attempt: Attempt, p_min: float) -> None:
        self.attempt = attempt
        self.p_min = p_min
        self.trainings: list[Training] = []
        self.multipliers: list[float | None] = []
        self.kept = 0
        self.model: Generator | None = None

    def train(self, strictness: float, multiplier: float | None = 0.0) -> Training:
        model, scores = self.attempt(strictness)
        account = getattr(model, "account_", {}).get("constraint", {})
        limited = getattr(model, "budget", None) is not None
        slack = getattr(model, "slack", None) if limited else None
        now = Training(strictness, slack, scores, self.p_min - scores.privacy, account)
        self.trainings.append(now)
        self.multipliers.append(multiplier)
        if self.model is None or _rank(now) < _rank(self.trainings[self.kept]):
            self.kept, self.model = len(self.trainings) - 1, model
        return now

    @property
    def points(self) -> dict[float, tuple[float, float]]:
        """Return f and g by strictness."""
        return {t.strictness: (1 - t.scores.utility, t.gap) for t in self.trainings}

    def result(self, multiplier: float | None, message: str) -> Trained:
        assert self.model is not None
        return Trained(
            tuple(self.trainings),
            self.kept,
            self.model,
            multiplier,
            tuple(self.multipliers),
            message,
        )


def _rank(training: Training) -> tuple[float, float]:
    """Order trainings: by violation, then by utility."""
    return max(0.0, training.gap), -training.scores.utility


def train(attempt: Attempt, p_min: float, *, constrained: bool, most: int) -> Trained:
    """Find the strictness of most Q with P at least P_min.

    Parameters
    ----------
    attempt : callable
        Trains at a strictness and returns the model with its scores, always with the same seeds.
    p_min : float
        On the corrected scale.
    constrained : bool
        Whether there is a strictness to vary; else one training is all.
    most : int
        Trainings at most.
    """
    search = _Search(attempt, p_min)
    if search.train(0.0).gap <= 0:
        return search.result(0.0, "P_min doesn't bind: the first training reaches it.")
    if not constrained:
        return search.result(None, "the training misses P_min, and has no limits to tighten.")
    if most < 2:
        return search.result(None, "the only training misses P_min.")
    if search.train(1.0).gap > 0:
        return search.result(None, "even the strictest training misses P_min.")
    message = f"best of {most} trainings; the last misses the tolerance."
    while len(search.trainings) < most:
        s, multiplier = _solved(search.points)
        beside = min(search.trainings, key=lambda t: abs(t.strictness - s))
        if abs(s - beside.strictness) < NEAR:
            message = (
                f"solved: {len(search.trainings)} trainings hold the solution."
                if beside.gap <= 0
                else f"stopped beside a training that misses P_min by {beside.gap:.3f}."
            )
            break
        gap = search.train(s, multiplier).gap
        if gap <= 0 and min(np.inf if multiplier is None else multiplier, -gap) <= TOLERANCE:
            message = f"solved in {len(search.trainings)} trainings."
            break
    return search.result(_solved(search.points)[1], message)


def _solved(points: Mapping[float, tuple[float, float]]) -> tuple[float, float | None]:
    """Return strictness and multiplier of the solution on interpolants of f and g.

    It aims half a tolerance inside, where a training is likely to be feasible itself. Where P hardly
    moves there (less than a tolerance over the whole range) the ratio of the slopes is noise, and
    there is no multiplier.
    """
    at = np.array(sorted(points))
    f, g = (PchipInterpolator(at, [points[s][k] for s in at]) for k in (0, 1))
    df, dg = f.derivative(), g.derivative()

    def evaluate(x: Array) -> tuple[float, Array, Array, Array]:
        return float(f(x[0])), np.atleast_1d(df(x[0])), g(x) + TOLERANCE / 2, np.diag(dg(x))

    starts = np.concatenate([at, (at[1:] + at[:-1]) / 2])
    found = [
        solve(
            Problem(evaluate, ["P"], [s], [(0.0, 1.0)], scales=[1.0]),
            tolerance=1e-4,
            stationarity=1e-4,
            steps=50,
        )
        for s in starts
    ]
    best = min(found, key=lambda one: (max(0.0, one.values["P"] - 1e-4), one.objective))
    s, price = float(best.x[0]), float(best.multipliers["P"])
    return s, price if price == 0 or abs(float(dg(s))) > TOLERANCE else None
