"""Who stands apart: found whoever is a member, in any unit."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.membership import blind_encoder
from salus.synth.audit.vulnerable import isolation, most_isolated
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

PEOPLE = simulated(300, seed=2)


def crowd(n: int = 60, alone: int = 3) -> Table:
    names = [f"x{i}" for i in range(4)]
    schema = Schema([Column(name=k, kind="boolean", levels=("0", "1")) for k in names])
    values = {k: np.zeros(n, int) for k in names}
    for i in range(alone):
        values[names[i]][i] = 1
    return Table(schema, values)


def test_those_without_neighbours_stand_apart() -> None:
    people = crowd()
    apart = isolation(people, None, blind_encoder(people))
    assert set(np.flatnonzero(most_isolated(apart, 0.05))) == {0, 1, 2}
    assert apart[:3] == pytest.approx(0.25)
    assert apart[3:] == pytest.approx(0)


def test_other_people_can_be_a_reference() -> None:
    people = crowd()
    crowded = crowd(alone=0)
    apart = isolation(people, crowded, blind_encoder(people, crowded))
    assert set(np.flatnonzero(apart > 0)) == {0, 1, 2}
    assert (isolation(people, crowded.take(np.arange(0)), blind_encoder(people)) >= 0).all()


def test_a_persons_own_rows_are_no_company() -> None:
    people = crowd(n=20, alone=0)
    twice = Table(people.schema, people.values, people.states, np.zeros(20, np.int64))
    assert (isolation(twice, None, blind_encoder(twice)) == 1).all()


def test_units_and_order_do_not_matter() -> None:
    encoder = blind_encoder(PEOPLE)
    apart = isolation(PEOPLE, None, encoder)
    order = np.random.default_rng(0).permutation(len(PEOPLE))
    other = PEOPLE.replace(
        "weight", PEOPLE.values["weight"].astype(float) * 4.0, PEOPLE.states["weight"]
    )
    assert apart == pytest.approx(isolation(other, None, blind_encoder(other)), abs=1e-9)
    turned = PEOPLE.take(order)
    assert apart[order] == pytest.approx(isolation(turned, None, encoder), abs=1e-9)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_the_share_is_kept(share: float) -> None:
    assert most_isolated(np.random.default_rng(0).random(200), share).mean() == share


def test_nobody_stands_apart_where_all_are_alike() -> None:
    assert not most_isolated(np.full(30, 0.2)).any()
    assert most_isolated(np.zeros(0)).shape == (0,)
    none = PEOPLE.take(np.arange(0))
    assert isolation(none, None, blind_encoder(PEOPLE)).shape == (0,)
