"""``salus diff``: tell what changed between two releases or audits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.voice import Voice
from salus.synth.errors import BadInput

__all__ = ["diff", "read_report"]

_REPORT = "audit.json"


def diff(
    first: Annotated[
        Path,
        typer.Argument(
            help="Folder of a release or an audit, or its audit.json.",
            metavar="A",
            show_default=False,
        ),
    ],
    second: Annotated[Path, typer.Argument(help="A later one.", metavar="B", show_default=False)],
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Tell what changed from one report to another.

    Verdict, limits, settings, versions, columns and every figure. A figure is called better or
    worse only where the two intervals are apart; else the change is within noise.
    """
    from salus.synth.report.diff import diff as compare
    from salus.synth.report.diff import diff_lines

    voice = Voice(json=json, quiet=quiet)
    found = compare(read_report(first), read_report(second))
    for line in diff_lines(found, names=(str(first), str(second))):
        voice.say(line)
    voice.result({"status": RELEASED, "a": str(first), "b": str(second), **found})
    return RELEASED


def read_report(path: Path) -> dict[str, Any]:
    """Read the report of a folder, or of the file itself.

    Raises
    ------
    BadInput
        If there is no report.
    """
    from salus.synth.report import read_summary

    if path.is_dir() and not (path / _REPORT).is_file():
        raise BadInput(
            f"the folder {str(path)!r} holds no {_REPORT}.",
            remedy="Give a folder that 'salus release' or 'salus audit' wrote.",
        )
    return read_summary(path / _REPORT if path.is_dir() else path)
