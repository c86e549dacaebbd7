"""What is to be predicted, from which columns, and for which rows that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.utility.models import chances, guesses, risks
from salus.synth.measure.estimate import CannotJudge
from salus.synth.measure.features import Features
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["Task", "survival_task", "task"]

Floats = NDArray[np.float64]
FARTHEST = 20.0  # standard deviations; beyond them a linear model would follow one value
EVENTS = frozenset({"1", "true", "yes", "dead", "death", "died", "deceased", "event"})


@dataclass(frozen=True)
class Task:
    """Name an outcome and predict it.

    Parameters
    ----------
    kind : {"classes", "numbers", "survival"}
    outcome : Column
    time : Column, optional
        The time of follow-up. It's never a predictor: how long somebody was followed tells whether
        the event came.
    event : int, optional
        The level that is the event, for survival.
    """

    kind: Literal["classes", "numbers", "survival"]
    outcome: Column
    time: Column | None = None
    event: int | None = None

    def known(self, table: Table) -> NDArray[np.intp]:
        """Return the rows whose outcome is known."""
        here = table.states[self.outcome.name] == PRESENT
        if self.kind == "survival" and self.time is not None:
            here &= table.states[self.time.name] == PRESENT
        return np.flatnonzero(here)

    def truth(self, table: Table) -> NDArray[Any]:
        """Return the outcome: levels or numbers (n,), or time and event (n, 2)."""
        value = table.values[self.outcome.name]
        if self.kind == "classes":
            return value.astype(np.intp)
        if self.kind == "numbers" or self.time is None:
            return value.astype(float)
        time = table.values[self.time.name].astype(float)
        return np.column_stack([time, value == self.event])

    def predict(self, fit: Table, on: Sequence[Table], seed: int) -> list[Floats]:
        """Return the predictions of models learnt from one table for others, (models, n, ...)."""
        truth = self.truth(fit)
        x, *others = self._features(fit, on)
        if self.kind == "classes":
            return chances(x, truth, others, len(self.outcome.levels), seed)
        if self.kind == "numbers":
            return guesses(x, truth, others, seed)
        return risks(x, truth[:, 0], truth[:, 1] > 0, others, seed)

    def _features(self, fit: Table, on: Sequence[Table]) -> list[Floats]:
        tables = [self._predictors(t) for t in (fit, *on)]
        features = Features.fit(tables[0], without=self.outcome.name)
        every = [np.clip(features.transform(t), -FARTHEST, FARTHEST) for t in tables]
        if every[0].shape[1]:
            return every
        return [np.zeros((len(x), 1)) for x in every]  # there is no other column

    def _predictors(self, table: Table) -> Table:
        """Return the table without the time of follow-up."""
        if self.time is None:
            return table
        name = self.time.name
        schema = Schema([c for c in table.schema.columns if c.name != name])
        values = {k: v for k, v in table.values.items() if k != name}
        states = {k: v for k, v in table.states.items() if k != name}
        return Table(schema, values, states, table.people)


def task(schema: Schema) -> Task | CannotJudge:
    """Return the prediction of the outcome's classes or numbers."""
    outcome = schema.outcome
    if outcome is None or not outcome.is_modelled:
        return CannotJudge("no outcome was named, so no prediction can be judged")
    return Task("classes" if outcome.is_levelled else "numbers", outcome, schema.time)


def survival_task(schema: Schema) -> Task | CannotJudge | None:
    """Return the prediction of the time to the event; None without a column for the time."""
    plain = task(schema)
    if schema.time is None or isinstance(plain, CannotJudge):
        return None if schema.time is None else plain
    if plain.kind != "classes":
        return CannotJudge("the outcome is a number, so there is no event to wait for")
    event = _event(plain.outcome)
    if event is None:
        return CannotJudge("name the event: which level of the outcome it is can't be told")
    return replace(plain, kind="survival", event=event)


def _event(outcome: Column) -> int | None:
    """Return the level that is the event: the one named, or one of two that says so itself."""
    if outcome.event is not None:
        return outcome.levels.index(outcome.event)
    like = [k for k, level in enumerate(outcome.levels) if level.strip().casefold() in EVENTS]
    return like[0] if len(outcome.levels) == 2 and len(like) == 1 else None
