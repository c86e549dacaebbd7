from __future__ import annotations

import json
import zipfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.synth.errors import NotFitted, OptionError, SchemaError, TooFewPeople
from salus.synth.generate.dp.generator import INFERRED, SEEDED, Aim, Mst
from salus.synth.generate.protocol import Generator
from salus.synth.generate.store import read_model
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table
from tests.synth.generate.tables import TABLES, mixed

KINDS = {"mst": Mst, "aim": partial(Aim, max_cells=2_000)}
PLENTY: dict[str, Any] = {"epsilon": 1000.0, "bounds": "paid", "declared": True, "noise_seed": 1}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


@cache
def plenty(kind: str, name: str) -> Any:
    """Return a fit with hardly any noise."""
    return KINDS[kind](**PLENTY).fit(TABLES[name](), seed=3)


def declared(n: int = 900) -> Table:
    """Return a table whose schema leaves nothing open."""
    table = mixed(n)
    schema = table.schema.with_column("lab", high=60).with_column("seen", low=14_000, high=20_000)
    return Table(schema, table.values, table.states)


def reloaded(model: Any, path: Path) -> Any:
    model.save(path)
    kind, plain, arrays = read_model(path)
    assert kind == model.kind
    return type(model).restore(plain, arrays)


def same(a: Table, b: Table) -> bool:
    return all(np.array_equal(a.values[c], b.values[c], equal_nan=True) for c in a.values)


@every_kind
def test_the_protocol(kind: str) -> None:
    assert isinstance(KINDS[kind](), Generator)


@every_kind
@pytest.mark.parametrize("name", list(TABLES))
def test_hostile_tables(kind: str, name: str, tmp_path: Path) -> None:
    table, model = TABLES[name](), plenty(kind, name)
    out = model.sample(83, seed=1)
    assert out.shortfall is None and len(out.table) == 83
    assert all(rule.holds(out.table).all() for rule in rules_of(table.schema))
    for column in table.schema.modelled:
        there = out.table.values[column.name][out.table.states[column.name] == PRESENT]
        if column.is_numeric:
            assert np.isfinite(there).all()
            assert column.low is None or np.all(there >= column.low)
            assert column.high is None or np.all(there <= column.high)
            assert column.decimals is None or np.allclose(there, np.round(there, column.decimals))
    assert np.isfinite(model.log_prob(table)).all()
    again = reloaded(model, tmp_path / "m")
    assert same(out.table, again.sample(83, seed=1).table)
    assert again.card() == model.card()
    assert np.array_equal(again.log_prob(table), model.log_prob(table))


@every_kind
def test_a_claim_of_a_declared_table(kind: str) -> None:
    model = KINDS[kind](epsilon=3.0, declared=True).fit(declared(), seed=1)
    told = model.card()["differential_privacy"]["claim"]
    assert (told["epsilon"], told["delta"], told["rows_per_person"]) == (3.0, 1e-6, 1)
    assert {s["step"] for s in told["spent"]} == {"measurements", "selection"}
    assert sum(s["rho"] for s in told["spent"]) == pytest.approx(told["rho"])
    assert told["composed_epsilon"] == pytest.approx(3.0, rel=1e-5)


@every_kind
def test_a_claim_of_paid_bounds(kind: str) -> None:
    table = mixed(900)
    model = KINDS[kind](epsilon=3.0, bounds="paid", declared=True, paid_levels=("site",)).fit(
        table, seed=1
    )
    told = model.card()["differential_privacy"]["claim"]
    steps = {s["step"]: s for s in told["spent"]}
    assert set(steps) == {"bounds", "categories", "measurements", "selection"}
    # two open ranges (lab, seen) and one column of levels share a fifth of the budget
    assert steps["bounds"]["rho"] + steps["categories"]["rho"] == pytest.approx(0.2 * told["rho"])
    assert steps["bounds"]["rho"] == pytest.approx(2 * steps["categories"]["rho"])
    assert steps["categories"]["delta"] == pytest.approx(2.5e-7)
    assert told["composed_epsilon"] == pytest.approx(3.0, rel=1e-5)


@every_kind
def test_a_seed_of_the_noise_ends_the_claim(kind: str) -> None:
    card = KINDS[kind](declared=True, noise_seed=1).fit(declared(), seed=1).card()
    assert card["differential_privacy"] == {"claim": None, "refused_because": [SEEDED]}


@every_kind
def test_a_schema_that_nobody_declared_ends_the_claim(kind: str) -> None:
    card = KINDS[kind](bounds="paid").fit(declared(), seed=1).card()
    assert card["differential_privacy"] == {"claim": None, "refused_because": [INFERRED]}


@every_kind
def test_open_bounds_are_refused(kind: str) -> None:
    with pytest.raises(SchemaError, match="'lab'"):
        KINDS[kind](declared=True).fit(mixed(), seed=1)
    with pytest.raises(SchemaError, match=r"'stage'.*declared=True"):
        KINDS[kind]().fit(declared(), seed=1)


@every_kind
def test_noise_is_secret_unless_it_is_seeded(kind: str) -> None:
    table = declared()
    free = [KINDS[kind](declared=True).fit(table, seed=1) for _ in range(2)]
    held = [KINDS[kind](declared=True, noise_seed=7).fit(table, seed=1) for _ in range(2)]
    assert not same(*(m.sample(50, seed=1).table for m in free))
    assert same(*(m.sample(50, seed=1).table for m in held))


