"""What a release may try: settings of a generator, from the safest to the boldest.

Two levers make a setting bolder: the slack of the constraint in training, and how faithfully rows are
drawn from what was learnt (temperature). The order is fixed here, before anything is seen, because
the certified choice spends its error along it (``choose.py``).
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate import KINDS
from salus.synth.generate.protocol import Generator
from salus.synth.generate.shrinkage import SLACK

__all__ = ["AUTO", "Setting", "arguments_of", "drawn_from", "known_generators", "ladders_of"]

AUTO = "auto"
CANDIDATES = ("forest", "copula", "net", "gan")  # of the automatic choice, the quickest first
NEEDS = {"net": "torch", "gan": "torch"}
SLACKS = (0.5, 1.0)
WARM = 1.2  # temperature of the safest setting of a generator that has one
SAMPLING = (
    "temperature",
    "top_p",
    "number_temperature",
    "number_top_p",
)  # what changes the draws and not the fit


@dataclass(frozen=True)
class Setting:
    """Name a generator and what is set.

    Parameters
    ----------
    generator : str
    slack : float, optional
        Of the constraint in training; for generators that take a budget.
    temperature : float, optional
        At which rows are drawn; 1 by default.
    options : mapping
        Further arguments of the generator, as the user gave them.
    """

    generator: str
    slack: float | None = None
    temperature: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what is set as plain JSON values."""
        plain = {"generator": self.generator, "slack": self.slack, "temperature": self.temperature}
        out = {k: v for k, v in plain.items() if v is not None}
        return {**out, "options": dict(self.options)} if self.options else out

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Setting:
        """Rebuild a setting from ``to_dict``'s form."""
        return cls(
            plain["generator"],
            plain.get("slack"),
            plain.get("temperature"),
            plain.get("options", {}),
        )

    def make(self, budget: Budget) -> Generator:
        """Return the unfitted generator."""
        kind = KINDS()[self.generator]
        takes = _arguments(kind)
        mine: dict[str, Any] = {"budget": budget} if "budget" in takes else {}
        if self.slack is not None:
            mine["slack"] = self.slack
        if self.temperature is not None:
            mine["temperature"] = self.temperature
        model: Generator = kind(**{**mine, **self.options})
        return model


def known_generators() -> list[str]:
    """Return what may be asked for: every kind, and the automatic choice."""
    return [*sorted(KINDS()), AUTO]


def ladders_of(
    generator: str, options: Mapping[str, Any], *, small: bool
) -> tuple[list[list[Setting]], tuple[str, ...]]:
    """Return the settings of each generator to be tried, and why others are not.

    Parameters
    ----------
    generator : str
        One of ``known_generators()``.
    options : mapping
        Further arguments of it.
    small : bool
        Whether each setting costs a whole cross-fit. The automatic choice leaves networks out
        then: some twenty fits of theirs take an hour.

    Raises
    ------
    OptionError
        If there is no such generator, or it takes no such option.
    """
    if generator not in known_generators():
        raise OptionError(
            f"there is no generator {generator!r}.",
            remedy=f"Known: {', '.join(known_generators())}.",
        )
    if generator != AUTO:
        return [_ladder(generator, options, small)], ()
    if options:
        raise OptionError(
            f"the option {sorted(options)[0]!r} belongs to one generator.",
            remedy="Name it with --generator.",
        )
    known = [k for k in CANDIDATES if k in KINDS()]
    there = [k for k in known if k not in NEEDS or (_is_installed(k) and not small)]
    left = ", ".join(k for k in known if k not in there)
    why = "as a table of this size costs some twenty fits of each; name one with --generator"
    if not small:
        why = "which need pip install 'salus[net]'"
    return [_ladder(k, {}, small) for k in there], (f"{left}, {why}",) if left else ()


def _ladder(generator: str, options: Mapping[str, Any], small: bool) -> list[Setting]:
    takes = arguments_of(generator, options)
    if "slack" not in takes or "slack" in options:
        return [Setting(generator, options=options)]
    slacks = SLACKS if small else (*SLACKS, SLACK)
    out = [Setting(generator, slack, options=options) for slack in slacks]
    if not small and "temperature" in takes and not set(SAMPLING) & set(options):
        out.insert(0, Setting(generator, slacks[0], WARM, options))
    return out


def arguments_of(generator: str, given: Mapping[str, Any]) -> set[str]:
    """Return the names of a generator's arguments, those ``given`` being among them.

    Raises
    ------
    OptionError
        If one of those given isn't, or isn't a number or a file's name where it has to be.
    """
    takes = _arguments(KINDS()[generator])
    unknown = sorted(set(given) - (takes - {"budget"}))
    if unknown:
        raise OptionError(
            f"the generator {generator!r} takes no option {unknown[0]!r}.",
            remedy=f"It takes: {', '.join(sorted(takes - {'budget'})) or 'none'}.",
        )
    _refuse_texts(generator, given)
    return takes


def _refuse_texts(generator: str, given: Mapping[str, Any]) -> None:
    """Refuse what is no number, or no file, where a generator takes one: it would only stumble."""
    kind = KINDS()[generator]
    known = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    for name, asked in {f.name: str(f.type) for f in known if f.name in given}.items():
        types = {word.strip() for word in asked.split("|")}
        value = given[name]
        if not types & {"int", "float"} or type(value) in (int, float):
            if "Path" not in types or isinstance(value, str):
                continue
            raise OptionError(
                f"the option {name!r} of {generator!r} is the name of a file, got {value!r}."
            )
        if value is None and "None" in types:
            continue
        default = kind.__dataclass_fields__[name].default
        such = f"Such as: --set {name}={default}" if type(default) in (int, float) else None
        raise OptionError(
            f"the option {name!r} of {generator!r} is a number, got {value!r}.",
            remedy=such or "Give one, or leave it out for the default.",
        )


def drawn_from(wanted: Generator, fitted: Generator | None) -> Generator | None:
    """Return ``fitted`` drawing rows as ``wanted`` would, where no more than that differs.

    ``None`` if the two would be fitted in different ways.
    """
    if fitted is None or type(wanted) is not type(fitted) or not dataclasses.is_dataclass(wanted):
        return None
    mine, theirs = vars(wanted), vars(fitted)
    arguments = [f.name for f in dataclasses.fields(wanted) if f.init]
    if any(mine[a] != theirs[a] for a in arguments if a not in SAMPLING):
        return None
    model = copy(fitted)
    for name in set(SAMPLING) & set(arguments):
        setattr(model, name, mine[name])
    return model


def _arguments(kind: type[Any]) -> set[str]:
    if not dataclasses.is_dataclass(kind):
        return set()
    return {f.name for f in dataclasses.fields(kind) if f.init}


def _is_installed(generator: str) -> bool:
    needs = NEEDS.get(generator)
    return needs is None or importlib.util.find_spec(needs) is not None
