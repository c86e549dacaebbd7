"""``salus sample``: draw rows from a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from salus.synth.cli import options
from salus.synth.cli.exits import REFUSED, RELEASED
from salus.synth.cli.places import check_file, check_suffix
from salus.synth.cli.voice import Voice
from salus.synth.errors import OptionError

__all__ = ["sample"]

_WRITTEN = (".csv", ".csv.gz", ".parquet", ".pq")


def sample(
    model: Annotated[
        Path,
        typer.Argument(help="File that 'salus fit' wrote.", metavar="MODEL", show_default=False),
    ],
    rows: Annotated[
        int,
        typer.Option("-n", "--rows", help="Rows to draw.", min=1, metavar="N", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Table to write: .csv, .csv.gz or .parquet.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    seed: options.Seed = 0,
    given: Annotated[
        list[str] | None,
        typer.Option(
            help="Hold a column at a value; may be repeated.",
            metavar="COL=VALUE",
            show_default=False,
        ),
    ] = None,
    force: options.ForceFile = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Draw rows from a model.

    Exactly as many as asked, each of which obeys every rule; or none, and the reason.
    """
    from salus.synth.generate.store import load_model
    from salus.synth.table.files import write_table

    voice = Voice(json=json, quiet=quiet)
    check_file(output, model, force=force)
    check_suffix(output, *_WRITTEN)
    held = _conditions(given or ())
    with voice.progress("drawing"):
        drawn = load_model(model).sample(rows, given=held or None, seed=seed)
    short = drawn.shortfall
    if short is not None:
        typer.echo(f"salus: {short} Nothing was written.", err=True)
        voice.result(
            {
                "status": REFUSED,
                "shortfall": {
                    "asked": short.asked,
                    "made": short.made,
                    "rule": short.rule,
                    "accepted": short.accepted,
                    "remedy": short.remedy,
                },
            }
        )
        return REFUSED
    write_table(drawn.table, output)
    voice.say(f"{len(drawn.table)} rows in {output}. Nobody has judged them: see 'salus audit'.")
    voice.result({"status": RELEASED, "rows": len(drawn.table), "table": str(output)})
    return RELEASED


def _conditions(given: Sequence[str]) -> dict[str, str]:
    """Part ``COL=VALUE`` at the first equals sign."""
    held: dict[str, str] = {}
    for text in given:
        column, sign, value = text.partition("=")
        if not (sign and column):
            raise OptionError("--given takes COL=VALUE.", remedy="For example: --given sex=f")
        if column in held:
            raise OptionError(
                "--given names the column twice.", column=column, remedy="Give it one value."
            )
        held[column] = value
    return held
