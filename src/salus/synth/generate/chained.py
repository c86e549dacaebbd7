"""What the generators that are chains share: fitting, sampling, conditions, files, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from salus.synth.errors import NotFitted, OptionError, TooFewPeople
from salus.synth.generate.cell_stage import CellPart, CellStage
from salus.synth.generate.conditions import as_rows, pick_one
from salus.synth.generate.enforce import enforce
from salus.synth.generate.linear import Ridge
from salus.synth.generate.logit import Logit
from salus.synth.generate.number_stage import NumberPart, NumberStage
from salus.synth.generate.predictors import Predictors
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.generate.sequence import Chain, Step
from salus.synth.generate.stage import Shrinkage, Stage
from salus.synth.generate.store import write_model
from salus.synth.generate.trees import Trees
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["ChainGenerator", "people_of", "refuse_too_few"]

LEAST_PEOPLE = 10


@dataclass(kw_only=True)
class ChainGenerator:
    """Fit, sample, save and load a chain; a generator says only how it learns one."""

    kind: ClassVar[str] = ""

    chain_: Chain = field(init=False, repr=False, compare=False)
    account_: dict[str, Any] = field(init=False, repr=False, compare=False)

    def _learn(
        self, table: Table, reference: Table | None, rng: np.random.Generator
    ) -> tuple[Chain, dict[str, Any]]:
        raise NotImplementedError

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        """Learn from ``table``.

        Parameters
        ----------
        table : Table
        reference : Table, optional
            People of the same kind that the model is checked against and doesn't learn from.
            Without it each person is checked against the sub-model that left them out.
        seed : int

        Raises
        ------
        TooFewPeople
            If fewer than 10 people or no column are there to learn from.
        """
        refuse_too_few(table)
        rng = np.random.default_rng(seed)
        # one thread: small matrices are quicker so, and sums don't depend on the machine
        with threadpool_limits(1):
            self.chain_, self.account_ = self._learn(table, reference, rng)
        self.account_ |= {"seed": seed, "rows": len(table), "people": table.n_people}
        return self

    def _fitted(self) -> Chain:
        chain: Chain | None = getattr(self, "chain_", None)
        if chain is None:
            raise NotFitted("the model isn't fitted.", remedy="Call fit(table, seed=...) first.")
        return chain

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        """Draw ``n`` rows that obey every rule of the schema.

        Parameters
        ----------
        n : int
            At least 1.
        given : mapping of column to value, optional
            Columns held at a value; the others follow their distribution given these. Any column
            may be given: candidates drawn along the chain are weighed by the exact conditional
            likelihood of the given values and one is picked (sampling importance resampling,
            Rubin 1988).
        seed : int

        Returns
        -------
        Sampled
            Exactly ``n`` rows, or those that could be made and a ``Shortfall`` that says why.
        """
        chain = self._fitted()
        if n < 1:
            raise OptionError(f"n must be at least 1, got {n}.")
        rng = np.random.default_rng(seed)
        rules = rules_of(chain.schema)
        fixed = frozenset(given or {})
        if not fixed:
            return enforce(lambda m, r: chain.draw(m, r)[0], n, rules, rng)
        assert given is not None
        one = as_rows(chain.schema, given, 1)
        impossible = [0]

        def draw(m: int, r: np.random.Generator) -> Table:
            table, missed = pick_one(chain, one, fixed, m, r)
            impossible[0] += missed
            return table

        out = enforce(draw, n, rules, rng, keep=tuple(sorted(fixed)))
        if impossible[0]:
            names = ", ".join(sorted(fixed))
            short = Shortfall(
                n, 0, f"the condition on {names}", 0.0, "No such person is conceivable here."
            )
            return Sampled(out.table.take(np.zeros(0, int)), short)
        return out

    def log_prob(self, table: Table) -> NDArray[np.float64]:
        """Return each row's log density, (n,), in nats; numbers on their normal scores' scale."""
        return self._fitted().log_prob(table)

    def card(self) -> dict[str, Any]:
        """Return kind, options, how it was fitted, and the columns, as plain JSON values."""
        chain = self._fitted()
        return {
            "kind": self.kind,
            "columns": list(chain.predictors),
            "sub_models": chain.n_parts,
            **self.account_,
        }

    def save(self, path: str | Path) -> None:
        """Write the model as one file of JSON and arrays."""
        plain, arrays = _chain_to_dict(self._fitted())
        write_model(path, self.kind, {**plain, "account": self.account_}, arrays)

    @classmethod
    def restore(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild a fitted model from ``save``'s content."""
        model = cls()
        model.chain_ = _chain_from_dict(plain, arrays)
        model.account_ = dict(plain["account"])
        return model


