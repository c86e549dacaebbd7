"""``salus audit``: judge a synthetic table, whoever made it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.apart import check_files, check_people
from salus.synth.cli.exits import CANNOT_BE_JUDGED, REFUSED, RELEASED
from salus.synth.cli.fit import read_budget
from salus.synth.cli.lines import verdict_lines
from salus.synth.cli.places import check_file, check_folder, new_folder
from salus.synth.cli.voice import Voice
from salus.synth.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

    from salus.synth.table.table import Table

__all__ = ["audit"]

_STATUS = {
    "LIMITS MET": RELEASED,
    "LIMITS NOT MET": REFUSED,
    "CANNOT BE JUDGED": CANNOT_BE_JUDGED,
}


def audit(
    synthetic: Annotated[
        Path, typer.Argument(help="CSV or Parquet.", metavar="SYNTHETIC", show_default=False)
    ],
    train: Annotated[
        Path, typer.Option(help="The people it was made from.", metavar="FILE", show_default=False)
    ],
    holdout: Annotated[
        Path,
        typer.Option(
            help="People like them whom its maker never saw.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            help="More such people, for calibrated attacks.", metavar="FILE", show_default=False
        ),
    ] = None,
    schema: options.SchemaFile = None,
    outcome: options.Outcome = None,
    person: options.Person = None,
    sensitive: options.Sensitive = None,
    known: options.Known = None,
    drop: options.Drop = None,
    group: options.Group = None,
    time: options.Time = None,
    event: options.Event = None,
    budget: options.Budget = None,
    seed: options.Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for audit.json, report.html and card.md; or one .json or .html file.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Judge a synthetic table of any maker.

    The same attacks run on the people it was made from and on people whom its maker never saw: what
    an attacker gains is the difference.
    """
    from salus.synth.audit.run import audit as judge
    from salus.synth.report import summarise

    voice = Voice(json=json, quiet=quiet)
    files = {"synthetic": synthetic, "train": train, "holdout": holdout}
    files |= {} if reference is None else {"reference": reference}
    _check_output(output, [*files.values(), schema, budget], force)
    check_files(files)
    limits = read_budget(budget)
    with voice.progress("judging"):
        tables, notes = _read(
            files,
            schema=schema,
            outcome=outcome,
            person=person,
            sensitive=sensitive or (),
            known=known or (),
            drop=drop or (),
            groups=group or (),
            time=time,
            event=event,
        )
        judged = judge(
            tables["synthetic"],
            train=tables["train"],
            holdout=tables["holdout"],
            reference=tables.get("reference"),
            budget=limits,
            seed=seed,
        )
    real = tables["train"]
    target = real.schema.outcome
    summary = summarise(
        audit=judged,
        table={
            "name": synthetic.name,
            "rows": len(real),
            "people": real.n_people,
            "columns": len(real.schema.modelled),
            "outcome": None if target is None else target.name,
        },
        decisions=notes,
        pictures=_pictures(tables["synthetic"], real),
        manifest={
            "seed": seed,
            "sha256": {  # sorted as audit.json is, so that 'salus report' gives the same page again
                k: hashlib.sha256(f.read_bytes()).hexdigest() for k, f in sorted(files.items())
            },
        },
    )
    written = _write(summary, output, force)
    status = _STATUS[summary["verdict"]]
    for line in verdict_lines(summary):
        voice.say(line)
    if written is not None:
        voice.say(f"\nThe report is {written}.")
    voice.result({"status": status, "output": None if output is None else str(output), **summary})
    return status


def _read(
    files: Mapping[str, Path], *, schema: Path | None, **roles: Any
) -> tuple[dict[str, Table], list[str]]:
    """Read all tables under one schema, that of the real people.

    It is inferred from all of them together, so that a level of one part alone is no surprise.
    """
    import pandas as pd

    from salus.synth.table.codec import differences, encode_many
    from salus.synth.table.files import read_frame, read_table

    frames = {name: read_frame(path) for name, path in files.items()}
    columns = list(frames["train"].columns)
    for name in ("holdout", "reference"):
        if name in frames:
            _same_columns(frames[name], columns, files[name])
    real = pd.concat([frames[n][columns] for n in frames if n != "synthetic"], ignore_index=True)
    found = read_table(real, schema=schema, **roles).schema
    check_people(frames, None if found.person is None else found.person.name)
    notes = list(differences(frames["synthetic"], found))
    tables = encode_many(list(frames.values()), found)
    return dict(zip(frames, tables, strict=True)), notes


def _same_columns(frame: pd.DataFrame, columns: list[str], path: Path) -> None:
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise TableError(
            f"{len(absent)} column(s) of the training people are absent from {path.name!r}.",
            column=absent[0],
            remedy="Give people with the same columns, or take the column out of both.",
        )


def _pictures(synthetic: Table, real: Table) -> dict[str, Any]:
    from salus.synth.audit.fidelity import pictures

    return pictures(synthetic, real)


def _check_output(output: Path | None, inputs: list[Path | None], force: bool) -> None:
    if output is None:
        return
    if output.suffix.lower() in (".html", ".json"):
        check_file(output, *inputs)
    else:
        check_folder(output, force=force)


def _write(summary: Mapping[str, Any], output: Path | None, force: bool) -> Path | None:
    """Write the report as asked; return the file to open first."""
    from salus.synth.report import write_card, write_page, write_summary

    if output is None:
        return None
    if output.suffix.lower() == ".html":
        write_page(summary, output)
        return output
    if output.suffix.lower() == ".json":
        write_summary(summary, output)
        return output
    with new_folder(output, force=force) as folder:
        write_summary(summary, folder / "audit.json")
        write_page(summary, folder / "report.html")
        write_card(summary, folder / "card.md")
    return output / "report.html"
