"""``salus frontier``: what each strictness of the budget costs in use and saves in risk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salus.synth.cli import options
from salus.synth.cli.arguments import read_arguments
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.fit import read_budget
from salus.synth.cli.ledger import now
from salus.synth.cli.places import check_ledger
from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.cli.voice import Voice
from salus.synth.errors import OptionError

if TYPE_CHECKING:
    from salus.synth.report.frontier import Frontier

__all__ = ["frontier"]


class Risk(StrEnum):
    """The limits of a budget, known here without loading them."""

    membership = "membership"
    tpr_at_1pct = "tpr_at_1pct"
    tpr_at_01pct = "tpr_at_01pct"
    worst_group = "worst_group"
    copies = "copies"
    near_copies = "near_copies"
    attribute = "attribute"
    linkage = "linkage"
    singling_out = "singling_out"


@spread
def frontier(
    table: options.TableFile,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Folder to write. A run that was stopped goes on in the same one.",
            metavar="DIR",
            show_default=False,
        ),
    ],
    roles: Roles = NO_ROLES,
    budget: options.Budget = None,
    budgets: Annotated[
        str | None,
        typer.Option(
            "--budgets",
            help="Limits on the leading risk, such as 1,0.2,0.1,0.05,0. Default: 20, 4, 2, 1, 0.6, "
            "0.4, 0.2 and 0 times the budget's own. The other limits move alike.",
            metavar="LIMITS",
            show_default=False,
        ),
    ] = None,
    risk: Annotated[
        Risk | None,
        typer.Option(
            help="Sweep the limit on this risk alone, such as attribute; the others stay.",
            metavar="RISK",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = 0,
    schema: options.SchemaFile = None,
    generator: options.Generator = options.GeneratorName.forest,
    setting: options.Setting = None,
    repeats: Annotated[
        int,
        typer.Option(
            help="Pairs of fits that judge a point below 6,000 people; a release makes 10.",
            min=2,
            metavar="R",
        ),
    ] = 4,
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
    ledger: options.Ledger = None,
    cohort: Annotated[
        str,
        typer.Option(
            help="Name of these people in the ledger, that stays when their records change.",
            metavar="NAME",
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew in the folder of another frontier.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Draw use against each risk, from no limit to limits that nothing meets.

    Each point is a budget of its own, fitted and judged; a few hundred people take minutes. A run
    that was stopped goes on when it is started again. The page, DIR/frontier.html, tells the
    command that releases a point; the release judges it anew.
    """
    from salus.synth.report.frontier import frontier as sweep
    from salus.synth.table.files import read_table

    voice = Voice(json=json, quiet=quiet)
    read = [table, schema, budget]
    _check_inputs(output, read)
    check_ledger(ledger, output, *read)
    limits = _limits(budgets)
    base = read_budget(budget)
    arguments = read_arguments(setting)
    data = read_table(table, schema=schema, **roles.given(schema=schema))
    with _kept(output, voice), voice.progress("sweeping") as tell:
        done = sweep(
            data,
            budget=base,
            generator=generator.value,
            options=arguments,
            limits=limits,
            risk=None if risk is None else risk.value,
            repeats=repeats,
            n=rows,
            seed=seed,
            directory=output,
            force=force,
            name=table.name,
            ledger=ledger,
            cohort=cohort,
            when=now(),
            progress=tell,
        )
    command = _command(table, schema, roles, ledger, cohort)
    done.write(output, command=command, force=True)
    voice.say(_table(done))
    for line in [*_price(done), *_more(done)]:
        voice.say(line)
    voice.say(f"\nThe page is {output / 'frontier.html'}; the budgets are in {output / 'budgets'}.")
    voice.result({"status": RELEASED, "output": str(output), **done.summary})
    return RELEASED


@contextmanager
def _kept(output: Path, voice: Voice) -> Iterator[None]:
    """Tell whoever interrupts the run that what is judged by then is kept."""
    try:
        yield
    except KeyboardInterrupt:
        if (output / "points").is_dir():
            voice.note(
                f"salus: the points judged so far are in {str(output)!r}; start again to go on."
            )
        raise


def _limits(text: str | None) -> list[float] | None:
    """Part limits at the commas."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise OptionError(
            f"--budgets takes numbers parted by commas, got {text!r}.",
            remedy="Such as: --budgets 1,0.2,0.1,0.05,0",
        ) from error


def _check_inputs(output: Path, inputs: Sequence[Path | None]) -> None:
    """Refuse to write into the folder that holds what is read."""
    for source in inputs:
        if source is not None and output.resolve() in source.resolve().parents:
            raise OptionError(
                f"the folder {str(output)!r} holds {source.name!r}, which is read.",
                remedy="Name another folder.",
            )


def _command(
    table: Path, schema: Path | None, roles: Roles, ledger: Path | None, cohort: str
) -> list[str]:
    """Return the words that release this table, up to the point."""
    words = ["salus", "release", str(table)]
    words += [] if schema is None else ["--schema", str(schema)]
    for name, value in vars(roles).items():
        many = value if isinstance(value, list) else [] if value is None else [value]
        for one in many:
            words += [f"--{name}", str(one)]
    words += [] if ledger is None else ["--ledger", str(ledger)]
    return [*words, "--cohort", cohort] if cohort else words


def _table(done: Frontier) -> str:
    """Return all points as a table for the terminal."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    from salus.synth.report.frontier_page import point_rows

    rows, use = point_rows(done.summary), done.summary["utility"]
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    leading = [cell["title"].lower() for cell in rows[0]["leading"]]
    for head in ("point", "limit", use["title"].lower() if use else "use", *leading, "price"):
        grid.add_column(head)
    grid.add_column("its limits")
    for row in rows:
        prices = " / ".join(price for _, price in row["prices"]) or "–"
        risks = [f"{cell['value']} {cell['interval']}".strip() for cell in row["leading"]]
        cells = (str(row["number"]), row["label"], " ".join(row["use"]).strip(), *risks, prices)
        grid.add_row(*(Text(cell) for cell in (*cells, f"{row['sign']} {row['word']}")))
    console = Console()
    with console.capture() as capture:
        console.print(grid)
    return capture.get().rstrip()


def _price(done: Frontier) -> list[str]:
    """Say what the column of prices holds."""
    from salus.synth.report.frontier_page import point_rows

    names = max(([name for name, _ in row["prices"]] for row in point_rows(done.summary)), key=len)
    told = " / ".join(f"“{name}”" for name in names)
    return (
        ["", f"Price: use in training for one more unit of the limit on {told}."] if names else []
    )


def _more(done: Frontier) -> list[str]:
    """Say which budgets can't be met, and what the figures are not."""
    from salus.synth.report.frontier_page import label_of

    lines = [
        f"  - {label_of(point)}: {said}" for point in done.points for said in point["infeasible"]
    ]
    return [
        *(["", "Budgets that can't be met:"] if lines else []),
        *lines,
        "",
        *done.summary["claim"],
    ]
