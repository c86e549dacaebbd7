"""Arguments of a generator as the command line gives them: NAME=VALUE."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from salus.synth.errors import OptionError

__all__ = ["read_arguments"]


def read_arguments(given: Sequence[str] | None) -> dict[str, Any]:
    """Return arguments by name; a value is a JSON value if it reads as one, else a text.

    Raises
    ------
    OptionError
        If one isn't NAME=VALUE, or a name stands twice.

    Examples
    --------
    >>> read_arguments(["epsilon=1.5", "bounds=paid", "declared=true"])
    {'epsilon': 1.5, 'bounds': 'paid', 'declared': True}
    """
    out: dict[str, Any] = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and sign):
            raise OptionError(
                f"--set takes NAME=VALUE, got {text!r}.", remedy="Such as: --set epsilon=1"
            )
        if name in out:
            raise OptionError(f"--set gives {name!r} twice.", remedy="Give it once.")
        try:
            out[name] = json.loads(value)
        except json.JSONDecodeError:
            out[name] = value
    return out
