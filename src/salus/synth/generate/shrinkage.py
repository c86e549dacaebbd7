"""Choose a chain's shrinkage: the likeliest for people left out, under limits on what members gain.

The variables are the stages' continuous parameters. For every person the likelihood under a
sub-model that learnt from them (*in*) and one that did not (*out*) is exact and smooth in these, so

    utility          mean over people of log p_out (outcome stages count more, see below)
    membership gap   mean(log p_in - log p_out) / sd(log p_out)
    membership tail  [CVaR(log p_in - log p_out) - CVaR(log p_out - log p_in)] / sd(log p_out)

are too, and the augmented Lagrangian of ``salus.synth.solve`` applies. CVaR is the mean of the worst
5 %; the difference of the two tails is zero in expectation for a model that leaks nothing. With
reference people the two sides are other people, and the tail is the gap between the CVaRs of their
likelihoods. A standardised gap g bounds the advantage of an attacker who thresholds the exact
likelihood at about 2 Phi(g / 2) - 1 (two normals of one variance; compare Yeom et al. 2018,
arXiv:1709.01604).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtri

from salus.synth.budget import Budget
from salus.synth.generate.sequence import Chain
from salus.synth.generate.stage import Seen, Shrinkage, Stage
from salus.synth.solve import Problem, Solution, solve
from salus.synth.table.table import Table

__all__ = ["SLACK", "Choice", "Price", "bargain", "choose_shrinkage", "gap_limits", "gaps"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Figures = Callable[[Floats], tuple[float, Floats, Floats, Floats]]

PEOPLE = 800  # judged in one evaluation; more only costs time
TAIL = 0.05
SLACK = 1.7  # how far a likelihood's gap may exceed that of an attacker on a table of n rows
RISKS = ("membership gap", "membership tail")
OUTCOME_SHARE = 0.5  # of the utility, that the outcome's stages have at least


@dataclass(frozen=True)
class Price:
    """Say what the constraint cost.

    Parameters
    ----------
    limits : dict of str to float
        Limits on ``membership gap`` and ``membership tail``; empty with the constraint off.
    free, chosen : dict of str to float
        The risks without the constraint and with it.
    free_utility, utility : float
        Mean log likelihood of people left out, in nats, outcome stages weighted.
    solution : Solution or None
        The solver's account; ``None`` with the constraint off.
    """

    limits: dict[str, float]
    free: dict[str, float]
    chosen: dict[str, float]
    free_utility: float
    utility: float
    solution: Solution | None


@dataclass(frozen=True, kw_only=True)
class Choice(Price):
    """Hold the chain with the chosen shrinkage, and its price."""

    chain: Chain


def gap_limits(budget: Budget | None, slack: float = SLACK) -> dict[str, float]:
    """Return the limits on the gaps that a budget of attack rates stands for.

    An advantage a belongs to a standardised gap of 2 Phi^-1((1 + a) / 2), a true-positive rate t at
    1 % false positives to Phi^-1(t) - Phi^-1(0.01). Both are for an attacker who holds the density
    itself; one who sees a table of n rows gains less, by the factor ``slack``, which is a setting:
    the audit decides whether it was enough.
    """
    limits: dict[str, float] = {}
    if budget is None:
        return limits
    if budget.membership is not None:
        limits["membership gap"] = slack * float(2 * ndtri((1 + min(budget.membership, 0.99)) / 2))
    if budget.tpr_at_1pct is not None:
        at = float(np.clip(budget.tpr_at_1pct, 0.01, 0.99))
        limits["membership tail"] = slack * float(ndtri(at) - ndtri(0.01))
    return limits


def choose_shrinkage(
    chain: Chain,
    table: Table,
    fold: Ints,
    *,
    reference: Table | None,
    limits: dict[str, float],
    rng: np.random.Generator,
) -> Choice:
    """Choose the shrinkage of every stage.

    Parameters
    ----------
    chain : Chain
    table : Table
        The people it was learnt from.
    fold : int array (n,)
        The sub-model that each person was left out of, or -1.
    reference : Table or None
        People left out of everything; needed where ``fold`` is -1.
    limits : dict of str to float
        From ``gap_limits``; empty for no constraint.
    """
    exposure = _expose(chain, table, fold, reference, rng)
    box = [b for s in exposure.stages for b in Shrinkage.bounds(s.numeric)]
    x, price = bargain(exposure.figures, exposure.free_optimum(), box, limits)
    return Choice(**vars(price), chain=exposure.chain_at(x))


def bargain(
    figures: Figures,
    free: Floats,
    box: list[tuple[float, float]],
    limits: dict[str, float],
    *,
    penalty: float = 5.0,
) -> tuple[Floats, Price]:
    """Return the parameters of most utility under ``limits``, (d,), and what they cost.

    Parameters
    ----------
    figures : callable
        Returns utility, its gradient (d,), the risks (2,) and their Jacobian (2, d) at x (d,).
    free : array (d,)
        The optimum without limits.
    box : list of pairs
    limits : dict of str to float
        By the names in ``RISKS``; empty for no constraint.
    penalty : float
        The first penalty: large where the price is high, small where a long step could end on a
        plateau.
    """
    utility, _, risks, _ = figures(free)
    before = dict(zip(RISKS, risks.tolist(), strict=True))
    kept = [i for i, name in enumerate(RISKS) if name in limits]
    bound = np.array([limits[RISKS[i]] for i in kept])
    if not kept:
        return free, Price(limits, before, before, utility, utility, None)

    def evaluate(x: Floats) -> tuple[float, Floats, Floats, Floats]:
        utility, climb, risks, jacobian = figures(x)
        return -utility, -climb, risks[kept] - bound, jacobian[kept]

    names = [RISKS[i] for i in kept]
    problem = Problem(evaluate, names, free, box, scales=list(np.maximum(bound, 0.05)))
    solution = solve(
        problem, penalty=penalty, tolerance=0.02, stationarity=0.02, steps=12, inner=25
    )
    best, _, risks, _ = figures(solution.x)
    after = dict(zip(RISKS, risks.tolist(), strict=True))
    return solution.x, Price(limits, before, after, utility, best, solution)


@dataclass(frozen=True)
class Exposure:
    """Hold people as each stage sees them, with and without having been learnt from."""

    stages: tuple[Stage, ...]
    chain: Chain
    seen: list[tuple[Ints, Seen]]
    n_in: int  # rows below this are members, the others are not
    n_all: int
    paired: bool
    weights: Floats  # (stages,) in the utility

    @property
    def slices(self) -> list[slice]:
        """Where each stage's parameters lie in the vector."""
        ends = np.cumsum([2 + s.numeric for s in self.stages])
        return [
            slice(int(e) - 2 - s.numeric, int(e)) for s, e in zip(self.stages, ends, strict=True)
        ]

    def chain_at(self, x: Floats) -> Chain:
        """Return the chain with the parameters in ``x``."""
        return self.chain.with_stages(
            [
                s.with_shrinkage(Shrinkage.from_vector(x[at]))
                for s, at in zip(self.stages, self.slices, strict=True)
            ]
        )

    def free_optimum(self) -> Floats:
        """Return the parameters most likely for people left out; stages don't interact."""
        parts = []
        for stage, (rows, seen) in zip(self.stages, self.seen, strict=True):
            box = np.array(Shrinkage.bounds(stage.numeric))
            out = rows >= self.n_in

            start = np.clip(Shrinkage().to_vector(stage.numeric), box[:, 0], box[:, 1])
            found = minimize(
                partial(_loss, stage, seen, out),
                start,
                jac=True,
                bounds=Shrinkage.bounds(stage.numeric),
                method="L-BFGS-B",
                options={"maxiter": 25},
            )
            parts.append(np.asarray(found.x, float))
        return np.concatenate(parts) if parts else np.zeros(0)

    def figures(self, x: Floats) -> tuple[float, Floats, Floats, Floats]:
        """Return utility, its gradient (d,), the risks (2,) and their Jacobian (2, d)."""
        d = len(x)
        total, slope = np.zeros(self.n_all), np.zeros((self.n_all, d))
        utility, climb = 0.0, np.zeros(d)
        n_out = self.n_all - self.n_in
        for stage, at, (rows, seen), w in zip(
            self.stages, self.slices, self.seen, self.weights, strict=True
        ):
            value, jac = stage.with_shrinkage(Shrinkage.from_vector(x[at])).log_prob(seen)
            total[rows] += value
            slope[rows, at] = jac
            out = rows >= self.n_in
            utility += w * float(value[out].sum()) / n_out
            climb[at] = w * jac[out].sum(0) / n_out
        risks, jacobian = self._risks(total, slope)
        return utility, climb, risks, jacobian

    def _risks(self, total: Floats, slope: Floats) -> tuple[Floats, Floats]:
        m = self.n_in
        return gaps(total[:m], total[m:], slope[:m], slope[m:], paired=self.paired)


