"""Copies: counted by value, in excess of what strangers show, seen through a shifted column."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from salus.synth.audit.anchors import planted
from salus.synth.audit.copies import (
    chance_p,
    exact_copies,
    make_groups,
    near_copies,
    record_keys,
)
from salus.synth.audit.membership import blind_encoder
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

N = 300
POOL = simulated(3 * N, seed=4)
PEOPLE, FRESH = POOL.take(np.arange(2 * N)), POOL.take(np.arange(2 * N, 3 * N))
MEMBER = np.arange(2 * N) < N
MEMBERS = PEOPLE.take(MEMBER)


def excess(synthetic: Table) -> tuple[float, float, float]:
    groups = make_groups(PEOPLE, MEMBER, np.random.default_rng(0))
    exact = exact_copies(PEOPLE, synthetic, groups).share
    near = near_copies(PEOPLE, synthetic, groups, encoder=blind_encoder(PEOPLE))
    shares = [exact, near["all columns"].share, near["one column left out"].share]
    a, b, c = (float(s[MEMBER].sum() - s[~MEMBER].sum()) for s in shares)
    return a, b, c


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.1, 1.0])
def test_planted_copies_are_counted(share: float) -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(1), share=share)
    assert isinstance(made, Table)
    exact, near, left = excess(made)
    assert exact == pytest.approx(share, abs=0.004)
    assert near == pytest.approx(share, abs=0.015)
    assert left == pytest.approx(share, abs=0.02)


def test_a_shifted_column_hides_nothing_from_the_left_out_space() -> None:
    made = MEMBERS.replace("age", MEMBERS.values["age"] + 9)
    exact, _, left = excess(made)
    assert exact == pytest.approx(0, abs=0.01)
    assert left > 0.95


def test_order_of_rows_and_columns_does_not_matter() -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(1), share=0.1)
    assert isinstance(made, Table)
    order = np.random.default_rng(2).permutation(len(made))
    assert excess(made) == pytest.approx(excess(made.take(order)), abs=1e-9)


def test_numbers_are_compared_by_value_at_the_columns_decimals() -> None:
    column = Column(name="x", kind="continuous", decimals=1, missing_codes=("-9",))
    schema = Schema([column, Column(name="s", kind="boolean", levels=("f", "m"))])
    one = Table(schema, {"x": np.array([1, 2, 0], int), "s": np.array([0, 1, 1])})
    two = Table(schema, {"x": np.array([1.0, 2.04, -0.0]), "s": np.array([0, 1, 1])})
    first, second = record_keys([one, two])
    assert (first == second).all()
    assert len(set(first)) == 3


def test_missing_states_are_part_of_the_record() -> None:
    schema = Schema([Column(name="x", kind="continuous", missing_codes=("-9",))])
    table = Table(
        schema, {"x": np.array([np.nan, np.nan, 0.0])}, {"x": np.array([1, 2, 0], np.int8)}
    )
    assert len(set(record_keys([table])[0])) == 3


def test_few_levels_accuse_nobody() -> None:
    names = [f"b{i}" for i in range(4)]
    schema = Schema([Column(name=n, kind="boolean", levels=("0", "1")) for n in names])
    rng = np.random.default_rng(0)

    def draw(n: int) -> Table:
        return Table(schema, {k: rng.integers(0, 2, n) for k in names})

    people, fresh = draw(600), draw(300)
    member = np.arange(600) < 300
    shares = exact_copies(people, fresh, make_groups(people, member, rng))
    assert shares.share[member].sum() == pytest.approx(1)
    assert shares.share[~member].sum() == pytest.approx(1)
    assert shares.sole.sum() == 0  # nobody alone decides it


def test_members_are_cut_to_the_size_of_the_others() -> None:
    member = np.arange(2 * N) < 480
    groups = make_groups(PEOPLE, member, np.random.default_rng(0))
    assert [len(c) for c in groups.chunks] == [120] * 4
    assert [len(w) for w in groups.windows] == [120]
    assert groups.scale == 4
    few = make_groups(PEOPLE, ~member, np.random.default_rng(0))
    assert len(few.chunks) == 1
    assert all(len(w) == 120 for w in few.windows)
    assert np.unique(np.concatenate(few.windows)).size == 480


def test_rows_of_a_person_stay_together() -> None:
    people = Table(PEOPLE.schema, PEOPLE.values, PEOPLE.states, np.arange(2 * N) // 3)
    groups = make_groups(people, MEMBER, np.random.default_rng(0))
    for group in (*groups.chunks, *groups.windows):
        _, count = np.unique(people.people[group], return_counts=True)
        assert (count == 3).all()


@pytest.mark.parametrize(
    ("rows", "share", "power"), [(142, 0.01, 0.46), (142, 0.05, 0.995), (1000, 0.01, 0.995)]
)
def test_power_to_see_planted_rows(rows: int, share: float, power: float) -> None:
    found = [k for k in range(rows + 1) if chance_p(k, rows, 0.001) <= 0.05]
    assert binom.sf(found[0] - 1, rows, share + 0.001) == pytest.approx(power, abs=0.01)
