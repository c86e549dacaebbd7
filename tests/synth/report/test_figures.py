"""The pictures: positions that say what the figures say, for any figures."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from salus.synth.report import figures
from salus.synth.report.svg import WIDTH, Axis, shorten, text_width

SHARE = st.floats(0, 1, allow_nan=False)


def finding(value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {
        "name": "membership.advantage",
        "group": "privacy",
        "title": "Membership",
        "result": {"value": value, "low": low, "high": high},
        "limit": None,
        "verdict": None,
        "ideal": None,
        "direction": "low",
        "anchors": {},
        **more,
    }


def parts(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def of_class(svg: str, kind: str) -> list[ElementTree.Element]:
    return [e for e in parts(svg).iter() if kind in (e.get("class") or "").split()]


def spread(low: float, middle: float, high: float) -> dict[str, float]:
    low, middle, high = sorted((low, middle, high))
    return {"value": middle, "low": low, "high": high}


@settings(deadline=None)
@given(a=SHARE, b=SHARE, c=SHARE, limit=st.floats(0.001, 1), other=SHARE)
def test_the_bar_crosses_the_limit_just_when_the_interval_does(
    a: float, b: float, c: float, limit: float, other: float
) -> None:
    result = spread(a, b, c)
    svg = figures.finding_chart(
        finding(
            0, 0, 0, result=result, limit=limit, anchors={"bootstrap": spread(other, other, other)}
        )
    )
    (bar,), (line,) = of_class(svg, "bar"), of_class(svg, "limit")
    end, mark = float(bar.get("x", 0)) + float(bar.get("width", 0)), float(line.get("x1", 0))
    if result["high"] > 1.05 * limit:
        assert end >= mark
    if result["high"] < 0.95 * limit:
        assert end <= mark + 2.1  # a bar is never narrower than two units
    assert all(0 <= float(e.get(k, 0)) <= WIDTH for e in (bar, line) for k in ("x", "x1"))


def test_the_forbidden_zone_reaches_from_the_limit_to_the_right_end() -> None:
    svg = figures.finding_chart(finding(0.01, 0.0, 0.02, limit=0.05))
    (zone,), (line,) = of_class(svg, "forbidden"), of_class(svg, "limit")
    assert zone.get("x") == line.get("x1")
    assert float(zone.get("x", 0)) + float(zone.get("width", 0)) == pytest.approx(
        WIDTH - 6, abs=0.1
    )


def test_anchors_far_away_stand_behind_a_break_with_their_figures() -> None:
    near = {"fresh real people": spread(0, 0.01, 0.02)}
    far = {"verbatim copy": spread(0.97, 0.98, 0.99)}
    assert (
        of_class(figures.finding_chart(finding(0.01, 0, 0.02, limit=0.05, anchors=near)), "gap")
        == []
    )
    svg = figures.finding_chart(finding(0.01, 0, 0.02, limit=0.05, anchors=near | far))
    assert of_class(svg, "gap")
    texts = [e.text for e in parts(svg).iter() if e.tag == "text"]
    assert "98\N{NO-BREAK SPACE}%" in texts
    assert texts.index("fresh real people") < texts.index("verbatim copy")


def test_what_is_not_known_is_said() -> None:
    unknown = {"cannot_judge": "too few people", "needed": None}
    svg = figures.finding_chart(
        finding(0, 0, 0, result=unknown, limit=0.05, anchors={"bootstrap": unknown})
    )
    assert svg.count("not known") >= 2 and "too few people" in svg
    assert of_class(svg, "bar") == []


def test_an_interval_below_zero_points_on() -> None:
    inside = figures.finding_chart(finding(0.01, 0.0, 0.02, limit=0.05))
    beyond = figures.finding_chart(finding(0.01, -0.02, 0.02, limit=0.05))
    assert len(of_class(beyond, "mark")) == len(of_class(inside, "mark")) + 1


@settings(deadline=None)
@given(value=st.floats(-1e6, 1e6), group=st.sampled_from(["utility", "fidelity", "privacy"]))
@example(value=5e-324, group="privacy")
def test_any_single_value_can_be_drawn(value: float, group: str) -> None:
    parts(figures.finding_chart(finding(value, value, value, group=group, ideal=1.0)))


def test_prices_are_proportional_and_zero_is_no_bar() -> None:
    price = [
        {"name": "a", "limit": 0.05, "value": 0.04, "without": 0.2, "multiplier": 2.0},
        {"name": "b", "limit": 0.05, "value": 0.01, "without": 0.01, "multiplier": 0.0},
        {"name": "c", "limit": None, "value": None, "without": None, "multiplier": None},
        {"name": "d", "limit": 0.05, "value": 0.04, "without": 0.2, "multiplier": 2.0},
    ]
    svg = figures.price_chart(price, percent={"a"})
    widths = [float(e.get("width", 0)) for e in of_class(svg, "price-bar")]
    assert widths[0] == widths[3] > 0 and widths[1] == widths[2] == 0
    assert "20\N{NO-BREAK SPACE}% → 4\N{NO-BREAK SPACE}%" in svg and "0.2 → 0.04" in svg


@pytest.mark.parametrize("length", [0, 1, 2, 40])
def test_a_trace_of_any_length(length: int) -> None:
    trace = [
        {"step": k, "values": {"a": 1 / (k + 1)}, "multipliers": {"a": k}} for k in range(length)
    ]
    svg = figures.trace_chart("a", "A", trace, 0.1)
    assert len(of_class(svg, "risk-line")) == (length > 0)


def test_unequal_bins_are_drawn_by_density() -> None:
    column = {
        "name": "x",
        "kind": "continuous",
        "edges": [0, 1, 10],
        "real": [0.1, 0.9],
        "synthetic": [0.1, 0.9],
    }
    points = of_class(figures.column_chart(column), "synthetic-line")[0].get("points", "")
    heights = {p.split(",")[1] for p in points.split()}
    assert len(heights) == 1  # 0.1 over a width of 1 is as dense as 0.9 over 9


def test_dates_are_written_as_dates() -> None:
    column = {"name": "x", "kind": "date", "edges": [0, 365], "real": [1.0], "synthetic": [1.0]}
    svg = figures.column_chart(column)
    assert "1970-01-01" in svg and "1971-01-01" in svg
    far = {**column, "kind": "datetime", "edges": [0, 1e15]}
    parts(figures.column_chart(far))


def test_many_levels_are_added_up() -> None:
    shares = [1 / 1000] * 1000
    column = {
        "name": "x",
        "kind": "categorical",
        "labels": [str(k) for k in range(1000)],
        "real": shares,
        "synthetic": shares,
    }
    svg = figures.column_chart(column)
    assert "993 others" in svg and len(of_class(svg, "real-bar")) == 8


def test_columns_that_differ_most_come_first() -> None:
    columns = [
        {"name": n, "real": [0.5, 0.5], "synthetic": [s, 1 - s]}
        for n, s in (("same", 0.5), ("far", 1.0), ("near", 0.6))
    ]
    assert [c["name"] for c in figures.columns_apart(columns)] == ["far", "near", "same"]
    assert figures.difference(columns[1]) == 0.5


def test_pair_maps_keep_the_columns_that_differ_and_take_gaps() -> None:
    size = 50
    real = [[0.0] * size for _ in range(size)]
    synthetic = [[0.0] * size for _ in range(size)]
    synthetic[7][31] = synthetic[31][7] = -0.9
    pairs: dict[str, Any] = {
        "names": [f"c{k}" for k in range(size)],
        "real": real,
        "synthetic": synthetic,
    }
    real[3][4] = None  # type: ignore[call-overload]
    few = figures.pairs_shown(pairs, 10)
    assert {"c7", "c31"} <= set(few["names"]) and len(few["names"]) == 10
    assert figures.pairs_apart(pairs, 1) == [("c31", "c7", 0.0, -0.9)]
    for which in ("real", "synthetic", "difference"):
        parts(figures.pair_map(pairs, which))
    assert of_class(figures.pair_map(few, "difference"), "less")


def test_missing_values_are_drawn_only_where_there_are_some() -> None:
    none: list[dict[str, Any]] = [
        {"name": "x", "missing": {"real": 0, "synthetic": 0}},
        {"name": "y"},
    ]
    assert figures.missing_chart(none) is None
    some = figures.missing_chart([*none, {"name": "z", "missing": {"real": 0.2, "synthetic": 0.1}}])
    assert some is not None and len(of_class(some, "real-dot")) == 1


@settings(deadline=None)
@given(st.text(max_size=60), st.floats(20, 300))
def test_shortened_texts_fit(content: str, width: float) -> None:
    cut = shorten(content, width)
    assert cut == "…" or text_width(cut) <= width


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_lie_within_the_axis(low: float, length: float) -> None:
    axis = Axis(low, low + length, 0, 100)
    slack = 1e-6 * (abs(low) + length)
    assert all(axis.low - slack <= t <= axis.high + slack for t in axis.ticks())
    assert len(axis.ticks()) <= 6


def test_markup_in_names_is_escaped() -> None:
    svg = figures.column_chart(
        {"name": "<b>", "labels": ["<i>", "&"], "real": [0.5, 0.5], "synthetic": [0.5, 0.5]}
    )
    assert not re.search("<[bi]>", svg)
    parts(svg)
