from __future__ import annotations

import math

import numpy as np
import pytest

from salus.synth.generate.dp.generator import Aim, Mst
from salus.synth.generate.dp.model import NEVER
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import make

X = Column(name="x", kind="continuous", low=-8.0, high=8.0)
G = Column(name="g", kind="categorical", levels=("p", "q", "r", "s"), missing_codes=("?",))


def fitted(table: Table, epsilon: float = 200.0) -> Mst:
    return Mst(epsilon=epsilon, declared=True, noise_seed=1).fit(table, seed=1)


def normals(n: int = 4_000) -> Table:
    rng = np.random.default_rng(0)
    g = rng.choice(4, n, p=[0.6, 0.3, 0.1, 0.0])
    x = np.clip(rng.normal(size=n) + g, -8, 8)
    state = np.where(rng.random(n) < 0.1, 2, 0).astype(np.int8)
    return make([X, G], {"x": x, "g": np.where(state > 0, -1, g)}, g=state)


def test_a_number_is_a_standard_normal_score() -> None:
    """Rows of the model itself have, on average, a normal's log density: -1.419."""
    table = make([X], {"x": np.random.default_rng(0).normal(size=3_000)})
    model = fitted(table)
    drawn = model.sample(4_000, seed=2).table
    off_zero = drawn.take(drawn.values["x"] != 0)
    expected = -0.5 * (1 + math.log(2 * math.pi))
    assert model.log_prob(off_zero).mean() == pytest.approx(expected, abs=0.03)


def test_levels_and_states_add_up_to_one() -> None:
    table = normals()
    model = fitted(Table(table.schema.with_column("x", dropped=True), *_only(table, "g")))
    every = make(
        [G], {"g": np.array([0, 1, 2, 3, -1, -1])}, g=np.array([0, 0, 0, 0, 1, 2], np.int8)
    )
    chance = np.exp(model.log_prob(Table(model.model_.schema, every.values, every.states)))
    assert chance.sum() == pytest.approx(1.0)
    assert chance[0] == pytest.approx(0.9 * 0.6, abs=0.03)
    assert chance[4] < 1e-200 and chance[5] == pytest.approx(0.1, abs=0.02)


def _only(table: Table, name: str) -> tuple[dict[str, object], dict[str, object]]:
    return {name: table.values[name]}, {name: table.states[name]}


def test_dependence_counts() -> None:
    table = normals()
    model = fitted(table)
    right = make([X, G], {"x": [-1.0, 3.0], "g": [0, 2]})
    wrong = make([X, G], {"x": [3.0, -1.0], "g": [0, 2]})
    assert np.all(model.log_prob(right).sum() > model.log_prob(wrong).sum() + 3)


def test_what_is_never_drawn_has_hardly_any_chance() -> None:
    model = fitted(normals())
    gone = make([X, G], {"x": [np.nan], "g": [0]})
    assert model.log_prob(gone)[0] == NEVER


def test_conditions_shift_the_others() -> None:
    model = fitted(normals())
    high = model.sample(500, given={"g": "r"}, seed=1).table.values["x"]
    low = model.sample(500, given={"g": "p"}, seed=1).table.values["x"]
    assert high.mean() == pytest.approx(2.0, abs=0.3)
    assert low.mean() == pytest.approx(0.0, abs=0.3)
    at = model.sample(500, given={"x": 2.7}, seed=1).table
    assert np.all(at.values["x"] == 2.7)
    assert (at.values["g"] >= 1).mean() > (normals().values["g"] >= 1).mean() + 0.2


def test_conditions_on_several_columns() -> None:
    rng = np.random.default_rng(3)
    n = 3_000
    a, b = rng.integers(0, 2, n), rng.integers(0, 2, n)
    y = np.where(rng.random(n) < 0.95, a | b, 1 - (a | b))
    columns = [Column(name=c, kind="boolean", levels=("no", "yes")) for c in "ab"]
    columns.append(
        Column(name="y", kind="boolean", levels=("no", "yes"), roles=frozenset({"outcome"}))
    )
    model = Aim(epsilon=50.0, declared=True, noise_seed=0).fit(
        make(columns, {"a": a, "b": b, "y": y}), seed=1
    )
    for first, second in ((0, 0), (0, 1), (1, 1)):
        given = {"a": ("no", "yes")[first], "b": ("no", "yes")[second]}
        share = model.sample(400, given=given, seed=1).table.values["y"].mean()
        assert share == pytest.approx(0.95 if first | second else 0.05, abs=0.05)
