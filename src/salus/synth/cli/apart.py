"""Whether the people of an audit stand apart: nobody is both a member and a stranger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from salus.synth.errors import OptionError, TableError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_files", "check_people"]

_REAL = ("train", "holdout", "reference")


def check_files(files: Mapping[str, Path]) -> None:
    """Refuse one file in two roles.

    Raises
    ------
    OptionError
    """
    named = [(role, files[role]) for role in _REAL if role in files and files[role].exists()]
    for k, (role, path) in enumerate(named):
        for other, earlier in named[:k]:
            if path.samefile(earlier):
                raise OptionError(
                    f"--{role} and --{other} are the same file.",
                    remedy="Give people of the same kind whom the table's maker never saw.",
                )


def check_people(frames: Mapping[str, pd.DataFrame], person: str | None) -> None:
    """Refuse people who stand in two of the real tables, where a column tells who is who.

    Raises
    ------
    TableError
    """
    if person is None:
        return
    seen = {
        role: set(frames[role][person].dropna())
        for role in _REAL
        if role in frames and person in frames[role].columns
    }
    for role in ("holdout", "reference"):
        shared = len(seen.get(role, set()) & seen.get("train", set()))
        if shared:
            raise TableError(
                f"{shared} people of the training table stand in the {role} table too.",
                column=person,
                remedy="Give people whom the table's maker never saw.",
            )
