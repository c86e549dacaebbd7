"""What every generator does, whatever it is inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from salus.synth.table.table import Table

__all__ = ["Generator", "Sampled", "Shortfall", "WithLikelihood"]


@dataclass(frozen=True)
class Shortfall:
    """Say why fewer rows than asked could be drawn.

    Parameters
    ----------
    asked, made : int
        Rows wanted and rows that obey every rule.
    rule : str
        The rule (or condition) that most candidate rows broke.
    accepted : float
        Share of the candidate rows that obeyed every rule.
    remedy : str
        The nearest thing that would help.
    """

    asked: int
    made: int
    rule: str
    accepted: float
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.made} of {self.asked} rows: {self.accepted:.2%} of the candidates obey "
            f"{self.rule}. {self.remedy}"
        )


@dataclass(frozen=True)
class Sampled:
    """Hold the rows drawn: exactly as many as asked, or a ``Shortfall`` beside them."""

    table: Table
    shortfall: Shortfall | None = None


@runtime_checkable
class Generator(Protocol):
    """Learn a table and draw new rows.

    The constructor keeps its arguments and computes nothing. What is learnt ends in ``_``.
    """

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        """Learn from ``table``; ``reference`` holds people the model may be checked against."""
        ...

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        """Draw ``n`` rows, of which the columns in ``given`` hold the values asked for."""
        ...

    def save(self, path: str | Path) -> None:
        """Write the model as JSON and arrays, without any training row."""
        ...

    def card(self) -> dict[str, Any]:
        """Return what the model is and how it was fitted, as plain JSON values."""
        ...


@runtime_checkable
class WithLikelihood(Generator, Protocol):
    """Tell, besides, how likely a row is; a GAN can't."""

    def log_prob(self, table: Table) -> NDArray[np.float64]:
        """Return the log density of each row, (n,), in nats on the model's own scale."""
        ...
