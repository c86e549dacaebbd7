"""What judging a setting leaves: its audit, the model that would be released, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from salus.synth.audit.finding import Audit
from salus.synth.generate.protocol import Generator, Shortfall
from salus.synth.table.table import Table

__all__ = ["Choice", "Judged", "Ladders", "Progress", "unmade"]

Progress = Callable[[str, float], None]
Ladders = Sequence[Sequence[tuple[Mapping[str, Any], Callable[[], Generator]]]]
"""For each generator its settings, from the safest to the boldest, each with what makes it."""


@dataclass(frozen=True)
class Judged:
    """Hold one setting's audit, with the model that would be released and its rows."""

    audit: Audit
    model: Generator
    synthetic: Table
    shortfall: Shortfall | None


@dataclass(frozen=True)
class Choice:
    """Hold the setting chosen and what it came to.

    Parameters
    ----------
    judged : Judged
    setting : mapping
        As plain JSON values.
    steps : sequence of mapping
        Every setting tried, with its verdict.
    why : str
        Why this generator and no other; empty where there was none to choose.
    """

    judged: Judged
    setting: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    why: str = ""


def unmade(make: Callable[[], Generator], table: Table, seed: int, shortfall: Shortfall) -> Judged:
    """Return the refusal of rows that can't be made."""
    audit = Audit(findings=(), subject="nothing: too few rows obey the rules")
    return Judged(audit, make().fit(table, seed=seed), table.take(np.zeros(0, int)), shortfall)
