"""Picture how alike two tables are: columns, pairs of columns, missing values.

Real patients are blue areas, synthetic rows are orange lines or bars, here and everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from salus.synth.report.svg import WIDTH, Axis, line, picture, rect, shorten, tag, text, text_width
from salus.synth.report.wording import number, share

__all__ = [
    "column_chart",
    "columns_apart",
    "difference",
    "missing_chart",
    "pair_map",
    "pairs_apart",
    "pairs_shown",
]

_LEVELS = 8  # levels drawn one by one; more are added up
_NAMED = 16  # pairs are named on a map of at most this many columns
_PANEL = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def difference(column: Mapping[str, Any]) -> float:
    """Compute half the sum of absolute differences of the shares: 0 the same, 1 disjoint."""
    real, synthetic = column.get("real") or (), column.get("synthetic") or ()
    both = zip(real, synthetic, strict=False)
    return min(1.0, sum(abs(float(r) - float(s)) for r, s in both) / 2)


def columns_apart(columns: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sort columns so that those that differ most come first."""
    return sorted(columns, key=lambda c: (-round(difference(c), 6), str(c["name"])))


def column_chart(column: Mapping[str, Any]) -> Markup:
    """Draw one column's distribution in the real and in the synthetic table."""
    edges = column.get("edges")
    body, height = _steps(column) if edges else _bars(column)
    return picture(
        height,
        body,
        width=_PANEL,
        title=f"{column['name']}: real and synthetic",
        desc=f"The two distributions differ by {share(difference(column))}.",
        class_="chart",
    )


def _steps(column: Mapping[str, Any]) -> tuple[list[Markup], float]:
    edges = [float(e) for e in column["edges"]]
    widths = [b - a or 1.0 for a, b in pairwise(edges)]
    real = [v / w for v, w in zip(column["real"], widths, strict=True)]
    synthetic = [v / w for v, w in zip(column["synthetic"], widths, strict=True)]
    top = max([*real, *synthetic, 1e-300])
    across, up = Axis(edges[0], edges[-1], 4, _PANEL - 4), Axis(0, top, 104, 8)

    def outline(heights: Sequence[float]) -> str:
        points = []
        for a, b, h in zip(edges, edges[1:], heights, strict=False):
            points += [f"{across(a):.1f},{up(h):.1f}", f"{across(b):.1f},{up(h):.1f}"]
        return " ".join(points)

    base = f"{across(edges[0]):.1f},104 {outline(real)} {across(edges[-1]):.1f},104"
    body = [
        tag("polygon", points=base, class_="real-area"),
        tag("polyline", points=outline(synthetic), class_="synthetic-line"),
        line(4, 104, _PANEL - 4, 104, "axis"),
    ]
    kind, used = str(column.get("kind", "")), -1e9
    ticks = [edges[0], edges[-1]] if kind in ("date", "datetime") else across.ticks(4)
    for tick in ticks:
        label = _cell(tick, kind)
        half = text_width(label, 12) / 2
        at = min(max(across(tick), half), _PANEL - half)
        if at - half > used + 6:
            body.append(line(across(tick), 104, across(tick), 108, "axis"))
            body.append(text(at, 120, label, kind="muted", anchor="middle"))
            used = at + half
    return body, 124


def _cell(value: float, kind: str) -> str:
    if kind not in ("date", "datetime"):
        return number(value, 4)
    try:
        moment = _EPOCH + (timedelta(days=value) if kind == "date" else timedelta(seconds=value))
    except OverflowError:
        return number(value, 4)
    return moment.strftime("%Y-%m-%d")


def _bars(column: Mapping[str, Any]) -> tuple[list[Markup], float]:
    rows = list(zip(column.get("labels") or (), column["real"], column["synthetic"], strict=False))
    if len(rows) > _LEVELS:
        rows.sort(key=lambda r: -max(r[1], r[2]))
        rest = rows[_LEVELS - 1 :]
        sums = (sum(r[1] for r in rest), sum(r[2] for r in rest))
        rows = [*rows[: _LEVELS - 1], (f"{len(rest)} others", *sums)]
    most = max([v for _, r, s in rows for v in (r, s)] + [1e-9])
    left = 112.0
    across = Axis(0, most, left, _PANEL - 52)
    body = [line(left, 2, left, 6 + 30 * len(rows), "axis")]
    for k, (label, real, synthetic) in enumerate(rows):
        y = 6.0 + 30 * k
        body += [
            text(left - 8, y + 16, shorten(str(label), left - 12), anchor="end"),
            rect(left, y, across(real) - left, 11, "real-bar"),
            rect(left, y + 12, across(synthetic) - left, 11, "synthetic-bar"),
            text(across(real) + 5, y + 10, share(real), kind="small muted"),
            text(across(synthetic) + 5, y + 22, share(synthetic), kind="small muted"),
        ]
    return body, 10 + 30.0 * len(rows)


def pairs_shown(pairs: Mapping[str, Any], most: int = 40) -> dict[str, Any]:
    """Keep the ``most`` columns whose relations differ most, in the order of the table."""
    names, real, synthetic = pairs["names"], pairs["real"], pairs["synthetic"]
    if len(names) <= most:
        return dict(pairs)
    apart = [
        max((abs(_at(real, i, j) - _at(synthetic, i, j)) for j in range(len(names))), default=0.0)
        for i in range(len(names))
    ]
    kept = sorted(sorted(range(len(names)), key=lambda i: (-apart[i], i))[:most])
    return {
        "names": [names[i] for i in kept],
        "real": [[_at(real, i, j) for j in kept] for i in kept],
        "synthetic": [[_at(synthetic, i, j) for j in kept] for i in kept],
    }


