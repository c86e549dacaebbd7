"""Who learns from whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.generate.net.plan import Plan, plan_for
from salus.synth.generate.net.sides import Sides
from salus.synth.table.table import Table
from tests.synth.generate.net.toys import noise


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Return a table in which some people have several rows."""
    n = draw(st.integers(10, 60))
    base = noise(n, d=1, seed=n)
    people = np.sort(np.random.default_rng(draw(st.integers(0, 99))).integers(0, n, n))
    if len(np.unique(people)) < 10:
        people = np.arange(n)
    return Table(base.schema, base.values, base.states, people)


plans = st.builds(
    lambda members, parts, groups: replace(
        plan_for(100, reference=False), members=members, parts=parts, groups=groups
    ),
    st.integers(1, 6),
    st.integers(2, 8),
    st.integers(1, 5),
)


@settings(max_examples=150, deadline=None)
@given(tables(), plans, st.integers(0, 99), st.booleans())
def test_teachers_are_strangers(table: Table, plan: Plan, seed: int, reference: bool) -> None:
    """No teacher has learnt from whom it speaks of, nor from the others of the side."""
    rng = np.random.default_rng(seed)
    who = table.people
    if reference:
        n = len(table) // 2
        n = int(np.searchsorted(who, who[n]))  # people whole
        sides = Sides.by_reference(table, n, plan, rng)
    else:
        sides = Sides.by_folds(table, plan, rng)
    assert 1 <= len(sides.sides) <= max(plan.members, 1)
    assert len(sides.taught) == len(sides.unseen)
    for taught, unseen in zip(sides.taught, sides.unseen, strict=True):
        assert not set(who[taught]) & set(who[unseen])
    for side in sides.sides:
        assert len(side.others) and len(side.inside)
        assert not set(who[side.inside]) & set(who[side.others])
        assert np.array_equal(np.sort(np.r_[side.inside, side.others]), np.arange(len(table)))
        assert (side.teacher[side.others] == -1).all() and (side.teacher[side.inside] >= 0).all()
        for row in side.inside:
            taught = set(who[sides.taught[side.teacher[row]]])
            assert who[row] not in taught
            assert not taught & set(who[side.others])
            assert row in sides.unseen[side.teacher[row]]


@pytest.mark.parametrize("members", [1, 2, 3, 5, 9])
def test_sub_models_judge_each_others(members: int) -> None:
    table = noise(43)
    plan = replace(plan_for(43, reference=False), members=members, parts=5)
    sides = Sides.by_folds(table, plan, np.random.default_rng(0))
    assert len(sides.sides) == min(members, 5)
    assert sides.paired == (members > 1)
    others = np.concatenate([s.others for s in sides.sides])
    assert len(np.unique(others)) == len(others)
    if sides.paired:
        for k, side in enumerate(sides.sides):
            after = sides.sides[(k + 1) % len(sides.sides)]
            assert np.isin(side.others, after.inside).all()


def test_a_teacher_serves_both_sub_models_whose_others_it_left_out() -> None:
    plan = replace(plan_for(60, reference=False), members=3, parts=5)
    sides = Sides.by_folds(noise(60), plan, np.random.default_rng(0))
    assert len(sides.taught) == 3 + 2 * 3  # pairs of folds of which one is some sub-model's others
    a, b = sides.sides[0], sides.sides[1]
    assert set(a.teacher[b.others]) == set(b.teacher[a.others]) and a.teacher[b.others[0]] >= 0


def test_reference_rows_are_never_learnt_from() -> None:
    table = noise(60)
    plan = replace(plan_for(60, reference=True), groups=3, members=2)
    sides = Sides.by_reference(table, 40, plan, np.random.default_rng(0))
    assert len(sides.sides) == 2 and not sides.paired and len(sides.taught) == 3
    for side in sides.sides:
        assert side.inside.max() == 39 and np.array_equal(side.others, np.arange(40, 60))
    assert max(t.max() for t in sides.taught) < 40
    assert np.array_equal(np.sort(np.concatenate(sides.unseen)), np.arange(40))
