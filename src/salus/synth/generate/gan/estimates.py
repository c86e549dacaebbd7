"""Full estimates: what the sub-models' rows give away, and how useful they are, as released.

Each sub-model is judged by the people it learnt from and those it did not (``risks.py``), on decoded
rows with the distance of ``measure/distance.py``; figures are means over sub-models. Without
reference people everybody is a stranger to one sub-model and a member for the others, so luck in who
was where largely cancels.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from salus.synth.budget import Budget
from salus.synth.generate.gan.risks import (
    MINORITY,
    NEAR,
    RATIO,
    TAIL,
    Anchors,
    Bank,
    anchors_of,
    attribute_name,
    far,
    near_excess,
    ratios,
    success,
    tail,
)
from salus.synth.measure.distance import Encoder, Placed
from salus.synth.measure.features import Features
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["Estimate", "Examiner", "Side"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Singles = NDArray[np.float32]
MOST_PEOPLE = 3_000  # of each side, in a full estimate
FEW = 20  # others with a value, below whom a predictor's gap isn't limited
SPECIFICITY = 0.9
MOST_COMPARED = 300  # rows that are compared with each other
WIDTHS = (2.0, 4.0, 8.0)  # of the utility's kernels, in tau


@dataclass(frozen=True)
class Side:
    """Say whom a sub-model learns from and whom it is judged by: rows of the table of people."""

    members: Ints
    others: Ints


@dataclass(frozen=True)
class Estimate:
    """Hold a full estimate: the risks by name, and the utility (more is better)."""

    risks: dict[str, float]
    utility: float


@dataclass(frozen=True)
class Examiner:
    """Judge the sub-models' rows.

    Parameters
    ----------
    schema : Schema
    encoder : Encoder
        Fitted on all people, whoever they are.
    sides : tuple of Side
    others : tuple of Table
        The others of each sub-model, as many as are in its bank.
    banks : tuple of Bank
    anchors : Anchors
    limits : dict of str to float
        Of each risk that is limited.
    skipped : dict of str to str
        Why a risk of the budget isn't.
    """

    schema: Schema
    encoder: Encoder
    sides: tuple[Side, ...]
    others: tuple[Table, ...]
    banks: tuple[Bank, ...]
    anchors: Anchors
    limits: dict[str, float]
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        people: Table,
        sides: Sequence[Side],
        *,
        budget: Budget | None,
        slack: float,
        minority_recall: float | None,
        rng: np.random.Generator,
    ) -> Examiner:
        """Prepare to judge sub-models that learn from ``sides`` of a table of people."""
        encoder = Encoder.fit([people])
        placed = encoder.place(people)
        some = [
            Side(_some(s.members, MOST_PEOPLE, rng), _some(s.others, MOST_PEOPLE, rng))
            for s in sides
        ]
        banks = tuple(Bank(placed.take(s.members), placed.take(s.others)) for s in some)
        anchors = anchors_of(banks)
        all_others = people.take(np.unique(np.concatenate([s.others for s in sides])))
        limits, skipped = _limits(all_others, anchors, budget, slack)
        if minority_recall is not None:
            limits[MINORITY] = 1.0 - minority_recall
        return cls(
            people.schema,
            encoder,
            tuple(sides),
            tuple(people.take(s.others) for s in some),
            banks,
            anchors,
            limits,
            skipped,
        )

    def best_recall(self, people: Table) -> float:
        """Return the upper end (95 %) of the rarest class's recall when learnt from people."""
        outcome = self.schema.outcome
        assert outcome is not None
        each = [self._minority_recall(k, people.take(s.members)) for k, s in enumerate(self.sides)]
        rows = np.unique(np.concatenate([s.others for s in self.sides]))
        others = people.take(rows)
        n = max(int((others.values[outcome.name] == rarest(others, outcome)).sum()), 1)
        p, z = float(np.mean(each)), 1.96
        middle, wide = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return float((middle + wide) / (1 + z**2 / n))

    @property
    def attributes(self) -> tuple[Column, ...]:
        """The columns whose guessing is limited."""
        columns = self.schema.modelled
        return tuple(c for c in columns if attribute_name(c) in self.limits)

    def examine(self, drawn: Sequence[Table]) -> Estimate:
        """Judge the rows (at least two) of each sub-model."""
        each = [self._one(k, table) for k, table in enumerate(drawn)]
        risks = {n: float(np.mean([e.risks[n] for e in each])) for n in self.limits}
        return Estimate(risks, float(np.mean([e.utility for e in each])))

    def _one(self, k: int, drawn: Table) -> Estimate:
        bank, a = self.banks[k], self.anchors
        made = self.encoder.place(drawn)
        to_members, to_others = far(made, bank.members), far(made, bank.others)
        risks: dict[str, float] = {}
        r = ratios(bank, to_members, to_others, a.tau, a.background)
        if RATIO in self.limits:
            risks[RATIO] = float(r.mean()) / a.ceiling
        if TAIL in self.limits:
            risks[TAIL] = tail(r, a.start) / a.tail_ceiling
        risks[NEAR] = near_excess(bank, to_members, to_others, a.reach)
        at = {c.name: j for j, c in enumerate(self.encoder.columns)}
        for column in self.attributes:
            j, known = at[column.name], self.known(column)
            inside = float(self._guess(bank.members, made, j, known, to_members.T).mean())
            outside = float(self._guess(bank.others, made, j, known, to_others.T).mean())
            risks[attribute_name(column)] = (inside - outside) / max(1.0 - outside, 1e-3)
        if MINORITY in self.limits:
            risks[MINORITY] = 1.0 - self._minority_recall(k, drawn)
        return Estimate(risks, self._utility(k, made, to_others))

    def known(self, target: Column) -> list[int]:
        """Return the columns from which an attacker guesses ``target``."""
        names = {c.name for c in self.schema.known} - {target.name}
        return [j for j, c in enumerate(self.encoder.columns) if c.name in names]

    def _guess(
        self, people: Placed, made: Placed, j: int, known: Sequence[int], whole: Singles
    ) -> Floats:
        """Return the chance that rows give to each person's true value of column j, (n,).

        ``known`` are the columns it is guessed from, ``whole`` (people, rows) the distance in all.
        """
        columns = people.position.shape[1]
        if len(known) == columns - 1:
            own = far(_only(people, [j]), _only(made, [j]))
            distance = (whole * columns - own) / (columns - 1)
        else:
            distance = far(_only(people, known), _only(made, known))
        return success(distance, self.anchors.tau, _only(people, [j]), _only(made, [j]))

    def _utility(self, k: int, made: Placed, to_others: Singles) -> float:
        """Return how well rows predict the others' outcome, less how far they are from the others.

        Each class counts by the root of its size, lest a rare one be forgotten unnoticed.
        The distance is the square root of the maximum mean discrepancy (Gretton et al. 2012, JMLR
        13:723) under exponential kernels of three widths.
        """
        bank = self.banks[k]
        some = made.take(np.arange(min(len(made), MOST_COMPARED)))
        among, outside = far(some, some), far(bank.others, bank.others)
        gaps = []
        for width in WIDTHS:
            scale = width * self.anchors.tau
            a, b = _off_diagonal(among, scale), _off_diagonal(outside, scale)
            gaps.append(a + b - 2 * float(np.exp(-to_others / scale).mean()))
        apart = float(np.sqrt(max(float(np.mean(gaps)), 0.0)))
        outcome = self.schema.outcome
        if outcome is None or not outcome.is_modelled or len(self.encoder.columns) < 2:
            return -apart
        j = [c.name for c in self.encoder.columns].index(outcome.name)
        rest = [i for i in range(len(self.encoder.columns)) if i != j]
        right = self._guess(bank.others, made, j, rest, to_others.T)
        weight = np.ones(len(right))
        if outcome.is_levelled:
            _, value, count = np.unique(
                bank.others.code[:, j], return_inverse=True, return_counts=True
            )
            weight = 1.0 / np.sqrt(count[value.ravel()])
        return float(np.average(right, weights=weight)) - apart

    def _minority_recall(self, k: int, drawn: Table) -> float:
        """Return the rarest class's recall among the others at 90 % specificity."""
        outcome = self.schema.outcome
        assert outcome is not None
        others = self.others[k]
        rare = rarest(others, outcome)
        mine = drawn.values[outcome.name] == rare
        if mine.all() or not mine.any():
            return 0.0
        features = Features.fit(drawn, without=outcome.name)
        model = LogisticRegression(C=1.0, max_iter=200)
        with warnings.catch_warnings():
            # a fit that could still move a little ranks people as well
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features.transform(drawn), mine)
        score = model.predict_proba(features.transform(others))[:, 1]
        true = others.values[outcome.name] == rare
        if true.all() or not true.any():
            return 1.0
        return float((score[true] > np.quantile(score[~true], SPECIFICITY)).mean())


