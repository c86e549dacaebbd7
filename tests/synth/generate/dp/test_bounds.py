from __future__ import annotations

import numpy as np
import pytest

from salus.synth.generate.dp.bounds import is_open, pay_for_bounds, public_schema
from salus.synth.generate.dp.claim import Account
from salus.synth.generate.dp.noise import Seeded
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.generate.tables import make

N = 3_000


def paid(table: Table, levels: set[str] = frozenset(), seed: int = 0):  # type: ignore[no-untyped-def,assignment]
    account = Account(3.0, 1e-6, set_aside=2e-7)
    found = pay_for_bounds(
        table,
        levels_of=levels,
        rho=0.2 * account.rho,
        delta=2e-7,
        account=account,
        source=Seeded(seed),
    )
    return found, account


def open_table(seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    columns = [
        Column(name="ph", kind="continuous", decimals=2),
        Column(name="day", kind="date"),
        Column(name="lab", kind="continuous", low=0),
        Column(name="age", kind="integer", low=18, high=99),
        Column(name="code", kind="categorical", levels=("u", "lone", "v")),
    ]
    code = rng.choice([0, 2], N)
    code[0] = 1
    values = {
        "ph": np.round(rng.normal(7.4, 0.05, N), 2),
        "day": np.round(rng.uniform(15_000, 19_000, N)),
        "lab": np.exp(rng.normal(1, 0.5, N)),
        "age": np.round(rng.uniform(20, 90, N)),
        "code": code,
    }
    return make(columns, values)


def test_ranges_are_near_the_values() -> None:
    found, _ = paid(open_table())
    assert set(found.ranges) == {"ph", "day", "lab"}
    low, high = found.ranges["ph"]
    assert 7.0 < low < 7.35 and 7.45 < high < 7.8
    low, high = found.ranges["day"]
    assert 14_000 < low < 15_700 and 18_300 < high < 20_000
    low, high = found.ranges["lab"]
    assert low == 0 and 5 < high < 20  # the declared end stays


def test_one_far_value_does_not_move_a_range() -> None:
    table = open_table()
    far = table.values["ph"].copy()
    far[0] = 9e15
    assert paid(table)[0].ranges == paid(table.replace("ph", far))[0].ranges


def test_what_is_spent_does_not_depend_on_the_table() -> None:
    table = open_table()
    empty = table
    for name in ("ph", "day", "lab"):
        empty = empty.replace(name, np.full(N, np.nan))
    (full, a), (none, b) = paid(table, {"code"}), paid(empty, {"code"})
    assert none.ranges == {"ph": None, "day": None, "lab": None}
    assert a.spent == pytest.approx(0.2 * a.rho, rel=1e-9)
    assert a.spent == b.spent
    steps = {s["step"] for s in a.claim().to_dict()["claim"]["spent"]}
    assert steps == {"bounds", "categories"}
    assert full.schema["code"].levels == ("u", "v")


def test_levels_come_back_without_the_order_of_rows() -> None:
    table = open_table()
    schema = table.schema.with_column("code", levels=("v", "lone", "u"))
    swapped = Table(
        schema,
        {**table.values, "code": np.array([2, 1, 0])[table.values["code"].astype(int)]},
        table.states,
    )
    assert paid(table, {"code"})[0].schema["code"].levels == ("u", "v")
    assert paid(swapped, {"code"})[0].schema["code"].levels == ("u", "v")


def test_declared_tables_pay_nothing() -> None:
    columns = [Column(name="age", kind="integer", low=0, high=99)]
    found, account = paid(make(columns, {"age": np.arange(50.0)}))
    assert found.ranges == {} and account.spent == 0.0


def test_small_tables_show_no_range() -> None:
    few = open_table().take(np.arange(12))
    assert paid(few)[0].ranges["ph"] is None


def test_open_columns() -> None:
    assert is_open(Column(name="x", kind="continuous", low=0))
    assert not is_open(Column(name="x", kind="continuous", low=0, high=1))
    assert not is_open(Column(name="x", kind="categorical", levels=("a",)))


def test_a_public_schema_tells_nothing_of_the_table() -> None:
    schema = Schema(
        [
            Column(name="id", kind="identifier", roles=frozenset({"person"}), reason="90 people"),
            Column(name="x", kind="continuous", low=0, high=1, reason="12 cells are empty"),
            Column(name="y", kind="categorical", levels=("rare",), dropped=True, reason="1 row"),
        ]
    )
    public = public_schema(schema)
    assert all(c.reason == "" for c in public.columns)
    assert public["y"].levels == () and public.names == schema.names
    assert (public["x"].low, public["x"].high) == (0, 1)
