"""Small hostile tables, built from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = ["TABLES", "make", "mixed", "numbers"]

OUTCOME = frozenset({"outcome"})


def make(columns: list[Column], values: dict[str, Any], rules: Any = (), **states: Any) -> Table:
    """Return a table; a column not named in ``states`` is missing where NaN or -1."""
    full = {}
    for column in columns:
        raw = np.asarray(values[column.name])
        absent = np.isnan(raw) if column.is_numeric else raw < 0
        full[column.name] = states.get(column.name, absent.astype(np.int8))
    return Table(Schema(columns, rules), values, full)


def mixed(n: int = 160, seed: int = 0) -> Table:
    """Return all kinds with empty cells and codes, related to each other."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    lab = np.round(np.exp(1 + 0.5 * z + 0.3 * rng.normal(size=n)), 4)
    lab_state = rng.choice([0, 1, 2], n, p=[0.8, 0.12, 0.08]).astype(np.int8)
    lab[lab_state > 0] = np.nan
    stage = np.clip(np.digitize(z + rng.normal(size=n), [-1, 0, 1]), 0, 3)
    site = rng.integers(0, 3, n)
    site_state = rng.choice([0, 1, 2], n, p=[0.85, 0.1, 0.05]).astype(np.int8)
    site[site_state > 0] = -1
    columns = [
        Column(name="age", kind="integer", low=0, high=110, decimals=0),
        Column(name="lab", kind="continuous", decimals=4, low=0, missing_codes=("-9",)),
        Column(name="stage", kind="ordinal", levels=("1", "2", "3", "4")),
        Column(name="site", kind="categorical", levels=("a", "b", "c"), missing_codes=("unk",)),
        Column(name="seen", kind="date", decimals=0),
        Column(name="died", kind="boolean", levels=("no", "yes"), roles=OUTCOME),
    ]
    values = {
        "age": np.round(60 + 10 * z + 5 * rng.normal(size=n)).clip(0, 110),
        "lab": lab,
        "stage": stage,
        "site": site,
        "seen": np.round(rng.uniform(15_000, 19_000, n)),
        "died": (z + rng.logistic(size=n) > 0.5).astype(int),
    }
    return make(columns, values, lab=lab_state, site=site_state)


def numbers(n: int = 160, seed: int = 1) -> Table:
    """Return three related continuous columns with many digits."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) @ np.array([[1, 0.8, 0], [0, 0.6, 0.5], [0, 0, 1]])
    names = ("x", "y", "w")
    columns = [Column(name=c, kind="continuous") for c in names]
    return make(columns, dict(zip(names, x.T, strict=True)))


def _levels(n: int = 160) -> Table:
    rng = np.random.default_rng(2)
    a = rng.integers(0, 4, n)
    b = np.where(rng.random(n) < 0.8, a, rng.integers(0, 4, n))
    levels = ("p", "q", "r", "s")
    columns = [Column(name=c, kind="categorical", levels=levels) for c in ("a", "b")]
    return make(columns, {"a": a, "b": b})


def _odd(n: int = 120) -> Table:
    rng = np.random.default_rng(3)
    columns = [
        Column(name="same", kind="continuous", decimals=1),
        Column(name="never", kind="continuous"),
        Column(name="blank", kind="categorical", levels=("u", "v")),
        Column(name="one", kind="categorical", levels=("only",)),
        Column(name="rare", kind="continuous"),
        Column(name="x", kind="continuous"),
    ]
    rare = np.full(n, np.nan)
    rare[:2] = [12.34567, 98.76543]
    values = {
        "same": np.full(n, 4.5),
        "never": np.full(n, np.nan),
        "blank": np.full(n, -1),
        "one": np.zeros(n, int),
        "rare": rare,
        "x": rng.normal(size=n),
    }
    return make(columns, values)


def _many(n: int = 150) -> Table:
    rng = np.random.default_rng(4)
    levels = tuple(f"c{i}" for i in range(1000))
    columns = [
        Column(name="code", kind="categorical", levels=levels),
        Column(name="x", kind="continuous"),
        Column(name="y", kind="boolean", levels=("no", "yes"), roles=OUTCOME),
    ]
    values = {
        "code": rng.integers(0, 1000, n),
        "x": rng.normal(size=n),
        "y": rng.integers(0, 2, n),
    }
    return make(columns, values)


def _heaped(n: int = 160) -> Table:
    rng = np.random.default_rng(5)
    z = rng.normal(size=n)
    columns = [
        Column(name="drinks", kind="continuous", decimals=2, low=0),
        Column(name="bp", kind="integer", decimals=0, low=60, high=250),
        Column(name="children", kind="integer", decimals=0, low=0),
    ]
    values = {
        "drinks": np.where(z < 0.2, 0.0, np.round(np.exp(z), 2)),
        "bp": (np.round((120 + 15 * z) / 5) * 5).clip(60, 250),
        "children": rng.poisson(1.5, n).astype(float),
    }
    return make(columns, values)


def _ruled(n: int = 150) -> Table:
    rng = np.random.default_rng(6)
    low = np.round(70 + 8 * rng.normal(size=n), 1)
    columns = [Column(name=c, kind="continuous", decimals=1) for c in ("dia", "sys")]
    values = {"dia": low, "sys": np.round(low + rng.gamma(4, 8, n) + 1, 1)}
    return make(columns, values, [{"rule": "order", "columns": ["dia", "sys"]}])


def _lonely(n: int = 120) -> Table:
    """Return columns in which single values stand between heaps and beyond them."""
    rng = np.random.default_rng(7)
    dose = rng.choice([0.0, 7.0], n)
    dose[:4] = [3.14159, 9.87654, 2.71828, -1.41421]
    columns = [Column(name=c, kind="continuous") for c in ("dose", "x")]
    return make(columns, {"dose": dose, "x": rng.normal(size=n)})


TABLES = {
    "mixed": mixed,
    "numbers": numbers,
    "levels": _levels,
    "odd": _odd,
    "many levels": _many,
    "heaped": _heaped,
    "rules": _ruled,
    "lonely values": _lonely,
    "25 rows": lambda: mixed(25),
    "two columns": lambda: _ruled(60),
}
