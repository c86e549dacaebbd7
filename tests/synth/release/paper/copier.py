"""A generator whose privacy is known: so many of its rows are training rows, the others are loose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from salus.synth.audit.anchors import independent_columns
from salus.synth.budget import Budget
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.table.table import Table

__all__ = ["Copier", "Plain"]


@dataclass(kw_only=True)
class Plain:
    """Copy 60 % of the rows, without limits in training and without levers."""

    log: ClassVar[list[tuple[Any, ...]]] = []
    share: float = 0.6

    table_: Table = field(init=False, repr=False, compare=False)
    account_: dict[str, Any] = field(init=False, repr=False, compare=False)

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        assert reference is not None
        self.log.append(("fit", seed, table, reference))
        self.table_, self.account_ = table, {"constraint": {"feasible": True}}
        return self

    @property
    def copied(self) -> float:
        return self.share

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        self.log.append(("sample", seed, n, self.setting))
        rng = np.random.default_rng(seed)
        rows = self.table_.take(rng.integers(0, len(self.table_), n))
        rows = Table(rows.schema, rows.values, rows.states)
        loose, lot = _far(independent_columns(rows, rng)), rng.random(n) < self.copied
        made = Table.concat([rows.take(lot), loose.take(~lot)])
        return Sampled(Table(made.schema, made.values, made.states))

    @property
    def setting(self) -> tuple[float, ...]:
        return ()


def _far(table: Table) -> Table:
    """Return the rows with ages that are nobody's, so that they cost utility."""
    ages = table.values["age"].astype(float)
    return table.replace("age", 130 - ages)


@dataclass(kw_only=True)
class Copier(Plain):
    """Copy the more, the looser its limits, the colder it is and the less of the tail it draws."""

    budget: Budget | None = field(default_factory=Budget)
    slack: float = 1.7
    temperature: float = 1.0
    top_p: float = 1.0
    fails_at: float = 0.0  # temperature from which on no row obeys the rules

    @property
    def setting(self) -> tuple[float, ...]:
        return self.temperature, self.top_p

    @property
    def copied(self) -> float:
        limited = 1.0 if self.budget is None else min(1.0, self.slack / 8)
        return min(1.0, self.share * limited * (2 - self.top_p) / self.temperature**2)

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        drawn = super().sample(n, given=given, seed=seed)
        if self.fails_at and self.temperature >= self.fails_at:
            return Sampled(drawn.table.take(np.arange(0)), Shortfall(n, 0, "a rule", 0.0, "Relax."))
        return drawn
