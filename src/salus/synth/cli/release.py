"""``salus release``: the main job, from a table of patients to one that may be handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.arguments import read_arguments
from salus.synth.cli.fit import read_budget
from salus.synth.cli.ledger import now
from salus.synth.cli.lines import verdict_lines
from salus.synth.cli.places import check_folder, check_ledger
from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.cli.voice import Voice

if TYPE_CHECKING:
    from salus.synth.budget import Budget
    from salus.synth.table.table import Table

__all__ = ["carry_through", "release"]


@spread
def release(
    table: options.TableFile,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Folder to write, new or empty.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    roles: Roles = NO_ROLES,
    budget: options.Budget = None,
    seed: options.Seed = 0,
    schema: options.SchemaFile = None,
    generator: options.Released = options.ReleasedName.forest,
    setting: options.Setting = None,
    rows: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--rows",
            help="Rows to release. Default: as many as there are.",
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None,
    purpose: Annotated[
        str, typer.Option(help="What the table is for, for its card.", metavar="TEXT")
    ] = "",
    ledger: options.Ledger = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            help="Table of these people that went out before; may be repeated. Needed from 6,000 "
            "people on.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    cohort: Annotated[
        str,
        typer.Option(
            help="Name of these people in the ledger, that stays when their records change.",
            metavar="NAME",
        ),
    ] = "",
    withheld_ok: Annotated[
        bool,
        typer.Option(
            "--withheld-ok",
            help="Hand over a table that can't be judged too, marked so. Never a refused one.",
        ),
    ] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write the table as Parquet, not CSV.")
    ] = False,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Release a synthetic table, or refuse.

    Learns the table under the budget, judges what was learnt by people it never saw, and hands over
    a synthetic table only if every limit is shown to hold.
    """
    from salus.synth.table.files import read_table

    voice = Voice(json=json, quiet=quiet)
    read = [table, schema, budget, *(earlier or ())]
    check_folder(output, *read, force=force)
    check_ledger(ledger, output, *read)
    limits = read_budget(budget)
    data = read_table(
        table,
        schema=schema,
        **roles.given(schema=schema),
    )
    return carry_through(
        data,
        output,
        voice,
        name=table.name,
        budget=limits,
        generator=generator.value,
        arguments=read_arguments(setting),
        rows=rows,
        seed=seed,
        purpose=purpose,
        ledger=ledger,
        earlier=[read_table(path, schema=data.schema) for path in earlier or ()],
        cohort=cohort,
        withheld_ok=withheld_ok,
        parquet=parquet,
        force=force,
    )


def carry_through(
    table: Table,
    output: Path,
    voice: Voice,
    *,
    name: str,
    budget: Budget | None = None,
    generator: str = "forest",
    arguments: Mapping[str, Any] | None = None,
    rows: int | None = None,
    seed: int = 0,
    purpose: str = "",
    ledger: Path | None = None,
    earlier: Sequence[Table] = (),
    cohort: str = "",
    withheld_ok: bool = False,
    parquet: bool = False,
    force: bool = False,
) -> int:
    """Release a table into a folder, say what came of it, and return the exit status."""
    from salus.synth.report.released import release as release_table

    with voice.progress("releasing") as tell:
        done = release_table(
            table,
            budget=budget,
            generator=generator,
            options=arguments,
            n=rows,
            seed=seed,
            name=name,
            purpose=purpose,
            ledger=ledger,
            earlier=earlier,
            cohort=cohort,
            when=now(),
            withheld_ok=withheld_ok,
            progress=tell,
        )
        done.save(output, withheld_ok=withheld_ok, force=force, parquet=parquet)
    for line in verdict_lines(done.summary):
        voice.say(line)
    voice.say(f"\nThe report is {output / 'report.html'}.")
    voice.result(
        {
            "status": done.status,
            "output": str(output),
            "files": sorted(entry.name for entry in output.iterdir()),
            **done.summary,
        }
    )
    return done.status
