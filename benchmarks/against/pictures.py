"""Draw utility kept against membership risk as plain SVG files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.against.pareto import Mean

PANEL_W, PANEL_H, GAP = 300, 230, 26
LEFT, TOP, BOTTOM = 46, 30, 40
# One colour a family: ours, trees and neighbours, copulas and networks, nets, private, anchors.
COLOURS = {
    "salus_forest": "#0b5fff",
    "salus_copula": "#4f8cff",
    "salus_cart": "#7fb0ff",
    "salus_marginals": "#a9c8f5",
    "arf": "#1b7f3b",
    "smote": "#7a5c00",
    "bayesian_network": "#b3261e",
    "gaussian_copula": "#d9730d",
    "tabular_argn": "#8e24aa",
    "tvae": "#ad1457",
    "adsgan": "#c2185b",
    "ddpm": "#6a1b9a",
    "realtab_gpt2": "#880e4f",
    "aim": "#455a64",
    "mst": "#78909c",
    "fresh people": "#222222",
    "copy": "#222222",
}
INK, PALE = "#222222", "#dddddd"


@dataclass(frozen=True)
class Point:
    """Hold one tool's place: risk to the right, utility kept upwards."""

    tool: str
    risk: Mean
    kept: Mean


def write(
    path: Path,
    panels: Mapping[str, Sequence[Point]],
    fronts: Mapping[str, list[str]],
    names: Mapping[str, str],
    columns: int,
) -> None:
    """Write a picture of one panel a table, with a legend of numbered tools."""
    tools = [t for t in COLOURS if any(p.tool == t for ps in panels.values() for p in ps)]
    number = {tool: str(i + 1) for i, tool in enumerate(tools)}
    rows = -(-len(panels) // columns)
    legend = 18 * (-(-len(tools) // columns)) + 14
    width = columns * (PANEL_W + GAP) + GAP
    height = rows * (PANEL_H + GAP) + GAP + legend
    body = [f'<rect width="{width}" height="{height}" fill="#ffffff"/>']
    for i, (table, points) in enumerate(panels.items()):
        x = GAP + (i % columns) * (PANEL_W + GAP)
        y = GAP + (i // columns) * (PANEL_H + GAP)
        body.append(f'<g transform="translate({x},{y})">')
        body += _panel(table, points, fronts.get(table, []), number)
        body.append("</g>")
    body += _legend(tools, names, number, width, height - legend, columns)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="11">'
        "<title>Utility kept against membership risk</title>"
        "<desc>One panel a table: the stronger membership attack's AUC to the right, the share of "
        "the real models' AUC that models learnt from synthetic rows keep upwards. Upper left is "
        "best. The line joins the tools that no other dominates.</desc>"
    )
    path.write_text(head + "\n".join(body) + "</svg>\n", encoding="utf-8")


def _panel(
    table: str, points: Sequence[Point], front: Sequence[str], number: Mapping[str, str]
) -> list[str]:
    right, low = PANEL_W - 10, PANEL_H - BOTTOM
    risks, keeps = [p.risk.value for p in points], [p.kept.value for p in points]
    x0, x1 = min(0.45, *risks) - 0.01, max(0.65, *(r for r in risks if r < 0.95)) + 0.02
    y0, y1 = max(0.3, min(keeps)) - 0.03, max(1.0, *keeps) + 0.02

    def at(risk: float, kept: float) -> tuple[float, float]:
        across, up = (risk - x0) / (x1 - x0), (kept - y0) / (y1 - y0)
        clip = [min(1.0, max(0.0, s)) for s in (across, up)]
        return LEFT + clip[0] * (right - LEFT), low - clip[1] * (low - TOP)

    out = [_text(LEFT, 16, table, weight="bold", size=12)]
    for tick in _ticks(x0, x1):
        x, _ = at(tick, y0)
        out += [_line(x, TOP, x, low, PALE), _text(x, low + 14, f"{tick:.2f}", anchor="middle")]
    for tick in _ticks(y0, y1):
        _, y = at(x0, tick)
        out += [_line(LEFT, y, right, y, PALE), _text(LEFT - 5, y + 4, f"{tick:.2f}", anchor="end")]
    out.append(_text((LEFT + right) / 2, low + 29, "membership attack, AUC", anchor="middle"))
    up = _text(0, 0, "utility kept", anchor="middle")
    out.append(f'<g transform="translate(12,{(TOP + low) / 2:.1f}) rotate(-90)">{up}</g>')
    line = sorted(at(p.risk.value, p.kept.value) for p in points if p.tool in front)
    if len(line) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-dasharray="3 3"/>')
    ours = ("salus_forest",)
    for p in sorted(points, key=lambda p: (p.tool in ours, p.tool in front)):
        x, y = at(p.risk.value, p.kept.value)
        out += _cross(p, at) if p.tool in ours else []
        out += _dot(x, y, p.tool, number[p.tool], p.tool in front, p.risk.value > x1)
    return out


def _cross(p: Point, at: Callable[[float, float], tuple[float, float]]) -> list[str]:
    colour, out = COLOURS[p.tool], []
    if p.risk.low is not None and p.risk.high is not None:
        (a, y), (b, _) = at(p.risk.low, p.kept.value), at(p.risk.high, p.kept.value)
        out.append(_line(a, y, b, y, colour, 1.5))
    if p.kept.low is not None and p.kept.high is not None:
        (x, a), (_, b) = at(p.risk.value, p.kept.low), at(p.risk.value, p.kept.high)
        out.append(_line(x, a, x, b, colour, 1.5))
    return out


def _dot(x: float, y: float, tool: str, label: str, ring: bool, beyond: bool) -> list[str]:
    colour = COLOURS[tool]
    edge = INK if ring else "#ffffff"
    arrow = [_text(x - 10, y + 4, "→", anchor="end")] if beyond else []
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{colour}" stroke="{edge}" '
        f'stroke-width="1.5"><title>{escape(tool)}</title></circle>',
        _text(x, y + 3.5, label, anchor="middle", fill="#ffffff", size=9, weight="bold"),
        *arrow,
    ]


def _legend(
    tools: Sequence[str],
    names: Mapping[str, str],
    number: Mapping[str, str],
    width: float,
    top: float,
    columns: int,
) -> list[str]:
    out, step = [], (width - 2 * GAP) / columns
    for i, tool in enumerate(tools):
        x, y = GAP + (i % columns) * step + 10, top + 18 * (i // columns)
        out += _dot(x, y, tool, number[tool], False, False)
        out.append(_text(x + 14, y + 4, names.get(tool, tool)))
    return out


def _ticks(low: float, high: float) -> list[float]:
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / s <= 6)
    first = int(low / step) + 1
    return [k * step for k in range(first, int(high / step + 1e-9) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"/>'
    )


def _text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    fill: str = INK,
    size: float = 11,
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" '
        f'font-size="{size}" font-weight="{weight}">{escape(content)}</text>'
    )
