"""A schema is valid from its construction on, and survives JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.synth.errors import SchemaError
from salus.synth.table.schema import Column, Schema


def full() -> Schema:
    return Schema(
        [
            Column(name="who", kind="identifier", roles=frozenset({"person"})),
            Column(name="age", kind="integer", unit="a", low=0, high=120, decimals=0),
            Column(name="bili", kind="continuous", decimals=2, number_style="fixed"),
            Column(name="stage", kind="ordinal", levels=("1", "2"), roles=frozenset({"sensitive"})),
            Column(name="died", kind="boolean", levels=("0", "1"), roles=frozenset({"outcome"})),
            Column(name="day", kind="date", date_format="%d.%m.%Y", missing_codes=("?",)),
            Column(name="note", kind="text", dropped=True, reason="left out on request"),
        ],
        [{"kind": "range", "column": "age", "low": 18}],
    )


def test_json_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(full().to_json(), encoding="utf-8")
    assert Schema.read(path) == full()
    assert "decimals" not in json.loads(full().to_json())["columns"][0]


@given(st.text(min_size=1), st.lists(st.text(), unique=True, max_size=5))
def test_any_name_and_levels_survive_json(name: str, levels: list[str]) -> None:
    schema = Schema([Column(name=name, kind="categorical", levels=tuple(levels))])
    assert Schema.from_dict(json.loads(schema.to_json())) == schema


def test_what_is_modelled_and_who_knows_what() -> None:
    schema = full()
    assert [c.name for c in schema.modelled] == ["age", "bili", "stage", "died", "day"]
    assert [c.name for c in schema.sensitive] == ["stage"]
    assert [c.name for c in schema.known] == ["age", "bili", "died", "day"]
    marked = schema.with_column("age", roles=frozenset({"known"}))
    assert [c.name for c in marked.known] == ["age"]
    assert schema.outcome == schema["died"]
    assert schema.person == schema["who"]
    assert "age" in schema
    assert "nothing" not in schema
    assert schema.with_rules([]).rules == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "non-empty"),
        ({"kind": "number"}, "kind 'number' is unknown"),
        ({"roles": frozenset({"boss"})}, "role 'boss' is unknown"),
        ({"levels": ("a", "a")}, "listed twice"),
        ({"levels": ("a",), "missing_codes": ("a",)}, "also listed as a level"),
        ({"low": 2, "high": 1}, "low is above high"),
        ({"low": float("nan")}, "finite"),
        ({"number_style": "scientific"}, "number_style"),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Column(**{"name": "x", "kind": "categorical", **options})


def test_a_schema_that_contradicts_itself_is_refused() -> None:
    x = Column(name="x", kind="integer", roles=frozenset({"outcome"}))
    with pytest.raises(SchemaError, match="stands twice"):
        Schema([x, x])
    with pytest.raises(SchemaError, match="2 columns have the role 'outcome'"):
        Schema([x, Column(name="y", kind="integer", roles=frozenset({"outcome"}))])
    with pytest.raises(SchemaError, match="no such column"):
        Schema([x])["z"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "JSON object"),
        ({"format": "other/9", "columns": []}, "format is 'other/9'"),
        ({"columns": [{"name": "x"}]}, "needs 'name' and 'kind'"),
        ({"columns": [{"name": "x", "kind": "integer", "colour": "red"}]}, "unknown key 'colour'"),
    ],
)
def test_json_that_is_no_schema_is_refused(data: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Schema.from_dict(data)


def test_a_file_that_is_no_schema_is_refused(tmp_path: Path) -> None:
    for content in (None, b"{", b"\xff\xfe\x00"):
        path = tmp_path / "schema.json"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SchemaError, match="can't be read"):
            Schema.read(path)
