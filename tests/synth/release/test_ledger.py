"""A ledger finds any altered line, tells its cohorts apart, and survives a crash."""

from __future__ import annotations

import json
import os
import stat
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salus.synth.errors import BadInput
from salus.synth.release.ledger import Ledger
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

PEOPLE = simulated(900, seed=8)


@pytest.fixture
def kept(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for k in range(4):
        table = PEOPLE.take(np.arange(100 * k, 100 * k + 300))
        ledger.record(
            {"kind": "release", "verb": "release", "sha256": "a" * k}, ledger.cohort(table)
        )
    return ledger


def test_lines_are_read_back_in_order(kept: Ledger) -> None:
    again = Ledger(kept.path).entries()
    assert [e.number for e in again] == [1, 2, 3, 4]
    assert [e.is_release for e in again] == [False, True, True, True]
    assert all(b.before == a.hash for a, b in pairwise(again))


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(place=st.floats(0, 1, exclude_max=True), new=st.integers(32, 126))
def test_any_altered_byte_is_found(kept: Ledger, place: float, new: int) -> None:
    whole = kept.path.read_bytes()
    k = int(place * len(whole))
    if whole[k] in (new, ord("\n")):
        return
    line = whole[:k].count(b"\n") + 1
    kept.path.write_bytes(whole[:k] + bytes([new]) + whole[k + 1 :])
    try:
        with pytest.raises(BadInput, match=f"line {line} "):
            kept.entries()
    finally:
        kept.path.write_bytes(whole)


def test_a_line_taken_out_or_moved_is_found(kept: Ledger) -> None:
    lines = kept.path.read_text().splitlines(keepends=True)
    for changed in (
        lines[1:],
        lines[:1] + lines[2:],
        [lines[1], lines[0], *lines[2:]],
        lines[:2] * 2,
    ):
        kept.path.write_text("".join(changed))
        with pytest.raises(BadInput, match="altered, lost or cut off"):
            kept.record({"kind": "query"}, kept.cohort(PEOPLE))


def test_cohorts_that_share_people_are_found_by_their_overlap(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    first = ledger.cohort(PEOPLE.take(np.arange(600)))
    for start, share in ((0, 1.0), (300, 0.5), (600, 0.0)):
        other = ledger.cohort(PEOPLE.take(np.arange(start, min(start + 600, 900))))
        people = min(600, 900 - start)
        assert first.overlap(other) == pytest.approx(share * 600 / people, abs=0.12)
    ledger.record({"kind": "release"}, first)
    assert ledger.earlier(ledger.cohort(PEOPLE.take(np.arange(500, 900))))
    assert not ledger.earlier(ledger.cohort(PEOPLE.take(np.arange(600, 900))))


def test_a_named_cohort_is_known_when_its_records_changed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    ledger.record({"kind": "release", "cohort_name": "liver"}, ledger.cohort(PEOPLE))
    moved = PEOPLE.replace("age", PEOPLE.values["age"] + 1)
    assert not ledger.earlier(ledger.cohort(moved))
    assert ledger.earlier(ledger.cohort(moved), name="liver")


def test_rows_of_a_person_and_their_order_do_not_matter(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    twos = Table(PEOPLE.schema, PEOPLE.values, PEOPLE.states, np.arange(900) // 2)
    order = np.random.default_rng(0).permutation(900)
    assert ledger.cohort(twos) == ledger.cohort(twos.take(order))
    assert ledger.cohort(twos).people == 450


def test_the_ledger_holds_no_value_and_nobody_else_reads_it(kept: Ledger) -> None:
    for path in (kept.path, kept.key_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for line in kept.path.read_text().splitlines():
        assert set(json.loads(line)["content"]) == {"format", "kind", "verb", "sha256", "cohort"}
    other = Ledger(kept.path.parent / "other")
    assert not set(other.cohort(PEOPLE).sketch) & set(kept.cohort(PEOPLE).sketch)


def test_without_its_key_a_ledger_says_so(kept: Ledger) -> None:
    kept.key_path.unlink()
    with pytest.raises(BadInput, match="key"):
        kept.cohort(PEOPLE)


def test_two_writers_are_kept_apart(kept: Ledger) -> None:
    lock = kept.path.with_name(kept.path.name + ".lock")
    lock.touch()
    with pytest.raises(BadInput, match="another process"):
        kept.record({"kind": "query"}, kept.cohort(PEOPLE))
    lock.unlink()
    kept.record({"kind": "query"}, kept.cohort(PEOPLE))
    assert not lock.exists()


def test_a_crash_while_writing_leaves_the_old_ledger(
    kept: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.path.read_bytes()
    cohort = kept.cohort(PEOPLE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for broken in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, full)
            with pytest.raises(BadInput, match="can't be written"):
                kept.record({"kind": "query"}, cohort)
        assert kept.path.read_bytes() == before
        names = sorted(p.name for p in kept.path.parent.iterdir())
        assert names == ["ledger.jsonl", "ledger.jsonl.key"]
