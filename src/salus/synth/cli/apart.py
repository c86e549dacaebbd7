"""Whether the people of an audit stand apart: nobody is both a member and a stranger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from salus.synth.errors import OptionError

__all__ = ["check_files"]

_ROLES = ("synthetic", "train", "holdout", "reference")


def check_files(files: Mapping[str, Path]) -> None:
    """Refuse one file in two roles.

    The synthetic table may be the training file itself: so one sees what a verbatim copy gets.

    Raises
    ------
    OptionError
    """
    named = [(role, files[role]) for role in _ROLES if role in files and files[role].exists()]
    for k, (role, path) in enumerate(named):
        for other, earlier in named[:k]:
            if path.samefile(earlier) and (other, role) != ("synthetic", "train"):
                first = "the synthetic table" if other == "synthetic" else f"--{other}"
                raise OptionError(
                    f"--{role} and {first} are the same file.",
                    remedy="Give people of the same kind whom the table's maker never saw.",
                )
