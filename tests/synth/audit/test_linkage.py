"""Linkage: a copy's halves are linked, a stranger's no more than chance and relations bring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.audit.anchors import independent_columns, planted
from salus.synth.audit.linkage import ATTACKERS, _chance, person_success, splits
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import SCHEMA, simulated

N = 200
POOL = simulated(3 * N, seed=3)
PEOPLE, FRESH = POOL.take(np.arange(2 * N)), POOL.take(np.arange(2 * N, 3 * N))
MEMBER = np.arange(2 * N) < N
MEMBERS = PEOPLE.take(MEMBER)


def gaps(made: Table, people: Table = PEOPLE) -> dict[str, float]:
    success = person_success(people, made, seed=0)
    assert set(success) == set(ATTACKERS.values())
    assert all(((s >= 0) & (s <= 1)).all() for s in success.values())
    return {k: float(s[MEMBER].mean() - s[~MEMBER].mean()) for k, s in success.items()}


def test_a_copy_links_its_people() -> None:
    assert min(gaps(MEMBERS).values()) > 0.75


def test_one_copy_in_ten_links_one_in_ten() -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(0), share=0.1)
    assert isinstance(made, Table)
    assert all(0.04 < gap < 0.16 for gap in gaps(made).values())


def test_strangers_and_independent_columns_link_nobody_over_seeds() -> None:
    found: dict[str, list[float]] = {}
    for seed in range(12):
        pool = simulated(3 * N, seed=50 + seed)
        people, fresh = pool.take(np.arange(2 * N)), pool.take(np.arange(2 * N, 3 * N))
        for name, gap in gaps(fresh, people).items():
            found.setdefault(name, []).append(gap)
        mixed = independent_columns(people.take(MEMBER), np.random.default_rng(seed))
        for name, gap in gaps(mixed, people).items():
            found.setdefault(f"{name}, mixed", []).append(gap)
    for gap_list in found.values():
        assert abs(np.mean(gap_list)) < 3 * np.std(gap_list) / np.sqrt(len(gap_list)) + 0.003
        assert abs(np.mean(gap_list)) < 0.02


def test_units_and_orders_do_not_matter() -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(0), share=0.3)
    assert isinstance(made, Table)
    here = person_success(PEOPLE, made, seed=4)

    def inverse(table: Table) -> Table:
        """Turn the columns around, and weigh in other units."""
        columns = list(SCHEMA.columns[::-1])
        values = {c.name: table.values[c.name] for c in columns}
        states = {c.name: table.states[c.name] for c in columns}
        out = Table(Schema(columns), values, states, table.people)
        return out.replace(
            "weight", table.values["weight"].astype(float) * 4.0, table.states["weight"]
        )

    order = np.random.default_rng(1).permutation(len(made))
    there = person_success(inverse(PEOPLE), inverse(made.take(order)), seed=4)
    for name, success in here.items():
        assert success == pytest.approx(there[name], abs=1e-9)
    turned = person_success(PEOPLE.take(np.arange(2 * N)[::-1]), made, seed=4)
    assert here["1 nearest row"][::-1] == pytest.approx(turned["1 nearest row"], abs=1e-9)


def test_splits_are_known_and_rest_or_halves() -> None:
    halves = splits(SCHEMA, seed=1)
    assert len(halves) == 3
    for one, two in halves:
        assert sorted((*one, *two)) == sorted(SCHEMA.names)
        assert abs(len(one) - len(two)) <= 1
    assert splits(SCHEMA, seed=1) == halves
    known = SCHEMA.with_column("age", roles=frozenset({"known"}))
    ((one, two),) = splits(known, seed=1)
    assert one == ("age",)
    assert len(two) == len(SCHEMA.names) - 1
    assert len(splits(SCHEMA, seed=0, columns=["age", "sex"])) == 1
    assert splits(SCHEMA, seed=0, columns=["age"]) == ()


def test_tables_on_which_nothing_can_be_linked() -> None:
    one = Schema([SCHEMA["age"]])
    table = Table(one, {"age": PEOPLE.values["age"]})
    assert person_success(table, table, seed=0) == {}
    assert person_success(PEOPLE, PEOPLE.take(np.arange(0)), seed=0) == {}


def test_constant_columns_link_by_chance_only() -> None:
    schema = Schema([Column(name=n, kind="boolean", levels=("0", "1")) for n in "ab"])
    people = Table(schema, {n: np.zeros(20, int) for n in "ab"})
    made = Table(schema, {n: np.zeros(50, int) for n in "ab"})
    success = person_success(people, made, seed=0)
    assert success["1 nearest row"] == pytest.approx(np.full(20, 1 / 50))
    none = np.prod([(45 - i) / (50 - i) for i in range(5)])  # 5 of 50 twice, none in common
    assert success["5 nearest rows"] == pytest.approx(np.full(20, 1 - none))
    three = person_success(PEOPLE.take(np.arange(3)), PEOPLE.take(np.arange(3)), seed=0)
    assert (three["5 nearest rows"] == 1).all()  # every row is among the nearest


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_chance_is_that_of_drawing_among_ties(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.integers(0, 4, (2, 12)).astype(np.float32)
    draws, hits = 4_000, 0
    first, second = (np.argsort(d + rng.random((draws, 12)) / 2, axis=1)[:, :k] for d in (one, two))
    hits = (first[:, :, None] == second[:, None, :]).any((1, 2)).mean()
    told = _chance(one[None], two[None], np.sort(one)[None], np.sort(two)[None], k)
    assert told[0] == pytest.approx(hits, abs=0.04)
