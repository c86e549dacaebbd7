"""Details of any shape become tables or lines, and nothing is lost or mixed up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.report.breakdown import FLOOR, cell, grids

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(detail=st.dictionaries(st.text(max_size=5), plain, max_size=5))
def test_any_detail_is_taken_apart(detail: dict[str, Any]) -> None:
    tables, rest = grids(detail)
    assert set(rest) <= set(detail)
    for table in tables:
        assert all(len(row) == len(table.head) for row in table.rows)
        assert all(isinstance(value, str) for row in table.rows for value in row)
    assert all(isinstance(cell(value), str) for value in rest.values())


def test_a_floor_stands_beside_its_figures_and_the_widest_gap_first() -> None:
    detail = {
        f"columns{FLOOR}": {"a": 0.9, "b": 0.9, "c": 0.95},
        "columns": {"a": 0.9, "b": 0.5, "c": 0.9},
        "range overlap": {"a": 1.0, "b": 0.8},
    }
    (table,), rest = grids(detail)
    assert rest == {}
    assert table.head == ("", "figure", "fresh real people", "range overlap")
    assert [row[0] for row in table.rows] == ["b", "c", "a"]
    assert table.rows[0] == ("b", "0.5", "0.9", "0.8")
    assert table.rows[1][-1] == "–"


def test_figures_of_other_names_stand_apart() -> None:
    tables, _ = grids({"columns": {"a": 1.0}, "pairs": {"a × b": 0.5}})
    assert [t.rows for t in tables] == [(("a", "1"),), (("a × b", "0.5"),)]


def test_a_table_of_records_joins_figures_with_their_intervals() -> None:
    records = [{"name": "age", "x": 0.5, "x interval": [0.4, 0.6], "ok": True, "why": ""}]
    (table,), _ = grids({"coefficients": records})
    assert table.head == ("name", "x", "ok")
    assert table.rows == (("age", "0.5 (0.4 to 0.6)", "yes"),)


def test_long_tables_are_cut_and_say_so() -> None:
    (table,), _ = grids({"triples": {f"t{k}": 0.1 for k in range(100)}})
    assert len(table.rows) == 60
    assert table.left_out == 40


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (True, "yes"),
        ({"value": 0.5, "low": 0.4, "high": 0.6}, "0.5 (0.4 to 0.6)"),
        ({"estimate": -0.5, "low": -0.6, "high": 0}, "−0.5 (−0.6 to 0)"),
        ({"cannot_judge": "too few people"}, "too few people"),
        ([0.1, 0.2], "0.1 to 0.2"),
        (["a", "b", "c"], "a, b, c"),
        ({"a": 1, "b": None}, "a: 1; b: –"),
    ],
)
def test_single_values_are_said_in_words(value: Any, said: str) -> None:
    assert cell(value) == said
