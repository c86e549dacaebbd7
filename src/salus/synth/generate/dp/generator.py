"""The generators with differential privacy: MST and AIM.

Adding or removing one person with all their rows changes the probability of any model file, and so of
anything drawn from it, by at most the factor exp(epsilon), but for events of probability delta. See
``claim.py`` for what that leaves out and ``docs/methods/privacy.md`` for each step.

The noise is secret: two fits with the same seed differ, since a seed that could repeat the noise could
also take it away. ``noise_seed`` makes a fit repeatable and gives up the claim. Rows are drawn by
a public seed, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import NotFitted, OptionError
from salus.synth.generate.chained import refuse_too_few
from salus.synth.generate.conditions import as_rows
from salus.synth.generate.dp.accounting import gaussian_sigma
from salus.synth.generate.dp.aim import learn_rounds
from salus.synth.generate.dp.bounds import is_open, pay_for_bounds, public_schema
from salus.synth.generate.dp.claim import Account
from salus.synth.generate.dp.curator import Curator, noisy_counts, some_rows
from salus.synth.generate.dp.domain import COARSE, FINE, Cells, public_cells, require_public
from salus.synth.generate.dp.joint import Distribution, Joint
from salus.synth.generate.dp.model import Found, Model, Plan
from salus.synth.generate.dp.mst import Learnt, learn_tree
from salus.synth.generate.dp.noise import Secret, Seeded, Source
from salus.synth.generate.enforce import enforce
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.generate.store import write_model
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["Aim", "Mst", "PrivateGenerator"]

BOUNDS = 0.2  # of the budget, where ranges or levels are paid for
TOTAL = 0.02  # of it, for the number of rows
FAILING = 0.25  # of delta, where levels are
CELL = 2.0  # deviations of noise that a cell should hold, were rows spread evenly
LEAST_EPSILON = 0.01
SEEDED = (
    "The noise was drawn from a seed that was given (noise_seed): whoever learns the seed can take "
    "the noise away."
)
INFERRED = (
    "Nobody declared the schema to be public (declared=True): kinds, decimals, missing codes, formats "
    "and rules may have been read from the table."
)


@dataclass(kw_only=True)
class PrivateGenerator:
    """Fit, sample, save and load; a generator says only how it learns."""

    kind: ClassVar[str] = ""
    _singles: ClassVar[float] = 0.0  # of the budget, for single columns

    epsilon: float = 1.0
    delta: float = 1e-6
    bins: int = 32
    bounds: Literal["declared", "paid"] = "declared"
    declared: bool = False
    paid_levels: tuple[str, ...] = ()
    rows_per_person: int = 1
    noise_seed: int | None = None
    model_: Model = field(init=False, repr=False, compare=False)
    account_: dict[str, Any] = field(init=False, repr=False, compare=False)

    def _learn(self, curator: Curator, cells: list[Cells], plan: Plan) -> Found:
        """Learn, spending what is left."""
        raise NotImplementedError

    @classmethod
    def _joint(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Distribution:
        """Rebuild the distribution from its ``to_dict``."""
        return Joint.from_dict(plain, arrays)

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        """Learn from ``table`` with differential privacy.

        Parameters
        ----------
        table : Table
        reference : Table, optional
            Not looked at: it would have to be paid for.
        seed : int
            Recorded; the noise doesn't depend on it.

        Raises
        ------
        TooFewPeople
            If fewer than 10 people or no column are there to learn from.
        SchemaError
            Where a range or levels would be read from the table without being paid for.
        OptionError
            For an option outside its domain.
        """
        self._check_options(table)
        refuse_too_few(table)
        if self.bounds == "declared":
            require_public(table.schema, declared=self.declared, paid_levels=self.paid_levels)
        source: Source = Secret() if self.noise_seed is None else Seeded(self.noise_seed)
        account = self._account(table)
        used = some_rows(table, self.rows_per_person, source)
        public, ranges = self._bounds(used, account, source)
        total = _total(used, account, source)
        names = [c.name for c in public.modelled]
        alone = account.left * (self._singles if len(names) > 1 else 1.0)
        sigma = gaussian_sigma(self.rows_per_person, alone / len(names))
        # cells of which each would hold less than noise help nobody
        pieces = int(np.clip(total / (CELL * sigma), COARSE, FINE))
        cells = public_cells(public, ranges, pieces=pieces)
        codes = np.column_stack([c.encode(used) for c in cells])
        curator = Curator(codes, [c.size for c in cells], account, source, used.people)
        outcome = public.outcome
        at = names.index(outcome.name) if outcome is not None and outcome.name in names else None
        found = self._learn(curator, cells, Plan(alone, total, at, seed))
        self.model_ = Model(public, tuple(cells), found.groups, found.joint)
        self.account_ = {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "bins": self.bins,
            "bounds": self.bounds,
            "rows_per_person": self.rows_per_person,
            "groups": {n: g.size for n, g in zip(names, found.groups, strict=True)},
            "range_not_found": [n for n in names if ranges.get(n, ()) is None],
            **found.account,
            "differential_privacy": account.claim().to_dict(),
            "seed": seed,
            "rows": round(total),
            "people": round(total) if self.rows_per_person == 1 else None,
            "counts_are_noisy": True,
        }
        return self

    def _check_options(self, table: Table) -> None:
        if not self.epsilon >= LEAST_EPSILON:
            raise OptionError(
                f"epsilon must be at least {LEAST_EPSILON}, got {self.epsilon}.",
                remedy="Below that the noise drowns any table.",
            )
        if self.bounds not in ("declared", "paid"):
            raise OptionError(
                f"bounds {self.bounds!r} is unknown.", remedy="Use 'declared' or 'paid'."
            )
        if not 2 <= self.bins <= 1000:
            raise OptionError(f"bins must lie between 2 and 1000, got {self.bins}.")
        if self.rows_per_person < 1:
            raise OptionError(f"rows_per_person must be at least 1, got {self.rows_per_person}.")
        levelled = {c.name for c in table.schema.modelled if c.is_levelled}
        for name in self.paid_levels:
            if name not in levelled:
                raise OptionError(
                    f"paid_levels names {name!r}, which is no modelled column of levels.",
                    remedy=f"Columns of levels: {', '.join(sorted(levelled)) or 'none'}.",
                )

    def _levels_to_pay(self, table: Table) -> set[str]:
        if self.bounds == "declared":
            return set()
        named = {c.name for c in table.schema.modelled if c.is_levelled}
        return set(self.paid_levels) if self.declared else named

    def _account(self, table: Table) -> Account:
        account = Account(
            self.epsilon,
            self.delta,
            set_aside=FAILING * self.delta if self._levels_to_pay(table) else 0.0,
            rows_per_person=self.rows_per_person,
        )
        if self.noise_seed is not None:
            account.not_private(SEEDED)
        if not self.declared:
            account.not_private(INFERRED)
        return account

    def _bounds(
        self, used: Table, account: Account, source: Source
    ) -> tuple[Schema, Mapping[str, tuple[float, float] | None]]:
        """Return the schema that may be told, and the ranges that it leaves open."""
        levels = self._levels_to_pay(used)
        schema = used.schema
        ranges: Mapping[str, tuple[float, float] | None] = {}
        if levels or any(is_open(c) for c in schema.modelled):
            bounds = pay_for_bounds(
                used,
                levels_of=levels,
                rho=BOUNDS * account.rho,
                delta=FAILING * self.delta,
                account=account,
                source=source,
            )
            schema, ranges = bounds.schema, bounds.ranges
        return public_schema(schema), ranges

    def _fitted(self) -> Model:
        model: Model | None = getattr(self, "model_", None)
        if model is None:
            raise NotFitted("the model isn't fitted.", remedy="Call fit(table, seed=...) first.")
        return model

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        """Draw ``n`` rows that obey every rule of the schema.

        Parameters
        ----------
        n : int
            At least 1. The number of real rows is private: ask for another number, or for that in
            the card.
        given : mapping of column to value, optional
            Columns held at a value; the others are drawn from their exact distribution given the
            cells of these.
        seed : int
            May be public.

        Returns
        -------
        Sampled
            Exactly ``n`` rows, or those that could be made and a ``Shortfall`` that says why.
        """
        model = self._fitted()
        if n < 1:
            raise OptionError(f"n must be at least 1, got {n}.")
        rng = np.random.default_rng(seed)
        rules = rules_of(model.schema)
        if not given:
            return enforce(model.draw, n, rules, rng)
        one = as_rows(model.schema, given, 1)
        names = tuple(sorted(given))
        evidence = model.evidence(one, names)
        if evidence is None:
            short = Shortfall(
                n,
                0,
                f"the condition on {', '.join(names)}",
                0.0,
                "No such person is conceivable here.",
            )
            return Sampled(one.take(np.zeros(0, int)), short)
        joint = model.joint.given(evidence)
        return enforce(
            lambda m, r: model.draw_given(joint, one, names, m, r), n, rules, rng, keep=names
        )

    def log_prob(self, table: Table) -> NDArray[np.float64]:
        """Return each row's log density, (n,), in nats; numbers on their normal scores' scale."""
        return self._fitted().log_prob(table)

    def card(self) -> dict[str, Any]:
        """Return kind, options, what was spent and claimed, and the columns, as plain JSON values."""
        model = self._fitted()
        return {
            "kind": self.kind,
            "columns": [c.column.name for c in model.cells],
            **self.account_,
        }

    def save(self, path: str | Path) -> None:
        """Write the model as one file of JSON and arrays."""
        plain, arrays = self._fitted().to_dict()
        write_model(path, self.kind, {**plain, "account": self.account_}, arrays)

    @classmethod
    def restore(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted model from ``save``'s content."""
        model = cls()
        model.model_ = Model.from_dict(plain, arrays, cls._joint)
        model.account_ = dict(plain["account"])
        return model


