"""A generator as paper mode drives it: its constraint in training, its ways of drawing rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate import KINDS
from salus.synth.generate.protocol import Generator

__all__ = ["LEVERS", "SLACKS", "Backbone"]

LEVERS = ("temperature", "top_p")
SLACKS = (8.0, 0.1)  # of the training's limits at strictness just above 0, and at 1


@dataclass(frozen=True)
class Backbone:
    """Name a generator and what is set for the whole run.

    Parameters
    ----------
    name : str
        One of ``salus.synth.generate.KINDS()``.
    budget : Budget
        Whose limits, times a slack, constrain the training.
    options : mapping
        Further arguments of the generator; what stands here is not varied.

    Raises
    ------
    OptionError
        If there is no such generator, or it takes no such option.
    """

    name: str
    budget: Budget = field(default_factory=Budget)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = KINDS()
        if self.name not in known:
            raise OptionError(
                f"there is no generator {self.name!r}.",
                remedy=f"Known: {', '.join(sorted(known))}.",
            )
        unknown = sorted(set(self.options) - self.arguments)
        if unknown:
            raise OptionError(f"the generator {self.name!r} takes no option {unknown[0]!r}.")

    @property
    def arguments(self) -> set[str]:
        """What the generator's constructor takes."""
        return {f.name for f in dataclasses.fields(KINDS()[self.name]) if f.init}

    @property
    def is_constrained(self) -> bool:
        """Whether its training has limits whose strictness can be varied."""
        return {"budget", "slack"} <= self.arguments - set(self.options)

    @property
    def levers(self) -> tuple[str, ...]:
        """What changes how rows are drawn, and not the training."""
        return tuple(k for k in LEVERS if k in self.arguments - set(self.options))

    def slack(self, strictness: float) -> float | None:
        """Return the factor of the training's limits, from 8 to 0.1; None at 0, without limits.

        Parameters
        ----------
        strictness : float
            0 to 1.
        """
        if not self.is_constrained or strictness <= 0:
            return None
        loose, tight = SLACKS
        return float(loose * (tight / loose) ** strictness)

    def make(self, strictness: float) -> Generator:
        """Return the unfitted generator, which draws at temperature 1 and from everything."""
        arguments = {**dict.fromkeys(self.levers, 1.0), **self.options}
        slack = self.slack(strictness)
        if slack is not None:
            arguments["slack"] = slack
        if "budget" in self.arguments - set(self.options):
            off = self.is_constrained and slack is None
            arguments["budget"] = None if off else self.budget
        model: Generator = KINDS()[self.name](**arguments)
        return model

    def drawing(self, model: Generator, setting: Mapping[str, float]) -> Generator:
        """Return the fitted model drawing rows by another setting; ``model`` stays as it is."""
        other = copy(model)
        for name, value in setting.items():
            setattr(other, name, value)
        return other
