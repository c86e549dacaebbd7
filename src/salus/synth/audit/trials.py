"""Trials of an attack, and the risks they show, by person.

One *trial* is one synthetic table made from some people (members), judged on people of whom each is
member or not. A single release is one trial; the cross-fitted audit of a procedure is many, in which
everyone is member in about half. In either case a person is the unit: all their appearances are
resampled together, so intervals don't shrink by repeating the same people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.estimate import Estimate
from salus.synth.measure.intervals import (
    order_statistic_for_lower,
    order_statistic_for_upper,
    person_weights,
)

__all__ = ["ERROR", "Figures", "Trials", "advantage", "auc", "excess", "gain", "strongest", "tpr_at"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
REPLICATES = 1000
ERROR = 0.05  # of the one-sided bound, over all attacks together


@dataclass(frozen=True)
class Trials:
    """Hold what was seen of n people in r trials.

    Parameters
    ----------
    member : bool array (r, n)
    seen : bool array (r, n)
        Whether the person was judged in the trial.
    values : mapping of str to array (r, n)
        For each attack or measure, one number a person and trial.
    whole : bool
        Whether the members judged are all there are, so that their part carries no sampling error.
    """

    member: Bools
    seen: Bools
    values: Mapping[str, Floats]
    whole: bool

    @property
    def inside(self) -> Bools:
        """Where a judged person was a member, (r, n)."""
        return self.member & self.seen

    @property
    def outside(self) -> Bools:
        """Where a judged person was not a member, (r, n)."""
        return ~self.member & self.seen

    @property
    def n_people(self) -> int:
        """Number of people judged in any trial."""
        return int(self.seen.any(0).sum())

    def weights(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return bootstrap weights of people as members and as others, (replicates, n) each."""
        n = self.member.shape[1]
        judged = np.flatnonzero(self.seen.any(0))
        drawn = np.zeros((REPLICATES, n))
        if len(self.member) > 1:
            drawn[:, judged] = person_weights(len(judged), REPLICATES, rng)
            return drawn, drawn
        for side in (self.inside[0], self.outside[0]):
            here = np.flatnonzero(side)
            drawn[:, here] = person_weights(len(here), REPLICATES, rng)
        if self.whole:
            drawn[:, self.inside[0]] = 1.0
        return drawn, drawn


@dataclass(frozen=True)
class Figures:
    """Hold one risk by attack: point, bootstrap replicates (b,), and exact bounds where known."""

    point: dict[str, float]
    replicates: dict[str, Floats]
    bounds: dict[str, tuple[float, float]]


def _rate(hit: Floats, where: Bools, weight: Floats) -> tuple[float, Floats]:
    """Return the rate of ``hit`` (r, n) among ``where`` and its replicates (b,)."""
    top, bottom = (hit * where).sum(0), where.sum(0).astype(float)
    return float(top.sum() / max(bottom.sum(), 1)), (weight @ top) / np.maximum(weight @ bottom, 1)


def _halves(n: int, rng: np.random.Generator) -> tuple[Bools, Bools]:
    half = rng.permutation(n) % 2 == 0
    return half, ~half


def advantage(trials: Trials, *, seed: int) -> Figures:
    """Estimate each attack's advantage: true-positive minus false-positive rate.

    The threshold is the best one on half of the people and is applied to the other half, and the
    other way round, so a lucky threshold earns nothing.
    """
    rng = np.random.default_rng(seed)
    w_in, w_out = trials.weights(rng)
    halves = _halves(trials.member.shape[1], rng)
    point, replicates = {}, {}
    for name, score in trials.values.items():
        hit = np.zeros(score.shape)
        for mine, theirs in (halves, halves[::-1]):
            cut = _best_cut(score[trials.inside & theirs], score[trials.outside & theirs])
            hit[:, mine] = score[:, mine] > cut
        tpr, tpr_b = _rate(hit, trials.inside, w_in)
        fpr, fpr_b = _rate(hit, trials.outside, w_out)
        point[name], replicates[name] = tpr - fpr, tpr_b - fpr_b
    return Figures(point, replicates, {})


def _best_cut(inside: Floats, outside: Floats) -> float:
    if not len(inside) or not len(outside):
        return np.inf
    both = np.unique(np.concatenate([inside, outside]))
    tpr = 1 - np.searchsorted(np.sort(inside), both, side="right") / len(inside)
    fpr = 1 - np.searchsorted(np.sort(outside), both, side="right") / len(outside)
    return float(both[np.argmax(tpr - fpr)])


def auc(trials: Trials, *, seed: int) -> Figures:
    """Estimate each attack's area under the ROC curve, ties counted half."""
    rng = np.random.default_rng(seed)
    w_in, w_out = trials.weights(rng)
    point, replicates = {}, {}
    for name, score in trials.values.items():
        inside, outside = np.sort(score[trials.inside]), np.sort(score[trials.outside])
        below = _placement(outside, score)
        above = 1 - _placement(inside, score)
        value, by_member = _rate(below, trials.inside, w_in)
        _, by_other = _rate(above, trials.outside, w_out)
        point[name], replicates[name] = value, by_member + by_other - value
    return Figures(point, replicates, {})


def _placement(sample: Floats, score: Floats) -> Floats:
    """Return the share of ``sample`` below each score, ties counted half."""
    left = np.searchsorted(sample, score, side="left")
    right = np.searchsorted(sample, score, side="right")
    return np.asarray((left + right) / (2 * max(len(sample), 1)))