def rarest(table: Table, outcome: Column) -> int:
    """Return the level of the outcome that the fewest people have, of those that occur."""
    value = table.values[outcome.name][table.states[outcome.name] == PRESENT].astype(int)
    count = np.bincount(value, minlength=len(outcome.levels)).astype(float)
    return int(np.where(count > 0, count, np.inf).argmin())


def _limits(
    others: Table, anchors: Anchors, budget: Budget | None, slack: float
) -> tuple[dict[str, float], dict[str, str]]:
    """Return the limits that a budget sets, and why some of its risks have none.

    The ratio's limits are wider or tighter by ``slack``; the others are what an audit measures, so
    they are never wider than the budget.
    """
    limits: dict[str, float] = {}
    skipped: dict[str, str] = {}
    if budget is None:
        return limits, skipped
    wanted = {RATIO: budget.membership, TAIL: budget.tpr_at_1pct}
    for name, rate in wanted.items():
        if rate is None:
            continue
        if not (anchors.telling if name == RATIO else anchors.tail_telling):
            skipped[name] = "in so few columns copies can't be told from strangers"
        else:
            share = rate if name == RATIO else max(rate - 0.01, 0.0) / 0.99
            limits[name] = slack * share
    if budget.near_copies is not None:
        limits[NEAR] = min(slack, 1.0) * budget.near_copies
    if budget.attribute is not None:
        for column in targets(others.schema):
            name = attribute_name(column)
            people = others.people[others.states[column.name] == PRESENT]
            if len(np.unique(people)) < FEW:
                skipped[name] = f"fewer than {FEW} others have a value"
            elif not {c.name for c in others.schema.known} - {column.name}:
                skipped[name] = "no other column is known to an attacker"
            else:
                limits[name] = min(slack, 1.0) * budget.attribute
    return limits, skipped


def targets(schema: Schema) -> tuple[Column, ...]:
    """Return the columns that are guessed: the outcome and the sensitive ones."""
    outcome = schema.outcome
    first = (outcome,) if outcome is not None and outcome.is_modelled else ()
    return (*first, *(c for c in schema.sensitive if c not in first))


def _only(placed: Placed, columns: Sequence[int]) -> Placed:
    at = list(columns)
    return Placed(placed.position[:, at], placed.code[:, at], placed.people)


def _off_diagonal(distance: Singles, scale: float) -> float:
    """Return the mean kernel of different rows."""
    n = len(distance)
    total = float(np.exp(-distance / scale).sum(dtype=np.float64))
    own = float(np.exp(-np.diagonal(distance) / scale).sum(dtype=np.float64))
    return (total - own) / max(n * (n - 1), 1)


def _some(rows: Ints, most: int, rng: np.random.Generator) -> Ints:
    return rows if len(rows) <= most else np.sort(rng.permutation(rows)[:most])