def _found(learnt: Learnt, cells: Sequence[Cells]) -> Found:
    """Return what counts told."""
    names = [c.column.name for c in cells]
    estimate = learnt.estimate
    measured = [[names[j] for j in clique] for clique in learnt.chosen]
    return Found(learnt.groups, Joint(estimate.tree, estimate.beliefs), {"measured": measured})


def _total(used: Table, account: Account, source: Source) -> float:
    """Return the noisy number of rows."""
    sigma = gaussian_sigma(account.rows_per_person, TOTAL * account.left)
    counted = noisy_counts(
        np.array([float(len(used))]),
        sigma,
        account=account,
        source=source,
        step="measurements",
        what={"columns": []},
    )
    return max(1.0, float(counted[0]))


@dataclass(kw_only=True)
class Mst(PrivateGenerator):
    """Learn noisy counts of every column and of a tree of pairs (arXiv:2108.04978).

    Parameters
    ----------
    epsilon : float
        The guarantee: one person more or less changes any probability by at most exp(epsilon).
    delta : float
        The probability with which that may fail. Take far less than one over the number of people,
        without looking at that number.
    bins : int
        Groups that a number's range is cut into, at most; noise makes them fewer.
    bounds : {"declared", "paid"}
        Ranges and levels come from the schema alone, or what it leaves open is learnt with noise from
        a fifth of the budget.
    declared : bool
        The steward's word that the schema (kinds, decimals, missing codes, formats, rules, levels and
        such ranges as it holds) comes from outside the table, such as a codebook. Without it there
        is no claim.
    paid_levels : tuple of str
        With ``bounds="paid"``: columns whose levels were read from the table all the same. Without
        ``declared`` these are all.
    rows_per_person : int
        Rows of each person that are used at most; noise grows with it.
    noise_seed : int or None
        Makes the noise repeatable, for tests; there is no claim then.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Mst(epsilon=3.0, bounds="paid", declared=True).fit(load_pbc(), seed=7)
    >>> model.card()["differential_privacy"]["claim"]["epsilon"]
    3.0
    >>> len(model.sample(10, seed=7).table)
    10
    """

    kind: ClassVar[str] = "mst"
    _singles: ClassVar[float] = 1 / 3

    def _learn(self, curator: Curator, cells: list[Cells], plan: Plan) -> Found:
        learnt = learn_tree(curator, cells, alone=plan.alone, total=plan.total, bins=self.bins)
        return _found(learnt, cells)


@dataclass(kw_only=True)
class Aim(PrivateGenerator):
    """Learn noisy tables picked where the model is worst, round by round (arXiv:2201.12677).

    Parameters
    ----------
    epsilon, delta, bins, bounds, declared, paid_levels, rows_per_person, noise_seed
        As for ``Mst``.
    max_cells : int
        Cells that the model's tables may have together: more hold more relations and take longer.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Aim(epsilon=3.0, bounds="paid", declared=True).fit(load_pbc(), seed=7)
    >>> len(model.sample(10, seed=7).table)
    10
    """

    kind: ClassVar[str] = "aim"
    _singles: ClassVar[float] = 0.2

    max_cells: int = 100_000

    def _learn(self, curator: Curator, cells: list[Cells], plan: Plan) -> Found:
        learnt = learn_rounds(
            curator,
            cells,
            alone=plan.alone,
            total=plan.total,
            bins=self.bins,
            max_cells=self.max_cells,
            outcome=plan.outcome,
        )
        return _found(learnt, cells)
