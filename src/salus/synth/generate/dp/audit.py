"""Test a claim of differential privacy by attacking one fit: canaries, guessed in or out.

Steinke, Nasr & Jagielski 2023, arXiv:2305.08846: each of m made-up people enters the table by the toss
of a coin; the model is fitted once; an attacker guesses of r of them whether they are in, and
abstains on the others. If the fit is (epsilon, delta)-DP, the number of correct guesses can hardly
exceed that of r tosses of a coin that falls right with probability e^epsilon / (e^epsilon + 1)
(theorem 5.2). So many correct guesses bound epsilon from below.

A bound above the claim refutes it: the noise is too small, or a person counts for more than they
should. A bound below it proves nothing: the attack may be weak.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from salus.synth.errors import OptionError
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = ["OneRun", "Scored", "audit_claim", "lower_bound", "p_value", "worst_case"]

CONFIDENCE = 0.95
LARGEST = 60.0  # epsilon beyond which no bound is sought


class Scored(Protocol):
    """A model that can be fitted and that tells how likely a row is."""

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Scored:
        """Learn from ``table``."""
        ...

    def log_prob(self, table: Table) -> NDArray[np.float64]:
        """Return the log density of each row, (n,)."""
        ...


@dataclass(frozen=True)
class OneRun:
    """Hold the outcome of an audit.

    Parameters
    ----------
    claimed, delta : float
        What the fit claims.
    canaries, guesses, correct : int
    lower : float
        Epsilon is at least this, with 95 % confidence.
    p_value : float
        Of a result like this or stronger if the claim is true.
    """

    claimed: float
    delta: float
    canaries: int
    guesses: int
    correct: int
    lower: float
    p_value: float

    @property
    def contradicts(self) -> bool:
        """Whether the claim is refuted."""
        return self.lower > self.claimed

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "confidence": CONFIDENCE, "contradicts": self.contradicts}


def audit_claim(
    make: Callable[[], Scored],
    canaries: Table,
    *,
    epsilon: float,
    delta: float,
    seed: int,
    others: Table | None = None,
    guesses: int | None = None,
) -> OneRun:
    """Fit once with a random half of the canaries, and guess which half.

    Parameters
    ----------
    make : callable
        Returns an unfitted generator, set to the claim.
    canaries : Table
        Each person in it, with all their rows, is a canary; ``worst_case`` makes some.
    epsilon, delta : float
        The claim.
    seed : int
        Of the coins.
    others : Table, optional
        People who are in the table in any case.
    guesses : int, optional
        Canaries that are guessed: half of them those that the model finds likeliest, half those that
        it finds least likely. By default a fifth of the canaries.

    Raises
    ------
    OptionError
        If there are fewer than 20 canaries, or more guesses than canaries.
    """
    rng = np.random.default_rng(seed)
    who, first, person = np.unique(canaries.people, return_index=True, return_inverse=True)
    m = len(who)
    r = max(2, m // 5) if guesses is None else guesses
    if m < 20 or not 2 <= r <= m:
        raise OptionError(
            f"{m} canaries and {r} guesses make no audit.",
            remedy="Take some hundred canaries, and guess a part of them.",
        )
    inside = rng.random(m) < 0.5
    table = canaries.take(inside[person])
    if others is not None:
        away = int(canaries.people.max()) + 1 - int(others.people.min())
        moved = Table(others.schema, others.values, others.states, others.people + away)
        table = Table.concat([table, moved])
    model = make().fit(table, seed=seed)
    score = model.log_prob(canaries.take(first))
    # ties are broken by chance, not by the order in which canaries were made
    order = np.lexsort((rng.random(m), score))
    out, in_ = order[: r // 2], order[m - (r - r // 2) :]
    correct = int((~inside[out]).sum() + inside[in_].sum())
    lower = lower_bound(m, r, correct, delta)
    return OneRun(epsilon, delta, m, r, correct, lower, p_value(m, r, correct, epsilon, delta))


def p_value(m: int, r: int, correct: int, epsilon: float, delta: float) -> float:
    """Return the chance of so many correct guesses, or more, under (epsilon, delta)-DP.

    Theorem 5.2 of arXiv:2305.08846. With W binomial of r trials at e^epsilon / (e^epsilon + 1),

        p = P(W >= v) + 2 m delta max over i of P(v > W >= v - i) / i

    Parameters
    ----------
    m, r, correct : int
        Canaries, guesses, and correct guesses v.
    epsilon, delta : float
    """
    chance = 1 / (1 + math.exp(-epsilon))
    steps = np.arange(1, correct + 1)
    below = np.cumsum(binom.pmf(correct - steps, r, chance))
    worst = float((below / steps).max(initial=0.0))
    return min(1.0, float(binom.sf(correct - 1, r, chance)) + 2 * m * delta * worst)


def lower_bound(
    m: int, r: int, correct: int, delta: float, *, confidence: float = CONFIDENCE
) -> float:
    """Return the largest epsilon (to 1e-6, downward) that so many correct guesses refute, or 0."""
    if p_value(m, r, correct, 0.0, delta) > 1 - confidence:
        return 0.0
    low, high = 0.0, 1.0
    while p_value(m, r, correct, high, delta) <= 1 - confidence:
        low, high = high, 2 * high
        if high > LARGEST:
            return low
    while high - low > 1e-6:
        middle = (low + high) / 2
        refuted = p_value(m, r, correct, middle, delta) <= 1 - confidence
        low, high = (middle, high) if refuted else (low, middle)
    return low


def worst_case(people: int, *, columns: int = 8, rows_each: int = 1) -> Table:
    """Return canaries that a marginal method can't hide among others.

    Each has a level of their own in every column, so that every count tells of one person; with
    several rows each, whoever fails to limit them counts a person many times.
    """
    levels = tuple(f"c{i:06d}" for i in range(people))
    schema = Schema(
        [Column(name=f"v{j}", kind="categorical", levels=levels) for j in range(columns)]
    )
    person = np.repeat(np.arange(people), rows_each)
    return Table(schema, {c.name: person for c in schema.columns}, people=person)
