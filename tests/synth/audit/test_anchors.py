"""Anchors: each is what its name says, or says why it isn't there."""

from __future__ import annotations

import numpy as np

from salus.synth.audit.anchors import (
    ANCHORS,
    independent_columns,
    make_anchors,
    planted,
    shifted,
    smote,
)
from salus.synth.audit.copies import record_keys
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

POOL = simulated(400, seed=2)
MEMBERS, FRESH = POOL.take(np.arange(200)), POOL.take(np.arange(200, 400))
LEVELS = Table(
    Schema([Column(name="b", kind="boolean", levels=("0", "1"))]), {"b": np.array([0, 1, 1])}
)


def same(a: Table, b: Table) -> float:
    """Return the share of rows of ``a`` that stand in ``b``."""
    first, second = record_keys([a, b])
    return float(np.isin(first, second).mean())


def test_every_anchor_is_made_and_reproducible() -> None:
    made, again = (make_anchors(MEMBERS, FRESH, seed=1) for _ in range(2))
    assert tuple(made) == ANCHORS
    for name, table in made.items():
        assert isinstance(table, Table)
        other = again[name]
        assert isinstance(other, Table)
        assert (record_keys([table, other])[0] == record_keys([table, other])[1]).all()
    assert same(made["verbatim copy"], MEMBERS) == same(made["bootstrap"], MEMBERS) == 1  # type: ignore[arg-type]


def test_shares_of_planted_copies() -> None:
    made = planted(MEMBERS, FRESH, np.random.default_rng(0))
    assert isinstance(made, Table)
    assert len(made) == 200
    assert abs(same(made, MEMBERS) - 0.05) < 0.01
    assert isinstance(planted(MEMBERS, FRESH.take([0, 1]), np.random.default_rng(0)), CannotJudge)


def test_a_shift_changes_one_column_of_every_row() -> None:
    made = shifted(MEMBERS)
    assert isinstance(made, Table)
    changed = [
        k
        for k in made.values
        if not np.array_equal(made.values[k], MEMBERS.values[k], equal_nan=True)
    ]
    assert changed == ["age"]
    step = made.values["age"].astype(float) - MEMBERS.values["age"].astype(float)
    assert (step == round(0.1 * np.ptp(MEMBERS.values["age"].astype(float)))).all()


def test_independent_columns_keep_their_values_and_no_person() -> None:
    made = independent_columns(MEMBERS, np.random.default_rng(0))
    for name in made.values:
        np.testing.assert_array_equal(np.sort(made.values[name]), np.sort(MEMBERS.values[name]))
    assert same(made, MEMBERS) < 0.05


def test_smote_lies_between_neighbours() -> None:
    made = smote(MEMBERS, np.random.default_rng(0))
    assert isinstance(made, Table)
    assert len(made) == 200
    assert same(made, MEMBERS) < 0.2
    age = made.values["age"].astype(float)
    assert age.min() >= MEMBERS.values["age"].min()  # type: ignore[operator]
    assert (age == np.round(age)).all()


def test_what_cannot_be_made_says_why() -> None:
    made = make_anchors(LEVELS, None, seed=0)
    missing = {k for k, v in made.items() if isinstance(v, CannotJudge)}
    assert missing == {"shifted copy", "SMOTE", "5 % planted copies", "fresh real people"}
