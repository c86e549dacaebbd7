"""What judging a setting leaves: its audit, the model that would be released, and its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from salus.synth.audit.finding import Audit
from salus.synth.generate.protocol import Generator, Shortfall
from salus.synth.table.table import Table

__all__ = ["Judged", "Progress", "unmade"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Judged:
    """Hold one setting's audit, with the model that would be released and its rows."""

    audit: Audit
    model: Generator
    synthetic: Table
    shortfall: Shortfall | None


def unmade(make: Callable[[], Generator], table: Table, seed: int, shortfall: Shortfall) -> Judged:
    """Return the refusal of rows that can't be made."""
    audit = Audit(findings=(), subject="nothing: too few rows obey the rules")
    return Judged(audit, make().fit(table, seed=seed), table.take(np.zeros(0, int)), shortfall)
