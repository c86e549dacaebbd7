"""The budget: one limit for each risk, never one blended score."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from salus.synth.errors import OptionError

__all__ = ["Budget"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Set how much an attacker may gain, beyond the same attack on people who were not in the data.

    A limit holds when the upper end of the risk's interval is at or below it. ``None`` switches a
    limit off; the risk is then still measured and shown. The defaults are starting points without
    authority: a steward confirms or changes them.

    Parameters
    ----------
    membership : float or None
        Advantage (true-positive minus false-positive rate) of the strongest membership attack.
    tpr_at_1pct : float or None
        True-positive rate of the strongest membership attack at a false-positive rate of 1 %.
    tpr_at_01pct : float or None
        The same at a false-positive rate of 0.1 %. Off by default: it takes about 3,000 people who
        were not in the data to show either answer (decision 0010).
    worst_group : float or None
        Advantage of the strongest membership attack within the worst of the groups compared: the
        declared ones, the rarest class, and the people who stand apart most. Off by default.
    copies : float or None
        Share of synthetic rows that equal a training person's, beyond those that equal a stranger's.
    near_copies : float or None
        The same for rows within the distance that only 1 % of strangers have.
    attribute : float or None
        Normalised gain in guessing the outcome or a sensitive column of a training person.
    linkage : float or None
        Normalised gain in linking two sets of columns of one training person. Off by default.
    singling_out : float or None
        Share of the conditions read off the synthetic table that single out one training person,
        beyond those that single out one stranger. Off by default.
    """

    membership: float | None = 0.05
    tpr_at_1pct: float | None = 0.03
    copies: float | None = 0.005
    near_copies: float | None = 0.02
    attribute: float | None = 0.05
    tpr_at_01pct: float | None = None
    worst_group: float | None = None
    linkage: float | None = None
    singling_out: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is None:
                continue
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                raise OptionError(
                    f"budget {field.name!r} must be a number, got {type(limit).__name__}.",
                    remedy='Give a rate, such as 0.05, or "off" in a budget file for no limit.',
                )
            if not (math.isfinite(limit) and 0 <= limit <= 1):
                raise OptionError(
                    f"budget {field.name!r} must lie between 0 and 1, got {limit}.",
                    remedy="Give a rate, such as 0.05, or leave it out for the default.",
                )

    def to_dict(self) -> dict[str, float | None]:
        """Return the limits by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Budget:
        """Build a budget from limits by name; ``"off"`` switches one off."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise OptionError(
                f"the budget knows no risk {unknown[0]!r}.",
                remedy=f"Known: {', '.join(sorted(known))}.",
            )
        return cls(**{k: None if v == "off" else v for k, v in data.items()})

    @classmethod
    def read(cls, path: str | Path) -> Budget:
        """Read a budget from a TOML file whose keys are the risks."""
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise OptionError(
                f"there is no budget file {str(path)!r}.",
                remedy="It is TOML, one line a risk, such as: membership = 0.05",
            ) from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise OptionError(
                f"the budget file {str(path)!r} can't be read ({type(error).__name__}).",
                remedy="It is TOML, one line a risk, such as: membership = 0.05",
            ) from error
        inner = data.get("budget", data)
        if not isinstance(inner, dict):
            raise OptionError(
                f"the budget file {str(path)!r} knows no risk 'budget'.",
                remedy="Name the risk that the limit is for, such as: membership = 0.05",
            )
        beside = sorted(set(data) - {"budget"}) if inner is not data else []
        if beside:
            raise OptionError(
                f"the budget file {str(path)!r} sets {beside[0]!r} outside its table [budget].",
                remedy="Put every limit below the line [budget], or drop that line.",
            )
        return cls.from_dict(inner)
