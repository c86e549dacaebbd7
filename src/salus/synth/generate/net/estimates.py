"""Full estimates: how well the networks know strangers, and what they give away of members.

* ``membership gap``, ``membership tail``: how much likelier people are who were learnt from, on
  average and for the 5 % who gain most, in standard deviations (``shrinkage.py``). Without a
  reference both sides of the difference are the same people under two sub-models.
* ``attribute NAME``: (a - b) / (1 - b) with a, b the mean probability that the network gives to the
  true value, all other columns known, of people learnt from and others.
* ``near copies``: share of rows near people learnt from beyond what as many others would show
  (``copying.py``).
* ``missed minority``: 1 - recall of the outcome's rarest class among the others, at 90 % specificity,
  by the network's own probability given all other columns.

Guessed attributes and near copies vary so much from one look to the next that only what noise doesn't
explain of them counts (the lower end of a 90 % interval): otherwise trainings without a leak would
be steered.

The utility is the mean log likelihood of the others, in nats, in which the outcome counts as much as
three other columns, as it does in the loss. With more, trainings end when the outcome is learnt and the
other columns aren't yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, OptionError, TooFewPeople
from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.copying import Copying
from salus.synth.generate.net.draw import draw_tokens
from salus.synth.generate.net.model import Network, chosen
from salus.synth.generate.net.sides import Sides
from salus.synth.generate.shrinkage import gap_limits, gaps
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["MINORITY", "NEAR", "Estimate", "Examiner", "attribute_name", "log_chances"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
GAP, TAIL = "membership gap", "membership tail"
NEAR, MINORITY = "near copies", "missed minority"
MOST = 3_000  # people of each side that are looked at
MADE = 2_000  # rows drawn in a look for near copies
SURE = 1.64  # standard errors by which single columns and near copies must be beyond 0 to count
FEW = 20  # others, below whom a risk can't be estimated
SPECIFICITY = 0.9
OUTCOME = 3.0  # times another column that the outcome counts
BLOCK = 2_048  # rows that go through a network at once


@dataclass(frozen=True)
class Estimate:
    """Hold a full estimate.

    Parameters
    ----------
    risks : dict of str to float
    utility : float
    spread : float
        Standard deviation of the others' log likelihood: the unit of the membership risks.
    copied : dict of int to list of int
        By sub-model, the people learnt from to whom drawn rows came near.
    """

    risks: dict[str, float]
    utility: float
    spread: float = 1.0
    copied: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Examiner:
    """Judge networks, one for each side.

    Parameters
    ----------
    codec : Codec
    order : tuple of int
        The columns' order in which likelihoods are taken.
    sides : Sides
    tokens : tensor (people, d)
    within : array (people,)
        The part of each person's log density that no network changes.
    limits : dict of str to float
    skipped : dict of str to str
        Why a risk of the budget has no limit.
    copying : Copying or None
    seed : int
    """

    codec: Codec
    order: tuple[int, ...]
    sides: Sides
    tokens: torch.Tensor
    within: Floats
    limits: dict[str, float]
    skipped: dict[str, str]
    copying: Copying | None
    seed: int

    @classmethod
    def of(
        cls,
        people: Table,
        codec: Codec,
        order: Sequence[int],
        sides: Sides,
        *,
        budget: Budget | None,
        slack: float,
        minority_recall: float | None,
        seed: int,
    ) -> Examiner:
        """Prepare to judge networks that learn from ``sides`` of the people."""
        if min(len(s.others) for s in sides.sides) < 1:
            raise TooFewPeople(
                "nobody is left to judge the model by.", remedy="Give more people or a reference."
            )
        tokens, within = codec.encode(people)
        others = people.take(np.unique(np.concatenate([s.others for s in sides.sides])))
        limits, skipped = _limits(others, budget, slack)
        if minority_recall is not None:
            limits[MINORITY] = 1.0 - minority_recall
        copying = None
        if NEAR in limits:
            copying = Copying.fit(people, np.random.default_rng([seed, 5]))
        return cls(
            codec,
            tuple(order),
            sides,
            torch.from_numpy(tokens),
            within.sum(1) + codec.constants(tokens).sum(1),
            limits,
            skipped,
            copying,
            seed,
        )

    def over(self, estimate: Estimate) -> dict[str, float]:
        """Return by how much each limit is exceeded."""
        return {n: estimate.risks[n] - limit for n, limit in self.limits.items()}

    def utility(self, network: Network, rows: Ints) -> float:
        """Return the mean log likelihood of some people, in nats, the outcome weighted."""
        return float(self._weighed(network, _some(rows)).mean())

    def examine(self, networks: Sequence[Network]) -> Estimate:
        """Judge the networks, in evaluation mode, one for each side."""
        sides = self.sides.sides
        outside = [self._log_prob(w, _some(s.others)) for w, s in zip(networks, sides, strict=True)]
        inside = [self._inside(k, networks) for k in range(len(sides))]
        a, b = np.concatenate(inside), np.concatenate(outside)
        zeros = [np.zeros((len(a), 1)), np.zeros((len(b), 1))]
        paired = self.sides.paired and len(a) == len(b)
        figures = gaps(a, b, *zeros, paired=paired)[0]
        risks = {GAP: float(figures[0]), TAIL: float(figures[1])}
        copied: dict[int, list[int]] = {}
        if self.copying is not None:
            risks[NEAR], copied = self._near(networks)
        for column in self.attributes:
            risks[attribute_name(column)] = self._attribute(column, networks)
        if MINORITY in self.limits:
            risks[MINORITY] = 1.0 - self._minority_recall(networks)
        risks = {n: v for n, v in risks.items() if n in self.limits or n in (GAP, TAIL)}
        parts = [self._weighed(w, _some(s.others)) for w, s in zip(networks, sides, strict=True)]
        return Estimate(
            risks, float(np.concatenate(parts).mean()), max(float(b.std()), 1e-6), copied
        )

    @property
    def attributes(self) -> tuple[Column, ...]:
        """The columns whose guessing is limited."""
        schema = self.codec.schema
        return tuple(c for c in schema.modelled if attribute_name(c) in self.limits)

    def place(self, column: Column) -> int:
        """Return a column's place among the tokens."""
        return self.codec.names.index(column.name)

    def _log_prob(self, network: Network, rows: Ints) -> Floats:
        each = log_chances(network, self.tokens[rows], self.order)
        return np.asarray(each.sum(1) + self.within[rows])

    def _weighed(self, network: Network, rows: Ints) -> Floats:
        """Return log likelihoods in which the outcome counts more, (n,)."""
        each = log_chances(network, self.tokens[rows], self.order)
        outcome = self.codec.schema.outcome
        if outcome is not None and outcome.is_modelled and len(self.order) > 1:
            each[:, self.place(outcome)] *= OUTCOME
        return np.asarray(each.sum(1) + self.within[rows])

    def _inside(self, k: int, networks: Sequence[Network]) -> Floats:
        """Return log likelihoods of people learnt from: of side k's others, where that is possible."""
        sides = self.sides.sides
        if self.sides.paired:
            return self._log_prob(networks[(k + 1) % len(sides)], _some(sides[k].others))
        return self._log_prob(networks[k], _some(sides[k].inside, self.seed))

    def _pairs(self, k: int) -> tuple[Ints, Ints, int]:
        """Return people learnt from and others to be asked about, and who learnt from the first."""
        side = self.sides.sides[k]
        others = _some(side.others)
        if self.sides.paired:
            return others, others, (k + 1) % len(self.sides.sides)
        return _some(side.inside, self.seed), others, k

    def _attribute(self, column: Column, networks: Sequence[Network]) -> float:
        j = self.place(column)
        order = [*(c for c in self.order if c != j), j]
        mine, theirs = [], []
        for k, network in enumerate(networks):
            members, others, teller = self._pairs(k)
            mine.append(log_chances(networks[teller], self.tokens[members], order)[:, j])
            theirs.append(log_chances(network, self.tokens[others], order)[:, j])
        a, b = np.exp(np.concatenate(mine)), np.exp(np.concatenate(theirs))
        if self.sides.paired:
            error = (a - b).std() / np.sqrt(len(a))
        else:
            error = np.sqrt(a.var() / len(a) + b.var() / len(b))
        return _beyond(float(a.mean() - b.mean()), float(error)) / max(1.0 - float(b.mean()), 1e-3)

    def _near(self, networks: Sequence[Network]) -> tuple[float, dict[int, list[int]]]:
        assert self.copying is not None
        excess, copied = [], {}
        for k, (network, side) in enumerate(zip(networks, self.sides.sides, strict=True)):
            # the same numbers every time: estimates differ by the weights alone
            rng = np.random.default_rng([self.seed, 6, k])
            uniform = rng.random((MADE, len(self.order)))
            made = self.codec.decode(draw_tokens(network, self.order, uniform), rng)
            near = self.copying.judge(made, side.inside, side.others, rng)
            excess.append(_beyond(near.excess, near.error))
            copied[k] = [int(i) for i in near.people]
        return float(np.mean(excess)), copied

    def _minority_recall(self, networks: Sequence[Network]) -> float:
        outcome = self.codec.schema.outcome
        assert outcome is not None
        j = self.place(outcome)
        order = [*(c for c in self.order if c != j), j]
        score, rare = [], []
        for network, side in zip(networks, self.sides.sides, strict=True):
            tokens = self.tokens[_some(side.others)]
            chance = chance_of(network, tokens, order, j)
            at = rarest(self.codec, j)
            score.append(chance[:, at])
            rare.append(tokens[:, j].numpy() == at)
        return recall_at(np.concatenate(score), np.concatenate(rare))