def gaps(
    inside: Floats, outside: Floats, d_in: Floats, d_out: Floats, *, paired: bool
) -> tuple[Floats, Floats]:
    """Return the membership gap and tail (2,) and their Jacobian (2, d).

    Parameters
    ----------
    inside, outside : arrays (m,), (k,)
        Log likelihoods of people with and without having been learnt from.
    d_in, d_out : arrays (m, d), (k, d)
        Their derivatives by the parameters.
    paired : bool
        Whether both hold the same people in the same order.
    """
    sd = max(float(outside.std()), 1e-6)
    sd_slope = ((outside - outside.mean())[:, None] * d_out).mean(0) / sd
    mean = inside.mean() - outside.mean()
    mean_slope = d_in.mean(0) - d_out.mean(0)
    if paired:
        gain, gain_slope = inside - outside, d_in - d_out
        up, up_slope = _cvar(gain, gain_slope)
        down, down_slope = _cvar(-gain, -gain_slope)
    else:
        up, up_slope = _cvar(inside, d_in)
        down, down_slope = _cvar(outside, d_out)
    risks = np.array([mean, up - down]) / sd
    jacobian = np.array([mean_slope, up_slope - down_slope]) / sd
    return risks, jacobian - np.outer(risks, sd_slope) / sd


def _cvar(value: Floats, slope: Floats) -> tuple[float, Floats]:
    """Return the mean of the largest 5 % of (n,) and its gradient."""
    k = max(1, int(np.ceil(TAIL * len(value))))
    top = np.argpartition(value, -k)[-k:]
    return float(value[top].mean()), slope[top].mean(0)


