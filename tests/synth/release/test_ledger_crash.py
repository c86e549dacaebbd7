"""A ledger outlives kills, odd names and writers that run at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salus.synth.errors import BadInput
from salus.synth.release.ledger import Ledger
from tests.synth.simulate import simulated

PEOPLE = simulated(400, seed=8)
KILLED = """
import os, signal, sys
from salus.synth.release.ledger import Ledger
from tests.synth.simulate import simulated
ledger = Ledger(sys.argv[1])
cohort = ledger.cohort(simulated(40, seed=1))
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, sys.argv[2], die)
ledger.record({"kind": "query"}, cohort)
"""


@pytest.fixture
def kept(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for k in range(3):
        table = PEOPLE.take(np.arange(100 * k, 100 * k + 200))
        ledger.record({"kind": "release", "sha256": "ab" * k}, ledger.cohort(table))
    return ledger


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(place=st.floats(0, 1, exclude_max=True), new=st.integers(0, 255))
def test_any_byte_changed_to_any_other_is_found(kept: Ledger, place: float, new: int) -> None:
    whole = kept.path.read_bytes()
    k = int(place * len(whole))
    if whole[k] == new:
        return
    line = whole[:k].count(b"\n") + 1
    kept.path.write_bytes(whole[:k] + bytes([new]) + whole[k + 1 :])
    try:
        with pytest.raises(BadInput, match=f"line {line} "):
            kept.entries()
    finally:
        kept.path.write_bytes(whole)


def test_ends_of_lines_count(kept: Ledger) -> None:
    whole = kept.path.read_bytes()
    for changed in (
        whole[:-1],
        whole.replace(b"\n", b"\r"),
        whole.replace(b"\n", b"\r\n"),
        whole + b"\n",
    ):
        kept.path.write_bytes(changed)
        with pytest.raises(BadInput, match="altered, lost or cut off"):
            kept.record({"kind": "query"}, kept.cohort(PEOPLE))
        assert kept.path.read_bytes() == changed  # nothing is added to what isn't sound


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(name=st.text(st.characters(exclude_categories=()), max_size=8))
def test_any_name_is_read_back(tmp_path: Path, name: str) -> None:
    ledger = Ledger(tmp_path / "names")
    cohort = ledger.cohort(PEOPLE.take(np.arange(60)))
    ledger.record({"kind": "query", "name": name + "\u2028\x85\udcff"}, cohort)
    assert ledger.entries()[-1].content["name"] == name + "\u2028\x85\udcff"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_kill_between_write_and_rename_leaves_a_whole_ledger(kept: Ledger, step: str) -> None:
    before = kept.path.read_bytes()
    root = Path(__file__).parents[3]
    paths = os.pathsep.join([str(root), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(kept.path), step],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert kept.path.read_bytes() == before
    assert len(kept.entries()) == 3
    with pytest.raises(BadInput, match="if none is running, remove"):
        kept.record({"kind": "query"}, kept.cohort(PEOPLE))
    kept.path.with_name("ledger.jsonl.lock").unlink()
    kept.record({"kind": "query"}, kept.cohort(PEOPLE))
    assert len(kept.entries()) == 4


def test_a_release_recorded_meanwhile_is_not_overlooked(kept: Ledger) -> None:
    cohort = kept.cohort(PEOPLE)
    lines = len(kept.entries())
    kept.record({"kind": "query"}, cohort)  # no release
    kept.record({"kind": "release"}, kept.cohort(simulated(90, seed=77)))  # other people
    kept.record({"kind": "release"}, cohort, accounted=lines)
    with pytest.raises(BadInput, match="while this run was at work"):
        kept.record({"kind": "release"}, cohort, accounted=lines)
    assert len(kept.entries()) == lines + 3


def test_one_person_more_or_less_is_another_table(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    everybody = simulated(20_001, seed=5)
    one = ledger.cohort(everybody.take(np.arange(20_000)))
    others = [
        ledger.cohort(everybody.take(np.setdiff1d(np.arange(20_001), [k])))
        for k in (3, 700, 1400, 1999)
    ]
    assert sum(o.sketch == one.sketch for o in others) >= 2  # sketches alone would not tell
    assert all(o.whole != one.whole for o in others)
    assert ledger.cohort(everybody.take(np.arange(20_000))).whole == one.whole
    assert all(o.overlap(one) > 0.9 for o in others)