def attribute_name(column: Column) -> str:
    """Return the name of the risk that a column is guessed."""
    return f"attribute {column.name}"


def log_chances(network: Network, tokens: torch.Tensor, order: Sequence[int]) -> Floats:
    """Return the log probability of each person's tokens, (n, d), each given those before it."""
    device = next(network.parameters()).device
    out = np.zeros(tuple(tokens.shape))
    with torch.inference_mode():
        for begin in range(0, len(tokens), BLOCK):
            part = tokens[begin : begin + BLOCK].to(device).long()
            out[begin : begin + BLOCK] = chosen(network(part, order), part).cpu().numpy()
    return out


def chance_of(network: Network, tokens: torch.Tensor, order: Sequence[int], j: int) -> Floats:
    """Return the probabilities of column j's tokens, (n, V), given the columns before it."""
    device = next(network.parameters()).device
    out = []
    with torch.inference_mode():
        for begin in range(0, len(tokens), BLOCK):
            part = tokens[begin : begin + BLOCK].to(device).long()
            out.append(network(part, order)[:, j].exp().cpu().numpy().astype(float))
    return np.concatenate(out)


def rarest(codec: Codec, j: int) -> int:
    """Return the token of the level of column j that the fewest people have."""
    coder = codec.coders[j]
    levels = np.flatnonzero(coder.cells < len(coder.column.levels))
    return int(levels[np.argmin(coder.counts[levels])])


