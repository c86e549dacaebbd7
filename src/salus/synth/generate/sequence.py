"""A table's distribution as a chain: each column given the columns before it.

A levelled column is one *cell* stage (missing states are cells). A numeric column is a cell stage
for its state, where anything is ever missing, and a *number* stage for the value that is there. So
missingness depends on the columns before it, and later columns depend on it.

The chain is an ensemble of sub-models, each learnt from all people but one fold. Every row is drawn
from one sub-model. Every person was out of exactly one, which gives each person's likelihood with
and without having been learnt from: the pair on which the privacy constraint acts. What all sub-models
share, the columns' single distributions (``margins.py``, the cells' frequencies), comes from everyone;
so the pair sees what relations give away, and the audit of the table the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from salus.synth.generate.cell_stage import CellPart, CellStage
from salus.synth.generate.number_stage import NumberPart, NumberStage
from salus.synth.generate.predictors import Predictors, from_cells, level_cells, n_level_cells
from salus.synth.generate.stage import Growth, Seen, Stage
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["Chain", "Step", "fit_chain"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Step:
    """Name one stage of the chain: the state or level of a column, or its number."""

    column: str
    kind: Literal["cell", "number"]
    stage: Stage


@dataclass(frozen=True)
class Chain:
    """Hold the columns in their modelling order and the stages that draw them.

    Parameters
    ----------
    schema : Schema
    predictors : mapping of str to Predictors, in modelling order
    steps : tuple of Step
    n_parts : int
        Number of sub-models.
    """

    schema: Schema
    predictors: Mapping[str, Predictors]
    steps: tuple[Step, ...]
    n_parts: int

    def columns_before(self, name: str) -> list[str]:
        """Return the columns that the stages of ``name`` are conditioned on."""
        names = list(self.predictors)
        return names[: names.index(name)]

    def draw(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        given: Table | None = None,
        fixed: frozenset[str] = frozenset(),
    ) -> tuple[Table, Floats]:
        """Draw n rows; return them and the log weight of each, (n,).

        Columns named in ``fixed`` are copied from ``given`` (n rows) instead of drawn, and the log
        weight is their conditional log density: what an importance sampler needs.
        """
        part = rng.permutation(np.arange(n) % self.n_parts)
        values: dict[str, NDArray[np.generic]] = {}
        states: dict[str, NDArray[np.int8]] = {}
        weight = np.zeros(n)
        x = np.zeros((n, 0))
        by_column = _by_column(self.steps)
        for name, predictor in self.predictors.items():
            column = predictor.column
            if name in fixed and given is not None:
                values[name], states[name] = given.values[name], given.states[name]
                for step in by_column.get(name, ()):
                    rows, low, high = _observed(given, predictor, step.kind)
                    seen = step.stage.seen(x[rows], part[rows], low, high)
                    weight[rows] += step.stage.log_prob(seen)[0]
                weight[_inconceivable(given, predictor)] = -np.inf
            else:
                values[name], states[name] = self._draw_column(
                    predictor, by_column.get(name, ()), x, part, rng
                )
            one = Table(Schema([column]), {name: values[name]}, {name: states[name]})
            x = np.hstack([x, predictor.transform(one)])
        return Table(self.schema, values, states), weight

    def _draw_column(
        self,
        predictor: Predictors,
        steps: Sequence[Step],
        x: Floats,
        part: Ints,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.generic], NDArray[np.int8]]:
        column, n = predictor.column, len(x)
        if column.is_levelled:
            cells = steps[0].stage.draw(x, part, rng).astype(np.intp)
            return from_cells(cells, column)
        state = np.full(n, predictor.states[0], np.int8)
        value = np.full(n, np.nan)
        for step in steps:
            if step.kind == "cell":
                state = np.array(predictor.states, np.int8)[
                    step.stage.draw(x, part, rng).astype(np.intp)
                ]
            else:
                rows = np.flatnonzero(state == PRESENT)
                z = step.stage.draw(x[rows], part[rows], rng)
                assert predictor.margin is not None
                value[rows] = predictor.margin.decode(z)
        return value, state

    def observe(self, table: Table, part: Ints) -> list[tuple[Ints, Seen]]:
        """Prepare ``table`` (n rows, each with its sub-model) for the stages' likelihoods."""
        return list(self._observe(table, part))

    def _observe(self, table: Table, part: Ints) -> list[tuple[Ints, Seen]]:
        out = []
        x = np.zeros((len(table), 0))
        by_column = _by_column(self.steps)
        for name, predictor in self.predictors.items():
            for step in by_column.get(name, ()):
                rows, low, high = _observed(table, predictor, step.kind)
                out.append((rows, step.stage.seen(x[rows], part[rows], low, high)))
            x = np.hstack([x, predictor.transform(table)])
        return out

    def log_prob(self, table: Table) -> Floats:
        """Return the log density of each row under the whole ensemble, (n,), in nats.

        Numbers count on the scale of their normal scores, heaped values by their probability.
        """
        n = len(table)
        each = np.zeros((self.n_parts, n))
        for k in range(self.n_parts):
            seen = self.observe(table, np.full(n, k, np.intp))
            for step, (rows, one) in zip(self.steps, seen, strict=True):
                each[k, rows] += step.stage.log_prob(one)[0]
        return np.asarray(logsumexp(each, axis=0) - np.log(self.n_parts))

    def with_stages(self, stages: Sequence[Stage]) -> Chain:
        """Return the chain with other stages in the same places."""
        steps = [replace(s, stage=t) for s, t in zip(self.steps, stages, strict=True)]
        return replace(self, steps=tuple(steps))


