"""An autoregressive transformer over the columns of a table, with privacy constraints in its training.

One token a column (``codec.py``), any order of the columns (``model.py``), so conditions, imputation
and likelihood are exact. A model is a mixture of a few sub-models, each learnt from all people but one
fold, who are its strangers; from 5,000 people on it is one. What members give away is limited while
the networks learn (``train.py``), by teaching them of a person what is expected by networks that have
not learnt from this person, as far as the multipliers ask (``targets.py``).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.budget import Budget
from salus.synth.errors import MissingExtra, NotFitted, OptionError, TooFewPeople
from salus.synth.generate.chained import refuse_too_few
from salus.synth.generate.conditions import as_rows
from salus.synth.generate.enforce import enforce
from salus.synth.generate.net.plan import Plan, plan_for
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.generate.shrinkage import SLACK
from salus.synth.generate.store import write_model
from salus.synth.table.rules import rules_of
from salus.synth.table.table import Table

if TYPE_CHECKING:
    from salus.synth.generate.net.draw import Sharpness
    from salus.synth.generate.net.fitted import Fitted

__all__ = ["Net"]

LEAST_REFERENCE = 10  # people


@dataclass(kw_only=True)
class Net:
    """Learn a table with a transformer over its columns under a privacy budget.

    Parameters
    ----------
    budget : Budget or None
        Limits that constrain the training; ``None`` switches the constraint off.
    slack : float
        How far a likelihood's gap may exceed that of an attacker on a table (``gap_limits``); below 1
        the other limits are tightened, too.
    members, width, layers, heads, batch, bins : int, optional
        Sub-models, size of a network, people of a minibatch, and tokens of a number; by default by the
        number of people (``plan.py``).
    dropout, weight_decay, rate : float, optional
        Of the training.
    epochs : float, optional
        How often each person is seen at most; training ends earlier where strangers gain nothing more.
    temperature, top_p : float
        At which rows are drawn: above 1 relations are loosened; below 1 in ``top_p`` the least likely
        tokens are left out.
    number_temperature, number_top_p : float, optional
        The same for numbers; by default as for levels.
    minority_recall : float, optional
        Least recall of the outcome's rarest class that the model must have on people left out, at 90 %
        specificity.
    precision : {"float32", "bfloat16"}
        Of the passes through the network.
    device : str
        As PyTorch names it.
    checkpoint : path, optional
        File in which every round of the training is saved, and from which a training that was
        stopped goes on to the same result.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Net(epochs=2).fit(load_pbc(), seed=7)  # doctest: +SKIP
    >>> len(model.sample(10, seed=7).table)  # doctest: +SKIP
    10
    """

    kind: ClassVar[str] = "net"

    budget: Budget | None = field(default_factory=Budget)
    slack: float = SLACK
    members: int | None = None
    width: int | None = None
    layers: int | None = None
    heads: int | None = None
    batch: int | None = None
    bins: int | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    rate: float | None = None
    epochs: float | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    number_temperature: float | None = None
    number_top_p: float | None = None
    minority_recall: float | None = None
    precision: str = "float32"
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
            If fewer than 10 people or no column are there to learn from, or fewer than 10 judge.
        OptionError
            If an option is outside its domain, or the training diverges.
        Infeasible
            If a recall is asked for that the people themselves don't allow.
        MissingExtra
            Without PyTorch.
        BadInput
            If the checkpoint is of another training or version.
        """
        refuse_too_few(table)
        if reference is not None and reference.n_people < LEAST_REFERENCE:
            raise TooFewPeople(
                f"{reference.n_people} people are too few to judge the model by.",
                remedy=f"Give at least {LEAST_REFERENCE}, or no reference.",
            )
        self._check()
        need_torch()
        from salus.synth.generate.net.estimates import refuse_minority
        from salus.synth.generate.net.learn import learn

        if self.minority_recall is not None:
            refuse_minority(self.minority_recall, table.schema, table)
        self.fitted_, account = learn(
            table,
            reference,
            self._plan(table.n_people, reference is not None),
            budget=self.budget,
            slack=self.slack,
            minority_recall=self.minority_recall,
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

    def _check(self) -> None:
        """Refuse options outside their domain."""
        positive = {n: getattr(self, n) for n in ("slack", "rate", "epochs", "temperature")}
        positive |= {"number_temperature": self.number_temperature}
        for name, value in positive.items():
            if value is not None and not (math.isfinite(value) and value > 0):
                raise OptionError(f"{name} must be positive, got {value}.")
        if self.rate is not None and self.rate > 1:
            raise OptionError(f"rate must be at most 1, got {self.rate}.")
        for name in ("members", "width", "layers", "heads", "batch", "bins"):
            count = getattr(self, name)
            if count is not None and (not isinstance(count, int) or count < 1):
                raise OptionError(f"{name} must be a whole number of at least 1, got {count}.")
        for name in ("top_p", "number_top_p"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise OptionError(f"{name} must lie above 0 and at most at 1, got {value}.")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise OptionError(f"dropout must lie in [0, 1), got {self.dropout}.")
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            raise OptionError(
                f"weight_decay must be finite and not negative, got {self.weight_decay}."
            )
        if self.precision not in ("float32", "bfloat16"):
            raise OptionError(
                f"there is no precision {self.precision!r}.", remedy="Known: float32, bfloat16."
            )

    def _plan(self, people: int, reference: bool) -> Plan:
        plan = plan_for(people, reference=reference, epochs=self.epochs, batch=self.batch)
        names = (
            "members",
            "width",
            "layers",
            "heads",
            "bins",
            "dropout",
            "weight_decay",
            "rate",
        )
        given = {n: getattr(self, n) for n in names if getattr(self, n) is not None}
        plan = replace(plan, **given, precision=self.precision)
        if plan.width % plan.heads:
            raise OptionError(
                f"a width of {plan.width} can't be shared by {plan.heads} heads.",
                remedy="Give a multiple of heads.",
            )
        return plan

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
            Columns held at a value; the others follow the exact conditional distribution, as these
            come first in the order. A number conditions by its bin.
        seed : int

        Returns
        -------
        Sampled
            Exactly ``n`` rows, or those that could be made and a ``Shortfall`` that says why.
        """
        fitted = self._fitted()
        if n < 1:
            raise OptionError(f"n must be at least 1, got {n}.")
        self._check()
        rng = np.random.default_rng(seed)
        codec = fitted.codec
        sharpness = self._sharpness()
        rules = rules_of(codec.schema)
        if not given:
            return enforce(lambda m, r: fitted.draw(m, r, sharpness), n, rules, rng)
        one = as_rows(codec.schema, given, 1)
        fixed = tuple(sorted(given))
        held = [codec.names.index(name) for name in fixed]
        if any(codec.coders[j].inconceivable(one)[0] for j in held):
            names = ", ".join(fixed)
            short = Shortfall(
                n, 0, f"the condition on {names}", 0.0, "No such person is conceivable here."
            )
            nobody = fitted.draw(1, rng, sharpness).take(np.zeros(0, int))
            return Sampled(nobody, short)
        tokens = codec.encode(one)[0][0]

        def draw(m: int, r: np.random.Generator) -> Table:
            table = fitted.draw(m, r, sharpness, given=tokens, held=held)
            values, states = dict(table.values), dict(table.states)
            for name in fixed:
                values[name] = np.repeat(one.values[name], m)
                states[name] = np.repeat(one.states[name], m)
            return Table(codec.schema, values, states)

        return enforce(draw, n, rules, rng, keep=fixed)

    def _sharpness(self) -> list[Sharpness]:
        from salus.synth.generate.net.draw import Sharpness

        numbers = Sharpness(
            self.temperature if self.number_temperature is None else self.number_temperature,
            self.top_p if self.number_top_p is None else self.number_top_p,
        )
        levels = Sharpness(self.temperature, self.top_p)
        coders = self._fitted().codec.coders
        return [numbers if c.column.is_numeric else levels for c in coders]

    def log_prob(self, table: Table) -> NDArray[np.float64]:
        """Return each row's log density, (n,), in nats; numbers on their normal scores' scale."""
        return self._fitted().log_prob(table)

    def card(self) -> dict[str, Any]:
        """Return kind, options, how it was fitted, and the columns, as plain JSON values."""
        fitted = self._fitted()
        return {
            "kind": self.kind,
            "columns": fitted.codec.names,
            "sub_models": len(fitted.weights),
            **self.account_,
        }

    def save(self, path: str | Path) -> None:
        """Write the model as one file of JSON and arrays."""
        plain, arrays = self._fitted().to_dict()
        own = {"account": self.account_, "drawing": {n: getattr(self, n) for n in DRAWING}}
        write_model(path, self.kind, {**plain, **own}, arrays)

    @classmethod
    def restore(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted model from ``save``'s content.

        Raises
        ------
        MissingExtra
            Without PyTorch.
        """
        need_torch()
        from salus.synth.generate.net.fitted import Fitted

        model = cls(**plain["drawing"])
        model.fitted_ = Fitted.from_dict(plain, arrays)
        model.account_ = dict(plain["account"])
        return model


DRAWING = ("temperature", "top_p", "number_temperature", "number_top_p")


def need_torch() -> None:
    """Raise where PyTorch isn't installed.

    Raises
    ------
    MissingExtra
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(
            "torch isn't installed, with which the networks of 'net' are trained.",
            remedy="Install it with: pip install 'salus[net]'",
        )
