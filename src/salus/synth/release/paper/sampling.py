"""The sampling stage: of finitely many settings, the one of most Q whose P is at least P_min.

Every setting has been scored already, so the answer is a filter and needs no multiplier. All are
drawn from one trained model with one list of seeds and as many rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salus.synth.errors import OptionError
from salus.synth.release.paper.bench import Scores

__all__ = ["Grid", "Tried", "choose", "nearest"]


@dataclass(frozen=True)
class Grid:
    """Hold the settings that rows are drawn by; the published ones by default.

    Parameters
    ----------
    temperatures : tuple of float
        Above 0.
    top_p : tuple of float
        Above 0 and at most 1.

    Examples
    --------
    >>> Grid.parse("0.7,1x0.9").settings(("temperature", "top_p"))
    ({'temperature': 0.7, 'top_p': 0.9}, {'temperature': 1.0, 'top_p': 0.9})
    >>> len(Grid().settings(("temperature", "top_p"))), Grid().settings(())
    (25, ({},))
    """

    temperatures: tuple[float, ...] = (0.7, 0.9, 1.0, 1.1, 1.3)
    top_p: tuple[float, ...] = (0.9, 0.95, 0.98, 0.99, 1.0)

    def __post_init__(self) -> None:
        if not (self.temperatures and self.top_p):
            raise OptionError("the grid needs a temperature and a top-p.")
        if not all(0 < t < float("inf") for t in self.temperatures):
            raise OptionError("temperatures must be positive.")
        if not all(0 < p <= 1 for p in self.top_p):
            raise OptionError("top-p must be above 0 and at most 1.")

    @classmethod
    def parse(cls, text: str) -> Grid:
        """Read ``TEMPERATURES x TOP_PS``, each a list with commas."""
        parts = text.lower().split("x")
        try:
            lists = [tuple(float(v) for v in part.split(",")) for part in parts]
        except ValueError as error:
            raise OptionError("the grid holds a word.", remedy=_FORM) from error
        if len(lists) != 2:
            raise OptionError("the grid has no two lists.", remedy=_FORM)
        return cls(*lists)

    def settings(self, levers: Sequence[str]) -> tuple[dict[str, float], ...]:
        """Return the settings of a generator that has these levers; one without any."""
        out: list[dict[str, float]] = [{}]
        for name, values in (("temperature", self.temperatures), ("top_p", self.top_p)):
            if name in levers:
                out = [{**before, name: v} for before in out for v in values]
        return tuple(out)


_FORM = "Give it as 0.7,1,1.3x0.9,1: temperatures, an x, top-ps."


@dataclass(frozen=True)
class Tried:
    """Hold one setting with its scores, or why it has none."""

    setting: Mapping[str, float]
    scores: Scores | None
    shortfall: str = ""

    def to_dict(self, p_min: float) -> dict[str, Any]:
        """Return plain JSON values."""
        out: dict[str, Any] = {"setting": dict(self.setting)}
        if self.scores is None:
            return {**out, "shortfall": self.shortfall, "feasible": False}
        return {**out, **self.scores.to_dict(), "feasible": self.scores.privacy >= p_min}


def choose(tried: Sequence[Tried], p_min: float) -> int | None:
    """Return the setting of most Q among those with P at least P_min; None if there is none."""
    met = [
        (-t.scores.utility, k)
        for k, t in enumerate(tried)
        if t.scores is not None and t.scores.privacy >= p_min
    ]
    return min(met)[1] if met else None


def nearest(tried: Sequence[Tried]) -> int | None:
    """Return the setting of the highest P, of these the one of most Q; None if none has scores."""
    known = [
        (-t.scores.privacy, -t.scores.utility, k)
        for k, t in enumerate(tried)
        if t.scores is not None
    ]
    return min(known)[2] if known else None
