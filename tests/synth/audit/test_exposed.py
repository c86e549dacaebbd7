"""The list of exposed people: planted members first, strangers as often as it says, no value."""

from __future__ import annotations

import csv
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from salus.synth.audit.anchors import shifted
from salus.synth.audit.exposed import Exposed, _Ranked, exposed, write_exposed
from salus.synth.errors import BadInput, OptionError, TableError, TooFewPeople
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import SCHEMA, simulated

N, PLANTED = 200, 10
POOL = simulated(3 * N, seed=8)
TRAIN, HOLDOUT, FRESH = (POOL.take(np.arange(k * N, (k + 1) * N)) for k in range(3))
WHO = np.random.default_rng(0).permutation(N)[:PLANTED]
LEAK = Table.concat([TRAIN.take(WHO), FRESH.take(np.arange(PLANTED, N))])


def rows(people: tuple[Exposed, ...]) -> set[int]:
    return {one.row - 1 for one in people}


def test_planted_members_come_first() -> None:
    found = exposed(LEAK, TRAIN, HOLDOUT)
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    copies = tuple(one for one in found if one.attack == "exact copy")
    assert rows(copies) == set(WHO)
    assert copies == found[:PLANTED]
    for one in copies:
        assert one.reason.startswith("a synthetic row equals this record, unlike those of all 200")
        assert one.exposure == pytest.approx(1 / (N + 1))
        assert one.by_chance == pytest.approx(N / (N + 1))
        assert one.person == one.row


def test_a_shifted_copy_is_told_with_the_column() -> None:
    leak = shifted(TRAIN)
    assert isinstance(leak, Table)
    made = Table.concat([leak.take(WHO), FRESH.take(np.arange(PLANTED, N))])
    found = exposed(made, TRAIN, HOLDOUT)
    first = found[:PLANTED]
    assert len(rows(first) & set(WHO)) >= 0.6 * PLANTED  # common records are less sure
    assert any("one column differs: age" in one.reason for one in first)


def test_all_people_of_a_copy_are_exposed() -> None:
    found = exposed(TRAIN, TRAIN, HOLDOUT, most=N)
    assert len(found) > 0.95 * N
    assert found[-1].by_chance < 0.1 * len(found)


def test_strangers_are_listed_as_often_as_the_list_says() -> None:
    told, found = [], []
    for seed in range(10):
        pool = simulated(3 * 150, seed=70 + seed)
        train, holdout, fresh = (pool.take(np.arange(k * 150, (k + 1) * 150)) for k in range(3))
        found.append(len(exposed(fresh, train, holdout, most=150)))
        told.append(0.05 * 150)
        # the same list, made of held-out people: a half against the other half
        half = np.random.default_rng(seed).permutation(150)
        among = exposed(fresh, holdout.take(half[:75]), holdout.take(half[75:]), most=75)
        found.append(2 * len(among))
        told.append(0.05 * 150)
    assert np.mean(found) == pytest.approx(np.mean(told), rel=0.6)


def test_an_exposure_is_a_p_value_over_all_attacks() -> None:
    rng = np.random.default_rng(0)
    small = []
    for _ in range(60):
        scores = rng.normal(size=(6, 100))
        scores[1] = scores[0] + 0.1 * scores[1]
        scores[5] = scores[5] > 1.5  # many ties
        ranked = _Ranked.of(scores[:, :50], scores[:, 50:])
        small.append(np.mean((ranked.matched + 1) / 51 <= 0.04))
    assert np.mean(small) <= 0.04 + 0.01
    assert np.mean(small) > 0.02


def test_units_and_the_order_of_rows_do_not_matter() -> None:
    def other(table: Table) -> Table:
        return table.replace(
            "weight", table.values["weight"].astype(float) * 4.0, table.states["weight"]
        )

    order = np.random.default_rng(3).permutation(N)
    here = exposed(LEAK, TRAIN, HOLDOUT)
    there = exposed(other(LEAK), other(TRAIN), other(HOLDOUT))
    assert rows(here[:PLANTED]) == rows(there[:PLANTED])
    turned = exposed(LEAK.take(order), TRAIN.take(order), HOLDOUT.take(order))
    assert {int(order[k]) for k in rows(turned[:PLANTED])} == rows(here[:PLANTED])


def test_rows_of_a_person_count_once() -> None:
    owner = np.arange(N) // 2
    train = Table(TRAIN.schema, TRAIN.values, TRAIN.states, owner)
    holdout = Table(HOLDOUT.schema, HOLDOUT.values, HOLDOUT.states, owner)
    found = exposed(LEAK, train, holdout, most=N)
    persons = [one.person for one in found]
    assert len(set(persons)) == len(persons)
    assert {one.person - 1 for one in found if one.attack == "exact copy"} == set(WHO // 2 * 2)
    assert all(one.row in (one.person, one.person + 1) for one in found)


def test_large_tables_are_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salus.synth.audit.exposed.AT_ONCE", 80)
    found = exposed(LEAK, TRAIN, HOLDOUT, reference=FRESH, most=PLANTED)
    assert rows(found) == set(WHO)


def test_no_value_stands_in_a_reason(tmp_path: Path) -> None:
    schema = Schema([Column(name=n, kind="continuous") for n in ("a", "b", "c")])
    rng = np.random.default_rng(1)
    numbers = {n: rng.integers(10**8, 10**9, 60).astype(float) for n in ("a", "b", "c")}
    people = Table(schema, numbers)
    made = people.take(np.arange(30)).replace("a", numbers["a"][:30] + 1)
    found = exposed(made, people.take(np.arange(30)), people.take(np.arange(30, 60)), most=30)
    assert found
    text = " ".join(one.reason for one in found)
    assert not any(str(int(v)) in text for column in numbers.values() for v in column)
    assert "a" in text


def test_the_list_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "exposed.csv"
    path.write_text("old")
    path.chmod(0o644)
    before = os.umask(0o022)
    try:
        write_exposed(exposed(LEAK, TRAIN, HOLDOUT), path)
        assert os.umask(0o022) == 0o022  # left as it was
    finally:
        os.umask(before)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == [
        "rank",
        "row",
        "person",
        "exposure",
        "by_chance",
        "reason",
        "attack",
    ]
    assert {int(line["row"]) - 1 for line in lines[:PLANTED]} == set(WHO)
    with pytest.raises(BadInput):
        write_exposed((), tmp_path / "absent" / "exposed.csv")
    write_exposed((), path)
    assert path.read_text().count("\n") == 1


def test_tables_that_say_nothing() -> None:
    with pytest.raises(OptionError):
        exposed(LEAK, TRAIN, HOLDOUT, most=0)
    with pytest.raises(TableError):
        exposed(LEAK.take(np.arange(0)), TRAIN, HOLDOUT)
    with pytest.raises(TooFewPeople):
        exposed(LEAK, TRAIN, HOLDOUT.take([0, 1, 2]))
    assert exposed(LEAK, TRAIN.take([0, 1, 2]), HOLDOUT, most=1) is not None
    schema = Schema([SCHEMA["sex"], SCHEMA["target"]])
    few = [
        Table(schema, {k: t.values[k] * 0 for k in ("sex", "target")})
        for t in (LEAK, TRAIN, HOLDOUT)
    ]
    assert exposed(*few) == ()  # all are alike: nobody stands out
