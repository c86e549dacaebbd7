"""Conditions as rows, and rows under them."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.budget import Budget
from salus.synth.errors import OptionError, SchemaError
from salus.synth.generate.cart import Cart
from salus.synth.generate.conditions import as_rows, pick_one
from salus.synth.generate.forest import Forest
from salus.synth.generate.stage import Growth
from tests.synth.generate.tables import TABLES, mixed


def test_values_are_typed() -> None:
    schema = mixed().schema
    given = {"age": "70", "lab": "-9", "site": "c", "seen": "1970-01-11", "stage": None}
    row = as_rows(schema, given, 2)
    assert len(row) == 2
    assert row.values["age"][0] == 70 and row.states["lab"][0] == 2
    assert row.values["site"][0] == 2 and row.values["seen"][0] == 10
    assert row.states["stage"][0] == 1 and row.states["died"][0] == 1


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"nose": 1}, OptionError),
        ({"site": "z"}, OptionError),
        ({"age": "old"}, OptionError),
        ({"age": float("inf")}, OptionError),
        ({"age": 200}, SchemaError),
        ({"seen": "yesterday"}, OptionError),
    ],
    ids=str,
)
def test_what_cannot_be_a_condition(given: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        as_rows(mixed().schema, given, 1)


def test_rows_under_a_condition_follow_the_conditional() -> None:
    table = TABLES["levels"]()
    model = Forest(budget=None, growth=Growth(trees=3)).fit(table, seed=1)
    free = model.sample(20_000, seed=1).table
    for given, other in (("a", "b"), ("b", "a")):
        wanted = free.values[other][free.values[given] == 2]
        drawn = model.sample(2000, given={given: "r"}, seed=2).table.values[other]
        for level in range(4):
            assert abs((wanted == level).mean() - (drawn == level).mean()) < 0.06


def test_impossible_rows_are_counted() -> None:
    model = Cart().fit(mixed(), seed=1)
    one = as_rows(model.chain_.schema, {"died": None}, 1)
    table, missed = pick_one(model.chain_, one, frozenset(["died"]), 7, np.random.default_rng(0))
    assert len(table) == 7 and missed == 7


def test_a_budget_is_no_obstacle() -> None:
    model = Forest(budget=Budget(), growth=Growth(trees=3)).fit(mixed(), seed=1)
    assert (model.sample(9, given={"died": "yes"}, seed=1).table.values["died"] == 1).all()


def test_what_the_model_never_saw_is_a_shortfall() -> None:
    table = mixed(150)
    model = Cart().fit(table, seed=1)
    never_missing = next(
        c.name for c in table.schema.modelled if c.is_numeric and not table.states[c.name].any()
    )
    drawn = model.sample(5, given={never_missing: None}, seed=1)
    assert drawn.shortfall is not None
    assert not len(drawn.table)
    column = table.schema[never_missing]
    if column.high is None:
        far = model.sample(5, given={never_missing: 1e9}, seed=1)
        assert far.shortfall is not None
