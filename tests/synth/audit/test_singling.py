"""Singling out: what a copy gives away, and what any table of the same kind would."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.anchors import planted
from salus.synth.audit.copies import Groups, make_groups
from salus.synth.audit.singling import (
    ANY,
    ATTACKERS,
    LEAST,
    MOST,
    SAME,
    Cells,
    Conditions,
    singled_out,
)
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import SCHEMA, simulated

N = 200
POOL = simulated(3 * N, seed=3)
PEOPLE, FRESH = POOL.take(np.arange(2 * N)), POOL.take(np.arange(2 * N, 3 * N))
MEMBER = np.arange(2 * N) < N
MEMBERS = PEOPLE.take(MEMBER)


def groups_of(people: Table, member: np.ndarray) -> Groups:
    return make_groups(people, member, np.random.default_rng(0))


def excess(made: Table, people: Table = PEOPLE, seed: int = 0) -> dict[str, float]:
    shares = singled_out(people, made, groups_of(people, MEMBER), seed=seed)
    assert set(shares) == set(ATTACKERS)
    out = {}
    for name, found in shares.items():
        rates = found.share[MEMBER].sum(), found.share[~MEMBER].sum()
        assert all(-1e-9 <= rate <= 1 + 1e-9 for rate in rates)
        assert (found.sole == found.share).all()
        out[name] = float(rates[0] - rates[1])
    return out


def test_a_copy_singles_out_its_people() -> None:
    assert min(excess(MEMBERS).values()) > 0.8


def test_one_copy_in_ten_shows() -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(0), share=0.1)
    assert isinstance(made, Table)
    assert 0.02 < excess(made)["multivariate"] < 0.2


def test_base_rates_cancel_for_strangers_over_seeds() -> None:
    found: dict[str, list[float]] = {name: [] for name in ATTACKERS}
    for seed in range(20):
        pool = simulated(3 * N, seed=50 + seed)
        people, fresh = pool.take(np.arange(2 * N)), pool.take(np.arange(2 * N, 3 * N))
        for name, gap in excess(fresh, people, seed).items():
            found[name].append(gap)
    for gaps in found.values():
        assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps)) + 0.002
        assert max(np.abs(gaps)) < 0.1


def test_units_and_orders_do_not_matter() -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(0), share=0.3)
    assert isinstance(made, Table)
    groups = groups_of(PEOPLE, MEMBER)
    here = singled_out(PEOPLE, made, groups, seed=4)
    schema = Schema(list(SCHEMA.columns[::-1]))

    def other(table: Table) -> Table:
        values = {c.name: table.values[c.name] for c in schema.columns}
        states = {c.name: table.states[c.name] for c in schema.columns}
        values["weight"] = values["weight"].astype(float) * 4.0
        return Table(schema, values, states, table.people)

    order = np.random.default_rng(1).permutation(len(made))
    there = singled_out(other(PEOPLE), other(made.take(order)), groups, seed=4)
    for name, found in here.items():
        assert found.share == pytest.approx(there[name].share, abs=1e-12)


def test_conditions_hold_for_one_row_alone() -> None:
    schema = Schema(
        [
            Column(name="a", kind="continuous", decimals=1, missing_codes=("-9",)),
            Column(name="b", kind="boolean", levels=("0", "1")),
        ]
    )
    values = {"a": np.array([1.0, 2.04, np.nan, np.nan]), "b": np.array([0, 1, 1, 1])}
    states = {"a": np.array([0, 0, 1, 2], np.int8), "b": np.zeros(4, np.int8)}
    rows = Cells.of(Table(schema, values, states), schema.columns)
    asked = np.array(
        [[LEAST, ANY], [MOST, ANY], [SAME, SAME], [SAME, ANY], [ANY, SAME], [SAME, ANY]]
    )
    number = np.array([[2.0, 0], [1.0, 0], [0, 1], [2.0, 0], [0, 1], [0, 0]])
    state = np.array([[0, 0], [0, 0], [1, 0], [0, 0], [0, 0], [3, 0]])
    conditions = Conditions(asked, number, state)
    assert conditions.only(rows).tolist() == [1, 0, 2, 1, -1, -1]
    assert conditions.met(rows)[4].tolist() == [False, True, True, True]


def test_members_are_compared_at_the_size_of_the_others() -> None:
    member = np.arange(2 * N) < 300
    shares = singled_out(PEOPLE, FRESH, groups_of(PEOPLE, member), seed=1)
    for found in shares.values():
        inside, outside = found.share[member].sum(), found.share[~member].sum()
        assert inside <= 1 + 1e-9
        assert abs(inside - outside) < 0.12


def test_degenerate_tables() -> None:
    levels = Schema([Column(name=n, kind="boolean", levels=("0", "1")) for n in "ab"])
    same = Table(levels, {n: np.zeros(40, int) for n in "ab"})
    member = np.arange(40) < 20
    for found in singled_out(same, same, groups_of(same, member), seed=0).values():
        assert found.share.sum() == 0  # nobody stands alone
    three = PEOPLE.take([0, 1, 2])
    few = singled_out(three, three, groups_of(three, np.array([True, False, False])), seed=0)
    assert all(np.isfinite(found.share).all() for found in few.values())
    one = Table(Schema([SCHEMA["age"]]), {"age": PEOPLE.values["age"]})
    assert set(singled_out(one, one, groups_of(one, MEMBER), seed=0)) == {"univariate"}
    assert singled_out(PEOPLE, PEOPLE.take(np.arange(0)), groups_of(PEOPLE, MEMBER), seed=0) == {}
    twice = Table.concat([MEMBERS, MEMBERS])  # no condition holds for one row alone
    assert excess(twice)["multivariate"] == 0


def test_seed_decides() -> None:
    assert excess(FRESH, seed=5) == excess(FRESH, seed=5)
