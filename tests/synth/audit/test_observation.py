"""An observation holds one number a person, and can be put among more people."""

from __future__ import annotations

import numpy as np

from salus.synth.audit.observation import APART, LEAST_PEOPLE, MOST_PEOPLE, observe
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
