"""The chain: its parts, draws, likelihood."""

from __future__ import annotations

import numpy as np

from salus.synth.generate.chained import people_of
from salus.synth.generate.order import modelling_order
from salus.synth.generate.sequence import Chain, fit_chain
from salus.synth.generate.stage import Growth
from salus.synth.table.table import Table
from tests.synth.generate.tables import TABLES, mixed


def chain(table: Table, parts: int = 3) -> Chain:
    rng = np.random.default_rng(0)
    fold = people_of(table, parts, rng) if parts > 1 else np.full(len(table), -1)
    growth = Growth(trees=3)
    return fit_chain(table, modelling_order(table), fold, growth=growth, rng=rng)


def test_a_column_that_is_missing_has_two_steps() -> None:
    steps = [(s.column, s.kind) for s in chain(mixed()).steps]
    assert ("lab", "cell") in steps and ("lab", "number") in steps
    assert ("age", "cell") not in steps and ("site", "number") not in steps
    assert steps[-1] == ("died", "cell")  # the outcome comes last


def test_columns_before() -> None:
    model = chain(mixed())
    assert model.columns_before("age") == []
    assert model.columns_before("died") == ["age", "lab", "stage", "site", "seen"]


def test_likelihood_of_the_ensemble_adds_up() -> None:
    table = TABLES["levels"]()
    model = chain(table)
    a, b = (g.ravel() for g in np.meshgrid(np.arange(4), np.arange(4)))
    every = Table(table.schema, {"a": a, "b": b})
    assert np.isclose(np.exp(model.log_prob(every)).sum(), 1)
    drawn = model.draw(30_000, np.random.default_rng(0))[0]
    count = np.bincount(drawn.values["a"] * 4 + drawn.values["b"], minlength=16)
    assert np.allclose((count / 30_000)[a * 4 + b], np.exp(model.log_prob(every)), atol=0.012)


def test_weights_are_conditional_densities() -> None:
    table = TABLES["levels"]()
    model = chain(table, parts=1)
    given = Table(table.schema, {"a": np.full(50, 1), "b": np.full(50, 2)})
    _, weight = model.draw(50, np.random.default_rng(0), given=given, fixed=frozenset({"a", "b"}))
    assert np.allclose(weight, model.log_prob(given))


def test_missingness_is_related_to_other_columns() -> None:
    table = mixed(300)
    lab, state = table.values["lab"].copy(), table.states["lab"].copy()
    gone = table.values["age"] > 65
    lab[gone], state[gone] = np.nan, 1
    table = table.replace("lab", lab, state)
    drawn = chain(table).draw(1000, np.random.default_rng(0))[0]
    missing = drawn.states["lab"] == 1
    assert drawn.values["age"][missing].mean() > drawn.values["age"][~missing].mean() + 8


def test_folds_keep_people_whole() -> None:
    base = mixed(120)
    table = Table(base.schema, base.values, base.states, np.arange(120) // 3)
    fold = people_of(table, 5, np.random.default_rng(0))
    assert np.array_equal(fold[::3], fold[2::3]) and set(fold) == set(range(5))
    share = [table.values["died"][fold == k].mean() for k in range(5)]
    assert max(share) - min(share) < 0.35
