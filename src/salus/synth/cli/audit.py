"""``salus audit``: judge a synthetic table, whoever made it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.apart import check_files
from salus.synth.cli.exits import CANNOT_BE_JUDGED, REFUSED, RELEASED
from salus.synth.cli.fit import read_budget
from salus.synth.cli.ledger import record
from salus.synth.cli.lines import verdict_lines
from salus.synth.cli.places import check_file, check_folder, check_ledger, new_folder
from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.cli.voice import Voice

if TYPE_CHECKING:
    from salus.synth.audit.finding import Finding
    from salus.synth.table.table import Table

__all__ = ["audit"]

_STATUS = {
    "LIMITS MET": RELEASED,
    "LIMITS NOT MET": REFUSED,
    "CANNOT BE JUDGED": CANNOT_BE_JUDGED,
}


@spread
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
    roles: Roles = NO_ROLES,
    analysis: Annotated[
        list[str] | None,
        typer.Option(
            help="Published analysis to run again, such as 'death ~ age + log(bili)' or "
            "'Surv(days, status == \"dead\") ~ age'; may be repeated.",
            metavar="FORMULA",
            show_default=False,
        ),
    ] = None,
    budget: options.Budget = None,
    seed: options.Seed = 0,
    paper: Annotated[
        bool, typer.Option("--paper", help="Add the scores of arXiv:2606.18518; they don't decide.")
    ] = False,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            help="Table of the same people that went out before; attackers hold it too. May be "
            "repeated.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    ledger: options.Ledger = None,
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
    from salus.synth.table.files import read_table
    from salus.synth.table.together import read_together

    voice = Voice(json=json, quiet=quiet)
    files = {"synthetic": synthetic, "train": train, "holdout": holdout}
    files |= {} if reference is None else {"reference": reference}
    read = [*files.values(), *(earlier or ()), schema, budget]
    _check_output(output, read, force)
    check_ledger(ledger, output, *read)
    check_files(files)
    limits = read_budget(budget)
    with voice.progress("judging"):
        tables, notes = read_together(
            files,
            schema=schema,
            **roles.given(schema=schema),
        )
        record(ledger, "audit", tables["train"], name=train.name, seed=seed, touched="train")
        record(ledger, "audit", tables["holdout"], name=holdout.name, seed=seed, touched="holdout")
        more = _replications(analysis or (), tables, seed)  # a wrong formula ends here, soon
        judged = judge(
            tables["synthetic"],
            train=tables["train"],
            holdout=tables["holdout"],
            reference=tables.get("reference"),
            budget=limits,
            earlier=[read_table(path, schema=tables["train"].schema) for path in earlier or ()],
            paper=paper,
            jobs=os.cpu_count() or 1,
            seed=seed,
        )
        judged = dataclasses.replace(judged, findings=(*judged.findings, *more))
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
    summary["next"] = [*_unjudged(synthetic, tables["train"]), *summary["next"]]
    written = _write(summary, output, force)
    status = _STATUS[summary["verdict"]]
    for note in notes:  # such as columns of the synthetic table that nobody judged
        voice.note(note)
    for line in verdict_lines(summary):
        voice.say(line)
    if written is not None:
        voice.say(f"\nThe report is {written}.")
    voice.result({"status": status, "output": None if output is None else str(output), **summary})
    return status


def _unjudged(synthetic: Path, real: Table) -> list[str]:
    """Say which columns of the file no attack saw: a verdict must not be taken to cover them."""
    from salus.synth.table.files import read_frame

    seen = {column.name for column in real.schema.modelled}
    unseen = [repr(name) for name in read_frame(synthetic).columns if name not in seen]
    if not unseen:
        return []
    return [
        f"Nobody judged these columns of the table: {', '.join(unseen)}. Take them out before the "
        "table goes anywhere.",
    ]


def _replications(
    formulas: Sequence[str], tables: Mapping[str, Table], seed: int
) -> tuple[Finding, ...]:
    """Run each analysis on the training people and on the synthetic rows."""
    if not formulas:
        return ()
    from salus.synth.audit.replication.replicate import replicate

    found: list[Finding] = []
    for k, formula in enumerate(formulas):
        found += replicate(
            formula,
            real=tables["train"],
            synthetic=tables["synthetic"],
            seed=seed,
            label=str(k + 1) if len(formulas) > 1 else "",
        )
    return tuple(found)


def _pictures(synthetic: Table, real: Table) -> dict[str, Any]:
    from salus.synth.audit.fidelity import pictures

    return pictures(synthetic, real)


def _check_output(output: Path | None, inputs: list[Path | None], force: bool) -> None:
    if output is None:
        return
    if output.suffix.lower() in (".html", ".json"):
        check_file(output, *inputs, force=force)
    else:
        check_folder(output, *inputs, force=force)


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