def recall_at(score: Floats, rare: NDArray[np.bool_]) -> float:
    """Return the share of the rare people whose score beats all but 10 % of the others' scores."""
    if rare.all() or not rare.any():
        return 1.0
    return float((score[rare] > np.quantile(score[~rare], SPECIFICITY)).mean())


def refuse_minority(minority_recall: float, schema: Schema, table: Table) -> None:
    """Refuse a wanted recall that can't be had or judged, before anything is trained.

    Raises
    ------
    OptionError
        If there is no outcome with two classes, or the share is none.
    TooFewPeople
        If fewer than ten people are of the rarest class.
    """
    if not 0 <= minority_recall <= 1:
        raise OptionError(f"minority_recall is a share, got {minority_recall}.")
    outcome = schema.outcome
    if outcome is None or not outcome.is_levelled or not outcome.is_modelled:
        raise OptionError(
            "minority_recall needs an outcome with levels.",
            remedy="Name one with outcome=..., or leave minority_recall out.",
        )
    there = table.states[outcome.name] == PRESENT
    pairs = np.column_stack([table.values[outcome.name][there], table.people[there]])
    count = np.unique(np.unique(pairs, axis=0)[:, 0], return_counts=True)[1]  # of people, not rows
    if len(count) < 2 or len(schema.modelled) < 2:
        raise OptionError("minority_recall needs two classes, and a column to tell them by.")
    if count.min() < 10:
        raise TooFewPeople(
            f"the rarest class of {outcome.name!r} has {count.min()} people, too few to say what "
            "share of them is recalled.",
            remedy="Leave minority_recall out, or join classes.",
        )


def refuse_unattainable(limits: Mapping[str, float], best: float) -> None:
    """Refuse a wanted recall beyond what real people allow, ``best``.

    Raises
    ------
    Infeasible
    """
    if MINORITY in limits and 1.0 - limits[MINORITY] > best:
        raise Infeasible(
            f"minority_recall = {1.0 - limits[MINORITY]:g} can't be met: models learnt from the people "
            f"themselves reach at most {best:.2f} (upper end of 95 %).",
            remedy="Ask for less.",
        )


def _limits(
    others: Table, budget: Budget | None, slack: float
) -> tuple[dict[str, float], dict[str, str]]:
    """Return the limits that a budget sets, and why some of its risks have none.

    Those on likelihoods are wider or tighter by ``slack``; the others are what an audit measures,
    so they are never wider than the budget.
    """
    limits = gap_limits(budget, slack)
    skipped: dict[str, str] = {}
    if budget is None:
        return limits, skipped
    if budget.near_copies is not None:
        if others.n_people < FEW:
            skipped[NEAR] = f"fewer than {FEW} others"
        else:
            limits[NEAR] = min(slack, 1.0) * budget.near_copies
    if budget.attribute is not None:
        outcome = others.schema.outcome
        first = (outcome,) if outcome is not None and outcome.is_modelled else ()
        for column in (*first, *(c for c in others.schema.sensitive if c not in first)):
            name = attribute_name(column)
            there = others.people[others.states[column.name] == PRESENT]
            if len(np.unique(there)) < FEW:
                skipped[name] = f"fewer than {FEW} others have a value"
            elif len(others.schema.modelled) < 2:
                skipped[name] = "there is no other column to guess it from"
            else:
                limits[name] = min(slack, 1.0) * budget.attribute
    return limits, skipped


def _beyond(value: float, error: float) -> float:
    """Return what noise doesn't explain of a difference; what is below 0 stays as it is."""
    return value if value <= 0 else max(0.0, value - SURE * error)


def _some(rows: Ints, seed: int | None = None) -> Ints:
    """Return at most ``MOST`` of the rows: the first, or, with a seed, some at random."""
    if len(rows) <= MOST:
        return rows
    if seed is None:
        return rows[np.linspace(0, len(rows) - 1, MOST).astype(np.intp)]
    return np.sort(np.random.default_rng([seed, 7]).permutation(rows)[:MOST])
