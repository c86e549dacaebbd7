"""What trials show: advantage, true-positive rate, AUC, gain in guessing, excess of copies.

Each figure is the strongest attack's, with bounds by person; the machinery that they share is in
``trials.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from salus.synth.audit.trials import (
    DRAWS,
    ERROR,
    LEAST_ROOM,
    Contrast,
    Each,
    Null,
    Risk,
    Trials,
    chosen_by_halves,
    contrast_of,
    family,
    normalised,
    spread_of,
)
from salus.synth.measure.intervals import (
    clopper_pearson,
    draw_normal,
    newcombe,
    order_statistic_for_lower,
    order_statistic_for_upper,
    poisson_sum,
)

__all__ = ["advantage", "auc", "excess", "gain", "tpr_at"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
End = tuple[float, float, float]  # value, low, high
SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # of all people judged that an attack takes for members
SHUFFLES = 300  # of who was a member


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


def advantage(trials: Trials, *, seed: int, error: float = ERROR) -> Risk:
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
    contrast = contrast_of(trials, hits)
    top, bottom = contrast.rates()
    spread = spread_of(trials, contrast, 1.0, 1.0)
    chosen = chosen_by_halves(contrast, np.sqrt(np.diag(spread[0])), rng, as_gain=False)
    risk = family(trials, contrast, top - bottom, spread, chosen, rng=rng, error=error)
    return replace(risk, each=_strongest_share(risk.each), null_each=_over_shares(risk.null_each))


def _strongest_share(each: Each) -> Each:
    out: Each = {}
    for name, triple in each.items():
        attack = name.rsplit(", ", 1)[0]
        if attack not in out or triple[2] > out[attack][2]:
            out[attack] = triple
    return out


def _over_shares(each: Null) -> Null:
    out: Null = {}
    for name, (low, high) in each.items():
        attack = name.rsplit(", ", 1)[0]
        if attack in out:
            low, high = np.maximum(out[attack][0], low), np.maximum(out[attack][1], high)
        out[attack] = (low, high)
    return out


def tpr_at(trials: Trials, rate: float, *, seed: int, error: float = ERROR) -> Risk:
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
    contrast = contrast_of(trials, hits)
    top, bottom = contrast.rates()
    point = rate + top - bottom
    spread = spread_of(trials, contrast, 1.0, 1.0)
    chosen = rate + chosen_by_halves(contrast, np.sqrt(np.diag(spread[0])), rng, as_gain=False)
    risk = family(trials, contrast, point, spread, chosen, rng=rng, floor=rate, error=error)
    if not trials.is_single:
        return risk
    return _by_order_statistics(replace(trials, values=standing), rate, risk, rng, error)


def _by_order_statistics(
    trials: Trials, rate: float, risk: Risk, rng: np.random.Generator, error: float
) -> Risk:
    inside, outside, seen = trials.inside[0], trials.outside[0], trials.seen[0]
    n, m = int(outside.sum()), int(inside.sum())
    # an accusation has to be shown against the luck of who was a member, and for all attacks at once
    strict = error / (2 * max(len(trials.values), 1))
    middle = min(int(rate * n) + 1, n)
    up = order_statistic_for_upper(n, rate, error=error)
    down = order_statistic_for_lower(n, rate, error=strict)
    bottoms = _bottoms(m, strict)

    def top(at_middle: Ints, at_up: Ints) -> Floats:
        return _top(at_middle, at_up if up <= n else None, m, trials.whole, error)

    nulls: Null = {}
    labels = np.array([rng.permutation(inside[seen]) for _ in range(SHUFFLES)])
    each: Each = {}
    for name, scores in trials.values.items():
        score = scores[0]
        theirs = np.sort(score[outside])[::-1]
        met = [np.atleast_1d((score[inside] >= theirs[min(x, n) - 1]).sum()) for x in (middle, up)]
        high = float(top(*met)[0])
        low = 0.0 if down == 0 else float(bottoms[(score[inside] > theirs[down - 1]).sum()])
        value = float(np.clip(risk.each[name][0], low, max(low, high)))
        each[name] = (value, low, max(low, high))
        below, *met = _shuffled(score[seen], labels, (down, middle, min(up, n)))
        nulls[name] = (bottoms[below], top(*met))
    low, high = (max(e[k] for e in each.values()) for k in (1, 2))
    strongest = max(each, key=lambda name: each[name][1:])
    return replace(
        risk,
        value=float(np.clip(risk.value, low, high)),
        low=low,
        high=high,
        strongest=strongest,
        null=np.max([high for _, high in nulls.values()], axis=0),
        each=each,
        null_each=nulls,
    )


def _top(middle: Ints, up: Ints | None, m: int, whole: bool, error: float) -> Floats:
    """Return the upper bound of the rate of m members.

    Where they are all there are, what they show is a fact. Members who stand for all have an error of
    their own, which is joined to that of the threshold as by Newcombe.

    Parameters
    ----------
    middle, up : int array (b,)
        Members found at the threshold itself, and at one that is surely no higher; None without any.
    """
    if up is None or not m:
        return np.ones(len(middle))
    sure = up / m
    if whole:
        return sure
    value = middle / m
    most = np.where(middle < m, beta.ppf(1 - error, middle + 1, np.maximum(m - middle, 1)), 1.0)
    return np.asarray(np.minimum(1.0, value + np.hypot(sure - value, most - value)))


def _bottoms(m: int, error: float) -> Floats:
    """Return the lower bound of the rate of 0 to m members found, (m + 1,) (Clopper & Pearson 1934)."""
    found = np.arange(1, m + 1)
    return np.append(0.0, beta.ppf(error, found, m - found + 1))


def _shuffled(score: Floats, labels: Bools, ranks: Sequence[int]) -> list[Ints]:
    """Return how many members score above the x-th largest of the others, for each x and labelling.

    None do where x is 0.
    """
    others = np.cumsum(~labels[:, np.argsort(-score)], axis=1, dtype=np.int32)
    none = np.zeros(len(labels), np.intp)
    return [np.asarray((others >= x).argmax(1) + 1 - x) if x else none for x in ranks]


def gain(trials: Trials, *, seed: int, error: float = ERROR) -> Risk:
    """Estimate the gain (a_T - a_C) / (1 - a_C) of successes in [0, 1], over attackers."""
    rng = np.random.default_rng(seed)
    contrast = contrast_of(trials, trials.values)
    top, bottom = contrast.rates()
    room = np.maximum(1 - bottom, LEAST_ROOM)
    spread = spread_of(trials, contrast, 1 / room, (1 - top) / room**2)
    # without a leak (1 - top) / room is 1: the others' part keeps its full weight
    no_leak = spread_of(trials, contrast, 1 / room, 1 / room)[1]
    chosen = chosen_by_halves(contrast, np.sqrt(np.diag(spread[0])), rng, as_gain=True)
    point = normalised(top, bottom)
    return family(trials, contrast, point, (spread[0], no_leak), chosen, rng=rng, error=error)


def auc(trials: Trials, *, error: float = ERROR) -> Each:
    """Estimate each attack's area under the ROC curve with one-sided bounds (DeLong et al. 1988).

    Ties count half; trials are averaged, and people are the unit.
    """
    z = float(norm.ppf(1 - error))
    out: Each = {}
    for name, score in trials.values.items():
        below, above = np.zeros(score.shape), np.zeros(score.shape)
        for t in range(len(score)):
            below[t] = _placement(score[t, trials.outside[t]], score[t])
            above[t] = 1 - _placement(score[t, trials.inside[t]], score[t])
        mine, other = contrast_of(trials, {"": below}), contrast_of(trials, {"": 1 - above})
        both = Contrast(
            [name], mine.inside, other.outside, mine.share_in, mine.share_out, mine.rounds
        )
        value = float(mine.rates()[0][0])
        sd = float(
            np.sqrt(spread_of(trials, both, 1.0, 1.0)[1][0, 0])
        )  # luck of who is a member too
        out[name] = (value, max(0.0, value - z * sd), min(1.0, value + z * sd))
    return out


def _placement(sample: Floats, score: Floats) -> Floats:
    """Return the share of ``sample`` below each score, ties counted half."""
    ordered = np.sort(sample)
    left, right = (np.searchsorted(ordered, score, side=s) for s in ("left", "right"))
    return np.asarray((left + right) / (2 * max(len(ordered), 1)))


def excess(
    trials: Trials,
    sole: Mapping[str, Floats],
    *,
    seed: int,
    rows: int | None = None,
    scale: float = 1.0,
    error: float = ERROR,
) -> Risk:
    """Estimate the share of synthetic rows that copy members beyond those that copy others.

    Both sums are taken for sums of rare events, weighed by what hangs on each person alone. Where
    all members are searched, their sum is a fact of the release, and so is a sum of nothing: the
    upper bound has no error of theirs. To accuse, it counts as a fact only where no stranger's record
    is met at all: else some of the members' are met by chance as well.

    Parameters
    ----------
    trials : Trials
        Values are each person's share of the trial's synthetic rows, already at equal group size.
    sole : mapping of str to array (r, n)
        The part of it that would copy nobody without this person.
    rows : int, optional
        Synthetic rows that were searched, where not all were: they have an error of their own.
    scale : float
        The largest that a sum can be.
    """
    rng = np.random.default_rng(seed)
    r = len(trials.member)
    each: Each = {}
    lone, lows, highs = [], [], []
    correction = max(len(trials.values), 1)
    for name, share in trials.values.items():
        sums, weights = [], []
        ends: list[End] = []
        strict: list[End] = []  # for all attacks at once
        for side in (trials.inside, trials.outside):
            total = float((share * side).sum() / r)
            weight = (sole[name] * side).sum(0) / r
            sums.append(total)
            weights.append(weight)
        largest = _typical(weights)
        for k, (total, weight) in enumerate(zip(sums, weights, strict=True)):
            fact = k == 0 and trials.whole and (total == 0 or trials.is_single)
            for found, chance, sure in (
                (ends, error, fact),
                (strict, error / correction, fact and sums[1] == 0),
            ):
                end = _around(total, weight, largest, sure, chance)
                found.append(end if rows is None else _of_some_rows(end, rows, scale, chance))
        value, _, high = newcombe(ends[0], ends[1])
        low = value if sums[0] == 0 else newcombe(strict[0], strict[1])[1]
        each[name] = (value, low, high)
        lone.append((weights[0] - weights[1]) * _share_by_chance(sums, ends[1]))
        lows.append(value - low)
        highs.append(high - value)
    table = np.array(lone)
    drawn = draw_normal(table @ table.T, DRAWS, rng)
    nulls = {name: (drawn[:, j] - lows[j], drawn[:, j] + highs[j]) for j, name in enumerate(each)}
    null = (drawn + np.array(highs)).max(1)
    strongest = max(each, key=lambda name: each[name][2])
    value, low, high = (max(e[k] for e in each.values()) for k in (0, 1, 2))
    return Risk(value, low, high, trials.n_people, strongest, 0.0, null, each, nulls)


def _share_by_chance(sums: list[float], strangers: End) -> float:
    """Return by how much copies spread without a leak, as a share of how they spread here.

    Members would then be met as often as strangers: no more often than strangers may be at most.
    """
    both = (sums[0] + sums[1]) / 2
    return float(np.sqrt(min(1.0, strangers[2] / both))) if both > 0 else 1.0


def _around(total: float, weight: Floats, largest: float, fact: bool, error: float) -> End:
    if fact:
        return total, total, total
    seen = weight[weight > 0]
    low, high = poisson_sum(seen, largest, error=error)
    rest = total - float(seen.sum())  # what no single person decides
    return total, min(total, rest + low), max(total, rest + high)


def _of_some_rows(end: End, rows: int, scale: float, error: float) -> End:
    """Widen the ends of a sum by what the choice of the rows leaves open."""
    total, low, high = end
    share = min(max(total / scale, 0.0), 1.0) * rows
    bottom = clopper_pearson(int(np.floor(share)), rows, level=1 - 2 * error)[0] * scale
    top = clopper_pearson(int(np.ceil(share)), rows, level=1 - 2 * error)[1] * scale
    return (
        total,
        total - float(np.hypot(total - low, max(total - bottom, 0.0))),
        total + float(np.hypot(high - total, max(top - total, 0.0))),
    )


def _typical(weights: list[Floats]) -> float:
    """Return the contribution of a copied person, by which one not seen is reckoned."""
    seen = np.concatenate([w[w > 0] for w in weights])
    return float(seen.mean()) if len(seen) else 0.0