@every_kind
def test_the_number_of_people_is_told_with_noise(kind: str, tmp_path: Path) -> None:
    table = declared(611)
    for seed in range(3):
        model = KINDS[kind](declared=True, noise_seed=seed).fit(table, seed=1)
        card = model.card()
        assert card["rows"] == card["people"] != 611 and abs(card["rows"] - 611) < 160
        model.save(tmp_path / "m")
        assert "611" not in zipfile.ZipFile(tmp_path / "m").read("model.json").decode()


@every_kind
def test_rows_of_one_person_count_once(kind: str) -> None:
    table = declared()
    grouped = Table(table.schema, table.values, table.states, np.arange(900) // 3)
    one = KINDS[kind](declared=True, epsilon=50.0).fit(grouped, seed=1).card()
    assert abs(one["people"] - 300) < 30
    two = KINDS[kind](declared=True, epsilon=50.0, rows_per_person=2).fit(grouped, seed=1).card()
    assert two["people"] is None and abs(two["rows"] - 600) < 60
    told = two["differential_privacy"]["claim"]
    assert told["rows_per_person"] == 2
    assert told["spent"][0]["each"][0]["sensitivity"] == 2


@every_kind
def test_the_order_of_rows_does_not_matter(kind: str) -> None:
    table = declared(300)
    turned = table.take(np.random.default_rng(0).permutation(300))
    a, b = (KINDS[kind](**PLENTY).fit(t, seed=1).sample(40, seed=1).table for t in (table, turned))
    assert same(a, b)


@every_kind
def test_reasons_and_hidden_levels_stay_at_home(kind: str, tmp_path: Path) -> None:
    base = declared()
    columns = [
        Column(name="patient", kind="identifier", roles=frozenset({"person"}), reason="900 people"),
        *base.schema.columns,
        Column(name="note", kind="categorical", levels=("lonely",), dropped=True, reason="1 row"),
    ]
    site = base.schema["site"]
    columns = [
        Column(**{**vars(c), "levels": (*site.levels, "yeti"), "reason": "4 levels"})
        if c.name == "site"
        else c
        for c in columns
    ]
    cell = base.values["site"].copy()
    cell[np.flatnonzero(cell == 0)[0]] = 3  # one person is a yeti
    table = Table(Schema(columns), {**base.values, "site": cell}, base.states)
    model = KINDS[kind](bounds="paid", declared=True, epsilon=5.0, paid_levels=("site",))
    model.fit(table, seed=1).save(tmp_path / "m")
    text = zipfile.ZipFile(tmp_path / "m").read("model.json").decode()
    for secret in ("yeti", "lonely", "900 people", "4 levels", "1 row"):
        assert secret not in text
    drawn = model.sample(50, seed=1).table
    assert drawn.schema["site"].levels == ("a", "b", "c")
    assert np.isfinite(model.log_prob(table)).all()
    with pytest.raises(OptionError, match="levels"):
        model.sample(5, given={"site": "yeti"}, seed=1)


@every_kind
def test_a_range_that_cannot_be_told_is_named(kind: str) -> None:
    card = KINDS[kind](bounds="paid", declared=True, epsilon=0.5).fit(mixed(), seed=1).card()
    assert card["range_not_found"] == ["lab", "seen"]


@every_kind
def test_reference_people_are_not_looked_at(kind: str) -> None:
    table = declared(300)
    a = KINDS[kind](**PLENTY).fit(table, seed=1)
    b = KINDS[kind](**PLENTY).fit(table, reference=declared(200), seed=1)
    assert same(a.sample(40, seed=1).table, b.sample(40, seed=1).table)


@every_kind
def test_more_privacy_costs_more(kind: str) -> None:
    """The error of the columns' shares falls as epsilon grows."""
    table = declared()
    site = table.values["site"]
    share = np.array([(site == k).mean() for k in range(-1, 3)])
    off = []
    for epsilon in (0.3, 3.0):
        errors = []
        for seed in range(3):
            model = KINDS[kind](declared=True, epsilon=epsilon, noise_seed=seed).fit(table, seed=1)
            drawn = model.sample(2_000, seed=1).table.values["site"]
            errors.append(np.abs([(drawn == k).mean() for k in range(-1, 3)] - share).sum())
        off.append(np.mean(errors))
    assert off[0] > 2 * off[1]


@every_kind
def test_cards_are_plain(kind: str) -> None:
    card = plenty(kind, "mixed").card()
    assert json.loads(json.dumps(card)) == card
    assert card["kind"] == kind and card["seed"] == 3 and card["counts_are_noisy"]


@every_kind
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": float("nan")}, "epsilon"),
        ({"epsilon": float("inf")}, "epsilon"),
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.0}, "delta"),
        ({"bins": 1}, "bins"),
        ({"bounds": "guessed"}, "bounds"),
        ({"rows_per_person": 0}, "rows_per_person"),
        ({"bounds": "paid", "paid_levels": ("age",)}, "'age'"),
        ({"bounds": "paid", "paid_levels": ("nose",)}, "'nose'"),
    ],
    ids=str,
)
def test_senseless_options_are_refused(kind: str, options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        KINDS[kind](**{"declared": True, **options}).fit(declared(100), seed=1)


@every_kind
def test_errors(kind: str, tmp_path: Path) -> None:
    model = KINDS[kind](declared=True)
    for act in (
        lambda: model.sample(5, seed=1),
        lambda: model.log_prob(declared()),
        model.card,
        lambda: model.save(tmp_path / "m"),
    ):
        with pytest.raises(NotFitted):
            act()
    with pytest.raises(TooFewPeople):
        model.fit(declared(8), seed=1)
    fitted = plenty(kind, "levels")
    with pytest.raises(OptionError):
        fitted.sample(0, seed=1)
    short = fitted.sample(5, given={"a": None}, seed=1)
    assert short.shortfall is not None and len(short.table) == 0 and "a" in short.shortfall.rule
