"""Every attack of the registry: sees its leak, accuses nobody without one, knows no unit or order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from salus.synth.audit.attacks import REGISTRY, Attack, Scene
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import EMPTY, Table
from tests.synth.audit.attacks.leaks import (
    NUMBERS,
    clumps,
    copies,
    digits,
    numbers_moved,
    one_moved,
    plane,
    punched,
)
from tests.synth.simulate import simulated

N = 200
POOL = simulated(4 * N, seed=8)
PEOPLE, MEMBER = POOL.take(np.arange(2 * N)), np.arange(2 * N) < N
MEMBERS = PEOPLE.take(MEMBER)
FRESH = POOL.take(np.arange(2 * N, 3 * N))
REFERENCE = POOL.take(np.arange(3 * N, 4 * N))
SMALL = POOL.take(np.arange(40))
SMALL_FRESH = POOL.take(np.arange(60, 100))

MADE_FOR: dict[str, Callable[[Table], Table]] = {
    "nearest distance": copies,
    "nearest distance, one column left out": one_moved,
    "nearest distance, own ranks": numbers_moved,
    "calibrated distance": copies,
    "neighbourhood": copies,
    "density ratio": copies,
    "density ratio, one column left out": one_moved,
    "density ratio, kernels": copies,
    "density of distances": copies,
    "data plagiarism index": clumps,
    "likelihood gain": copies,
    "classifier": copies,
    "edit distance": digits,
}
every_attack = pytest.mark.parametrize("attack", REGISTRY, ids=lambda a: a.name)


# clumps show where a few were copied often; around everybody they are the density of all people
FEW = {"data plagiarism index": 25}


def test_the_registry_is_small_and_says_what_the_attacker_knows() -> None:
    names = [a.name for a in REGISTRY]
    assert len(set(names)) == len(names) <= 16
    assert set(MADE_FOR) | {"hole"} == set(names)
    assert all(a.says and "synthetic table" in a.knowledge for a in REGISTRY)
    assert [a.name for a in REGISTRY if not a.unit_free] == ["edit distance"]


@pytest.mark.parametrize("reference", [None, REFERENCE], ids=["no reference", "reference"])
@pytest.mark.parametrize("attack", [a for a in REGISTRY if a.name != "hole"], ids=lambda a: a.name)
def test_an_attack_sees_the_leak_it_is_made_for(attack: Attack, reference: Table | None) -> None:
    members = FEW.get(attack.name, N)
    rows = np.concatenate([np.arange(members), np.arange(N, 2 * N)])
    people, member = PEOPLE.take(rows), rows < N
    made = MADE_FOR[attack.name](people.take(member))
    scores = attack.score(Scene.of(people, made, reference=reference))
    assert roc_auc_score(member, scores) >= 0.95


def test_the_hole_attack_sees_a_hole() -> None:
    people, member = plane(80, seed=1), np.arange(80) < 15
    scene = Scene.of(people, punched(people.take(member)))
    (attack,) = (a for a in REGISTRY if a.name == "hole")
    assert roc_auc_score(member, attack.score(scene)) >= 0.95


def test_nobody_is_accused_by_fresh_people() -> None:
    rounds, n = 16, 100
    areas = np.zeros((rounds, len(REGISTRY)))
    member = np.arange(2 * n) < n
    for r in range(rounds):
        pool = simulated(3 * n, seed=700 + r)
        scene = Scene.of(pool.take(np.arange(2 * n)), pool.take(np.arange(2 * n, 3 * n)), seed=r)
        areas[r] = [roc_auc_score(member, a.score(scene)) for a in REGISTRY]
    # an area of 100 against 100 has standard error 0.041, so its mean over 16 has 0.010
    assert np.abs(areas.mean(0) - 0.5).max() < 0.035
    assert areas.std(0).max() < 0.07


def one_column() -> tuple[Table, Table]:
    return plane_column(30, 0), plane_column(25, 1)


def plane_column(n: int, seed: int) -> Table:
    schema = Schema([Column(name="x", kind="continuous")])
    return Table(schema, {"x": np.random.default_rng(seed).normal(size=n)})


def levels_only() -> tuple[Table, Table]:
    schema = Schema([Column(name=n, kind="categorical", levels=("a", "b")) for n in "pqr"])
    rng = np.random.default_rng(0)
    people, made = (
        Table(schema, {n: rng.integers(0, 2, size) for n in "pqr"}) for size in (30, 20)
    )
    return people, made


def nothing_known(people: Table, made: Table) -> tuple[Table, Table]:
    def emptied(table: Table) -> Table:
        state = np.full(len(table), EMPTY, np.int8)
        return table.replace("weight", np.full(len(table), np.nan), state)

    return emptied(people), emptied(made)


def dates() -> tuple[Table, Table]:
    schema = Schema(
        [
            Column(name="on", kind="date"),
            Column(name="at", kind="datetime"),
            Column(name="big", kind="continuous"),
        ]
    )
    rng = np.random.default_rng(0)

    def some(n: int) -> Table:
        values = {"on": rng.integers(-9_000, 20_000, n), "at": rng.integers(0, 10**9, n)}
        return Table(schema, {**values, "big": rng.normal(size=n) * 1e80})

    return some(30), some(20)


DEGENERATE = {
    "one synthetic row": (SMALL, SMALL_FRESH.take([0])),
    "all rows identical": (SMALL.take(np.zeros(40, int)), SMALL.take(np.zeros(30, int))),
    "identical people": (SMALL.take(np.zeros(40, int)), SMALL_FRESH),
    "identical synthetic rows": (SMALL, SMALL.take(np.zeros(30, int))),
    "one column": one_column(),
    "levels only": levels_only(),
    "a column nobody has": nothing_known(SMALL, SMALL_FRESH),
    "a column only people have": (SMALL, nothing_known(SMALL, SMALL_FRESH)[1]),
    "a column only synthetic rows have": (nothing_known(SMALL, SMALL_FRESH)[0], SMALL_FRESH),
    "three people": (SMALL.take([0, 1, 2]), SMALL_FRESH.take([0, 1])),
    "one person": (SMALL.take([0]), SMALL_FRESH),
    "far away": (SMALL, numbers_moved(SMALL_FRESH)),
    "dates and huge numbers": dates(),
    "people of several rows": (
        Table(SMALL.schema, SMALL.values, SMALL.states, np.arange(40) // 3),
        SMALL_FRESH,
    ),
    "duplicate people": (Table.concat([SMALL, SMALL]), SMALL_FRESH),
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("with_reference", [False, True], ids=["no reference", "reference"])
def test_degenerate_tables_get_finite_scores(case: str, with_reference: bool) -> None:
    people, made = DEGENERATE[case]
    scene = Scene.of(people, made, reference=people if with_reference else None)
    for attack in REGISTRY:
        scores = attack.score(scene)
        assert scores.shape == (len(people),), attack.name
        assert np.isfinite(scores).all(), attack.name


@settings(max_examples=12, deadline=None)
@given(
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-1e3, 1e3),
    name=st.sampled_from(["weight", "gain"]),
    reference=st.booleans(),
)
def test_units_do_not_matter(scale: float, shift: float, name: str, reference: bool) -> None:
    def moved(table: Table) -> Table:
        return table.replace(name, table.values[name] * scale + shift, table.states[name])

    theirs = REFERENCE.take(np.arange(50)) if reference else None
    here = Scene.of(SMALL, SMALL_FRESH, reference=theirs)
    there = Scene.of(
        moved(SMALL), moved(SMALL_FRESH), reference=None if theirs is None else moved(theirs)
    )
    for attack in REGISTRY:
        if attack.unit_free:
            np.testing.assert_allclose(
                attack.score(here), attack.score(there), atol=2e-4, err_msg=attack.name
            )


def test_a_monotone_disguise_of_all_tables_does_not_matter() -> None:
    def curved(table: Table) -> Table:
        for name in NUMBERS:
            value = np.log1p(np.abs(table.values[name].astype(float)))
            table = table.replace(name, value, table.states[name])
        return table

    mixed = Table.concat([MEMBERS.take(np.arange(N // 2)), FRESH.take(np.arange(N // 2))])
    here, there = Scene.of(PEOPLE, mixed), Scene.of(curved(PEOPLE), curved(mixed))
    for attack in REGISTRY:
        if attack.unit_free:
            # a new value lies between two known ones, where positions are drawn as a line
            areas = [roc_auc_score(MEMBER, attack.score(s)) for s in (here, there)]
            assert areas[0] == pytest.approx(areas[1], abs=0.02), attack.name


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), reference=st.booleans())
def test_the_order_of_rows_and_columns_does_not_matter(seed: int, reference: bool) -> None:
    rng = np.random.default_rng(seed)
    people, made = rng.permutation(len(SMALL)), rng.permutation(len(SMALL_FRESH))
    columns = [POOL.schema.columns[j] for j in rng.permutation(len(POOL.schema.columns))]
    turned = Schema(columns)

    def changed(table: Table, order: NDArray[np.intp]) -> Table:
        table = table.take(order)
        return Table(turned, table.values, table.states, table.people)

    theirs = REFERENCE.take(np.arange(50)) if reference else None
    here = Scene.of(SMALL, SMALL_FRESH, reference=theirs)
    there = Scene.of(
        changed(SMALL, people),
        changed(SMALL_FRESH, made),
        reference=None if theirs is None else changed(theirs, rng.permutation(50)),
    )
    for attack in REGISTRY:
        np.testing.assert_allclose(
            attack.score(here)[people], attack.score(there), atol=1e-9, err_msg=attack.name
        )


@every_attack
def test_nothing_is_changed_and_the_same_seed_gives_the_same_scores(attack: Attack) -> None:
    tables = [
        Table(t.schema, t.values, t.states, t.people) for t in (SMALL, SMALL_FRESH, REFERENCE)
    ]
    for table in tables:
        for array in (*table.values.values(), *table.states.values(), table.people):
            array.flags.writeable = False
    for reference in (None, tables[2]):
        scene = Scene.of(tables[0], tables[1], reference=reference, seed=4)
        first = attack.score(scene).copy()
        for other in REGISTRY:
            other.score(scene)
        np.testing.assert_array_equal(attack.score(scene), first)
        again = Scene.of(SMALL, SMALL_FRESH, reference=reference, seed=4)
        np.testing.assert_array_equal(attack.score(again), first)
