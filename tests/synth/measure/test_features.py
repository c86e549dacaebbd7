"""Features: standardised numbers, indicators of levels and missing states, frozen once fitted."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from salus.synth.measure.features import MOST_LEVELS, Features
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

SMALL = Schema(
    [
        Column(name="x", kind="continuous", missing_codes=("-9",)),
        Column(name="c", kind="categorical", levels=("a", "b", "d"), missing_codes=("?",)),
    ]
)


def small() -> Table:
    return Table(
        SMALL,
        {"x": np.array([1.0, 2.0, 9.0, np.nan, np.nan]), "c": np.array([0, 1, 1, -1, 0])},
        {"x": np.array([0, 0, 0, 1, 2], np.int8), "c": np.array([0, 0, 0, 2, 0], np.int8)},
    )


def test_missing_numbers_take_the_median_and_states_get_indicators() -> None:
    x = Features.fit(small()).transform(small())
    filled = np.array([1.0, 2.0, 9.0, 2.0, 2.0])
    assert x[:, 0] == pytest.approx((filled - filled.mean()) / filled.std())
    assert x[:, 1].tolist() == [0, 0, 0, 1, 0]  # the empty cell
    assert x[:, 2].tolist() == [0, 0, 0, 0, 1]  # the code -9


def test_levels_and_their_missing_states_get_indicators() -> None:
    x = Features.fit(small()).transform(small())
    assert x[:, 3:].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_one_column_can_be_left_out() -> None:
    features = Features.fit(small(), without="x")
    assert [c.name for c in features.columns] == ["c"]
    assert features.transform(small()).shape == (5, 3)


def test_what_was_never_seen_is_all_zeros() -> None:
    features = Features.fit(small().take([0, 1, 2]))
    new = Table(SMALL, {"x": np.array([np.nan]), "c": np.array([2])})
    x = features.transform(new)
    assert x.shape == (1, 3)
    assert x[0, 1:].tolist() == [0, 0]
    assert x[0, 0] == pytest.approx((2 - 4) / np.std([1, 2, 9]))


def test_a_table_without_rows_or_values() -> None:
    none = small().take(np.zeros(0, int))
    assert Features.fit(small()).transform(none).shape == (0, 6)
    assert Features.fit(none).transform(small()).shape[0] == 5
    empty = Table(SMALL, {"x": np.full(3, np.nan), "c": np.full(3, -1)})
    assert np.isfinite(Features.fit(empty).transform(empty)).all()


def test_a_constant_column_gives_zeros() -> None:
    constant = Table(SMALL, {"x": np.full(4, 7.0), "c": np.zeros(4, int)})
    assert (Features.fit(constant).transform(constant)[:, 0] == 0).all()


def test_features_of_a_mixed_table_are_finite_and_follow_rows() -> None:
    table = simulated(200, seed=0)
    features = Features.fit(table, without="target")
    x = features.transform(table)
    assert np.isfinite(x).all()
    order = np.random.default_rng(0).permutation(200)
    assert np.array_equal(features.transform(table.take(order)), x[order])


def test_only_the_commonest_levels_get_an_indicator() -> None:
    many = MOST_LEVELS + 30
    column = Column(name="c", kind="categorical", levels=tuple(f"l{i}" for i in range(many)))
    level = np.concatenate([np.arange(many), np.arange(MOST_LEVELS)])
    table = Table(Schema([column]), {"c": level})
    features = Features.fit(table)
    assert features.levels == (tuple(range(MOST_LEVELS)),)


def test_features_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Features.fit(small()).columns = ()  # type: ignore[misc]
