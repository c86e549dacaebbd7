"""The certified choice of a setting (Learn-then-Test).

Each candidate setting stands for the hypothesis "some risk exceeds its limit". A setting is
certified when every risk of it is shown to be within its limit: its p-value is the largest of its
risks' and attacks', so none needs a correction (an intersection-union test). Over settings the
chance of certifying any that exceeds a limit is at most ``DELTA`` (Angelopoulos et al. 2021,
arXiv:2110.01052):

* from the safest to the boldest, in an order fixed beforehand, each at the full ``DELTA`` for as
  long as all before it held (``in_order``); this gains power where risk rises along the order;
* without an order, each at a share of it (``at_once``, Holm's step-down form of Bonferroni).

What is certified is that the attacks that were run gain no more than that on people like these. It
speaks of no other attack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from salus.synth.audit.groups import FEWEST
from salus.synth.audit.observation import Observation
from salus.synth.audit.observed import RATES
from salus.synth.audit.risks import SHARES, excess
from salus.synth.audit.trials import Trials
from salus.synth.budget import Budget
from salus.synth.measure.pvalues import betting, binomial_upper, inverted, rate_above

__all__ = ["DELTA", "Candidate", "at_once", "in_order", "p_values"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DELTA = 0.05  # chance to certify any setting that exceeds a limit


@dataclass(frozen=True)
class Candidate:
    """Hold a setting and how surprising its figures would be if a limit were exceeded.

    Parameters
    ----------
    setting : mapping
        Plain JSON values.
    p_values : mapping of str to float
        By risk; a risk without a limit has none.
    """

    setting: Mapping[str, Any]
    p_values: Mapping[str, float] = field(default_factory=dict)

    @property
    def p(self) -> float:
        """The largest p-value; 0 where nothing is limited."""
        return max(self.p_values.values(), default=0.0)

    @property
    def weakest(self) -> str:
        """The risk that is hardest to certify."""
        return max(self.p_values, key=lambda name: self.p_values[name], default="")


def in_order(candidates: Iterable[Candidate], *, delta: float = DELTA) -> list[Candidate]:
    """Return the candidates certified, from the safest on until one isn't.

    Those after the first failure are never drawn from ``candidates``: an iterator saves their fits.
    """
    out: list[Candidate] = []
    for candidate in candidates:
        if candidate.p > delta:
            break
        out.append(candidate)
    return out


def at_once(candidates: Sequence[Candidate], *, delta: float = DELTA) -> list[Candidate]:
    """Return the candidates certified whatever their order (Holm 1979), in the order given."""
    rising = sorted(range(len(candidates)), key=lambda k: candidates[k].p)
    kept: set[int] = set()
    for rank, k in enumerate(rising):
        if candidates[k].p > delta / (len(candidates) - rank):
            break
        kept.add(k)
    return [c for k, c in enumerate(candidates) if k in kept]


def p_values(seen: Observation, budget: Budget) -> dict[str, float]:
    """Return each limited risk's p-value from one observation on people set apart.

    Parameters
    ----------
    seen : Observation
        Members are the people the setting was fitted on; the others were set apart for this choice.
    budget : Budget
    """
    inside, outside = seen.member & seen.seen, ~seen.member & seen.seen
    out: dict[str, float] = {}
    if budget.membership is not None:
        out["membership.advantage"] = _membership(seen, seen.seen, budget.membership)
    if budget.worst_group is not None:
        out["membership.worst_group"] = _worst_group(seen, budget.worst_group)
    standing = {k: _standing(score) for k, score in seen.membership.items()}
    for name, rate in RATES.items():
        limit: float | None = getattr(budget, name.removeprefix("membership."))
        if limit is not None:
            out[name] = max(
                _rate(rank[inside], rank[outside], rate, limit, seen.whole)
                for rank in standing.values()
            )
    everyone = np.ones_like(seen.seen)  # copies are searched among all
    for name, shares, limit, here, rows in (
        ("copies.exact", seen.exact, budget.copies, everyone, None),
        ("copies.near", seen.near, budget.near_copies, everyone, seen.searched),
        ("singling_out", seen.singled, budget.singling_out, seen.seen, None),
    ):
        if limit is not None:
            # that members meet conditions by chance is luck, and no fact as a copy is
            whole = name != "singling_out"
            out[name] = _excess(seen, shares, limit, here, whole, rows) if shares else 1.0
    if budget.linkage is not None:
        out["linkage"] = _linkage(seen, budget.linkage)
    if budget.attribute is not None:
        for name, success in seen.success.items():
            column = name.rsplit(" / ", 1)[0]
            if column in seen.differs and not seen.differs[column].any():
                continue  # everybody has the same value: there is nothing to infer
            risk = f"attribute.{column}"
            p = _gain(success[inside], success[outside], budget.attribute, seen.whole)
            out[risk] = max(out.get(risk, 0.0), p)
    return out


def _standing(score: Floats) -> Floats:
    """Return ranks with ties broken by chance, as an attacker would at a false-positive rate."""
    rank = np.empty(len(score))
    order = np.lexsort((np.random.default_rng(0).random(len(score)), score))
    rank[order] = np.arange(len(score))
    return rank


def _membership(seen: Observation, here: Bools, limit: float) -> float:
    inside, outside = seen.member & here, ~seen.member & here
    return max(
        _advantage(score[inside], score[outside], limit, seen.whole)
        for score in seen.membership.values()
    )


def _worst_group(seen: Observation, limit: float) -> float:
    """Return the largest p-value over the groups that an audit judges; 1 if there are none."""
    found = []
    for group in seen.groups.values():
        sides = [int((seen.seen & part).sum()) for part in _sides(seen.member, group)]
        if min(sides) >= FEWEST:
            found.append(_membership(seen, seen.seen & group, limit))
    return max(found, default=1.0)


def _sides(member: Bools, group: Bools) -> tuple[Bools, ...]:
    """Return members and others in the group, and outside of it."""
    return member & group, ~member & group, member & ~group, ~member & ~group


def _linkage(seen: Observation, limit: float) -> float:
    paired = seen.seen if seen.paired is None else seen.paired
    whole = seen.whole and bool((paired == seen.seen).all())
    inside, outside = seen.member & paired, ~seen.member & paired
    return max(
        (_gain(v[inside], v[outside], limit, whole) for v in seen.linked.values()), default=1.0
    )


def _advantage(inside: Floats, outside: Floats, limit: float, whole: bool) -> float:
    """Return the p-value of an advantage above the limit at any of the thresholds.

    Thresholds are the members' own quantiles, so they are fixed for the others.
    """
    ordered = np.sort(inside)[::-1]
    p = 0.0
    for share in SHARES:
        x = max(1, round(share * len(ordered)))
        cut = ordered[x - 1]
        hits, n = int((outside >= cut).sum()), len(outside)
        found = int((inside >= cut).sum())
        p = max(p, inverted(_difference(found, len(inside), hits, n, whole), limit))
    return p


def _difference(found: int, m: int, hits: int, n: int, whole: bool) -> Any:
    """Return the upper bound of a difference of two rates as a function of its error."""

    def bound(error: float) -> float:
        top, part = found / m, error
        if not whole:  # some members stand for all: half of the error is theirs
            part = error / 2
            top = 1.0 if found >= m else float(beta.ppf(1 - part, found + 1, m - found))
        low = 0.0 if hits == 0 else float(beta.ppf(part, hits, n - hits + 1))
        return top - low

    return bound


def _rate(inside: Floats, outside: Floats, rate: float, limit: float, whole: bool) -> float:
    if whole:
        return rate_above(inside, outside, rate, limit)
    theirs = np.sort(outside)[::-1]
    n, m = len(theirs), len(inside)

    def bound(error: float) -> float:
        x = _first(n, rate, error / 2)
        if x > n:
            return 1.0
        return binomial_upper(int((inside >= theirs[x - 1]).sum()), m, error / 2)

    return inverted(bound, limit)


def _first(n: int, rate: float, error: float) -> int:
    """Return the smallest x whose x-th largest of n scores has a rate of at least ``rate``."""
    low, high = 1, n + 1
    while low < high:
        x = (low + high) // 2
        if float(beta.ppf(error, x, n - x + 1)) >= rate:
            high = x
        else:
            low = x + 1
    return low


def _excess(
    seen: Observation,
    shares: Mapping[str, Floats],
    limit: float,
    here: Bools,
    whole: bool,
    rows: int | None,
) -> float:
    sole = {k: seen.sole.get(k, v)[None] for k, v in shares.items()}
    trials = Trials(seen.member[None], here[None], {k: v[None] for k, v in shares.items()}, whole)
    scale = float(seen.chunks)

    def bound(error: float) -> float:
        return excess(trials, sole, seed=0, rows=rows, scale=scale, error=error).high

    return inverted(bound, limit)


def _gain(inside: Floats, outside: Floats, limit: float, whole: bool) -> float:
    """Return the p-value of a normalised gain above the limit.

    (a_T - a_C) / (1 - a_C) > b means that the others' mean lies below (a_T - b) / (1 - b).
    """
    if limit >= 1:
        return 0.0
    rng = np.random.default_rng(0)  # bets are laid in a random order
    inside, outside = rng.permutation(inside), rng.permutation(outside)
    if whole:
        return betting(outside, (float(inside.mean()) - limit) / (1 - limit))

    def bound(error: float) -> float:
        top = _mean_upper(inside, error / 2)
        below = -_mean_upper(1 - outside, error / 2) + 1
        return (top - below) / max(1 - below, 1e-9)

    return inverted(bound, limit)


def _mean_upper(values: Floats, error: float) -> float:
    """Return an upper bound of the mean of values in [0, 1], by inverting the bets."""
    low, high = float(values.mean()), 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if betting(1 - values, 1 - middle) <= error else (middle, high)
    return high
