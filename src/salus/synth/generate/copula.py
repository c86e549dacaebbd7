"""A Gaussian copula under a privacy limit: each column's distribution, joined by correlations.

Every column becomes latent normals (``latents.py``); a sub-model is their correlation matrix R_k,
learnt from all people but one fold. One continuous s shrinks it, Sigma_k = (1 - s) R_k + s I, and
is chosen like the forest's shrinkage: most likely for people left out, while what members gain
stays under the budget (``shrinkage.py``). Gaussian copulas for mixed data: Hoff 2007,
arXiv:math/0610413; here correlations come from moments instead of a sampler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp

from salus.synth.budget import Budget
from salus.synth.errors import NotFitted, OptionError
from salus.synth.generate.chained import people_of, refuse_too_few
from salus.synth.generate.conditions import as_rows
from salus.synth.generate.correlation import (
    Joint,
    Positions,
    dequantise,
    fit_correlations,
    spectrum,
)
from salus.synth.generate.enforce import enforce
from salus.synth.generate.forest import account_of
from salus.synth.generate.latents import Latent, fit_latents, intervals
from salus.synth.generate.predictors import Predictors
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.generate.shrinkage import PEOPLE, SLACK, Price, bargain, gap_limits, gaps
from salus.synth.generate.store import write_model
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["Copula"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
BOX = (-6.9, 3.5)  # of logit s; further up, s hardly moves and no slope leads back
CANDIDATES = 100  # latent positions of a condition, of which one is picked for each row
BLOCK = 500  # rows whose likelihood is computed at once


@dataclass(kw_only=True)
class Copula:
    """Learn a table as a Gaussian copula under a privacy budget.

    Parameters
    ----------
    budget : Budget or None
        Limits whose membership part constrains the fit; ``None`` switches the constraint off.
    slack : float
        How far the likelihood gap may exceed that of an attacker on a table (``gap_limits``).
    folds : int
        Number of sub-models; each leaves one fold of people out.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Copula().fit(load_pbc(), seed=7)
    >>> len(model.sample(10, seed=7).table)
    10
    """

    kind: ClassVar[str] = "copula"

    budget: Budget | None = field(default_factory=Budget)
    slack: float = SLACK
    folds: int = 5
    joint_: Joint = field(init=False, repr=False, compare=False)
    account_: dict[str, Any] = field(init=False, repr=False, compare=False)

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        """Learn from ``table``; arguments and errors as in ``ChainGenerator.fit``."""
        refuse_too_few(table)
        if not self.slack > 0:
            raise OptionError(f"slack must be positive, got {self.slack}.")
        rng = np.random.default_rng(seed)
        fold = people_of(table, self.folds, rng)
        latents = fit_latents(table, table.schema.modelled, _outcome_score(table))
        low, high, _ = intervals(latents, table)
        parts = int(fold.max()) + 1
        others = [fold != k for k in range(parts)]
        matrices = [fit_correlations(latents, low[rows], high[rows]) for rows in others]
        free = Joint(table.schema, tuple(latents), np.array(matrices), 0.5)
        limits = gap_limits(self.budget, self.slack)
        shrinkage, price = _choose(free, table, fold, reference, limits, rng)
        self.joint_ = replace(free, shrinkage=shrinkage)
        self.account_ = {
            "budget": None if self.budget is None else self.budget.to_dict(),
            "slack": self.slack,
            "constraint": account_of(price),
            "shrinkage": shrinkage,
            "seed": seed,
            "rows": len(table),
            "people": table.n_people,
        }
        return self

    def _fitted(self) -> Joint:
        joint: Joint | None = getattr(self, "joint_", None)
        if joint is None:
            raise NotFitted("the model isn't fitted.", remedy="Call fit(table, seed=...) first.")
        return joint

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        """Draw ``n`` rows that obey every rule of the schema.

        Parameters
        ----------
        n : int
            At least 1.
        given : mapping of column to value, optional
            Columns held at a value; the others are drawn from the normal given the latents of
            these. Where an interval of scores means a value, one of many positions within it is
            picked by its likelihood.
        seed : int

        Returns
        -------
        Sampled
            Exactly ``n`` rows, or those that could be made and a ``Shortfall`` that says why.
        """
        joint = self._fitted()
        if n < 1:
            raise OptionError(f"n must be at least 1, got {n}.")
        rng = np.random.default_rng(seed)
        rules = rules_of(joint.schema)
        if not given:
            return enforce(joint.draw, n, rules, rng)
        one = as_rows(joint.schema, given, 1)
        fixed = tuple(sorted(given))
        out = enforce(lambda m, r: _draw_given(joint, one, fixed, m, r), n, rules, rng, keep=fixed)
        mine = [latent.column.name in fixed for latent in joint.latents]
        if intervals(joint.latents, one)[2][0, mine].sum() < -600:
            short = Shortfall(
                n,
                0,
                f"the condition on {', '.join(fixed)}",
                0.0,
                "No such person is conceivable here.",
            )
            return Sampled(out.table.take(np.zeros(0, int)), short)
        return out

    def log_prob(self, table: Table) -> Floats:
        """Return each row's log density, (n,), in nats; numbers on their normal scores' scale.

        Cells and heaped values count by their probability. It is averaged over a fixed set of
        latent positions and an estimate, from below on average, where a row has several of them.
        """
        joint = self._fitted()
        low, high, chance = intervals(joint.latents, table)
        parts = len(joint.matrices)
        each = np.zeros((parts, len(table)))
        for begin in range(0, len(table), BLOCK):
            rows = slice(begin, begin + BLOCK)
            for k in range(parts):
                part = np.full(len(low[rows]), k, np.intp)
                seen = Positions.of(joint.matrices, part, low[rows], high[rows])
                each[k, rows] = seen.log_ratio(joint.shrinkage)[0]
        return np.asarray(logsumexp(each, axis=0) - np.log(parts) + chance.sum(1))

    def card(self) -> dict[str, Any]:
        """Return kind, options, how it was fitted, and the columns, as plain JSON values."""
        joint = self._fitted()
        return {
            "kind": self.kind,
            "columns": [c.name for c in joint.schema.modelled],
            "sub_models": len(joint.matrices),
            **self.account_,
        }

    def save(self, path: str | Path) -> None:
        """Write the model as one file of JSON and arrays."""
        joint = self._fitted()
        arrays: dict[str, NDArray[Any]] = {"matrices": joint.matrices}
        latents = []
        for i, latent in enumerate(joint.latents):
            plain, mine = latent.predictor.to_dict()
            latents.append({"column": latent.column.name, "kind": latent.kind, **plain})
            mine |= {"order": latent.order, "edges": latent.edges}  # type: ignore[dict-item]
            arrays |= {f"latent{i}.{k}": v for k, v in mine.items()}
        plain = {"schema": joint.schema.to_dict(), "latents": latents, "account": self.account_}
        write_model(path, self.kind, {**plain, "shrinkage": joint.shrinkage}, arrays)

    @classmethod
    def restore(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted model from ``save``'s content."""
        schema = Schema.from_dict(plain["schema"])
        latents = []
        for i, one in enumerate(plain["latents"]):
            at = f"latent{i}."
            mine = {k[len(at) :]: v for k, v in arrays.items() if k.startswith(at)}
            predictor = Predictors.from_dict(schema[one["column"]], one, mine)
            latents.append(Latent(predictor, one["kind"], mine["order"], mine["edges"]))
        model = cls()
        model.joint_ = Joint(schema, tuple(latents), arrays["matrices"], float(plain["shrinkage"]))
        model.account_ = dict(plain["account"])
        return model


