"""Distances: exact, free of units, and blind to the disguises that they should see through."""

from __future__ import annotations

import time

import numpy as np
import pytest

from salus.synth.measure.distance import Encoder, nearest
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated


def brute(a: Table, b: Table, encoder: Encoder) -> np.ndarray:
    """Return the distance of each column, (n, m, d), written as the definition reads."""
    p, q = encoder.place(a), encoder.place(b)
    gap = np.minimum(1, np.abs(p.position[:, None].astype(float) - q.position[None]))
    return np.where(p.code[:, None] != q.code[None], 1.0, gap)


def test_both_spaces_are_exact() -> None:
    a, b = simulated(60, seed=1, missing=0.3), simulated(90, seed=2, missing=0.3)
    encoder = Encoder.fit([a, b])
    gap = brute(a, b, encoder)
    near = nearest(encoder.place(a), encoder.place(b), k=3)
    whole, left = gap.mean(2), (gap.sum(2) - gap.max(2)) / (gap.shape[2] - 1)
    np.testing.assert_allclose(near.all, np.sort(whole, 1)[:, :3], atol=1e-6)
    np.testing.assert_allclose(near.left_out, np.sort(left, 1)[:, :3], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(whole, near.who_all, 1), near.all, atol=1e-6)


def test_missing_states_are_levels() -> None:
    column = Column(name="x", kind="continuous", missing_codes=("-9",))
    table = Table(
        Schema([column]),
        {"x": np.array([1.0, np.nan, np.nan, np.nan])},
        {"x": np.array([0, 1, 2, 1], np.int8)},
    )
    placed = Encoder.fit([table]).place(table)
    distance = nearest(placed, placed, k=4).all
    assert distance[1].tolist() == [0, 0, 1, 1]  # the two empty cells are alike, the code isn't
    assert distance[0].tolist() == [0, 1, 1, 1]


def test_units_do_not_matter() -> None:
    a, b = simulated(80, seed=1), simulated(70, seed=2)

    def changed(table: Table) -> Table:
        return table.replace("weight", table.values["weight"] / 18.016 + 3, table.states["weight"])

    def measure(x: Table, y: Table) -> np.ndarray:
        encoder = Encoder.fit([x])
        return nearest(encoder.place(x), encoder.place(y), k=2).left_out

    np.testing.assert_allclose(measure(a, b), measure(changed(a), changed(b)), atol=1e-9)


def test_order_of_rows_and_columns_does_not_matter() -> None:
    a, b = simulated(80, seed=1), simulated(70, seed=2)
    order = np.random.default_rng(0).permutation(70)
    turned = Schema(a.schema.columns[::-1])

    def measure(x: Table, y: Table) -> np.ndarray:
        encoder = Encoder.fit([x])
        return nearest(encoder.place(x), encoder.place(y), k=2).all

    flip = [Table(turned, t.values, t.states) for t in (a, b.take(order))]
    assert (measure(a, b) == measure(*flip)).all()


def test_one_changed_column_is_seen_through() -> None:
    a = simulated(100, seed=1)
    b = a.replace("age", a.values["age"] + 40)
    encoder = Encoder.fit([a])
    near = nearest(encoder.place(a), encoder.place(b))
    assert (near.left_out == 0).all()
    assert near.all.max() > 0


def test_own_ranks_see_through_monotone_changes() -> None:
    a = simulated(100, seed=1)
    b = a
    for name in ("age", "weight", "hours", "gain"):
        b = b.replace(name, np.log1p(a.values[name].astype(float)), a.states[name])
    encoder = Encoder.fit([a])
    assert (nearest(encoder.place(a), encoder.place_by_own_rank(b)).all == 0).all()
    assert nearest(encoder.place(a), encoder.place(b)).all.min() > 0


def test_a_person_never_is_their_own_neighbour() -> None:
    a = simulated(50, seed=1)
    twice = Table(a.schema, a.values, a.states, np.arange(50) // 2)
    placed = Encoder.fit([twice]).place(twice)
    near = nearest(placed, placed, skip_same=True)
    assert (near.who_all[:, 0] // 2 != np.arange(50) // 2).all()
    alone = placed.take(np.array([0, 1]))
    assert np.isinf(nearest(alone, alone, skip_same=True).all).all()


def test_values_beyond_the_support_keep_their_order() -> None:
    table = Table(Schema([Column(name="x", kind="continuous")]), {"x": np.arange(10.0)})
    far = Table(table.schema, {"x": np.array([-1e9, -2.0, 11.0, 1e9])})
    position = Encoder.fit([table]).place(far).position[:, 0]
    assert (np.diff(position) > 0).all()
    assert position[0] == pytest.approx(-1.95, abs=1e-4)
    assert position[-1] == pytest.approx(2.95, abs=1e-4)


def test_degenerate_tables() -> None:
    column = Column(name="x", kind="continuous")
    empty = Table(Schema([column]), {"x": np.full(4, np.nan)})
    placed = Encoder.fit([empty]).place(empty)
    assert (nearest(placed, placed, k=9).all == 0).all()
    with pytest.raises(ValueError, match="no rows"):
        nearest(placed, placed.take(np.array([], int)))


def test_three_thousand_people_take_seconds() -> None:
    a, b = simulated(3000, seed=1), simulated(3000, seed=2)
    encoder = Encoder.fit([a])
    start = time.perf_counter()
    nearest(encoder.place(a), encoder.place(b), k=5)
    assert time.perf_counter() - start < 5


def test_just_below_a_value_that_many_hold_is_near_it() -> None:
    """Most people have none: a copy moved by a little stays beside them."""
    column = Schema([Column(name="x", kind="continuous")])
    real = Table(column, {"x": np.where(np.arange(200) < 184, 0.0, np.arange(200.0))})
    moved = Table(column, {"x": np.array([-0.001, 0.0])})
    encoder = Encoder.fit([real])
    position = encoder.place(moved).position[:, 0]
    assert abs(position[1] - position[0]) < 0.01
