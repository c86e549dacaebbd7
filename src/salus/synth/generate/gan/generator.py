"""A conditional GAN for mixed tables, with privacy constraints inside its training.

Of the class of CTGAN (Xu et al. 2019, arXiv:1907.00503) and CTAB-GAN+ (Zhao et al. 2022,
arXiv:2204.00401), written from their descriptions: mode-specific normalisation, mixed and
long-tailed columns (``codec.py``), training by sampling (``balance.py``), a gradient-penalised critic,
information and downstream losses (``losses.py``). A model is an ensemble of small sub-models, each
learnt from all people but one fold, who are its strangers (as partitions are in PAR-GAN,
doi:10.1145/3447548.3467445): nobody has to be kept aside, and on small tables the mixture is better
than one network. What rows give away is limited while the networks learn (``train.py``).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.budget import Budget
from salus.synth.errors import MissingExtra, NotFitted, OptionError, TooFewPeople
from salus.synth.generate.chained import people_of, refuse_too_few
from salus.synth.generate.conditions import as_rows
from salus.synth.generate.enforce import enforce
from salus.synth.generate.gan.fitted import Fitted, Recipe, Size
from salus.synth.generate.protocol import Sampled
from salus.synth.generate.store import write_model
from salus.synth.table.rules import rules_of
from salus.synth.table.table import PRESENT, Table

if TYPE_CHECKING:
    from salus.synth.generate.gan.estimates import Side

__all__ = ["Gan"]

SLACK = 1.7  # how far the ratio's limits may exceed the budget's rates
LEAST_CLASS = 10  # rows of the rarest class, where its recall is limited
LEAST_REFERENCE = 10  # people of a reference
HELD_OUT = 0.25  # of the people, where a single sub-model has no reference


@dataclass(kw_only=True)
class Gan:
    """Learn a table with a conditional GAN under a privacy budget.

    Parameters
    ----------
    budget : Budget or None
        Limits that constrain the training; ``None`` switches the constraint off.
    slack : float
        How far the membership ratio and its tail may exceed the budget's rates; below 1 the other
        limits are tightened, too (``risks.py``).
    members : int, optional
        Sub-models; by default 5 up to 1,000 people, fewer for more. Each leaves one fold out; a
        single one a quarter, where there is no reference.
    noise, width, layers : int
        Length of the noise, width of the networks (by default by the number of people), and
        residual blocks of the generators.
    steps : int, optional
        Of the free training; by default they grow with the root of the number of people.
    batch : int, optional
        Rows of a batch; drawn with replacement, so there may be fewer people.
    rate : float
        Of Adam.
    pack : int
        Rows that the critic sees side by side.
    critic_steps : int
        Of the critic, for each of the generator.
    gumbel : float
        Temperature of the Gumbel-softmax while training.
    temperature : float
        At which rows are drawn: above 1 relations are loosened and cells evened out.
    top_p : float
        Below 1 the least likely cells of each column are left out of a draw, as far as the others
        reach this probability.
    minority_recall : float, optional
        Least recall of the outcome's rarest class that a classifier learnt from the rows must have
        on people left out, at 90 % specificity.
    device : str
        As PyTorch names it.
    checkpoint : path, optional
        File in which every round of the training is saved, and from which a training that was
        stopped goes on to the same result.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Gan(steps=20).fit(load_pbc(), seed=7)  # doctest: +SKIP
    >>> len(model.sample(10, seed=7).table)  # doctest: +SKIP
    10
    """

    kind: ClassVar[str] = "gan"

    budget: Budget | None = field(default_factory=Budget)
    slack: float = SLACK
    members: int | None = None
    noise: int = 32
    width: int | None = None
    layers: int = 1
    steps: int | None = None
    batch: int | None = None
    rate: float = 1e-3
    pack: int = 1
    critic_steps: int = 1
    gumbel: float = 0.2
    temperature: float = 1.0
    top_p: float = 1.0
    minority_recall: float | None = None
    device: str = "cpu"
    checkpoint: str | Path | None = None
    fitted_: Fitted = field(init=False, repr=False, compare=False)
    account_: dict[str, Any] = field(init=False, repr=False, compare=False)

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        """Learn from ``table``.

        Parameters
        ----------
        table : Table
        reference : Table, optional
            People of the same kind whom every sub-model is judged by; nobody of them is learnt from.
            Without it each sub-model is judged by the fold that it leaves out.
        seed : int
            The same seed gives the same model, on one kind of machine.

        Raises
        ------
        TooFewPeople
            If fewer than 10 people or no column are there to learn from, fewer than 10 people in the
            reference, or fewer than 10 rows of the class whose recall is limited.
        Infeasible
            If a recall is asked for that models learnt from the people themselves don't reach.
        OptionError
            If an option is outside its domain, or the training diverges.
        MissingExtra
            Without PyTorch.
        BadInput
            If the checkpoint is of another training or version.
        """
        refuse_too_few(table)
        self._check(table)
        if reference is not None and reference.n_people < LEAST_REFERENCE:
            raise TooFewPeople(
                f"a reference of {reference.n_people} people is too small to judge the training by.",
                remedy=f"Give at least {LEAST_REFERENCE}, or none: each sub-model then leaves a fold "
                "of the people out.",
            )
        need_torch()
        from salus.synth.generate.gan.learn import learn

        people, sides = self._sides(table, reference, np.random.default_rng([seed, 0]))
        width = auto_width(table.n_people) if self.width is None else self.width
        self.fitted_, account = learn(
            people,
            sides,
            budget=self.budget,
            slack=self.slack,
            minority_recall=self.minority_recall,
            size=Size(len(sides), self.noise, width, self.layers),
            recipe=self._recipe(table.n_people),
            device=self.device,
            checkpoint=self.checkpoint,
            seed=seed,
        )
        self.account_ = {
            "budget": None if self.budget is None else self.budget.to_dict(),
            "slack": self.slack,
            **account,
            "seed": seed,
            "rows": len(table),
            "people": table.n_people,
        }
        return self

    def _check(self, table: Table) -> None:
        """Refuse options outside their domain."""
        positive = {"slack": self.slack, "rate": self.rate, "gumbel": self.gumbel}
        positive["temperature"] = self.temperature
        for name, value in positive.items():
            if not (math.isfinite(value) and value > 0):
                raise OptionError(f"{name} must be positive, got {value}.")
        counts = {n: getattr(self, n) for n in ("noise", "layers", "pack", "critic_steps")}
        counts |= {n: getattr(self, n) for n in ("members", "width", "steps", "batch")}
        for name, count in counts.items():
            if count is not None and count < 1:
                raise OptionError(f"{name} must be at least 1, got {count}.")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p must lie above 0 and be at most 1, got {self.top_p}.")
        if self.batch is not None and self.batch % self.pack:
            raise OptionError(
                f"a batch of {self.batch} rows can't be cut into packs of {self.pack}.",
                remedy="Give a multiple of pack.",
            )
        if self.minority_recall is None:
            return
        if not 0 <= self.minority_recall <= 1:
            raise OptionError(f"minority_recall is a share, got {self.minority_recall}.")
        outcome = table.schema.outcome
        if outcome is None or not outcome.is_levelled or not outcome.is_modelled:
            raise OptionError(
                "minority_recall needs an outcome with levels.",
                remedy="Name one with outcome=..., or leave minority_recall out.",
            )
        present = table.values[outcome.name][table.states[outcome.name] == PRESENT]
        count = np.unique(present, return_counts=True)[1]
        if len(count) < 2 or len(table.schema.modelled) < 2:
            raise OptionError(
                "minority_recall needs two classes, and a column to tell them by.",
                remedy="Leave minority_recall out.",
            )
        if count.min() < LEAST_CLASS:
            raise TooFewPeople(
                f"the rarest class of {outcome.name!r} has {count.min()} rows, too few to say what "
                "share of them is recalled.",
                remedy=f"Leave minority_recall out, or join classes: {LEAST_CLASS} are needed.",
            )

    def _sides(
        self, table: Table, reference: Table | None, rng: np.random.Generator
    ) -> tuple[Table, list[Side]]:
        """Return all people, and whom each sub-model learns from and is judged by."""
        from salus.synth.generate.gan.estimates import Side

        members = auto_members(table.n_people) if self.members is None else self.members
        members = min(members, table.n_people)
        if reference is not None:
            # reference people are others whatever number they carry
            apart = reference.people - reference.people.min() + int(table.people.max()) + 1
            beside = Table(reference.schema, reference.values, reference.states, apart)
            people = Table.concat([table, beside])
            return people, [
                Side(np.arange(len(table)), np.arange(len(table), len(people)))
            ] * members
        parts = members if members > 1 else round(1 / HELD_OUT)
        fold = people_of(table, parts, rng)
        order = np.argsort(fold, kind="stable")  # so that parts of the members are whole folds
        mine = fold[order]
        return table, [Side(order[mine != k], order[mine == k]) for k in range(members)]

    def _recipe(self, people: int) -> Recipe:
        batch = auto_batch(people, self.pack) if self.batch is None else self.batch
        return Recipe(
            steps=auto_steps(people) if self.steps is None else self.steps,
            batch=batch,
            pack=self.pack,
            critic_steps=self.critic_steps,
            rate=self.rate,
            gumbel=self.gumbel,
        )

    def _fitted(self) -> Fitted:
        fitted: Fitted | None = getattr(self, "fitted_", None)
        if fitted is None:
            raise NotFitted("the model isn't fitted.", remedy="Call fit(table, seed=...) first.")
        return fitted

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        """Draw ``n`` rows that obey every rule of the schema.

        Parameters
        ----------
        n : int
            At least 1.
        given : mapping of column to value, optional
            Columns held at a value. A level or missing state is told to the networks as their
            condition; of many rows so made, one is picked by how likely the given levels are in it
            and how near its numbers are to the given ones (``given.py``).
        seed : int

        Returns
        -------
        Sampled
            Exactly ``n`` rows, or those that could be made and a ``Shortfall`` that says why.
        """
        fitted = self._fitted()
        if n < 1:
            raise OptionError(f"n must be at least 1, got {n}.")
        rng = np.random.default_rng(seed)
        schema = fitted.codec.schema
        one = None if not given else as_rows(schema, given, 1)
        need_torch()
        from salus.synth.generate.gan.draw import Drawer
        from salus.synth.generate.gan.given import Given

        drawer = Drawer.of(fitted)
        rules = rules_of(schema)
        if one is None or given is None:
            return enforce(
                lambda m, r: drawer.mixture(m, fitted.calibration, r, self.temperature, self.top_p),
                n,
                rules,
                rng,
            )
        fixed = tuple(sorted(given))
        held = Given(drawer, fitted.calibration, one, fixed, self.temperature, self.top_p)
        if held.inconceivable:
            return held.nobody(n)
        out = enforce(held.draw, n, rules, rng, keep=fixed)
        return held.nobody(n) if held.missed else out

    def card(self) -> dict[str, Any]:
        """Return kind, options, how it was fitted, and the columns, as plain JSON values."""
        fitted = self._fitted()
        return {
            "kind": self.kind,
            "columns": fitted.codec.names,
            "sub_models": fitted.size.members,
            **self.account_,
        }

    def save(self, path: str | Path) -> None:
        """Write the model as one file of JSON and arrays."""
        plain, arrays = self._fitted().to_dict()
        drawing = {"temperature": self.temperature, "top_p": self.top_p}
        write_model(path, self.kind, {**plain, "account": self.account_, **drawing}, arrays)

    @classmethod
    def restore(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted model from ``save``'s content."""
        model = cls(temperature=plain["temperature"], top_p=plain["top_p"])
        model.fitted_ = Fitted.from_dict(plain, arrays)
        model.account_ = dict(plain["account"])
        return model


def auto_members(people: int) -> int:
    """Return how many sub-models there are by default: fewer where people are many."""
    return 5 if people <= 1_000 else 4 if people <= 3_000 else 2


def auto_width(people: int) -> int:
    """Return the width of the networks by default."""
    return 96 if people <= 1_000 else 128 if people <= 10_000 else 256


def auto_steps(people: int) -> int:
    """Return the steps of the free training by default."""
    return int(np.clip(20 * math.sqrt(people), 500, 4_000))


def auto_batch(people: int, pack: int) -> int:
    """Return the rows of a batch by default, a multiple of ``pack``."""
    rows = 64 if people <= 200 else 128 if people <= 1_000 else 256 if people <= 10_000 else 512
    return max(1, rows // pack) * pack


def need_torch() -> None:
    """Raise where PyTorch isn't installed.

    Raises
    ------
    MissingExtra
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(
            "torch isn't installed, with which the networks of 'gan' are trained.",
            remedy="Install it with: pip install 'salus[net]'",
        )
