"""``salus paper``: the published method, corrected, for those who compare with it."""

from __future__ import annotations

import json as json_
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.exits import REFUSED, RELEASED
from salus.synth.cli.fit import read_budget
from salus.synth.cli.ledger import record
from salus.synth.cli.places import check_folder, new_folder
from salus.synth.cli.voice import Voice
from salus.synth.errors import OptionError

if TYPE_CHECKING:
    from salus.synth.release.paper import PaperRun

__all__ = ["paper"]


class Backbone(StrEnum):
    """The generators that paper mode drives, known here without loading them."""

    forest = "forest"
    copula = "copula"
    net = "net"
    gan = "gan"


class Scale(StrEnum):
    """What P_min is given on."""

    corrected = "corrected"
    published = "published"


def paper(
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
    outcome: options.Outcome = None,
    p_min: Annotated[
        float, typer.Option("--p-min", help="The least privacy P of a table.", metavar="P")
    ] = 0.80,
    scale: Annotated[
        Scale,
        typer.Option(help="Of P_min: from 0 to 1, or as published, at most 0.5 by default."),
    ] = Scale.corrected,
    backbone: Annotated[
        Backbone, typer.Option("--backbone", help="What learns the table.")
    ] = Backbone.forest,
    grid: Annotated[
        str | None,
        typer.Option(
            help="Temperatures, an x, top-ps: 0.7,1,1.3x0.9,1. Default: the published 25 settings.",
            metavar="GRID",
            show_default=False,
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            help="Weight in Q (D, A, C, V) or in P (DCR, Q_delta, I: these sum to 1); may be "
            "repeated.",
            metavar="NAME=W",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--rows",
            help="Rows of each draw and of the table. Default: as many as there are.",
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Draws of each setting, with the same seeds for all.", min=1)
    ] = 3,
    trainings: Annotated[int, typer.Option(help="Trainings at most.", min=1)] = 6,
    override: Annotated[
        bool,
        typer.Option(
            "--override",
            help="Write the nearest table where none reaches P_min, stamped so. The status stays 3.",
        ),
    ] = False,
    seed: options.Seed = 0,
    schema: options.SchemaFile = None,
    person: options.Person = None,
    sensitive: options.Sensitive = None,
    known: options.Known = None,
    drop: options.Drop = None,
    budget: options.Budget = None,
    ledger: options.Ledger = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Compare with PSyGenTAB (arXiv:2606.18518): most utility Q with privacy P of at least P_min.

    Its scores are for comparison only: whether a table may be handed over, 'salus release' says.
    """
    from salus.synth.release.paper import Grid, paper_mode
    from salus.synth.table.files import read_table

    voice = Voice(json=json, quiet=quiet)
    check_folder(output, force=False)
    limits = read_budget(budget)
    settings = None if grid is None else Grid.parse(grid)
    weights = _weights(weight or ())
    with voice.progress("comparing") as tell:
        data = read_table(
            table,
            schema=schema,
            outcome=outcome,
            person=person,
            sensitive=sensitive or (),
            known=known or (),
            drop=drop or (),
        )
        record(ledger, "paper", data, name=table.name, seed=seed, touched="all people")
        run = paper_mode(
            data,
            backbone=backbone.value,
            p_min=p_min,
            scale=scale.value,
            weights=weights,
            grid=settings,
            n=rows,
            draws=draws,
            trainings=trainings,
            budget=limits,
            override=override,
            seed=seed,
            progress=tell,
        )
        document = _written(run, output, table.name)
    status = RELEASED if run.word == "CHOSEN" else REFUSED
    for line in _lines(run):
        voice.say(line)
    if run.synthetic is not None:
        voice.say(
            f"\nThe table is {output / 'synthetic.csv'}, what came of it {output / 'paper.md'}."
        )
    voice.result(
        {"status": status, "output": None if run.synthetic is None else str(output), **document}
    )
    return status


def _written(run: PaperRun, output: Path, name: str) -> dict[str, Any]:
    """Write the table with what is known of it, all or nothing; return the document."""
    from salus.synth.release.paper import page
    from salus.synth.release.series import digest
    from salus.synth.table.files import write_table, write_text_atomic

    document = {"table": name, **run.to_dict()}
    if run.synthetic is None:
        return document
    document["synthetic"] = {
        "file": "synthetic.csv",
        "rows": len(run.synthetic),
        "sha256": digest(run.synthetic),
    }
    with new_folder(output, force=False) as folder:
        write_table(run.synthetic, folder / "synthetic.csv")
        text = json_.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        write_text_atomic(folder / "paper.json", text + "\n")
        write_text_atomic(folder / "paper.md", page(run))
    return document


def _lines(run: PaperRun) -> list[str]:
    """Say what came of it: the threshold in words, the choice, the audit."""
    from salus.synth.release.paper.feasibility import tolerated

    real = run.feasibility.real.value
    lines = [
        f"{run.word}: {run.headline}",
        f"  - {tolerated(run.threshold.corrected)}.",
        *[f"  - {note}" for note in run.feasibility.notes],
        f"  - Training: {run.trained.message}",
    ]
    scores = None if run.chosen is None else run.tried[run.chosen].scores
    if scores is not None:
        lines.append(
            f"  - Q = {scores.utility:.3f} (real people against real people {real:.3f}), "
            f"P = {scores.privacy:.3f}."
        )
    if run.afterwards is not None:
        lines += ["", run.afterwards.claim]
    elif run.word == "NOT FEASIBLE":
        lines += ["", "Nothing was written; --override writes the nearest table, stamped so."]
    return lines


def _weights(given: Sequence[str]) -> Mapping[str, float]:
    """Part ``NAME=W`` at the equals sign."""
    out: dict[str, float] = {}
    for text in given:
        name, sign, value = text.partition("=")
        try:
            out[name] = float(value)
        except ValueError as error:
            raise OptionError(
                "--weight takes NAME=W.", remedy="For example: --weight C=0.5"
            ) from error
        if not sign or not name:
            raise OptionError("--weight takes NAME=W.", remedy="For example: --weight C=0.5")
    return out