def refuse_too_few(table: Table) -> None:
    """Raise where there is nothing to learn from."""
    if table.n_people < LEAST_PEOPLE:
        raise TooFewPeople(
            f"{table.n_people} people are too few to learn from.",
            remedy=f"At least {LEAST_PEOPLE} are needed, and some hundred to be worth it.",
        )
    if not table.schema.modelled:
        raise TooFewPeople("no column is left to model.", remedy="Drop fewer columns.")


def people_of(table: Table, parts: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a fold for each row, (n,), people whole and folds of like size and outcome."""
    people, first, inverse = np.unique(table.people, return_index=True, return_inverse=True)
    parts = max(2, min(parts, len(people)))
    outcome = table.schema.outcome
    key = rng.random(len(people))
    if outcome is not None and outcome.is_modelled:
        value = np.nan_to_num(table.values[outcome.name][first].astype(float), nan=-1e300)
        order = np.lexsort((key, value))
    else:
        order = np.argsort(key)
    fold = np.empty(len(people), np.intp)
    start = int(rng.integers(parts))
    fold[order] = (np.arange(len(people)) + start) % parts
    return fold[inverse]


def _chain_to_dict(chain: Chain) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    arrays: dict[str, NDArray[Any]] = {}
    predictors = []
    for i, (name, predictor) in enumerate(chain.predictors.items()):
        plain, mine = predictor.to_dict()
        predictors.append({"column": name, **plain})
        arrays |= {f"predictor{i}.{k}": v for k, v in mine.items()}
    steps = []
    for i, step in enumerate(chain.steps):
        s = step.stage.shrinkage
        parts: list[dict[str, Any]] = []
        if isinstance(step.stage, CellStage):
            arrays[f"step{i}.frequency"] = step.stage.frequency
        assert isinstance(step.stage, CellStage | NumberStage)
        fitted: Sequence[CellPart | NumberPart] = step.stage.parts
        for k, part in enumerate(fitted):
            plain, mine = _part_to_dict(part)
            parts.append(plain)
            arrays |= {f"step{i}.part{k}.{name}": a for name, a in mine.items()}
        steps.append(
            {
                "column": step.column,
                "kind": step.kind,
                "kappa": s.kappa,
                "bandwidth": s.bandwidth,
                "weight": s.weight,
                "parts": parts,
            }
        )
    plain_chain = {
        "schema": chain.schema.to_dict(),
        "predictors": predictors,
        "steps": steps,
        "n_parts": chain.n_parts,
    }
    return plain_chain, arrays


_RIDGE = ("weights", "intercept")
_LOGIT = ("classes", "weights", "intercept")


def _part_to_dict(
    part: CellPart | NumberPart,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    arrays: dict[str, NDArray[Any]] = {f"trees.{n}": a for n, a in part.trees.to_arrays().items()}
    if isinstance(part, CellPart):
        arrays |= {f"logit.{n}": getattr(part.logit, n) for n in _LOGIT}
        return {"pair": part.logit.pair}, arrays
    arrays["centers"] = part.centers
    if part.ridge is not None:
        arrays |= {f"ridge.{n}": getattr(part.ridge, n) for n in _RIDGE}
    return {"spread": part.spread, "linear": part.ridge is not None}, arrays


def _chain_from_dict(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Chain:
    schema = Schema.from_dict(plain["schema"])

    def under(prefix: str) -> dict[str, NDArray[Any]]:
        return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}

    predictors = {
        p["column"]: Predictors.from_dict(schema[p["column"]], p, under(f"predictor{i}."))
        for i, p in enumerate(plain["predictors"])
    }
    steps = []
    for i, step in enumerate(plain["steps"]):
        shrinkage = Shrinkage(step["kappa"], step["bandwidth"], step["weight"])
        mine = [under(f"step{i}.part{k}.") for k in range(len(step["parts"]))]
        stage: Stage
        if step["kind"] == "cell":
            frequency = arrays[f"step{i}.frequency"]
            cells = [
                CellPart(
                    Logit(
                        **{n: a[f"logit.{n}"] for n in _LOGIT}, frequency=frequency, pair=p["pair"]
                    ),
                    _trees(a),
                )
                for p, a in zip(step["parts"], mine, strict=True)
            ]
            stage = CellStage(tuple(cells), frequency, shrinkage)
        else:
            numbers = [
                NumberPart(
                    Ridge(**{n: a[f"ridge.{n}"] for n in _RIDGE}) if p["linear"] else None,
                    _trees(a),
                    a["centers"],
                    p["spread"],
                )
                for p, a in zip(step["parts"], mine, strict=True)
            ]
            stage = NumberStage(tuple(numbers), shrinkage)
        steps.append(Step(step["column"], step["kind"], stage))
    return Chain(schema, predictors, tuple(steps), int(plain["n_parts"]))


def _trees(arrays: Mapping[str, NDArray[Any]]) -> Trees:
    return Trees.from_arrays({n[6:]: a for n, a in arrays.items() if n.startswith("trees.")})
