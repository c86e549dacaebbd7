"""The command ``salus``: its verbs, and the one place where a run ends.

Nothing heavy is imported before a verb needs it, so that ``salus --help`` answers at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer
from typer.main import get_command

from salus.synth.cli.audit import audit
from salus.synth.cli.demo import demo
from salus.synth.cli.exits import BAD_INPUT, INTERRUPTED, as_json, explain, status_of
from salus.synth.cli.fit import fit
from salus.synth.cli.release import release
from salus.synth.cli.report import report
from salus.synth.cli.sample import sample
from salus.synth.cli.schema import schema

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="salus",
    help="Synthetic health tables, released only when every privacy limit is shown to hold.",
    epilog=(
        "Exit status: 0 released or done, 2 bad input, 3 refused, 4 cannot be judged, "
        "1 a fault of the program."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich would take longer to load than to read
)
for _verb in (release, audit, report, schema, fit, sample, demo):
    app.command(no_args_is_help=_verb is not demo)(_verb)

# Typer may carry its own copy of click: its error class is reached through one that it exports.
_USAGE: tuple[type[Exception], ...] = tuple(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"salus {version('salus')}")
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    return


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; nothing is raised.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_document = "--json" in words
    try:
        status = get_command(app).main(args=words, prog_name="salus", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _end(INTERRUPTED, "interrupted. Nothing was written.", as_document)
    except _USAGE as error:
        return _usage(error, as_document)
    except Exception as error:  # every run ends in a status and one message
        if os.environ.get("SALUS_TRACEBACK"):
            traceback.print_exc()
        return _end(status_of(error), explain(error), as_document, as_json(error))
    return status if isinstance(status, int) else 0


def run() -> None:
    """Run the command line and end the process."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt  # so that what was begun is cleared away, as for Ctrl-C


def _usage(error: Exception, as_document: bool) -> int:
    """Say what is wrong with the command as typed; a bare command gets its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error).rstrip())
        return BAD_INPUT
    message = str(getattr(error, "format_message", lambda: str(error))())
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "salus"
    return _end(BAD_INPUT, f"{message} See '{path} --help'.", as_document)


def _end(
    status: int, message: str, as_document: bool, details: dict[str, Any] | None = None
) -> int:
    typer.echo(f"salus: {message}", err=True)
    if as_document:
        document = details or {"status": status, "error": "usage", "message": message}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    return status
