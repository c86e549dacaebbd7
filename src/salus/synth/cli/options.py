"""The options that several verbs share, said once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Budget",
    "Drop",
    "Force",
    "Generator",
    "GeneratorName",
    "Json",
    "Known",
    "Outcome",
    "Person",
    "Quiet",
    "SchemaFile",
    "Seed",
    "Sensitive",
    "TableFile",
]


class GeneratorName(StrEnum):
    """Name the generators."""

    forest = "forest"
    copula = "copula"
    cart = "cart"
    marginals = "marginals"


TableFile = Annotated[
    Path,
    typer.Argument(help="Table of patients: CSV or Parquet.", metavar="TABLE", show_default=False),
]
Outcome = Annotated[
    str | None,
    typer.Option(help="Column that models predict.", metavar="COL", show_default=False),
]
Person = Annotated[
    str | None,
    typer.Option(
        help="Column that groups the rows of one person.", metavar="COL", show_default=False
    ),
]
Sensitive = Annotated[
    list[str] | None,
    typer.Option(
        help="Column to guard against inference; may be repeated.",
        metavar="COL",
        show_default=False,
    ),
]
Known = Annotated[
    list[str] | None,
    typer.Option(
        help="Column that an attacker may know; may be repeated. Default: all others.",
        metavar="COL",
        show_default=False,
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        help="Column to leave out, such as an identifier; may be repeated.",
        metavar="COL",
        show_default=False,
    ),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema",
        help="Schema of the table, corrected by you. Default: inferred.",
        metavar="FILE",
        show_default=False,
    ),
]
Budget = Annotated[
    Path | None,
    typer.Option(
        "--budget",
        help="TOML file of the privacy limits. Default: the documented ones.",
        metavar="FILE",
        show_default=False,
    ),
]
Generator = Annotated[
    GeneratorName,
    typer.Option(
        "--generator",
        help="What learns the table: forest, copula, cart or marginals.",
        metavar="NAME",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.", min=0, metavar="S")]
Force = Annotated[bool, typer.Option("--force", help="Replace the folder of an earlier run.")]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON document for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
