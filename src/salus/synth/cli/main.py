"""The command ``salus``: its verbs and its way in.

Each verb imports what it needs when it runs, so that ``salus --help`` answers at once.
"""

from __future__ import annotations

import errno
import functools
import inspect
import json
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.audit import audit
from salus.synth.cli.demo import demo
from salus.synth.cli.diff import diff
from salus.synth.cli.exits import BAD_INPUT, FAULT, INTERRUPTED, as_json, explain, status_of
from salus.synth.cli.exposed import exposed
from salus.synth.cli.fit import fit
from salus.synth.cli.frontier import frontier
from salus.synth.cli.ledger import ledger
from salus.synth.cli.paper import paper
from salus.synth.cli.release import release
from salus.synth.cli.replicate import replicate
from salus.synth.cli.report import report
from salus.synth.cli.sample import sample
from salus.synth.cli.schema import schema

__all__ = ["app", "call", "run"]

app = typer.Typer(
    name="salus",
    help="Synthetic health tables, released only when an audit says that every limit holds.",
    epilog="Exit status: 0 done or released; 1 a fault; 2 bad input; 3 refused; 4 cannot be judged;"
    " 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables: patients' values
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"salus {version('salus')}")
        raise typer.Exit


@app.callback()
def _salus(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    pass


def _ending(verb: Callable[..., int]) -> Callable[..., None]:
    """Return the verb with ``--debug``, ending the run with its status, also after an error."""

    @functools.wraps(verb)
    def ended(*args: Any, debug: bool = False, **kwargs: Any) -> None:
        try:
            status = verb(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("salus: interrupted; nothing half-written is left behind.", err=True)
            status = INTERRUPTED
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read the output has gone
            status = status_of(error)
            _tell(error, machine=bool(kwargs.get("json")), debug=debug)
        raise typer.Exit(status)

    signature = inspect.signature(verb, eval_str=True)
    extra = inspect.Parameter(
        "debug", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=options.Debug
    )
    parameters = [*signature.parameters.values(), extra]
    ended.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    ended.__annotations__ = {p.name: p.annotation for p in parameters}
    # --help keeps the line ends of a second paragraph, which stand there for the width of the code.
    paragraphs = inspect.cleandoc(verb.__doc__ or "").split("\n\n")
    ended.__doc__ = "\n\n".join(" ".join(p.split()) for p in paragraphs)
    return ended


def _tell(error: Exception, *, machine: bool, debug: bool) -> None:
    if debug:
        typer.echo("".join(traceback.format_exception(error)), err=True)
    if machine:
        typer.echo(json.dumps(as_json(error), indent=2))
    else:
        typer.echo(f"salus: {explain(error)}", err=True)


for _verb in (
    release,
    demo,
    schema,
    fit,
    sample,
    audit,
    exposed,
    replicate,
    report,
    diff,
    ledger,
    paper,
    frontier,
):
    app.command()(_ending(_verb))


def call(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status.

    A wrong command line is told as JSON, too, where ``--json`` stands in it.
    """
    try:
        result = app(list(arguments), prog_name="salus", standalone_mode="--json" not in arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAULT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return FAULT
    except Exception as error:
        told = getattr(error, "format_message", None)  # a wrong command line, whatever typer's age
        if told is None:
            raise
        document = {"status": BAD_INPUT, "error": type(error).__name__, "message": told()}
        typer.echo(json.dumps(document, indent=2))
        return BAD_INPUT
    return result if isinstance(result, int) else 0


def run() -> None:
    """Run the command line of this process and end it."""
    signal.signal(signal.SIGTERM, _stop)
    if "--debug" not in sys.argv:
        warnings.simplefilter("ignore")  # a library's warning may quote a cell
    sys.exit(call(sys.argv[1:]))


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that what was begun is removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    run()
