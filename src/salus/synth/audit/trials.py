"""Trials of an attack, and the risks they show, by person.

One *trial* is one synthetic table made from some people (members), judged on people of whom each is
member or not. A single release is one trial; the cross-fitted audit of a procedure is many, in
which everyone is member in about half. In either case a person is the unit: all their appearances
count as one, so intervals don't shrink by repeating the same people, and who is easy or hard to
tell anyway cancels where they were both member and not.

Bounds are one-sided with an error of 5 %. The risk is the strongest attack's. Its upper bound is
the largest of the attacks' own bounds: the strongest attack's is among them, so no correction is
needed. Its lower bound has to hold for all attacks at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from salus.synth.measure.intervals import (
    draw_normal,
    newcombe,
    order_statistic_for_lower,
    order_statistic_for_upper,
    poisson_sum,
    simultaneous,
)

__all__ = ["Each", "Risk", "Trials", "advantage", "auc", "excess", "gain", "tpr_at"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Each = dict[str, tuple[float, float, float]]  # value, low, high by attack
ERROR = 0.05
Z = float(norm.ppf(1 - ERROR))
SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # of all people judged that an attack takes for members
DRAWS = 2000
SHUFFLES = 300  # of who was a member
SPLITS = 5  # into halves, for an attack chosen on one and judged on the other
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
        One-sided 95 % bounds of the strongest attack's gain.
    n : int
        People behind it.
    strongest : str
    floor : float
        The risk of a release without any leak.
    null : array (b,)
        Upper bounds that such a release would get.
    each : mapping
        Value and bounds of each single attack.
    """

    value: float
    low: float
    high: float
    n: int
    strongest: str
    floor: float
    null: Floats
    each: Each = field(default_factory=dict)


@dataclass(frozen=True)
class _Contrast:
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


def _contrast(trials: Trials, values: Mapping[str, Floats]) -> _Contrast:
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
    return _Contrast(names, top, bottom, inside.sum(0), outside.sum(0), rounds.T)


