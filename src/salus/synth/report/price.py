"""Picture what each privacy limit cost: the risk without and with it, and its multiplier."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from salus.synth.report.svg import WIDTH, Axis, line, picture, rect, shorten, tag, text, text_width
from salus.synth.report.wording import number, share

__all__ = ["price_chart", "trace_chart"]

_SPLIT = 236.0  # where the risks end and the prices begin
_ROW = 62.0


def price_chart(price: Sequence[Mapping[str, Any]], *, percent: Collection[str] = ()) -> Markup:
    """Draw, for each constraint, the way from the risk without it to the risk with it, and a bar.

    Each row of risks has a scale of its own, since risks differ in unit; the bars of the
    multipliers share one. The risks named in ``percent`` are shares and written as percentages.
    """
    most = max((abs(_get(p, "multiplier")) for p in price), default=0.0) or 1.0
    body = [
        text(0, 12, "Risk: without the limit → with it", kind="small muted"),
        text(WIDTH, 12, "Price", kind="small muted", anchor="end"),
    ]
    said = []
    for k, entry in enumerate(price):
        body += _price_row(entry, 20 + _ROW * k, most, percent)
        said.append(
            f"{entry.get('title') or entry['name']}: {_said(entry, 'without', percent)} without "
            f"the limit, {_said(entry, 'value', percent)} with it, "
            f"limit {_said(entry, 'limit', percent)}, price {_said(entry, 'multiplier')}"
        )
    return picture(
        24 + _ROW * len(price),
        body,
        title="The price of privacy",
        desc="; ".join(said) + ".",
        class_="chart",
    )


def trace_chart(
    name: str,
    title: str,
    trace: Sequence[Mapping[str, Any]],
    limit: float | None,
    *,
    percent: bool = False,
) -> Markup:
    """Draw one constraint's risk (above) and its multiplier (below) over the solver's steps."""
    write = share if percent else number
    risks = _series(trace, "values", name)
    prices = _series(trace, "multipliers", name)
    body = [
        *_strip(risks, 18, 66, "risk", "risk-line", limit, write),
        *_strip(prices, 104, 40, "price", "price-line", None, number),
        text(WIDTH / 2, 164, f"step (of {len(trace)})", kind="small muted", anchor="middle"),
    ]
    last = f"ends at {write(risks[-1][1])}" if risks else "was not recorded"
    ceiling = "" if limit is None else f"; the limit is {write(limit)}"
    return picture(
        168,
        body,
        title=f"{title}: the search, step by step",
        desc=f"The risk {last}{ceiling}.",
        class_="chart",
    )


def _get(entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key)
    return float(value) if value is not None else 0.0


def _said(entry: Mapping[str, Any], key: str, percent: Collection[str] = ()) -> str:
    value = entry.get(key)
    if value is None:
        return "not known"
    return share(float(value)) if entry["name"] in percent else number(float(value))


def _price_row(
    entry: Mapping[str, Any], top: float, most: float, percent: Collection[str]
) -> list[Markup]:
    y = top + 34
    known = [float(entry[k]) for k in ("without", "value", "limit") if entry.get(k) is not None]
    axis = Axis(min(0.0, *known, 0.0), max([*known, 1e-9]) * 1.05, 4, _SPLIT - 12)
    title = str(entry.get("title") or entry["name"])
    out = [
        text(0, top + 14, shorten(title, _SPLIT), kind="strong"),
        line(axis.left, y, axis.right, y, "reach"),
    ]
    limit, value, without = (entry.get(k) for k in ("limit", "value", "without"))
    if limit is not None:
        x = axis(limit)
        out.append(rect(x, y - 9, axis.right - x, 18, "forbidden"))
        out.append(line(x, y - 10, x, y + 10, "limit"))
    if without is not None and value is not None:
        out += _arrow(axis(without), axis(value), y)
    if without is not None:
        out.append(tag("circle", cx=axis(without), cy=y, r=5, class_="hollow"))
    if value is not None:
        out.append(tag("circle", cx=axis(value), cy=y, r=5, class_="mark plain"))
    before, after, most_allowed = (
        _said(entry, key, percent) for key in ("without", "value", "limit")
    )
    words = f"{before} → {after}, limit {most_allowed}"
    out.append(text(0, top + 56, words, kind="small muted"))
    return out + _bar(entry, y, most)


def _arrow(start: float, end: float, y: float) -> list[Markup]:
    if abs(start - end) < 12:
        return []
    way = math.copysign(1.0, end - start)
    tip = end - way * 6
    head = f"M{tip:.1f} {y:g}l{-way * 6:g} -4v8z"
    return [line(start + way * 5, y, tip, y, "flow"), tag("path", d=head, class_="flow-head")]


def _bar(entry: Mapping[str, Any], y: float, most: float) -> list[Markup]:
    price = _get(entry, "multiplier")
    label = _said(entry, "multiplier")
    room = WIDTH - _SPLIT - 8 - text_width(label)
    width = room * min(1.0, abs(price) / most)
    return [
        line(_SPLIT, y - 10, _SPLIT, y + 10, "axis"),
        rect(_SPLIT, y - 7, width, 14, "price-bar"),
        text(_SPLIT + width + 5, y + 4, label, kind="strong"),
    ]


def _series(trace: Sequence[Mapping[str, Any]], key: str, name: str) -> list[tuple[float, float]]:
    return [
        (float(step.get("step", k)), float(step[key][name]))
        for k, step in enumerate(trace)
        if name in (step.get(key) or {}) and step[key][name] is not None
    ]


def _strip(
    points: Sequence[tuple[float, float]],
    top: float,
    height: float,
    label: str,
    kind: str,
    limit: float | None,
    write: Callable[[float], str],
) -> list[Markup]:
    left, right, floor = 58.0, WIDTH - 8.0, top + height
    values = [v for _, v in points] + ([] if limit is None else [limit])
    low, high = min([0.0, *values]), max([*values, 1e-12])
    steps = [s for s, _ in points] or [0.0]
    across = Axis(min(steps), max(steps), left, right)
    up = Axis(low, high * 1.08 if high > 0 else 1.0, floor, top)
    out = [
        line(left, floor, right, floor, "axis"),
        text(0, top - 5, label, kind="strong"),
        text(left - 6, floor + 4, write(low), kind="small muted", anchor="end"),
    ]
    if high - low > 1e-9:
        out.append(text(left - 6, up(high) + 4, write(high), kind="small muted", anchor="end"))
    if limit is not None:
        y = up(limit)
        out.append(rect(left, top, right - left, y - top, "forbidden"))
        out.append(line(left, y, right, y, "limit"))
        out.append(text(right, y - 4, f"limit {write(limit)}", kind="small", anchor="end"))
    if points:
        path = " ".join(f"{across(s):.1f},{up(v):.1f}" for s, v in points)
        out.append(tag("polyline", points=path, class_=kind))
    return out
