"""AIM: tables of counts picked round by round where the model is worst.

McKenna, Mullins, Sheldon & Miklau 2022, arXiv:2201.12677, algorithm 4. The workload is every pair of
columns, and every triple with the outcome; a round picks one of these tables, or a part of one, by
the exponential mechanism and measures it. A table's score is what the model misses of it beyond the
noise that measuring it would bring, weighed by how much of the workload it serves. Where a round
finds nothing above the noise, the next ones spend four times as much. Tables that would make the
model larger than it may be at that stage aren't candidates.

Different from the paper: single columns get a fixed share of the budget, since their counts decide
into how many groups the numbers are cut (see ``mst.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.accounting import choice_epsilon, choice_rho, gaussian_rho
from salus.synth.generate.dp.curator import Clique, Curator
from salus.synth.generate.dp.domain import Cells
from salus.synth.generate.dp.estimate import Estimate, Measured, estimate
from salus.synth.generate.dp.joint import Joint
from salus.synth.generate.dp.junction import cells_needed
from salus.synth.generate.dp.merging import Groups
from salus.synth.generate.dp.mst import Learnt, columns_alone
from salus.synth.generate.dp.noise import SLACK

__all__ = ["learn_rounds", "workload"]

Floats = NDArray[np.float64]

MEASURING = 0.9  # of a round's budget; the rest picks the table
ROUNDS = 16  # planned per column
OUTCOME_CELLS = 8  # beyond which triples with the outcome aren't asked for
NOISE = math.sqrt(2 / math.pi)  # mean absolute value of a standard normal
STEPS = 60  # of estimation between two rounds


def learn_rounds(
    curator: Curator,
    cells: Sequence[Cells],
    *,
    alone: float,
    total: float,
    bins: int,
    max_cells: int,
    outcome: int | None,
) -> Learnt:
    """Learn by rounds, spending all that is left.

    Parameters
    ----------
    curator : Curator
        Of the columns' finest cells.
    cells : sequence of Cells
    alone : float
        zCDP for single columns.
    total : float
        Rows, from a noisy count.
    bins : int
        Groups of a number, at most.
    max_cells : int
        Cells of the model's tables together.
    outcome : int or None
        The column whose triples count.
    """
    rest, reach, d = curator.account.left - alone, curator.sensitivity, len(cells)
    plan = _Plan.first(rest, reach, ROUNDS * d)
    # in the end about as many tables are measured well as there are columns
    final = _Plan.first(rest, reach, d).sigma
    first = columns_alone(curator, cells, alone, total, pairs_sigma=final, bins=bins)
    return _Rounds(first.curator, first.measured, total, max_cells, outcome).run(plan, first.groups)


@dataclass(frozen=True)
class _Plan:
    """What a round spends: deviation of the counts' noise, and epsilon of the choice."""

    sigma: float
    epsilon: float
    reach: int

    @classmethod
    def first(cls, rho: float, reach: int, rounds: int) -> _Plan:
        return cls.of(rho / rounds, reach) if rho > 0 else cls(1.0, 0.0, reach)

    @classmethod
    def of(cls, rho: float, reach: int) -> _Plan:
        """Spend ``rho`` on a round."""
        sigma = reach / math.sqrt(2 * MEASURING * rho)
        return cls(sigma, choice_epsilon((1 - MEASURING) * rho), reach)

    @property
    def cost(self) -> float:
        return gaussian_rho(self.reach, self.sigma) + choice_rho(self.epsilon)

    def louder(self) -> _Plan:
        return _Plan(self.sigma / 2, self.epsilon * 2, self.reach)