def _spread(
    trials: Trials, contrast: _Contrast, up: Floats | float, down: Floats | float
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


def _family(
    trials: Trials,
    contrast: _Contrast,
    point: Floats,
    spread: tuple[Floats, Floats],
    chosen: float,
    *,
    rng: np.random.Generator,
    floor: float = 0.0,
) -> Risk:
    """Return the risk of the strongest of several attacks with normal errors."""
    covariance, without_leak = spread
    sd = np.sqrt(np.diag(covariance))
    high = np.minimum(1.0, point + Z * sd)
    # that a release leaks has to be shown against the luck of who happened to be a member as well
    wide = np.sqrt(np.diag(without_leak))
    low = np.minimum(point, 1.0) - simultaneous(without_leak, rng=rng, error=ERROR) * wide
    null = (floor + draw_normal(without_leak, DRAWS, rng) + Z * sd).max(1)
    worst = int(np.lexsort((point, high))[-1])
    each: Each = {}
    for name, value, a, b in zip(contrast.names, point, point - Z * wide, high, strict=True):
        each[name] = (min(1.0, float(value)), float(a), float(b))
    top, bottom = float(high.max()), float(low.max())
    value = float(np.clip(chosen, bottom, top))
    return Risk(value, bottom, top, trials.n_people, contrast.names[worst], floor, null, each)


def _chosen(contrast: _Contrast, sd: Floats, rng: np.random.Generator, normalised: bool) -> float:
    """Return what is gained by an attack chosen on half of the people, on the other half."""
    found = []
    for _ in range(SPLITS):
        half = rng.permutation(len(contrast.share_in)) % 2 == 0
        gains = []
        for side in (half, ~half):
            top, bottom = contrast.rates(side)
            gains.append(_normalised(top, bottom) if normalised else top - bottom)
        for mine, theirs in (gains, gains[::-1]):
            found.append(mine[np.argmax(theirs - np.sqrt(2) * sd)])
    return float(np.mean(found))


def _normalised(top: Floats, bottom: Floats) -> Floats:
    return np.asarray((top - bottom) / np.maximum(1 - bottom, 0.02))


def _standing(trials: Trials, rng: np.random.Generator) -> dict[str, Floats]:
    """Return each score's rank among all people judged in the trial, from 0 to 1.

    Ties are broken by chance, blind to who was a member, as an attacker would who has to stay at a
    false-positive rate within a tie.
    """
    out = {}
    for name, score in trials.values.items():
        rank = np.zeros(score.shape)
        for t, seen in enumerate(trials.seen):
            here = np.flatnonzero(seen)
            order = np.lexsort((rng.random(len(here)), score[t, here]))
            rank[t, here[order]] = (np.arange(len(here)) + 0.5) / max(len(here), 1)
        out[name] = rank
    return out


def advantage(trials: Trials, *, seed: int) -> Risk:
    """Estimate the advantage: true-positive minus false-positive rate, over attacks and thresholds.

    A threshold is the score that a fixed share of all people judged reach, members or not, so none
    is fitted to who was a member; every attack is run at each of six shares.
    """
    rng = np.random.default_rng(seed)
    hits: dict[str, Floats] = {}
    for name, score in trials.values.items():
        for share in SHARES:
            hit = np.zeros(score.shape)
            for t, seen in enumerate(trials.seen):
                cut = np.quantile(score[t, seen], 1 - share, method="higher")
                hit[t] = score[t] >= cut
            hits[f"{name}, {share:.0%} accused"] = hit
    contrast = _contrast(trials, hits)
    top, bottom = contrast.rates()
    spread = _spread(trials, contrast, 1.0, 1.0)
    chosen = _chosen(contrast, np.sqrt(np.diag(spread[0])), rng, normalised=False)
    risk = _family(trials, contrast, top - bottom, spread, chosen, rng=rng)
    return replace(risk, each=_strongest_share(risk.each))


def _strongest_share(each: Each) -> Each:
    out: Each = {}
    for name, triple in each.items():
        attack = name.rsplit(", ", 1)[0]
        if attack not in out or triple[2] > out[attack][2]:
            out[attack] = triple
    return out


def tpr_at(trials: Trials, rate: float, *, seed: int) -> Risk:
    """Estimate the true-positive rate at a false-positive rate, over attacks.

    The threshold comes from the others among half of the people and is applied to the other half,
    and the other way round; what the false-positive rate turns out to be off is put right one for
    one. For one trial the bounds are those of order statistics of the others' scores, whose
    false-positive rate lies above (below) ``rate`` with the stated confidence, and ``null`` comes
    from shuffling who was a member.
    """
    rng = np.random.default_rng(seed)
    half = rng.permutation(trials.member.shape[1]) % 2 == 0
    hits = {}
    standing = _standing(trials, rng)
    for name, rank in standing.items():
        hits[name] = np.zeros(rank.shape)
        for mine, theirs in ((half, ~half), (~half, half)):
            others = rank[trials.outside & theirs]
            cut = np.quantile(others, 1 - rate, method="higher") if len(others) else 1.0
            hits[name][:, mine] = rank[:, mine] > cut
    contrast = _contrast(trials, hits)
    top, bottom = contrast.rates()
    point = rate + top - bottom
    spread = _spread(trials, contrast, 1.0, 1.0)
    chosen = rate + _chosen(contrast, np.sqrt(np.diag(spread[0])), rng, normalised=False)
    risk = _family(trials, contrast, point, spread, chosen, rng=rng, floor=rate)
    if not trials.is_single:
        return risk
    return _by_order_statistics(replace(trials, values=standing), rate, risk, rng)


def _by_order_statistics(trials: Trials, rate: float, risk: Risk, rng: np.random.Generator) -> Risk:
    inside, outside, seen = trials.inside[0], trials.outside[0], trials.seen[0]
    n = int(outside.sum())
    up = order_statistic_for_upper(n, rate, error=ERROR)
    down = order_statistic_for_lower(n, rate, error=ERROR / max(len(trials.values), 1))
    null = np.zeros(SHUFFLES)
    labels = np.array([rng.permutation(inside[seen]) for _ in range(SHUFFLES)])
    each: Each = {}
    for name, scores in trials.values.items():
        score = scores[0]
        theirs = np.sort(score[outside])[::-1]
        high = 1.0 if up > n else float((score[inside] >= theirs[up - 1]).mean())
        low = 0.0 if down == 0 else float((score[inside] > theirs[down - 1]).mean())
        value = float(np.clip(risk.each[name][0], low, max(low, high)))
        each[name] = (value, low, max(low, high))
        null = np.maximum(null, _shuffled(score[seen], labels, up))
    low, high = (max(e[k] for e in each.values()) for k in (1, 2))
    strongest = max(each, key=lambda name: each[name][1:])
    value = float(np.clip(risk.value, low, high))
    return replace(risk, value=value, low=low, high=high, strongest=strongest, null=null, each=each)


def _shuffled(score: Floats, labels: Bools, x: int) -> Floats:
    """Return the true-positive rate at the x-th largest score of the others, for each labelling."""
    labels = labels[:, np.argsort(-score)]
    others = np.cumsum(~labels, axis=1, dtype=np.int32)
    if not len(score) or others[0, -1] < x:
        return np.ones(len(labels))
    at = (others >= x).argmax(1)
    return np.asarray((at + 1 - x) / np.maximum(labels.sum(1), 1))


def gain(trials: Trials, *, seed: int) -> Risk:
    """Estimate the gain (a_T - a_C) / (1 - a_C) of successes in [0, 1], over attackers."""
    rng = np.random.default_rng(seed)
    contrast = _contrast(trials, trials.values)
    top, bottom = contrast.rates()
    room = np.maximum(1 - bottom, 0.02)
    spread = _spread(trials, contrast, 1 / room, (1 - top) / room**2)
    # without a leak (1 - top) / room is 1: the others' part keeps its full weight
    no_leak = _spread(trials, contrast, 1 / room, 1 / room)[1]
    chosen = _chosen(contrast, np.sqrt(np.diag(spread[0])), rng, normalised=True)
    point = _normalised(top, bottom)
    return _family(trials, contrast, point, (spread[0], no_leak), chosen, rng=rng)


def auc(trials: Trials) -> Each:
    """Estimate each attack's area under the ROC curve with one-sided bounds (DeLong et al. 1988).

    Ties count half; trials are averaged, and people are the unit.
    """
    out: Each = {}
    for name, score in trials.values.items():
        below, above = np.zeros(score.shape), np.zeros(score.shape)
        for t in range(len(score)):
            below[t] = _placement(score[t, trials.outside[t]], score[t])
            above[t] = 1 - _placement(score[t, trials.inside[t]], score[t])
        mine, other = _contrast(trials, {"": below}), _contrast(trials, {"": 1 - above})
        both = _Contrast(
            [name], mine.inside, other.outside, mine.share_in, mine.share_out, mine.rounds
        )
        value = float(mine.rates()[0][0])
        sd = float(np.sqrt(_spread(trials, both, 1.0, 1.0)[0][0, 0]))
        out[name] = (value, max(0.0, value - Z * sd), min(1.0, value + Z * sd))
    return out


def _placement(sample: Floats, score: Floats) -> Floats:
    """Return the share of ``sample`` below each score, ties counted half."""
    ordered = np.sort(sample)
    left, right = (np.searchsorted(ordered, score, side=s) for s in ("left", "right"))
    return np.asarray((left + right) / (2 * max(len(ordered), 1)))


def excess(trials: Trials, sole: Mapping[str, Floats], *, seed: int) -> Risk:
    """Estimate the share of synthetic rows that copy members beyond those that copy others.

    Both sums are taken for sums of rare events, weighed by what hangs on each person alone. The
    members' sum of one release is a fact, and so is a sum of nothing.

    Parameters
    ----------
    trials : Trials
        Values are each person's share of the trial's synthetic rows, already at equal group size.
    sole : mapping of str to array (r, n)
        The part of it that would copy nobody without this person.
    """
    rng = np.random.default_rng(seed)
    r = len(trials.member)
    each: Each = {}
    lone, halves = [], []
    correction = max(len(trials.values), 1)
    for name, share in trials.values.items():
        sums, ends, ends_all, weights = [], [], [], []
        for side in (trials.inside, trials.outside):
            total = float((share * side).sum() / r)
            weight = (sole[name] * side).sum(0) / r
            sums.append(total)
            weights.append(weight)
        largest = _typical(weights)
        for k, (total, weight) in enumerate(zip(sums, weights, strict=True)):
            fact = k == 0 and (total == 0 or (trials.is_single and trials.whole))
            ends.append(_around(total, weight, largest, fact, ERROR))
            ends_all.append(_around(total, weight, largest, fact, ERROR / correction))
        value, _, high = newcombe(ends[0], ends[1])
        low = value if sums[0] == 0 else newcombe(ends_all[0], ends_all[1])[1]
        each[name] = (value, low, high)
        lone.append(weights[0] - weights[1])
        halves.append(high - value)
    table = np.array(lone)
    null = (draw_normal(table @ table.T, DRAWS, rng) + np.array(halves)).max(1)
    strongest = max(each, key=lambda name: each[name][2])
    value, low, high = (max(e[k] for e in each.values()) for k in (0, 1, 2))
    return Risk(value, low, high, trials.n_people, strongest, 0.0, null, each)


def _around(
    total: float, weight: Floats, largest: float, fact: bool, error: float
) -> tuple[float, float, float]:
    if fact:
        return total, total, total
    seen = weight[weight > 0]
    low, high = poisson_sum(seen, largest, error=error)
    rest = total - float(seen.sum())  # what no single person decides
    return total, min(total, rest + low), max(total, rest + high)


def _typical(weights: list[Floats]) -> float:
    """Return the contribution of a copied person, by which one not seen is reckoned."""
    seen = np.concatenate([w[w > 0] for w in weights])
    return float(seen.mean()) if len(seen) else 0.0