def _inconceivable(table: Table, predictor: Predictors) -> NDArray[np.bool_]:
    """Return the rows (n,) whose number or state the column never takes in this model."""
    name = predictor.column.name
    state = table.states[name]
    if predictor.column.is_levelled:
        return np.zeros(len(table), bool)
    out = ~np.isin(state, predictor.states)
    if predictor.margin is not None:
        ends = predictor.margin.decode(np.array([-1.0, 1.0]) * predictor.margin.reach)
        value = table.values[name].astype(float)
        here = state == PRESENT
        out[here] |= (value[here] < ends[0]) | (value[here] > ends[1])
    return out


def _by_column(steps: Sequence[Step]) -> dict[str, list[Step]]:
    out: dict[str, list[Step]] = {}
    for step in steps:
        out.setdefault(step.column, []).append(step)
    return out


def _observed(table: Table, predictor: Predictors, kind: str) -> tuple[Ints, Floats, Floats]:
    """Return the rows to which a step applies and the cell or score interval of each."""
    name, column = predictor.column.name, predictor.column
    state = table.states[name]
    if kind == "cell":
        if column.is_levelled:
            cell = level_cells(table, column).astype(float)
        else:
            place = {s: i for i, s in enumerate(predictor.states)}
            cell = np.array([place.get(int(s), 0) for s in state], float)
        return np.arange(len(table)), cell, cell
    rows = np.flatnonzero(state == PRESENT)
    assert predictor.margin is not None
    low, high = predictor.margin.interval(table.values[name][rows].astype(float))
    return rows, low, high


def fit_chain(
    table: Table,
    order: Sequence[Column],
    fold: Ints,
    *,
    growth: Growth,
    rng: np.random.Generator,
) -> Chain:
    """Learn a chain.

    Parameters
    ----------
    table : Table
        n rows.
    order : sequence of Column
        The columns in the order in which they are drawn.
    fold : int array (n,)
        The sub-model that each row stays out of; all -1 for a single model that sees everyone.
    """
    parts = max(int(fold.max()) + 1, 1)
    inside = [
        np.flatnonzero(fold != k) if fold.max() >= 0 else np.arange(len(fold)) for k in range(parts)
    ]
    predictors: dict[str, Predictors] = {}
    steps: list[Step] = []
    x = np.zeros((len(table), 0))
    for column in order:
        predictor = Predictors.fit(table, column)
        steps += [
            Step(column.name, kind, _fit_stage(table, predictor, kind, x, inside, growth, rng))
            for kind in _step_kinds(predictor)
        ]
        here = predictor.transform(table)
        predictors[column.name] = predictor
        x = np.hstack([x, here])
    return Chain(table.schema, predictors, tuple(steps), parts)


def _step_kinds(predictor: Predictors) -> list[Literal["cell", "number"]]:
    if predictor.column.is_levelled:
        return ["cell"]
    kinds: list[Literal["cell", "number"]] = []
    if len(predictor.states) > 1:
        kinds.append("cell")
    if predictor.margin is not None:
        kinds.append("number")
    return kinds


def _fit_stage(
    table: Table,
    predictor: Predictors,
    kind: str,
    x: Floats,
    inside: Sequence[Ints],
    growth: Growth,
    rng: np.random.Generator,
) -> Stage:
    column = predictor.column
    if kind == "cell":
        _, cell, _ = _observed(table, predictor, kind)
        n_cells = n_level_cells(column) if column.is_levelled else len(predictor.states)
        cells = cell.astype(np.intp)
        count = np.bincount(cells, minlength=n_cells)
        frequency = count / count.sum()
        return CellStage(
            tuple(
                CellPart.fit(x[rows], cells[rows], frequency, growth=growth, rng=rng)
                for rows in inside
            ),
            frequency,
        )
    present = table.states[column.name] == PRESENT
    assert predictor.margin is not None
    z = np.zeros(len(table))
    z[present] = predictor.margin.dequantise(table.values[column.name][present].astype(float), rng)
    # a sub-model none of whose people has a value learns from all who have one
    within = [rows[present[rows]] for rows in inside]
    within = [rows if len(rows) else np.flatnonzero(present) for rows in within]
    bins = int(np.clip(min(len(r) for r in within) // 8, 1, growth.bins))
    return NumberStage(
        tuple(NumberPart.fit(x[r], z[r], growth=growth, bins=bins, rng=rng) for r in within)
    )