def pairs_apart(pairs: Mapping[str, Any], count: int = 5) -> list[tuple[str, str, float, float]]:
    """List the pairs that differ most: two names, the real and the synthetic strength."""
    names = pairs["names"]
    found = [
        (names[i], names[j], _at(pairs["real"], i, j), _at(pairs["synthetic"], i, j))
        for i in range(len(names))
        for j in range(i)
    ]
    return sorted(found, key=lambda f: (-abs(f[2] - f[3]), f[0], f[1]))[:count]


def _at(matrix: Sequence[Sequence[float | None]], i: int, j: int) -> float:
    value = matrix[i][j]
    return 0.0 if value is None else float(value)


def pair_map(pairs: Mapping[str, Any], which: str) -> Markup:
    """Draw the strengths of all pairs as a grid of squares.

    Parameters
    ----------
    pairs : mapping
        ``names`` and the square matrices ``real`` and ``synthetic``.
    which : {"real", "synthetic", "difference"}
        Which one to draw; the difference is synthetic minus real, drawn twice as full.
    """
    names = [str(n) for n in pairs["names"]]
    count = len(names)
    named = count <= _NAMED
    longest = max((text_width(f"{k} {n}", 11.5) for k, n in enumerate(names, 1)), default=0.0)
    left = min(118.0, longest + 8) if named else 0.0
    top = 16.0 if named else 0.0
    side = (_PANEL - left) / max(count, 1)
    body: list[Markup] = [rect(left, top, _PANEL - left, side * count, "ground")]
    body += _squares(pairs, which, left, top, side, hints=named)
    if named:
        for k, name in enumerate(names):
            middle = side * (k + 0.5)
            label = f"{k + 1} {name}"
            body.append(
                text(
                    left - 5,
                    top + middle + 4,
                    shorten(label, left - 6, 11.5),
                    kind="small",
                    anchor="end",
                )
            )
            body.append(text(left + middle, 11, str(k + 1), kind="tiny muted", anchor="middle"))
    worst = pairs_apart(pairs, 1)
    said = (
        f"Largest difference: {worst[0][0]} and {worst[0][1]}, "
        f"real {number(worst[0][2], 2)}, synthetic {number(worst[0][3], 2)}."
        if worst
        else "There is no pair."
    )
    return picture(
        top + side * count,
        body,
        width=_PANEL,
        title=f"Relations between {count} columns: {which}",
        desc=said,
        class_="chart map",
    )


def _squares(
    pairs: Mapping[str, Any], which: str, left: float, top: float, side: float, *, hints: bool
) -> list[Markup]:
    """Draw single squares with a hint where few, one path for each of 12 strengths where many."""
    names = pairs["names"]
    many: dict[tuple[str, int], list[str]] = {}
    out: list[Markup] = []
    for i in range(len(names)):
        for j in range(len(names)):
            real, synthetic = _at(pairs["real"], i, j), _at(pairs["synthetic"], i, j)
            value = {"real": real, "synthetic": synthetic}.get(which, synthetic - real)
            if i == j and which != "difference":
                value = 1.0
            full = 2.0 if which == "difference" else 1.0  # differences are small; drawn twice
            strength = round(12 * min(1.0, full * abs(value)))
            if not strength:
                continue
            kind = "more" if value > 0 else "less"
            x, y = left + side * j, top + side * i
            if hints:
                hint = f"{names[i]} × {names[j]}: {number(value, 2)}"
                opacity = float(strength / 12)
                out.append(rect(x, y, side, side, kind, fill_opacity=opacity, hint=hint))
            else:
                square = f"M{x:.1f} {y:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z"
                many.setdefault((kind, strength), []).append(square)
    for (kind, strength), squares in sorted(many.items()):
        path = "".join(squares)
        out.append(tag("path", d=path, class_=kind, fill_opacity=float(strength / 12)))
    return out


def missing_chart(columns: Sequence[Mapping[str, Any]], most: int = 20) -> Markup | None:
    """Draw the shares of missing values, real beside synthetic; ``None`` where nothing is missing.

    Reads ``missing`` of each column, a mapping with ``real`` and ``synthetic``.
    """
    rows = [
        (str(c["name"]), float(c["missing"]["real"]), float(c["missing"]["synthetic"]))
        for c in columns
        if c.get("missing") and max(c["missing"]["real"], c["missing"]["synthetic"]) > 0
    ]
    if not rows:
        return None
    rows.sort(key=lambda r: (-abs(r[1] - r[2]), -r[1], r[0]))
    shown, left, bottom = rows[:most], 140.0, 8.0 + 20 * min(len(rows), most)
    axis = Axis(0, max(max(r[1:]) for r in shown), left, WIDTH - 12)
    body = [line(left, bottom, WIDTH - 12, bottom, "axis")]
    for k, (name, real, synthetic) in enumerate(shown):
        y = 16.0 + 20 * k
        hint = tag("title", f"{name}: real {share(real)}, synthetic {share(synthetic)}")
        body += [
            text(left - 8, y + 4, shorten(name, left - 12), anchor="end"),
            line(axis(real), y, axis(synthetic), y, "reach"),
            tag("circle", cx=axis(real), cy=y, r=5.5, class_="real-dot"),
            tag("circle", hint, cx=axis(synthetic), cy=y, r=4, class_="synthetic-dot"),
        ]
    for tick in axis.ticks(3):
        body.append(text(axis(tick), bottom + 16, share(tick), kind="small muted", anchor="middle"))
    return picture(
        bottom + 22,
        body,
        title="Missing values, real and synthetic",
        desc=f"{len(rows)} columns have missing values; the largest difference is "
        f"{share(abs(rows[0][1] - rows[0][2]))}, in {rows[0][0]}.",
        class_="chart",
    )
