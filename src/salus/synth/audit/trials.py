"""Trials of an attack, and the risks they show, by person.

One *trial* is one synthetic table made from some people (members), judged on people of whom each is
member or not. A single release is one trial; the cross-fitted audit of a procedure is many, in
which everyone is member in about half. In either case a person is the unit: all their appearances
count as one, so intervals don't shrink by repeating the same people, and who is easy or hard to
tell anyway cancels where they were both member and not.

Bounds are one-sided with an error of 5 %, unless told otherwise. The risk is the strongest attack's.
Its upper bound is the largest of the attacks' own bounds: the strongest attack's is among them, so no
correction is needed. Its lower bound has to hold for all attacks at once.

What the figures are (advantage, true-positive rate, gain, excess) stands in ``risks.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from salus.synth.measure.intervals import draw_normal, simultaneous

__all__ = [
    "DRAWS",
    "ERROR",
    "LEAST_ROOM",
    "Contrast",
    "Each",
    "Null",
    "Risk",
    "Trials",
    "chosen_by_halves",
    "contrast_of",
    "family",
    "normalised",
    "spread_of",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Each = dict[str, tuple[float, float, float]]  # value, low, high by attack
Null = dict[str, tuple[Floats, Floats]]  # draws of the low and high bound by attack
ERROR = 0.05
DRAWS = 2000
SPLITS = 5  # into halves, for an attack chosen on one and judged on the other
LEAST_ROOM = 0.02  # left to be gained, below which a gain isn't blown up further
FEWEST_PAIRS = 4  # of trials, from which their spread says something


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
        Whether the members judged are all there are. In a single release what they show is then a
        fact, and the upper bound has to allow for the sampling of the others alone.
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

    @property
    def is_single(self) -> bool:
        """Whether there is one trial, as for a table made elsewhere."""
        return len(self.member) == 1

    @property
    def is_paired(self) -> bool:
        """Whether trials come in pairs with members and others swapped, and enough of them."""
        first, second = self.member[::2], self.member[1::2]
        enough = len(self.member) % 2 == 0 and len(first) >= FEWEST_PAIRS
        return bool(enough and self.seen.all() and (first != second).all())


@dataclass(frozen=True)
class Risk:
    """Hold one risk, its bounds, and what a release without any leak would show at this size.

    Parameters
    ----------
    value : float
        What an attacker gains who chooses the attack on other people than those judged.
    low, high : float
        One-sided bounds of the strongest attack's gain, 95 % unless told otherwise.
    n : int
        People behind it.
    strongest : str
    floor : float
        The risk of a release without any leak.
    null : array (b,)
        Upper bounds that such a release would get.
    each : mapping
        Value and bounds of each single attack.
    null_each : mapping of str to (array (b,), array (b,))
        Lower and upper bounds that each single attack would get without any leak.
    unclear : str
        Why the upper bound says nothing, if so.
    """

    value: float
    low: float
    high: float
    n: int
    strongest: str
    floor: float
    null: Floats
    each: Each = field(default_factory=dict)
    null_each: Null = field(default_factory=dict)
    unclear: str = ""


@dataclass(frozen=True)
class Contrast:
    """Hold m rates among members and among others as sums over n people.

    inside, outside (m, n): each person's contribution to a rate; share_in, share_out (n,): to its
    denominator, each with the sum 1; rounds (r, m): the difference in each trial.
    """

    names: list[str]
    inside: Floats
    outside: Floats
    share_in: Floats
    share_out: Floats
    rounds: Floats

    def rates(self, people: Bools | None = None) -> tuple[Floats, Floats]:
        """Return the rates (m,) among members and among others, of some of the people."""
        rows = slice(None) if people is None else people
        top = self.inside[:, rows].sum(1) / max(float(self.share_in[rows].sum()), 1e-12)
        bottom = self.outside[:, rows].sum(1) / max(float(self.share_out[rows].sum()), 1e-12)
        return top, bottom


def contrast_of(trials: Trials, values: Mapping[str, Floats]) -> Contrast:
    """Return the rates of values (r, n) among members and others, as sums over people."""
    inside, outside = trials.inside.astype(float), trials.outside.astype(float)
    r = len(inside)
    inside /= np.maximum(inside.sum(1, keepdims=True), 1) * r
    outside /= np.maximum(outside.sum(1, keepdims=True), 1) * r
    names = list(values)
    n = inside.shape[1]
    top, bottom, rounds = (np.empty((len(names), k)) for k in (n, n, r))
    for j, name in enumerate(names):
        a, b = values[name] * inside, values[name] * outside
        top[j], bottom[j], rounds[j] = a.sum(0), b.sum(0), (a.sum(1) - b.sum(1)) * r
    return Contrast(names, top, bottom, inside.sum(0), outside.sum(0), rounds.T)


def spread_of(
    trials: Trials, contrast: Contrast, up: Floats | float, down: Floats | float
) -> tuple[Floats, Floats]:
    """Return the covariance (m, m) of ``up`` members' - ``down`` others' rate, and without leak.

    For many trials a person's contributions are added up first. Where trials come in swapped pairs,
    a spread between the pairs larger than between people (a generator that leaks by turns) counts.
    """
    top, bottom = contrast.rates()
    mine = np.reshape(up, (-1, 1)) * (contrast.inside - top[:, None] * contrast.share_in)
    other = np.reshape(down, (-1, 1)) * (contrast.outside - bottom[:, None] * contrast.share_out)
    m, n = mine.shape
    steps = np.reshape(np.maximum(up, down), -1) * np.ones(m)
    if trials.is_single:
        # a rate of 0 of n isn't certain: two successes and failures more, as by Agresti and Coull
        a = mine @ mine.T + np.diag(2 * (steps / trials.inside.sum()) ** 2)
        b = other @ other.T + np.diag(2 * (steps / trials.outside.sum()) ** 2)
        return (b if trials.whole else a + b), a + b
    both = mine - other
    covariance = both @ both.T * n / max(n - 1, 1)
    covariance += np.diag(4 * steps**2 / (trials.n_people**2 * len(trials.member)))
    if trials.is_paired:
        pairs = (contrast.rounds[::2] + contrast.rounds[1::2]) / 2 * steps
        wide = pairs.var(0, ddof=1) / len(pairs)
        factor = np.sqrt(np.maximum(1, wide / np.diag(covariance)))
        covariance = covariance * factor[:, None] * factor
    return covariance, covariance


def family(
    trials: Trials,
    contrast: Contrast,
    point: Floats,
    spread: tuple[Floats, Floats],
    chosen: float,
    *,
    rng: np.random.Generator,
    floor: float = 0.0,
    error: float = ERROR,
) -> Risk:
    """Return the risk of the strongest of several attacks with normal errors."""
    covariance, without_leak = spread
    z = float(norm.ppf(1 - error))
    sd = np.sqrt(np.diag(covariance))
    high = np.minimum(1.0, point + z * sd)
    # that a release leaks has to be shown against the luck of who happened to be a member as well
    wide = np.sqrt(np.diag(without_leak))
    deep = simultaneous(without_leak, rng=rng, error=error) * wide
    low = np.minimum(point, 1.0) - deep
    drawn = floor + draw_normal(without_leak, DRAWS, rng)
    null = (drawn + z * sd).max(1)
    null_each = {
        name: (drawn[:, j] - deep[j], drawn[:, j] + z * sd[j])
        for j, name in enumerate(contrast.names)
    }
    worst = int(np.lexsort((point, high))[-1])
    each: Each = {}
    for name, value, a, b in zip(contrast.names, point, point - z * wide, high, strict=True):
        each[name] = (min(1.0, float(value)), float(a), float(b))
    top, bottom = float(high.max()), float(low.max())
    value = float(np.clip(chosen, bottom, top))
    strongest = contrast.names[worst]
    return Risk(value, bottom, top, trials.n_people, strongest, floor, null, each, null_each)


def chosen_by_halves(
    contrast: Contrast, sd: Floats, rng: np.random.Generator, *, as_gain: bool
) -> float:
    """Return what is gained by an attack chosen on half of the people, on the other half."""
    found = []
    for _ in range(SPLITS):
        half = rng.permutation(len(contrast.share_in)) % 2 == 0
        gains = []
        for side in (half, ~half):
            top, bottom = contrast.rates(side)
            gains.append(normalised(top, bottom) if as_gain else top - bottom)
        for mine, theirs in (gains, gains[::-1]):
            found.append(mine[np.argmax(theirs - np.sqrt(2) * sd)])
    return float(np.mean(found))


def normalised(top: Floats, bottom: Floats) -> Floats:
    """Return the gain as a share of what is left to be gained."""
    return np.asarray((top - bottom) / np.maximum(1 - bottom, LEAST_ROOM))
