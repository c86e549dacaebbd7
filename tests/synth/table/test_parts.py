"""People stand on one side only, and every class on every side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.table.parts import Parts, folds, halves, split
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

NAMES = ("train", "reference", "calibration", "audit")


def table_of(outcome: np.ndarray, people: np.ndarray | None = None) -> Table:
    """Return a table whose column ``row`` numbers its rows."""
    levels = tuple(str(k) for k in range(int(outcome.max(initial=0)) + 1))
    schema = Schema(
        [
            Column(name="row", kind="integer"),
            Column(name="y", kind="categorical", levels=levels, roles=frozenset({"outcome"})),
        ]
    )
    return Table(schema, {"row": np.arange(len(outcome)), "y": outcome}, people=people)


def tables(parts: Parts) -> list[Table]:
    return [getattr(parts, name) for name in NAMES]


@st.composite
def crowds(draw: st.DrawFn) -> Table:
    n = draw(st.integers(40, 120))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    outcome = rng.choice(4, n, p=[0.6, 0.3, 0.08, 0.02])
    outcome[rng.random(n) < 0.05] = -1
    people = rng.permutation(np.concatenate([np.arange(30), rng.integers(0, 30, n - 30)]))
    return table_of(outcome, people * 7)


@settings(max_examples=50, deadline=None)
@given(crowds(), st.integers(0, 2**31))
def test_nobody_straddles_and_nobody_is_lost(table: Table, seed: int) -> None:
    parts = tables(split(table, seed=seed))
    people = [set(part.people.tolist()) for part in parts]
    assert sum(map(len, people)) == len(set.union(*people)) == table.n_people
    rows = np.concatenate([part.values["row"] for part in parts])
    assert sorted(rows.tolist()) == list(range(len(table)))
    again = tables(split(table, seed=seed))
    for a, b in zip(parts, again, strict=True):
        np.testing.assert_array_equal(a.values["row"], b.values["row"])


@settings(max_examples=50, deadline=None)
@given(crowds(), st.integers(0, 2**31), st.integers(2, 7))
def test_halves_and_folds_are_of_people(table: Table, seed: int, k: int) -> None:
    half = halves(table, seed=seed)
    fold = folds(table, k, seed=seed)
    for person in np.unique(table.people):
        rows = table.people == person
        assert len(set(half[rows].tolist())) == len(set(fold[rows].tolist())) == 1
    members = len(np.unique(table.people[half]))
    assert abs(members - table.n_people / 2) <= 1
    sizes = [len(np.unique(table.people[fold == f])) for f in range(k)]
    assert max(sizes) - min(sizes) <= 2
    np.testing.assert_array_equal(half, halves(table, seed=seed))


@pytest.mark.parametrize("sizes", [(200, 40, 4), (100, 7, 5), (61, 33, 1), (300, 2, 1)])
def test_shares_are_kept_and_rare_classes_spread(sizes: tuple[int, ...]) -> None:
    outcome = np.repeat(np.arange(len(sizes)), sizes)
    shares = np.array([0.55, 0.15, 0.15, 0.15])
    for seed in range(5):
        parts = tables(split(table_of(outcome), seed=seed))
        counts = np.array([np.bincount(p.values["y"], minlength=len(sizes)) for p in parts])
        for k, size in enumerate(sizes):
            assert np.abs(counts[:, k] - size * shares).max() <= 2
            if size >= 4:
                assert counts[:, k].min() >= 1
        assert np.abs(counts.sum(axis=1) - sum(sizes) * shares).max() < 2.5


def test_single_people_of_a_class_fall_by_chance() -> None:
    outcome = np.concatenate([np.zeros(60, int), [1]])
    seen = [
        next(
            k for k, p in enumerate(tables(split(table_of(outcome), seed=s))) if 1 in p.values["y"]
        )
        for s in range(200)
    ]
    share = np.bincount(seen, minlength=4) / 200
    assert 0.4 < share[0] < 0.7
    assert share[1:].min() > 0.05


def test_the_odd_person_is_on_either_side_by_chance() -> None:
    table = table_of(np.zeros(21, int))
    inside = np.mean([halves(table, seed=s) for s in range(400)], axis=0)
    assert abs(inside.mean() - 0.5) < 0.02
    assert inside.min() > 0.35
    assert inside.max() < 0.65


def test_a_person_counts_once_by_the_most_frequent_level() -> None:
    people = np.repeat(np.arange(40), 3)
    outcome = np.tile([0, 1, 1], 40)
    outcome[people < 8] = np.tile([0, 0, 1], 8)
    parts = tables(split(table_of(outcome, people), seed=3))
    rare = [len({p for p in part.people.tolist() if p < 8}) for part in parts]
    assert sum(rare) == 8
    assert min(rare) >= 1


@pytest.mark.parametrize(
    "values", [np.arange(80.0), np.full(80, np.nan), np.repeat([0.0, 9.0], 40)]
)
def test_numeric_and_empty_outcomes_are_split(values: np.ndarray) -> None:
    schema = Schema([Column(name="y", kind="continuous", roles=frozenset({"outcome"}))])
    parts = tables(split(Table(schema, {"y": values}), seed=1))
    assert [len(p) for p in parts] == [44, 12, 12, 12]
    if np.isfinite(values).all():
        assert all(abs(p.values["y"].mean() - values.mean()) < 12 for p in parts)


def test_a_table_without_outcome_is_split() -> None:
    table = Table(Schema([Column(name="x", kind="integer")]), {"x": np.arange(20)})
    assert [len(p) for p in tables(split(table, seed=0))] == [11, 3, 3, 3]


def test_a_share_of_zero_leaves_a_part_empty() -> None:
    parts = tables(split(table_of(np.arange(40) % 2), seed=0, shares=(0.5, 0.25, 0, 0.25)))
    assert [len(p) for p in parts] == [20, 10, 0, 10]


def test_too_few_people_are_told_what_is_needed() -> None:
    with pytest.raises(TooFewPeople, match="13 people; this split needs at least 14"):
        split(table_of(np.arange(13) % 2), seed=0)
    for seed in range(20):
        parts = tables(split(table_of(np.arange(14) % 3), seed=seed))
        assert min(len(p) for p in parts) >= 1
    with pytest.raises(TooFewPeople, match="2 people"):
        folds(table_of(np.array([0, 1])), 3, seed=0)
    with pytest.raises(TooFewPeople):
        halves(table_of(np.array([0, 1])), seed=0)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.5, 0.5, -0.5), (0.4, 0.1, 0.1, 0.1)])
def test_wrong_shares_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="shares"):
        split(table_of(np.zeros(50, int)), seed=0, shares=shares)
    with pytest.raises(OptionError, match="folds"):
        folds(table_of(np.zeros(50, int)), 1, seed=0)
