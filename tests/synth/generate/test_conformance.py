"""What holds for every generator on every table."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.synth.errors import NotFitted, OptionError, TooFewPeople
from salus.synth.generate import KINDS
from salus.synth.generate.protocol import Generator, WithLikelihood
from salus.synth.generate.store import load_model, read_model
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Schema
from salus.synth.table.table import PRESENT, Table
from tests.synth.generate.tables import TABLES, make, mixed, numbers

KINDS_NAMES = ["cart", "copula", "forest", "gan", "marginals", "net"]
SMALL: dict[str, dict[str, Any]] = {  # networks that are trained in a second
    "net": {"members": 2, "width": 16, "heads": 2, "epochs": 8.0},
    "gan": {"members": 2, "width": 32, "noise": 8, "batch": 64, "steps": 30},
}
every_kind = pytest.mark.parametrize("kind", KINDS_NAMES)
with_likelihood = pytest.mark.parametrize("kind", [k for k in KINDS_NAMES if k != "gan"])
every_table = pytest.mark.parametrize("name", list(TABLES))


def new(kind: str) -> Any:
    return KINDS()[kind](**SMALL.get(kind, {}))


@cache
def fitted(kind: str, name: str) -> Any:
    return new(kind).fit(TABLES[name](), seed=3)


def same(a: Table, b: Table) -> bool:
    return all(
        np.array_equal(a.values[c], b.values[c], equal_nan=True)
        and np.array_equal(a.states[c], b.states[c])
        for c in a.values
    )


def assert_valid(table: Table, schema: Schema) -> None:
    for column in schema.modelled:
        value = table.values[column.name]
        state = table.states[column.name]
        there = value[state == PRESENT]
        assert state.min() >= 0 and state.max() < 2 + len(column.missing_codes)
        if column.is_levelled:
            assert np.all((there >= 0) & (there < len(column.levels)))
            continue
        assert np.isfinite(there).all()
        if column.decimals is not None:
            assert np.allclose(there, np.round(there, column.decimals), atol=1e-9)
        assert column.low is None or np.all(there >= column.low)
        assert column.high is None or np.all(there <= column.high)


def test_kinds() -> None:
    # those with differential privacy differ from fit to fit; their own tests are in dp and net
    assert sorted(KINDS()) == sorted([*KINDS_NAMES, "aim", "dpnet", "mst"])
    assert all(isinstance(cls(), Generator) for cls in KINDS().values())
    assert [k for k, cls in KINDS().items() if not isinstance(cls(), WithLikelihood)] == ["gan"]


@every_kind
@every_table
def test_exactly_n_valid_rows(kind: str, name: str) -> None:
    model = fitted(kind, name)
    for n in (1, 83):
        out = model.sample(n, seed=n)
        assert out.shortfall is None and len(out.table) == n
        assert_valid(out.table, TABLES[name]().schema)
        assert all(rule.holds(out.table).all() for rule in rules_of(out.table.schema))


@with_likelihood
@every_table
def test_log_prob_is_finite(kind: str, name: str) -> None:
    table = TABLES[name]()
    value = fitted(kind, name).log_prob(table)
    assert value.shape == (len(table),) and np.isfinite(value).all()
    order = np.random.default_rng(0).permutation(len(table))
    assert np.allclose(fitted(kind, name).log_prob(table.take(order)), value[order])


@every_kind
@every_table
def test_same_seed_same_rows_and_file(kind: str, name: str, tmp_path: Path) -> None:
    model = fitted(kind, name)
    again = new(kind).fit(TABLES[name](), seed=3)
    assert same(model.sample(40, seed=5).table, again.sample(40, seed=5).table)
    model.save(tmp_path / "a")
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = load_model(tmp_path / "a")
    assert same(model.sample(40, seed=5).table, loaded.sample(40, seed=5).table)
    if kind != "gan":
        assert np.array_equal(model.log_prob(TABLES[name]()), loaded.log_prob(TABLES[name]()))
    assert loaded.card() == model.card()
    loaded.save(tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


@every_kind
@pytest.mark.parametrize("name", ["mixed", "odd", "heaped", "levels"])
def test_marginals_are_near(kind: str, name: str) -> None:
    real, drawn = TABLES[name](), fitted(kind, name).sample(2000, seed=1).table
    for column in real.schema.modelled:
        state, synthetic = real.states[column.name], drawn.states[column.name]
        for s in range(2 + len(column.missing_codes)):
            assert abs((state == s).mean() - (synthetic == s).mean()) < 0.09
        a = real.values[column.name][state == PRESENT]
        b = drawn.values[column.name][synthetic == PRESENT]
        if not len(a) or not len(b):
            continue
        if column.is_levelled:
            for level in range(len(column.levels)):
                assert abs((a == level).mean() - (b == level).mean()) < 0.11
        else:
            assert abs(a.mean() - b.mean()) <= 0.3 * a.std() + 1e-9
            assert abs(a.std() - b.std()) <= 0.4 * a.std() + 1e-9


@every_kind
@pytest.mark.parametrize(
    "given",
    [
        {"age": 71},
        {"lab": 3.3333},
        {"lab": "-9"},
        {"lab": None},
        {"site": "b"},
        {"site": "unk"},
        {"site": ""},
        {"stage": "4", "died": "yes"},
        {"seen": "2019-05-01", "lab": None, "died": "no"},
    ],
    ids=str,
)
def test_conditions_are_kept(kind: str, given: dict[str, Any]) -> None:
    model = fitted(kind, "mixed")
    table = model.sample(20, given=given, seed=4).table
    assert len(table) == 20
    assert_valid(table, table.schema)
    for name, value in given.items():
        column = table.schema[name]
        state, values = table.states[name], table.values[name]
        if value in (None, ""):
            assert (state == 1).all()
        elif value in column.missing_codes:
            assert (state == 2).all()
        else:
            wanted = {"seen": 18017.0}.get(name)
            if wanted is None:
                wanted = column.levels.index(value) if column.is_levelled else value
            assert (state == PRESENT).all() and (values == wanted).all()
    assert same(table, model.sample(20, given=given, seed=4).table)


@pytest.mark.parametrize("kind", ["cart", "copula", "forest"])
def test_conditions_move_the_others(kind: str) -> None:
    model = KINDS()[kind](**({} if kind == "cart" else {"budget": None})).fit(mixed(300), seed=3)
    old = model.sample(300, given={"age": 78}, seed=4).table
    young = model.sample(300, given={"age": 45}, seed=4).table
    assert old.values["died"].mean() > young.values["died"].mean() + 0.1
    dead = model.sample(300, given={"died": "yes"}, seed=4).table
    alive = model.sample(300, given={"died": "no"}, seed=4).table
    assert dead.values["age"].mean() > alive.values["age"].mean() + 2


@every_kind
def test_impossible_conditions_fall_short(kind: str) -> None:
    out = fitted(kind, "levels").sample(5, given={"a": None}, seed=1)
    assert out.shortfall is not None and len(out.table) == 0
    assert "a" in out.shortfall.rule


@every_kind
def test_rows_columns_and_units_may_change(kind: str) -> None:
    base = mixed(120)
    rows = base.take(np.random.default_rng(1).permutation(len(base)))
    turned = Table(Schema(base.schema.columns[::-1]), base.values, base.states, base.people)
    for table in (rows, turned):
        out = new(kind).fit(table, seed=2).sample(60, seed=2).table
        assert out.schema == table.schema
        assert_valid(out, table.schema)
    plain = numbers(100)
    larger = make(list(plain.schema.columns), {k: v * 1024 for k, v in plain.values.items()})
    a = new(kind).fit(plain, seed=2).sample(60, seed=2).table
    b = new(kind).fit(larger, seed=2).sample(60, seed=2).table
    for name in a.values:
        assert np.allclose(a.values[name] * 1024, b.values[name], rtol=1e-6)


@every_kind
@every_table
def test_no_training_value_in_the_file(kind: str, name: str, tmp_path: Path) -> None:
    model, table = fitted(kind, name), TABLES[name]()
    model.save(tmp_path / "m")
    text = zipfile.ZipFile(io.BytesIO((tmp_path / "m").read_bytes())).read("model.json").decode()
    kept = [a.ravel() for a in read_model(tmp_path / "m")[2].values() if a.dtype.kind == "f"]
    stored = np.unique(np.concatenate(kept))
    for column in table.schema.modelled:
        if not column.is_numeric:
            continue
        value = table.values[column.name]
        unique, count = np.unique(value[~np.isnan(value)], return_counts=True)
        long = np.abs(unique * 1000 - np.round(unique * 1000)) > 1e-9
        single = unique[long & (count < 5)]
        assert not np.isin(single, stored).any()
        assert not np.isin(single.astype(np.float32), stored.astype(np.float32)).any()
        assert not any(repr(float(v)) in text for v in single)


@every_kind
def test_no_row_is_copied(kind: str) -> None:
    real, drawn = TABLES["numbers"](), fitted(kind, "numbers").sample(1000, seed=1).table
    a = {tuple(r) for r in np.column_stack([real.values[c] for c in real.values])}
    assert not a & {tuple(r) for r in np.column_stack([drawn.values[c] for c in real.values])}


@every_kind
def test_values_that_few_have_are_not_drawn(kind: str) -> None:
    drawn = fitted(kind, "odd").sample(500, seed=1).table
    assert (drawn.states["rare"] != PRESENT).all()  # two of 120 have one


@every_kind
def test_errors(kind: str, tmp_path: Path) -> None:
    model = new(kind)
    with pytest.raises(NotFitted):
        model.sample(5, seed=1)
    if kind != "gan":
        with pytest.raises(NotFitted):
            model.log_prob(mixed())
    with pytest.raises(NotFitted):
        model.card()
    with pytest.raises(NotFitted):
        model.save(tmp_path / "m")
    with pytest.raises(TooFewPeople):
        model.fit(mixed(8), seed=1)
    with pytest.raises(OptionError):
        fitted(kind, "mixed").sample(0, seed=1)
    with pytest.raises(OptionError):
        fitted(kind, "mixed").sample(5, given={"nose": 1}, seed=1)
    with pytest.raises(OptionError):
        fitted(kind, "mixed").sample(5, given={"site": "z"}, seed=1)


@every_kind
def test_card_is_plain(kind: str) -> None:
    import json

    card = fitted(kind, "mixed").card()
    assert json.loads(json.dumps(card)) == card
    assert card["kind"] == kind and card["rows"] == 160 and card["seed"] == 3


@every_kind
def test_rows_of_one_person(kind: str) -> None:
    base = mixed(120)
    table = Table(base.schema, base.values, base.states, np.arange(120) // 4)
    out = new(kind).fit(table, seed=1).sample(30, seed=1)
    assert len(out.table) == 30


@every_kind
def test_a_condition_against_a_rule_falls_short(kind: str) -> None:
    model = fitted(kind, "rules")
    kept = model.sample(10, given={"dia": 80.0}, seed=1)
    assert len(kept.table) == 10 and (kept.table.values["sys"] >= 80).all()
    out = model.sample(10, given={"dia": 90.0, "sys": 60.0}, seed=1)
    assert out.shortfall is not None and len(out.table) == 0