def _loss(stage: Stage, seen: Seen, out: NDArray[np.bool_], v: Floats) -> tuple[float, Floats]:
    """Return minus the mean log likelihood of the people in ``out`` and its gradient by ``v``."""
    value, slope = stage.with_shrinkage(Shrinkage.from_vector(v)).log_prob(seen)
    n = max(int(out.sum()), 1)
    return -float(value[out].sum()) / n, -slope[out].sum(0) / n


def _expose(
    chain: Chain, table: Table, fold: Ints, reference: Table | None, rng: np.random.Generator
) -> Exposure:
    some = np.sort(rng.permutation(len(table))[:PEOPLE])
    members = table.take(some)
    if reference is not None:
        others = reference.take(np.sort(rng.permutation(len(reference))[:PEOPLE]))
        both = Table.concat([members, others])
        part_in = _another(fold[some], chain.n_parts, rng)
        part = np.concatenate([part_in, rng.integers(0, chain.n_parts, len(others))])
        paired = False
    else:
        both = Table.concat([members, members])
        part = np.concatenate([_another(fold[some], chain.n_parts, rng), fold[some]])
        paired = True
    stages = tuple(s.stage for s in chain.steps)
    outcome = chain.schema.outcome
    weights = np.ones(len(stages))
    if outcome is not None and len(stages) > 1:
        mine = np.array([s.column == outcome.name for s in chain.steps])
        others_n = max(int((~mine).sum()), 1)
        least = OUTCOME_SHARE / (1 - OUTCOME_SHARE) * others_n / max(int(mine.sum()), 1)
        weights[mine] = max(1.0, least)
    observed = chain.observe(both, part.astype(np.intp))
    seen = [(rows, s.tabulate(one)) for s, (rows, one) in zip(stages, observed, strict=True)]
    return Exposure(stages, chain, seen, len(members), len(both), paired, weights)


def _another(fold: Ints, parts: int, rng: np.random.Generator) -> Ints:
    """Return for each person a sub-model that learnt from them, (n,)."""
    if parts == 1:
        return np.zeros(len(fold), np.intp)
    shift = rng.integers(1, parts, len(fold))
    return np.where(fold < 0, shift, (fold + shift) % parts)
