"""``salus schema``: say what each column is taken for, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salus.synth.cli import options
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.places import check_file
from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.cli.voice import Voice

if TYPE_CHECKING:
    from salus.synth.table.schema import Column, Schema

__all__ = ["schema"]


@spread
def schema(
    table: options.TableFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="JSON file to write.", metavar="FILE", show_default=False
        ),
    ] = None,
    roles: Roles = NO_ROLES,
    force: options.ForceFile = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Say what each column is, and why.

    Read it, correct it, and keep it with the table: every other verb takes it with --schema.
    """
    from salus.synth.table.files import read_frame, write_text_atomic
    from salus.synth.table.infer import infer

    voice = Voice(json=json, quiet=quiet)
    if output is not None:
        check_file(output, table, force=force)  # somebody may have corrected it
    with voice.progress("reading"):
        frame = read_frame(table)
        found = infer(frame, **roles.given())
    if output is not None:
        write_text_atomic(output, found.to_json())
    for decision in frame.attrs.get("decisions", ()):
        voice.note(decision)
    voice.say(_listing(found))
    open_ = _undecided(found)
    if open_:
        voice.note(
            f"Decide about {', '.join(map(repr, open_))}: identifiers and free text are never "
            "modelled. Leave them out with --drop, or name the one that groups rows with --person."
        )
    if output is not None:
        voice.note(f"The schema is in {output}. Correct it there and give it with --schema.")
    voice.result(found.to_dict())
    return RELEASED


def _undecided(found: Schema) -> list[str]:
    return [
        c.name
        for c in found.columns
        if c.kind in ("identifier", "text") and not c.dropped and "person" not in c.roles
    ]


def _listing(found: Schema) -> str:
    """Lay the columns out as a table of text."""
    rows = [("column", "kind", "role", "why"), *(_row(c) for c in found.columns)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        "  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]).rstrip() for row in rows
    )


def _row(column: Column) -> tuple[str, str, str, str]:
    role = "left out" if column.dropped else ", ".join(sorted(column.roles))
    return column.name, column.kind, role, column.reason
