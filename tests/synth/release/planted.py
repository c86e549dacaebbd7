"""A generator whose risk is known: it hands out as many of its people as the budget lets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from salus.synth.audit.anchors import independent_columns
from salus.synth.budget import Budget
from salus.synth.errors import Infeasible
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.table.table import Table

__all__ = ["Copying", "Refusing", "Scarce"]

LEAST = 0.02  # the share of copies that it can't go below


@dataclass(kw_only=True)
class Copying:
    """Copy a share of the people, the limit on membership; draw the other columns on their own."""

    kind: ClassVar[str] = "copying"

    budget: Budget | None = field(default_factory=Budget)
    slack: float = 1.7

    @property
    def limit(self) -> float | None:
        return None if self.budget is None else self.budget.membership

    @property
    def share(self) -> float:
        return 1.0 if self.limit is None else max(self.limit, LEAST)

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Copying:
        self.table = table
        return self

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        rng = np.random.default_rng(seed)
        rows = rng.permutation(np.arange(n) % len(self.table))
        copied = round(self.share * n)
        loose = independent_columns(self.table, rng)
        return Sampled(Table.concat([self.table.take(rows[:copied]), loose.take(rows[copied:])]))

    def card(self) -> dict[str, Any]:
        risk = {"name": "membership gap", "value": self.share, "without": 1.0}
        limited = [] if self.limit is None else [{**risk, "limit": self.limit, "multiplier": 3.0}]
        return {
            "kind": self.kind,
            "constraint": {
                "risks": limited,
                "utility": self.share,
                "utility_without": 1.0,
                "feasible": self.limit is None or self.share <= self.limit,
                "message": "",
                "trace": [],
            },
        }


class Refusing(Copying):
    """Refuse a limit under which nothing can be copied before any training."""

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Refusing:
        if self.limit is not None and self.limit < LEAST:
            raise Infeasible("no setting meets the limit.", remedy=f"The nearest is {LEAST}.")
        super().fit(table, reference=reference, seed=seed)
        return self


class Scarce(Copying):
    """Find no rows that obey the rules where the limit is strict."""

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        sampled = super().sample(n, given=given, seed=seed)
        if self.limit is None or self.limit >= LEAST:
            return sampled
        return Sampled(sampled.table, Shortfall(n, n // 2, "age is at least 18", 0.5, ""))