class _Rounds:
    def __init__(
        self,
        curator: Curator,
        measured: Sequence[Measured],
        total: float,
        max_cells: int,
        outcome: int | None,
    ) -> None:
        self.curator = curator
        self.measured = list(measured)
        self.total = total
        self.max_cells = max_cells
        sizes = curator.sizes
        few = outcome is not None and 1 < sizes[outcome] <= OUTCOME_CELLS
        self.outcome = outcome if few else None
        apart = [j for j in range(len(sizes)) if sizes[j] > 1]
        self.weights = workload(apart, self.outcome)
        self.fitted = estimate(sizes, self.measured, total)

    def run(self, plan: _Plan, groups: tuple[Groups, ...]) -> Learnt:
        account = self.curator.account
        begin, budget = account.spent, account.left
        chosen: list[Clique] = []
        while self.weights and account.left > 1e-9 * budget:
            # what is left for less than two more rounds goes into one
            if account.left < 2 * plan.cost:
                plan = _Plan.of(account.left, plan.reach)
            used = (account.spent - begin + plan.cost) / budget
            expected = self._expected(used)
            clique = self._pick(expected, plan)
            old = expected[clique]
            counts = self.curator.measure(clique, plan.sigma)
            variance = np.full(counts.shape, plan.sigma**2)
            self.measured.append(Measured(clique, counts, variance))
            self.fitted = self._refitted(STEPS)
            chosen.append(clique)
            new = self.total * self.fitted.tree.marginal(self.fitted.beliefs, clique)
            if np.abs(new - old).sum() <= NOISE * plan.sigma * counts.size:
                plan = plan.louder()
        return Learnt(groups, self._refitted(500), tuple(chosen))

    def _refitted(self, steps: int) -> Estimate:
        return estimate(
            self.curator.sizes,
            self.measured,
            self.total,
            start=self.fitted.potentials,
            steps=steps,
        )

    def _pick(self, expected: Mapping[Clique, Floats], plan: _Plan) -> Clique:
        cliques = list(expected)
        weights = [self.weights[c] for c in cliques]
        penalties = [NOISE * plan.sigma * expected[c].size for c in cliques]
        return cliques[self.curator.pick(expected, weights, penalties, plan.epsilon - SLACK)]

    def _expected(self, used: float) -> dict[Clique, Floats]:
        """Return the model's counts of each candidate."""
        joint = Joint(self.fitted.tree, self.fitted.beliefs)
        able = [c for c in self.weights if self._fits(c, used * self.max_cells)]
        wanted = set(able)
        out: dict[Clique, Floats] = {}
        pairs = joint.pairs()
        triples = self._triples(joint) if any(len(c) == 3 for c in able) else {}
        for clique in able:
            if len(clique) == 1:
                out[clique] = self.total * joint.marginal(clique[0])
            elif clique in wanted:
                table = pairs[clique] if len(clique) == 2 else triples[clique]
                out[clique] = self.total * table
        return out

    def _fits(self, clique: Clique, cells: float) -> bool:
        """Whether the model with this table would stay below a number of cells."""
        tree = self.fitted.tree
        if tree.home(clique) is not None:
            return True
        return cells_needed(tree.sizes, [*self.fitted.potentials, clique]) <= cells

    def _triples(self, joint: Joint) -> dict[Clique, Floats]:
        """Return the probabilities of each pair with the outcome: pairs given each of its cells."""
        y = self.outcome
        assert y is not None
        share = joint.marginal(y)
        parts = [joint.given({y: k}).pairs() for k in range(len(share))]
        out = {}
        for a, b in parts[0]:
            if y not in (a, b):
                clique = tuple(sorted((a, b, y)))
                tables = [p * part[a, b] for p, part in zip(share, parts, strict=True)]
                out[clique] = np.stack(tables, axis=clique.index(y))
        return out


def workload(columns: Sequence[int], outcome: int | None) -> dict[Clique, float]:
    """Return the candidates, each with how much of the workload it serves.

    The workload is every pair of columns and every triple with the outcome; the candidates are these
    and their parts. A candidate r counts the columns that it shares with each table of the
    workload, in sum.
    """
    asked: list[Clique] = [tuple(sorted(c)) for c in combinations(columns, 2)]
    if outcome is not None:
        others = [j for j in columns if j != outcome]
        asked += [tuple(sorted((a, b, outcome))) for a, b in combinations(others, 2)]
    parts = {r for s in asked for k in range(1, len(s) + 1) for r in combinations(s, k)}
    return {
        r: float(sum(len(set(r) & set(s)) for s in asked))
        for r in sorted(parts, key=lambda r: (len(r), r))
    }