def _outcome_score(table: Table) -> Floats:
    """Return the outcome's (else the first column's) centred score of each row, (n,)."""
    outcome = table.schema.outcome
    column = outcome if outcome is not None and outcome.is_modelled else table.schema.modelled[0]
    state, value = table.states[column.name], table.values[column.name].astype(float)
    there = state == 0
    score = np.zeros(len(table))
    if there.any():
        ranks = np.unique(value[there], return_inverse=True)[1].astype(float)
        score[there] = (ranks - ranks.mean()) / max(float(ranks.std()), 1e-9)
    return score


def _choose(
    joint: Joint,
    table: Table,
    fold: Ints,
    reference: Table | None,
    limits: dict[str, float],
    rng: np.random.Generator,
) -> tuple[float, Price]:
    """Return the shrinkage of most utility under the limits, and what they cost."""
    parts = len(joint.matrices)
    some = np.sort(rng.permutation(len(table))[:PEOPLE])
    members = table.take(some)
    inside = (fold[some] + rng.integers(1, parts, len(some))) % parts
    low, high, chance = intervals(joint.latents, members)
    seen_in = Positions.of(joint.matrices, inside, low, high)
    if reference is None:
        seen_out, chance_out = Positions.of(joint.matrices, fold[some], low, high), chance
    else:
        others = reference.take(np.sort(rng.permutation(len(reference))[:PEOPLE]))
        low, high, chance_out = intervals(joint.latents, others)
        left_out = rng.integers(0, parts, len(others))
        seen_out = Positions.of(joint.matrices, left_out, low, high)

    def figures(x: Floats) -> tuple[float, Floats, Floats, Floats]:
        s = float(expit(x[0]))
        a, da = seen_in.log_ratio(s)
        b, db = seen_out.log_ratio(s)
        a, b = a + chance.sum(1), b + chance_out.sum(1)
        da, db = (da * s * (1 - s))[:, None], (db * s * (1 - s))[:, None]
        risks, jacobian = gaps(a, b, da, db, paired=reference is None)
        return float(b.mean()), db.mean(0), risks, jacobian

    found = minimize_scalar(lambda t: -figures(np.array([t]))[0], bounds=BOX, method="bounded")
    x, price = bargain(figures, np.array([float(found.x)]), [BOX], limits, penalty=1.0)
    return float(expit(x[0])), price


