"""An observation holds one number a person, and can be put among more people."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit import observation
from salus.synth.audit.finding import Verdict
from salus.synth.audit.observation import APART, LEAST_PEOPLE, MOST_PEOPLE, observe
from salus.synth.audit.privacy import conclude
from salus.synth.budget import Budget
from salus.synth.measure.estimate import Estimate
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

N = 120
PEOPLE = simulated(2 * N, seed=2)
MADE = simulated(N, seed=3)
MEMBER = np.arange(2 * N) < N


def test_everything_has_one_number_a_row() -> None:
    seen = observe(MADE, PEOPLE, MEMBER, seed=0)
    for group in (seen.membership, seen.exact, seen.near, seen.success, seen.linked, seen.singled):
        assert group
        assert all(v.shape == (2 * N,) and np.isfinite(v).all() for v in group.values())
    assert set(seen.sole) == set(seen.exact) | set(seen.near) | set(seen.singled)
    assert seen.groups[APART].sum() == 24
    assert any(name.startswith("rarest class (target = ") for name in seen.groups)


def test_among_more_people_those_elsewhere_are_not_seen() -> None:
    seen = observe(MADE, PEOPLE, MEMBER, seed=0)
    here = np.zeros(3 * N, bool)
    here[N:] = True
    wide = seen.among(here)
    assert not wide.seen[:N].any() and not wide.member[:N].any()
    assert (wide.seen[N:] == seen.seen).all()
    assert wide.paired is not None and not wide.paired[:N].any()
    for name, score in seen.membership.items():
        assert (wide.membership[name][N:] == score).all()
        assert (wide.membership[name][:N] == 0).all()
    assert (wide.groups[APART][N:] == seen.groups[APART]).all()


def test_inputs_are_not_changed_and_the_seed_decides() -> None:
    before = {k: v.copy() for k, v in PEOPLE.values.items()}
    one, two = (observe(MADE, PEOPLE, MEMBER, seed=5) for _ in range(2))
    for name, value in before.items():
        np.testing.assert_array_equal(value, PEOPLE.values[name])
    for name, score in one.membership.items():
        np.testing.assert_array_equal(score, two.membership[name])


def test_fewer_people_are_judged_beside_very_many_rows() -> None:
    assert LEAST_PEOPLE < MOST_PEOPLE
    seen = observe(MADE, PEOPLE, MEMBER, seed=0, most=50)
    assert seen.seen.sum() == 100 and not seen.whole


def with_copies(who: np.ndarray) -> Table:
    """Return fresh rows, three of ten of which are these people's with a little noise."""
    rng = np.random.default_rng(0)
    some = PEOPLE.take(rng.choice(who, int(0.3 * N)))
    weight = some.values["weight"] * rng.uniform(0.999, 1.001, len(some))
    near = some.replace("weight", weight, some.states["weight"])
    return Table.concat([near, MADE.take(np.arange(len(near), N))])


@pytest.mark.parametrize("rows", [60, 4000])
def test_two_people_whom_many_rows_resemble_are_found_whoever_is_judged(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation, "NEAR_ROWS", rows)
    judged = observe(MADE, PEOPLE, MEMBER, seed=0, most=50).seen
    seen = observe(
        with_copies(np.flatnonzero(MEMBER & ~judged)[:2]), PEOPLE, MEMBER, seed=0, most=50
    )
    assert (seen.seen == judged).all()
    assert seen.searched == (60 if rows == 60 else None)
    found = {f.name: f for f in conclude([seen], Budget())}["copies.near"]
    assert isinstance(found.result, Estimate)
    assert found.result.value > 0.15
    assert found.verdict is not Verdict.MET


def test_a_person_stands_apart_by_the_row_that_does_so_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = np.arange(0, 2 * N, 10)
    apart = np.random.default_rng(0).random(4 * N)
    apart[2 * N + far] += 1  # the second rows
    monkeypatch.setattr(observation.vulnerable, "isolation", lambda *args: apart)
    both = Table.concat([PEOPLE, PEOPLE])
    people = Table(both.schema, both.values, both.states, np.tile(np.arange(2 * N), 2))
    seen = observe(MADE, people, np.tile(MEMBER, 2), seed=0)
    assert set(far) == set(np.flatnonzero(seen.groups[APART]))


def test_who_differs_from_the_commonest_value_is_told_by_person() -> None:
    seen = observe(MADE, PEOPLE, MEMBER, seed=0)
    value = PEOPLE.values["target"]
    assert (seen.differs["target"] == (value != np.bincount(value).argmax())).all()
