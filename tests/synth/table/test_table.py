"""A table is valid from its construction on."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.errors import TableError
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import EMPTY, PRESENT, Table

SCHEMA = Schema(
    [
        Column(name="x", kind="continuous", missing_codes=("-9",)),
        Column(name="g", kind="categorical", levels=("a", "b")),
        Column(name="id", kind="identifier", dropped=True),
    ]
)


def table() -> Table:
    return Table(
        SCHEMA,
        {"x": np.array([1.0, np.nan, np.nan]), "g": np.array([0, -1, 1])},
        {"x": np.array([PRESENT, 2, EMPTY]), "g": np.array([PRESENT, EMPTY, PRESENT])},
        np.array([4, 4, 9]),
    )


def test_types_states_and_people() -> None:
    t = table()
    assert len(t) == 3
    assert t.n_people == 2
    assert t.values["x"].dtype == np.float64
    assert t.values["g"].dtype == np.int32
    assert t.states["x"].dtype == np.int8
    plain = Table(SCHEMA, {"x": np.array([1.0, np.nan]), "g": np.array([0, -1])})
    assert plain.states["x"].tolist() == [PRESENT, EMPTY]
    assert plain.people.tolist() == [0, 1]


def test_take_replace_and_concat() -> None:
    t = table()
    assert t.take([2, 0]).values["g"].tolist() == [1, 0]
    assert t.take(np.array([True, False, True])).people.tolist() == [4, 9]
    changed = t.replace("x", np.array([np.nan, 2.0, 3.0]))
    assert changed.states["x"].tolist() == [EMPTY, PRESENT, PRESENT]
    assert t.values["x"][0] == 1
    both = Table.concat([t, changed])
    assert len(both) == 6
    assert both.people.tolist() == [4, 4, 9, 4, 4, 9]


def test_arrays_that_contradict_each_other_are_refused() -> None:
    x, g = np.array([1.0, 2.0]), np.array([0, 1])
    with pytest.raises(TableError, match="arrays and the schema"):
        Table(SCHEMA, {"x": x})
    with pytest.raises(TableError, match="differ in length"):
        Table(SCHEMA, {"x": x, "g": g[:1]})
    with pytest.raises(TableError, match="people and columns"):
        Table(SCHEMA, {"x": x, "g": g}, people=np.array([1]))
    states = {"x": np.array([PRESENT, EMPTY]), "g": np.array([PRESENT, PRESENT])}
    with pytest.raises(TableError, match=r"column 'x': .*contradict"):
        Table(SCHEMA, {"x": x, "g": g}, states)


def test_a_table_without_a_modelled_column_keeps_its_people() -> None:
    schema = Schema([Column(name="id", kind="identifier")])
    assert len(Table(schema, {}, {}, np.arange(7))) == 7
    assert len(Table(schema, {})) == 0
