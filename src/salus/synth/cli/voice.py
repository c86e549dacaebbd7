"""What a run says: text for people, one JSON document for machines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

__all__ = ["Progress", "Voice"]

Progress = Callable[[str, float], None]
_PATIENCE = 2.0  # seconds of work before its progress is shown
_REMINDER = 30.0  # seconds between lines where the screen is no terminal


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Speak to the user as asked.

    Parameters
    ----------
    json : bool
        Results go to standard output as one JSON document, and nothing else does.
    quiet : bool
        No text and no progress; errors and the JSON document are still written.
    """

    json: bool = False
    quiet: bool = False

    def say(self, text: str = "") -> None:
        """Write a result for people to standard output."""
        if not (self.json or self.quiet):
            typer.echo(text)

    def note(self, text: str) -> None:
        """Write what happens on the way to standard error."""
        if not self.quiet:
            typer.echo(text, err=True)

    def result(self, data: Mapping[str, Any]) -> None:
        """Write the JSON document, if asked for."""
        if self.json:
            typer.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show how far a piece of work is, once it takes more than two seconds.

        Yields
        ------
        callable
            Takes what is being done and the share of it, from 0 to 1.
        """
        if self.quiet:
            yield _silent
        elif sys.stderr.isatty():
            with _bar(title) as tell:
                yield tell
        else:
            yield _Lines()


def _silent(_what: str, _share: float) -> None:
    return


class _Lines:
    """Write a line when the work changes, and now and then, to a log."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.last = 0.0
        self.what = ""

    def __call__(self, what: str, share: float) -> None:
        now = time.monotonic()
        due = what != self.what or now - self.last >= _REMINDER
        if due and now - self.begun >= _PATIENCE:
            typer.echo(f"{what}: {share:.0%}", err=True)
            self.what, self.last = what, now


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    # The bar takes itself away at the end: what stays on the screen is the result.
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=None)

        def tell(what: str, share: float) -> None:
            bars.update(task, description=what, total=1.0, completed=min(max(share, 0.0), 1.0))

        yield tell
