"""The ledger: what was asked of the private data, and what of it went out before.

An append-only file of JSON lines, each holding the hash of the one before, so that an altered or
reordered line is found, and one that was taken out, but for lines cut off the end. It stays with
the real data. It holds no value and no record: a cohort is a sketch of keyed hashes (HMAC-SHA256
with a random key in a file beside it), the 1,024 smallest of them, from which the overlap of two
cohorts is estimated even where people joined or left (bottom-k sketch; Cohen & Kaplan 2007,
doi:10.1145/1281100.1281133).

Whoever holds ledger and key can test whether a record they already know was in a cohort: keep both
where the people are.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from salus.synth.errors import BadInput
from salus.synth.table.codec import decode_text
from salus.synth.table.table import Table

__all__ = ["SKETCH", "Cohort", "Entry", "Ledger", "releases_of"]

SKETCH = 1024  # hashes kept of a cohort
SAME = 0.05  # overlap from which two cohorts are held to share people
FORMAT = "salus-ledger/1"
START = "0" * 64  # the hash before the first line


@dataclass(frozen=True)
class Cohort:
    """Hold a sketch of the people in a table.

    Parameters
    ----------
    people : int
    sketch : tuple of str
        The smallest keyed hashes, rising; all of them where there are few.
    whole : str
        Keyed hash of the schema and all rows in their order: two tables of which one person differs
        share nearly every sketch, and never this. Cohorts are equal without it.
    """

    people: int
    sketch: tuple[str, ...]
    whole: str = field(default="", compare=False)

    def overlap(self, other: Cohort) -> float:
        """Return the share of the smaller cohort that is also in the other, estimated.

        The share of common hashes among the smallest of both together estimates their Jaccard index.
        """
        k = min(SKETCH, len(set(self.sketch) | set(other.sketch)))
        if not k or not self.people or not other.people:
            return 0.0
        union = sorted(set(self.sketch) | set(other.sketch))[:k]
        both = set(self.sketch) & set(other.sketch)
        jaccard = sum(h in both for h in union) / k
        common = jaccard / (1 + jaccard) * (self.people + other.people)
        return float(min(1.0, common / min(self.people, other.people)))


@dataclass(frozen=True)
class Entry:
    """Hold one line: its number, the hash before it, its content and its own hash."""

    number: int
    before: str
    content: Mapping[str, Any]
    hash: str

    @property
    def is_release(self) -> bool:
        """Whether a synthetic table went out."""
        return bool(self.content.get("kind") == "release" and self.content.get("sha256"))

    def is_about(self, cohort: Cohort, name: str = "") -> bool:
        """Whether the line concerns more than 5 % of these people, or a cohort of this name."""
        named = bool(name) and self.content.get("cohort_name") == name
        return named or self.cohort.overlap(cohort) > SAME

    @property
    def cohort(self) -> Cohort:
        """The people concerned."""
        told = self.content["cohort"]
        return Cohort(int(told["people"]), tuple(told["sketch"]), told.get("whole", ""))


class Ledger:
    """Read and extend a ledger.

    Parameters
    ----------
    path : path
        The file of JSON lines; it and its key (``PATH.key``) are made when the first line is written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def key_path(self) -> Path:
        """The file that holds the key of the hashes."""
        return self.path.with_name(self.path.name + ".key")

    def entries(self) -> tuple[Entry, ...]:
        """Return all lines, each checked against the one before.

        Raises
        ------
        BadInput
            Naming the first line that was altered, lost or cut off.
        """
        if not self.path.exists():
            return ()
        try:
            *lines, rest = self.path.read_bytes().split(b"\n")
        except OSError as error:
            raise BadInput(
                f"the ledger {str(self.path)!r} can't be read ({type(error).__name__})."
            ) from error
        if rest:  # every line ends in a line feed
            raise self._unsound(len(lines) + 1)
        out: list[Entry] = []
        before = START
        for number, line in enumerate(lines, start=1):
            entry = self._entry(number, before, line)
            out.append(entry)
            before = entry.hash
        return tuple(out)

    def _entry(self, number: int, before: str, line: bytes) -> Entry:
        try:
            told = json.loads(line.decode("ascii"))
            content, mark = told["content"], told["hash"]
            sound = (
                told["number"] == number
                and told["before"] == before
                and mark == _hash(number, before, content)
                and line == _line(number, before, content).encode("ascii")
            )
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise self._unsound(number)
        return Entry(number, before, content, mark)

    def _unsound(self, number: int) -> BadInput:
        return BadInput(
            f"line {number} of the ledger {str(self.path)!r} was altered, lost or cut off.",
            remedy="Bring back a copy from a backup; a ledger is never edited.",
        )

    def cohort(self, table: Table) -> Cohort:
        """Return the sketch of a table's people under this ledger's key, which is made if needed."""
        return _cohort(table, self._key())

    def earlier(self, cohort: Cohort, *, name: str = "") -> tuple[Entry, ...]:
        """Return earlier lines about cohorts that share more than 5 % of their people with this one.

        People are told by their whole record. Where columns were added, dropped or corrected in
        between, only the same ``name`` of the cohort tells that these are the same people.
        """
        return tuple(e for e in self.entries() if e.is_about(cohort, name))

    def record(
        self, content: Mapping[str, Any], cohort: Cohort, *, accounted: int | None = None
    ) -> Entry:
        """Append one line, whole or not at all.

        Parameters
        ----------
        content : mapping
            Plain JSON values: ``kind`` (``query`` or ``release``), what was asked, by whom the data
            were touched, the verdict, the hash of the table released.
        cohort : Cohort
        accounted : int, optional
            Lines that were accounted for when the work began. A release of these people recorded
            after them, by a run at the same time, would go unseen.

        Raises
        ------
        BadInput
            If the ledger was altered, can't be written, another process holds it, or another
            release of these people was recorded meanwhile.
        """
        with self._locked():
            entries = self.entries()
            if accounted is not None:
                _refuse_unseen(entries[accounted:], cohort, str(content.get("cohort_name", "")))
            before = entries[-1].hash if entries else START
            full = {
                "format": FORMAT,
                **content,
                "cohort": {
                    "people": cohort.people,
                    "sketch": list(cohort.sketch),
                    "whole": cohort.whole,
                },
            }
            number = len(entries) + 1
            line = _line(number, before, full)
            old = self.path.read_bytes() if self.path.exists() else b""
            self._replace(old + line.encode("ascii") + b"\n")
            return Entry(number, before, full, _hash(number, before, full))

    def _replace(self, text: bytes) -> None:
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(0o600)
            os.replace(beside, self.path)
        except OSError as error:
            raise BadInput(
                f"the ledger {str(self.path)!r} can't be written ({type(error).__name__}).",
                remedy="Choose a folder that exists, may be written to and has room.",
            ) from error
        finally:
            beside.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError as error:
            raise BadInput(
                f"the ledger {str(self.path)!r} is being written by another process.",
                remedy=f"Wait for it; if none is running, remove {lock.name!r}.",
            ) from error
        except OSError as error:
            raise BadInput(
                f"the ledger {str(self.path)!r} can't be written ({type(error).__name__}).",
                remedy="Choose a folder that exists and may be written to.",
            ) from error
        try:
            yield
        finally:
            os.close(handle)
            lock.unlink(missing_ok=True)

    def _key(self) -> bytes:
        try:
            return bytes.fromhex(self.key_path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            if self.path.exists():
                raise BadInput(
                    f"the key of the ledger {str(self.path)!r} is gone, so its people can't be told.",
                    remedy=f"Bring {self.key_path.name!r} back from a backup.",
                ) from None
        except (OSError, ValueError) as error:
            raise BadInput(
                f"the ledger's key {str(self.key_path)!r} can't be read ({type(error).__name__})."
            ) from error
        key = secrets.token_bytes(32)
        try:
            handle = os.open(self.key_path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
        except OSError as error:
            raise BadInput(
                f"the ledger's key {str(self.key_path)!r} can't be written ({type(error).__name__}).",
                remedy="Choose a folder that exists and may be written to.",
            ) from error
        return key


def _cohort(table: Table, key: bytes) -> Cohort:
    """Hash each person's rows as they would be written, columns by name, under the key."""
    frame = decode_text(table)
    names = sorted(frame.columns)
    cells = frame[names].to_numpy(dtype=object)
    rows = ["\x1f".join("\x00" if c is None else str(c) for c in row) for row in cells]
    order = np.argsort(table.people, kind="stable")
    starts = np.flatnonzero(np.diff(table.people[order], prepend=table.people[order[0]] - 1))
    marks = []
    for group in np.split(order, starts[1:]):
        text = "\x1e".join(sorted(rows[i] for i in group))
        marks.append(hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()[:32])
    whole = hmac.new(key, table.schema.to_json().encode("utf-8"), hashlib.sha256)
    for person, row in zip(table.people, rows, strict=True):
        whole.update(f"\x1d{person}\x1f{row}".encode())
    return Cohort(len(marks), tuple(sorted(set(marks))[:SKETCH]), whole.hexdigest())


def _hash(number: int, before: str, content: Mapping[str, Any]) -> str:
    text = json.dumps([number, before, content], sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _line(number: int, before: str, content: Mapping[str, Any]) -> str:
    whole = {
        "number": number,
        "before": before,
        "content": content,
        "hash": _hash(number, before, content),
    }
    return json.dumps(whole, sort_keys=True)  # ASCII: no character of a name ends a line


def _refuse_unseen(since: Sequence[Entry], cohort: Cohort, name: str) -> None:
    for entry in since:
        if entry.content.get("kind") == "release" and entry.is_about(cohort, name):
            raise BadInput(
                f"line {entry.number} of the ledger, about the same people, was recorded while this "
                "run was at work, so it isn't accounted for; nothing is released.",
                remedy="Run it again.",
            )


def releases_of(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return those lines by which a table went out."""
    return tuple(e for e in entries if e.is_release)