def tpr_at(trials: Trials, rate: float, *, seed: int, error: float = ERROR) -> Figures:
    """Estimate each attack's true-positive rate at a false-positive rate.

    For one trial the bounds are exact in the threshold: order statistics of the non-members' scores
    whose false-positive rate is above (below) ``rate`` with the stated confidence. For many trials
    the threshold comes from the non-members of the other half of the people and the interval from
    resampling people.
    """
    rng = np.random.default_rng(seed)
    point, replicates, bounds = {}, {}, {}
    if len(trials.member) == 1:
        each = error / max(len(trials.values), 1)
        for name, score in trials.values.items():
            inside, outside = score[trials.inside], np.sort(score[trials.outside])[::-1]
            n = len(outside)
            point[name] = float((inside > np.quantile(outside, 1 - rate)).mean())
            up = order_statistic_for_upper(n, rate, error=each)
            low = order_statistic_for_lower(n, rate, error=each)
            high = 1.0 if up > n else float((inside >= outside[up - 1]).mean())
            least = 0.0 if low == 0 else float((inside > outside[low - 1]).mean())
            bounds[name] = (min(least, point[name]), max(high, point[name]))
        return Figures(point, {}, bounds)
    w_in, _ = trials.weights(rng)
    halves = _halves(trials.member.shape[1], rng)
    for name, score in trials.values.items():
        hit = np.zeros(score.shape)
        for mine, theirs in (halves, halves[::-1]):
            hit[:, mine] = score[:, mine] > np.quantile(score[trials.outside & theirs], 1 - rate)
        point[name], replicates[name] = _rate(hit, trials.inside, w_in)
    return Figures(point, replicates, bounds)


def gain(trials: Trials, *, seed: int) -> Figures:
    """Estimate the normalised gain (a_T - a_C) / (1 - a_C) of successes in [0, 1]."""
    rng = np.random.default_rng(seed)
    w_in, w_out = trials.weights(rng)
    point, replicates = {}, {}
    for name, success in trials.values.items():
        a_in, in_b = _rate(success, trials.inside, w_in)
        a_out, out_b = _rate(success, trials.outside, w_out)
        point[name] = (a_in - a_out) / max(1 - a_out, 0.02)
        replicates[name] = (in_b - out_b) / np.maximum(1 - out_b, 0.02)
    return Figures(point, replicates, {})


def excess(
    trials: Trials, chunks: int, rows: int, *, seed: int, error: float = ERROR
) -> Figures:
    """Estimate the share of synthetic rows near members beyond that near as many others.

    Parameters
    ----------
    trials : Trials
        Values are each person's share of the trial's synthetic rows.
    chunks : int
        How many times the judged others the members are.
    rows : int
        Synthetic rows over all trials: what bounds a share of which none was seen.
    """
    rng = np.random.default_rng(seed)
    w_in, w_out = trials.weights(rng)
    r = len(trials.member)
    n_out = int(trials.outside.sum())
    point, replicates, bounds = {}, {}, {}
    for name, share in trials.values.items():
        mine, theirs = (share * trials.inside).sum(0), (share * trials.outside).sum(0)
        value = float(mine.sum() - chunks * theirs.sum()) / r
        if theirs.any():
            point[name] = value
            replicates[name] = (w_in @ mine - chunks * (w_out @ theirs)) / r
            continue
        unseen = 1 - error ** (1 / max(n_out, 1))  # a rate of which none was seen in n_out
        if r == 1:  # the rows of a release that equal its members' are a fact, not an estimate
            point[name] = value
            bounds[name] = (max(0.0, value - unseen * chunks), value)
        else:
            spread = (w_in @ mine) / r
            high = max(float(np.quantile(spread, 1 - error)), 1 - error ** (1 / max(rows, 1)))
            low = max(0.0, float(np.quantile(spread, error)) - unseen)
            point[name], bounds[name] = value, (min(low, value), max(high, value))
    return Figures(point, replicates, bounds)


def strongest(figures: Figures, n: int, *, error: float = ERROR) -> tuple[Estimate, str]:
    """Return the largest risk over attacks with bounds that hold for all of them at once.

    Bounds come from the bootstrap distribution of the largest standardised deviation over attacks
    (max-t), each end with a one-sided error ``error``, and are kept within -1 and 1.
    """
    names = [k for k in figures.point if k in figures.replicates]
    low, high = {}, {}
    if names:
        point = np.array([figures.point[k] for k in names])
        drawn = np.array([figures.replicates[k] for k in names])  # (m, b)
        sd = drawn.std(1)
        safe = np.maximum(sd, 1e-9)
        t = (drawn - drawn.mean(1, keepdims=True)) / safe[:, None]
        up = float(np.quantile((-t).max(0), 1 - error))
        down = float(np.quantile(t.max(0), 1 - error))
        low |= dict(zip(names, (point - down * sd).tolist(), strict=True))
        high |= dict(zip(names, (point + up * sd).tolist(), strict=True))
    for name, (a, b) in figures.bounds.items():
        low[name], high[name] = a, b
    value = min(1.0, max(figures.point.values()))
    worst = max(figures.point, key=lambda k: high[k])
    estimate = Estimate(
        value=value,
        low=max(-1.0, min(max(low.values()), value)),
        high=max(value, min(1.0, max(high.values()))),
        n=n,
        method="by person, simultaneous over attacks",
        level=1 - 2 * error,
    )
    return estimate, worst
