"""``salus report``: write the page again from ``audit.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salus.synth.cli import options
from salus.synth.cli.diff import read_report
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.places import check_file, check_suffix
from salus.synth.cli.voice import Voice

__all__ = ["report"]


def report(
    audit: Annotated[
        Path,
        typer.Argument(
            help="Folder of a release or an audit, or its audit.json.",
            metavar="AUDIT",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="File to write: .html for the page, .md for the card.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    purpose: Annotated[
        str | None,
        typer.Option(
            help="What the table is for, in one sentence, where audit.json doesn't say.",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None,
    force: options.ForceFile = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Write the report's page from audit.json.

    One HTML file that needs no network; or the card, a data-protection document in Markdown.
    """
    from salus.synth.report import write_card, write_page

    voice = Voice(json=json, quiet=quiet)
    check_file(output, audit, force=force)
    check_suffix(output, ".html", ".md")
    summary = read_report(audit)
    if purpose is not None:
        summary["purpose"] = purpose
    write = write_card if output.suffix.lower() == ".md" else write_page
    write(summary, output)
    voice.say(f"{summary['verdict']}: the report is {output}.")
    voice.result({"status": RELEASED, "verdict": summary["verdict"], "report": str(output)})
    return RELEASED
