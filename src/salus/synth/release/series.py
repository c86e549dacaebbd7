"""The series that a release belongs to: earlier looks at the same people, and tables that went out.

* **Attackers hold every table.** Below 6,000 people each trial of the cross-fit makes the earlier
  tables again by their settings; above, their rows have to be given, and the split into parts is
  that of the first release, so that people set apart were strangers to all of them.
* **Each look halves the error.** The k-th look at the same people is judged at 0.05 / 2^(k - 1), so
  all of them together err with a chance of at most 10 %. A refusal is a look as well: trying until
  one succeeds gains nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salus.synth.audit.finding import Finding, Verdict
from salus.synth.audit.trials import ERROR
from salus.synth.errors import OptionError
from salus.synth.generate.protocol import Generator
from salus.synth.measure.estimate import CannotJudge
from salus.synth.release.crossfit import Earlier
from salus.synth.release.ledger import Cohort, Entry, Ledger, releases_of
from salus.synth.table.files import csv_text
from salus.synth.table.table import Table

__all__ = ["Series", "digest", "series_of"]

Settings = Mapping[str, Any]
MakeOf = Callable[[Settings], Callable[[], Generator]]


def digest(table: Table) -> str:
    """Return the SHA-256 of a table as it would be written in CSV, whatever its file's format."""
    return hashlib.sha256(csv_text(table).encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Series:
    """Hold what came before.

    Parameters
    ----------
    looks : int
        Looks at these people, this one included.
    out : tuple of Entry
        By which tables went out.
    tables : tuple of Table
        Their rows, as far as given.
    obstacle : str
        Why what went out can't be accounted for; empty if it can.
    split_seed : int or None
        By which the people were split into parts first.
    lines : int
        Lines of the ledger that were accounted for.
    again : tuple of str
        Hashes of the tables that earlier runs with these very settings made of this very table.
    kept : bool
        Whether there is a ledger at all.
    """

    looks: int = 1
    out: tuple[Entry, ...] = ()
    tables: tuple[Table, ...] = ()
    obstacle: str = ""
    split_seed: int | None = None
    lines: int = 0
    again: tuple[str, ...] = ()
    kept: bool = False

    @property
    def error(self) -> float:
        """The error of each one-sided bound in this look."""
        return float(ERROR / 2 ** (self.looks - 1))

    def made_again(self, make: MakeOf) -> tuple[Earlier, ...]:
        """Return how the earlier tables were made."""
        return tuple(
            Earlier(make(e.content["settings"]), int(e.content["settings"]["rows"]))
            for e in self.out
        )

    def finding(self) -> tuple[Finding, ...]:
        """Return the finding that the earlier tables can't be accounted for, if so."""
        if not self.obstacle:
            return ()
        return (
            Finding(
                name="release.earlier",
                group="privacy",
                title="Tables of the same people that went out before",
                meaning="Number of earlier tables whose rows an attacker may hold, and this judgement "
                "doesn't.",
                result=CannotJudge(self.obstacle),
                ideal=0.0,
                limit=0.0,
                verdict=Verdict.CANNOT_BE_JUDGED,
                because=self.obstacle,
            ),
        )

    def context(self) -> dict[str, Any]:
        """Return what a report tells of the series: nothing where no ledger is kept."""
        if not self.kept:
            return {}
        return {
            "ledger": {
                "looks at these people": self.looks,
                "error of each bound": self.error,
                "tables that went out before": len(self.out),
            },
            "earlier": [
                {
                    "line": e.number,
                    "when": e.content.get("when", ""),
                    "name": e.content.get("name", ""),
                    "verdict": e.content.get("verdict", ""),
                    "rows": e.content["settings"].get("rows"),
                    "sha256": e.content.get("sha256", ""),
                }
                for e in self.out
            ],
        }


def series_of(
    ledger: Ledger,
    table: Table,
    settings: Settings,
    given: Sequence[Table],
    *,
    by_crossfit: bool,
    name: str = "",
) -> tuple[Series, Cohort]:
    """Return the series that a release of this table continues, and the sketch of its people.

    A run with the very settings of an earlier one is that run again: no new look, no further table.

    Parameters
    ----------
    ledger : Ledger
    table : Table
    settings : mapping
        Of this run, as they will be recorded.
    given : sequence of Table
        Rows of earlier releases.
    by_crossfit : bool
        Whether earlier tables can be made again.
    name : str
        Of the cohort, if the steward named it.

    Raises
    ------
    OptionError
        If a table given is none that went out.
    """
    cohort = ledger.cohort(table)
    entries = ledger.entries()
    about = [e for e in entries if e.content.get("kind") == "release" and e.is_about(cohort, name)]
    mine = [e for e in about if _same_run(e, settings, cohort)]
    again = tuple(e.content["sha256"] for e in releases_of(mine))
    # a run again is judged as it was the first time: by what stood in the ledger before it
    before = [e for e in about if e not in mine and (not mine or e.number < mine[0].number)]
    looks = _distinct(before)
    out = _distinct_tables(releases_of(before))
    known = {e.content["sha256"]: e for e in out}
    rows = {digest(t): t for t in given}
    strange = set(rows) - set(known)
    if strange:
        raise OptionError(
            f"{len(strange)} of the earlier tables given went out by no line of the ledger.",
            remedy="Give the files as they were released, and the ledger that they stand in.",
        )
    if by_crossfit:
        obstacle = _not_made_again(out, list(settings["columns"]))
    else:
        obstacle = _nobody_apart(out, cohort) or _not_given(len(set(known) - set(rows)), len(known))
    seeds = [e.content["settings"].get("split_seed") for e in (*out, *looks)]
    first = next((s for s in seeds if s is not None), None)
    series = Series(
        len(looks) + 1, out, tuple(rows.values()), obstacle, first, len(entries), again, kept=True
    )
    return series, cohort


def _not_made_again(out: Sequence[Entry], columns: list[str]) -> str:
    if all(e.content["settings"].get("columns") == columns for e in out):
        return ""
    return "an earlier table of these people had other columns and can't be made again"


def _nobody_apart(out: Sequence[Entry], cohort: Cohort) -> str:
    """Say why nobody is a stranger to all that went out, if so.

    The same seed splits people in the same way only where they are the same, in the same order.
    """
    if any(e.content["settings"].get("split_seed") is None for e in out):
        return (
            "an earlier table was learnt from all people of its time, so none can be set apart who "
            "weren't in it"
        )
    if any(e.cohort.whole != cohort.whole for e in out):
        return (
            "people, records, columns or their order changed since an earlier table, so those who "
            "would be set apart now may have been in it"
        )
    return ""


def _not_given(missing: int, known: int) -> str:
    if not missing:
        return ""
    return f"{missing} of {known} earlier tables weren't given; give their files with --earlier"


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    """Return the first line of each run: the very same run again is no new look."""
    out: list[Entry] = []
    for entry in entries:
        if not any(_same_run(e, entry.content.get("settings", {}), entry.cohort) for e in out):
            out.append(entry)
    return out


def _distinct_tables(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the first line of each table that went out."""
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.content["sha256"], entry)
    return tuple(first.values())


def _same_run(entry: Entry, settings: Settings, cohort: Cohort) -> bool:
    theirs = {k: v for k, v in entry.content.get("settings", {}).items() if k not in _RESULTS}
    mine = {k: v for k, v in settings.items() if k not in _RESULTS}
    return theirs == mine and entry.cohort.whole == cohort.whole


_RESULTS = ("setting", "slack", "split_seed")  # what a run ends with, and not what it was asked
