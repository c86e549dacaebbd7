"""How a run ends: an exit status and one message for each kind of error.

====== ==================================================================
0      done; released; every limit is met
1      a fault of the program
2      bad input: a file, table, schema or option that the user can change
3      refused: a limit is not met or can't be met; too few rows obey the rules
4      cannot be judged: too few people for an answer
130    interrupted
====== ==================================================================
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from salus.synth.errors import Infeasible, NotFitted, SalusError, TooFewPeople

__all__ = [
    "BAD_INPUT",
    "CANNOT_BE_JUDGED",
    "FAULT",
    "INTERRUPTED",
    "REFUSED",
    "RELEASED",
    "as_json",
    "explain",
    "status_of",
]

RELEASED = 0
FAULT = 1
BAD_INPUT = 2
REFUSED = 3
CANNOT_BE_JUDGED = 4
INTERRUPTED = 130


def status_of(error: BaseException) -> int:
    """Return the exit status that an error ends the run with."""
    if isinstance(error, TooFewPeople):
        return CANNOT_BE_JUDGED
    if isinstance(error, Infeasible):
        return REFUSED
    if isinstance(error, NotFitted):
        return FAULT
    if isinstance(error, SalusError | OSError):
        return BAD_INPUT
    return FAULT


def explain(error: BaseException) -> str:
    """Say in one message what went wrong.

    The text of an unforeseen error is not shown: libraries quote the cell they stumbled over. Where
    it happened is.
    """
    if isinstance(error, SalusError):
        return str(error)
    if isinstance(error, OSError):
        return f"{_file_of(error)}: {error.strerror or type(error).__name__}. Nothing was written."
    if isinstance(error, MemoryError):
        return "the memory is full. Give fewer rows or columns, or a larger machine."
    return (
        f"a fault of the program ({type(error).__name__} at {_place(error)}). Nothing was written. "
        "Please report it; --debug shows the details, which may quote cells of the table."
    )


def as_json(error: BaseException) -> dict[str, Any]:
    """Return the error as plain JSON values."""
    out: dict[str, Any] = {
        "status": status_of(error),
        "error": type(error).__name__,
        "message": explain(error),
    }
    if isinstance(error, SalusError):
        out |= {"column": error.column, "row": error.row, "remedy": error.remedy}
    return out


def _file_of(error: OSError) -> str:
    return repr(str(error.filename)) if error.filename else "a file"


def _place(error: BaseException) -> str:
    """Return the file and line of the program where an error was raised last."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "salus" in f.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
