"""``salus exposed``: list the people whom a synthetic table exposes most, for the steward alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salus.synth.cli import options
from salus.synth.cli.apart import check_files
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.ledger import record
from salus.synth.cli.places import check_file, check_ledger
from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.cli.voice import Voice

__all__ = ["exposed"]


@spread
def exposed(
    synthetic: Annotated[
        Path, typer.Argument(help="CSV or Parquet.", metavar="SYNTHETIC", show_default=False)
    ],
    train: Annotated[
        Path, typer.Option(help="The people it was made from.", metavar="FILE", show_default=False)
    ],
    holdout: Annotated[
        Path,
        typer.Option(
            help="People like them whom its maker never saw.", metavar="FILE", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="CSV for the list. It points at real people: keep it with the real data.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    most: Annotated[
        int, typer.Option("--most", help="People listed at most.", min=1, metavar="N")
    ] = 20,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="More such people, for calibrated attacks.", metavar="FILE", show_default=False
        ),
    ] = None,
    schema: options.SchemaFile = None,
    roles: Roles = NO_ROLES,
    seed: options.Seed = 0,
    force: options.ForceFile = False,
    ledger: options.Ledger = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """List the real people whom a synthetic table exposes most, with the reason.

    For the steward of the data alone. The list names rows of the training file and columns, never
    values. It is written to the file named, which only its owner may read, and is not shown.
    """
    from salus.synth.audit.exposed import exposed as find
    from salus.synth.audit.exposed import write_exposed
    from salus.synth.table.together import read_together

    voice = Voice(json=json, quiet=quiet)
    files = {"synthetic": synthetic, "train": train, "holdout": holdout}
    files |= {} if reference is None else {"reference": reference}
    check_file(output, *files.values(), schema, force=force)
    check_ledger(ledger, output, *files.values(), schema)
    check_files(files)
    with voice.progress("looking for exposed people"):
        tables, notes = read_together(
            files,
            schema=schema,
            **roles.given(schema=schema),
        )
        for part in ("train", "holdout"):
            record(ledger, "exposed", tables[part], name=files[part].name, touched=part)
        people = find(
            tables["synthetic"],
            tables["train"],
            tables["holdout"],
            reference=tables.get("reference"),
            seed=seed,
            most=most,
        )
        write_exposed(people, output)
    for note in notes:
        voice.note(note)
    chance = min(people[-1].by_chance, len(people)) if people else 0.0
    count = "1 person is" if len(people) == 1 else f"{len(people)} people are"
    voice.say(f"{count} listed in {output}; about {chance:.1f} would be by chance.")
    voice.say(
        "The file points at real people: it must stay with the real data and never go out with "
        "the synthetic table."
    )
    voice.result(
        {"status": RELEASED, "output": str(output), "people": len(people), "by_chance": chance}
    )
    return RELEASED
