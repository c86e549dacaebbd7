"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["CannotJudge", "Estimate"]


@dataclass(frozen=True)
class Estimate:
    """Hold a value and its interval.

    Parameters
    ----------
    value, low, high : float
        Point estimate and two-sided interval, ``low <= value <= high``.
    n : int
        Number of people (or rows) behind it.
    method : str
        How the interval was made, such as ``wilson`` or ``bootstrap by person``.
    level : float
        Coverage of the interval.
    """

    value: float
    low: float
    high: float
    n: int
    method: str
    level: float = 0.95

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) for x in (self.value, self.low, self.high)):
            raise ValueError("an estimate must be finite; use CannotJudge")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"not low <= value <= high: {self.low}, {self.value}, {self.high}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "value": float(self.value),
            "low": float(self.low),
            "high": float(self.high),
            "n": self.n,
            "method": self.method,
            "level": self.level,
        }


@dataclass(frozen=True)
class CannotJudge:
    """Say why a figure could not be computed or decided.

    Parameters
    ----------
    reason : str
        One sentence for a reader who was not there.
    needed : int, optional
        Number of people that would decide, where it can be told.
    """

    reason: str
    needed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"cannot_judge": self.reason, "needed": self.needed}
