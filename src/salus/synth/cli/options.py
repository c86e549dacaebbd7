"""Options that several verbs share, worded once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Budget",
    "Debug",
    "Drop",
    "Event",
    "Force",
    "ForceFile",
    "Generator",
    "GeneratorName",
    "Group",
    "Json",
    "Known",
    "Ledger",
    "Outcome",
    "Person",
    "Quiet",
    "Released",
    "ReleasedName",
    "SchemaFile",
    "Seed",
    "Sensitive",
    "Setting",
    "TableFile",
    "Time",
]


class GeneratorName(StrEnum):
    """The generators, known here without loading them."""

    forest = "forest"
    net = "net"
    gan = "gan"
    copula = "copula"
    cart = "cart"
    marginals = "marginals"
    mst = "mst"
    aim = "aim"
    dpnet = "dpnet"


class ReleasedName(StrEnum):
    """The generators, and the choice among them, which only a release can make."""

    forest = "forest"
    net = "net"
    gan = "gan"
    copula = "copula"
    cart = "cart"
    marginals = "marginals"
    mst = "mst"
    aim = "aim"
    dpnet = "dpnet"
    auto = "auto"


TableFile = Annotated[
    Path, typer.Argument(help="CSV or Parquet.", metavar="TABLE", show_default=False)
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema",
        help="What the columns are, from 'salus schema'. Default: inferred.",
        metavar="FILE",
        show_default=False,
    ),
]
Outcome = Annotated[
    str | None,
    typer.Option(
        "--outcome", help="Column that models predict.", metavar="COL", show_default=False
    ),
]
Person = Annotated[
    str | None,
    typer.Option(
        "--person",
        help="Column that groups the rows of one person; never released.",
        metavar="COL",
        show_default=False,
    ),
]
Sensitive = Annotated[
    list[str] | None,
    typer.Option(
        "--sensitive",
        help="Column guarded against inference; may be repeated.",
        metavar="COL",
        show_default=False,
    ),
]
Known = Annotated[
    list[str] | None,
    typer.Option(
        "--known",
        help="Column that an attacker may know; may be repeated. Default: all not sensitive.",
        metavar="COL",
        show_default=False,
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        "--drop", help="Column to leave out; may be repeated.", metavar="COL", show_default=False
    ),
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        help="Column whose levels (or quartiles) are compared as subgroups; may be repeated.",
        metavar="COL",
        show_default=False,
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time",
        help="Follow-up time of a survival outcome.",
        metavar="COL",
        show_default=False,
    ),
]
Event = Annotated[
    str | None,
    typer.Option(
        "--event",
        help="Level of a survival outcome that counts as the event.",
        metavar="LEVEL",
        show_default=False,
    ),
]
Ledger = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        help="File that records each query of these people; stays with them.",
        metavar="FILE",
        show_default=False,
    ),
]
Budget = Annotated[
    Path | None,
    typer.Option(
        "--budget",
        help="TOML, one limit a risk, such as membership = 0.05. Default: documented limits.",
        metavar="FILE",
        show_default=False,
    ),
]
Generator = Annotated[GeneratorName, typer.Option("--generator", help="How rows are learnt.")]
Released = Annotated[
    ReleasedName,
    typer.Option(
        "--generator",
        help="How rows are learnt; 'auto' takes the most useful of those whose limits hold.",
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Argument of the generator, such as epsilon=1; may be repeated.",
        metavar="NAME=VALUE",
        show_default=False,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="The same seed gives the same result.", min=0, metavar="S")
]
ForceFile = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the folder of an earlier run.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug", help="After an error show the traceback, which may quote cells of the table."
    ),
]
