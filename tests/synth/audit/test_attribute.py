"""Attribute inference: a gain over controls with a copy, none without."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit import attribute
from salus.synth.audit.attribute import ATTACKERS, differs, person_success, targets
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from tests.synth.simulate import SCHEMA, simulated

N = 200
POOL = simulated(3 * N, seed=3)
PEOPLE, FRESH = POOL.take(np.arange(2 * N)), POOL.take(np.arange(2 * N, 3 * N))
MEMBER = np.arange(2 * N) < N


def test_outcome_and_sensitive_columns_are_guessed() -> None:
    schema = SCHEMA.with_column("marital", roles=frozenset({"sensitive"}))
    assert [c.name for c in targets(schema)] == ["target", "marital"]


@pytest.mark.parametrize("name", ["target", "marital", "weight", "education"])
def test_only_a_copy_brings_a_gain(name: str) -> None:
    column = SCHEMA[name]
    for made, least, most in ((PEOPLE.take(MEMBER), 0.2, 1.0), (FRESH, -0.12, 0.12)):
        success = person_success(PEOPLE, made, column, seed=0)
        assert set(success) == set(ATTACKERS)
        for chance in success.values():
            assert ((chance >= 0) & (chance <= 1)).all()
            assert least <= chance[MEMBER].mean() - chance[~MEMBER].mean() <= most


def test_columns_that_are_not_known_are_not_used() -> None:
    schema = Schema([SCHEMA["age"], SCHEMA["target"]])
    table = Table(schema, {k: PEOPLE.values[k] for k in ("age", "target")})
    secret = schema.with_column("age", roles=frozenset({"sensitive"}))
    hidden = Table(secret, table.values, table.states)
    assert person_success(table, table, schema["target"], seed=0)
    assert person_success(hidden, hidden, secret["target"], seed=0) == {}


def test_a_level_or_value_that_the_release_lacks_is_never_guessed() -> None:
    none = PEOPLE.replace("weight", np.full(len(PEOPLE), np.nan))
    success = person_success(PEOPLE, none, SCHEMA["weight"], seed=0)["nearest neighbours"]
    assert (success[PEOPLE.states["weight"] == 0] == 0).all()
    assert (success[PEOPLE.states["weight"] == 1] == 1).all()
    one = PEOPLE.take(PEOPLE.values["target"] == 0)
    chance = person_success(PEOPLE, one, SCHEMA["target"], seed=0)["random forest"]
    assert (chance == (PEOPLE.values["target"] == 0)).all()


def test_seed_decides() -> None:
    a, b = (person_success(PEOPLE, FRESH, SCHEMA["target"], seed=5) for _ in range(2))
    assert all((a[k] == b[k]).all() for k in a)


@pytest.mark.parametrize("rows", [200, 2000])
def test_what_a_copy_gives_away_does_not_fade_where_rows_are_many(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribute, "MOST_ROWS", 100)
    made = simulated(rows, seed=5)
    people = Table.concat([made.take(np.arange(150)), FRESH.take(np.arange(150))])
    success = person_success(people, made, SCHEMA["target"], seed=0)
    for chance in success.values():
        assert chance[:150].mean() - chance[150:].mean() > 0.2


def test_who_differs_has_another_value_or_state_than_the_commonest() -> None:
    value = np.array([3.0, 3.0, 0.0, np.nan, 3.0])
    table = FRESH.take(np.arange(5)).replace("weight", value)
    assert differs(table, SCHEMA["weight"]).tolist() == [False, False, True, True, False]