def _draw_given(
    joint: Joint, one: Table, fixed: Sequence[str], n: int, rng: np.random.Generator
) -> Table:
    """Return n rows with the fixed columns as in ``one``, a table of one row."""
    low, high, _ = intervals(joint.latents, one)
    named = np.array([latent.column.name in fixed for latent in joint.latents])
    held = named & ~np.isnan(low[0])
    block = 200_000 // CANDIDATES
    drawn = [
        _draw_block(joint, low[0], high[0], held, min(block, n - i), rng)
        for i in range(0, n, block)
    ]
    table = Table.concat(drawn)
    values, states = dict(table.values), dict(table.states)
    for name in fixed:
        values[name] = np.repeat(one.values[name], n)
        states[name] = np.repeat(one.states[name], n)
    return Table(joint.schema, values, states)


def _draw_block(
    joint: Joint,
    low: Floats,
    high: Floats,
    held: NDArray[np.bool_],
    n: int,
    rng: np.random.Generator,
) -> Table:
    """Return n rows whose held latents lie in their intervals (d,), picked by likelihood."""
    u = rng.random((n * CANDIDATES, int(held.sum())))
    z = dequantise(low[held], high[held], u)
    part = rng.integers(0, len(joint.matrices), len(z))
    own = joint.matrices[np.ix_(np.arange(len(joint.matrices)), held, held)]
    weight = spectrum(own, part, z).log_ratio(joint.shrinkage)[0].reshape(n, CANDIDATES)
    chance = np.cumsum(np.exp(weight - weight.max(1, keepdims=True)), axis=1)
    pick = (chance <= rng.random((n, 1)) * chance[:, -1:]).sum(1)
    pick = np.arange(n) * CANDIDATES + np.minimum(pick, CANDIDATES - 1)
    full = np.zeros((n, len(held)))
    full[:, held] = z[pick]
    return joint.draw_given(full, held, part[pick], rng)
