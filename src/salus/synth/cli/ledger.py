"""``salus ledger``: what was asked of private data, and what of it went out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.voice import Voice
from salus.synth.errors import BadInput

if TYPE_CHECKING:
    from salus.synth.table.table import Table

__all__ = ["ledger", "now", "record"]


def ledger(
    path: Annotated[
        Path, typer.Argument(help="File of a ledger.", metavar="LEDGER", show_default=False)
    ],
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Check a ledger and tell what it holds.

    An altered, lost or reordered line is found, but for lines cut off the end.
    """
    from salus.synth.release.ledger import Ledger

    voice = Voice(json=json, quiet=quiet)
    if not path.exists():
        raise BadInput(
            f"there is no ledger {str(path)!r}.", remedy="'salus release --ledger' makes one."
        )
    entries = Ledger(path).entries()
    lines = [_line(e.number, e.content) for e in entries]
    for line in lines:
        voice.say(line)
    voice.say(f"{len(entries)} lines, none altered.")
    told = [
        {**e.content, "number": e.number, "cohort": {"people": e.cohort.people}} for e in entries
    ]
    voice.result({"status": RELEASED, "lines": told})
    return RELEASED


def _line(number: int, content: Mapping[str, Any]) -> str:
    parts = [
        str(number),
        content.get("when", ""),
        content.get("verb", ""),
        content.get("name", ""),
        f"{content['cohort']['people']} people",
        content.get("verdict", ""),
        f"sha256 {content['sha256'][:12]}" if content.get("sha256") else "",
    ]
    return "  ".join(p for p in parts if p)


def now() -> str:
    """Return the time as the ledger holds it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def record(path: Path | None, verb: str, table: Table, **facts: Any) -> None:
    """Record a query of private data, where a ledger is kept."""
    if path is None:
        return
    from salus.synth.release.ledger import Ledger

    kept = Ledger(path)
    content = {"kind": "query", "verb": verb, "when": now(), **facts}
    kept.record(content, kept.cohort(table))
