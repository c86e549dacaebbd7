"""Draw a frontier: use upward, risk to the right, each point with its intervals both ways.

Known releases far to the right stand behind a break in the axis. Labels are short and put where they
cover least; points that lie on each other share one. Verdicts differ in shape as well as in colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from salus.synth.report.svg import WIDTH, Axis, line, picture, rect, tag, text, text_width

__all__ = ["Spot", "scatter"]

Triple = tuple[float, float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Write = Callable[[float], str]

_LEFT, _RIGHT, _TOP, _HEIGHT = 46.0, WIDTH - 6.0, 42.0, 230.0
_BREAK = 62.0  # width of the part behind the break
_RADIUS = 5.0
_SIZE = 11.5  # of labels
_TANGENT = 26.0  # half the length of a tangent
_RINGS = (10.0, 20.0, 32.0, 46.0)  # distances of a label from its point
_WEIGHT = 0.3  # of a covered bar, beside a covered label
_SHAPES = {"open": "m0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5z", "bad": "m-5 -5h10v10h-10z"}
_WAYS = ((1, 0), (-1, 0), (0, -1), (0, 1), (0.7, -0.8), (-0.7, -0.8), (0.7, 0.8), (-0.7, 0.8))


@dataclass(frozen=True)
class Spot:
    """Hold one thing drawn.

    Parameters
    ----------
    label : str
        Beside the mark; the shorter, the better.
    x, y : (float, float, float)
        Value, low and high.
    kind : {"good", "bad", "open", "plain", "cross", "anchor"}
        A tone of a point, a point that can't be met, or a known release.
    slope : float or None
        Of the tangent at it, in units of ``y`` over units of ``x``.
    full : str
        Its whole name, told on pointing at it; ``label`` if empty.
    """

    label: str
    x: Triple
    y: Triple
    kind: str
    slope: float | None = None
    full: str = ""


@dataclass(frozen=True)
class _Frame:
    across: Axis
    up: Axis
    broken: bool

    @property
    def bottom(self) -> float:
        return _TOP + _HEIGHT

    def at(self, spot: Spot) -> tuple[float, float]:
        if self.broken and spot.x[0] > self.across.high:
            return _RIGHT - _RADIUS - 4, self.up(spot.y[0])
        return self.across(spot.x[0]), self.up(spot.y[0])


def scatter(
    spots: Sequence[Spot],
    *,
    curve: Sequence[tuple[float, float]] = (),
    limit: float | None = None,
    names: tuple[str, str],
    writes: tuple[Write, Write],
    flipped: bool = False,
    title: str,
    desc: str,
) -> Markup:
    """Draw spots in two dimensions.

    Parameters
    ----------
    spots : sequence of Spot
        At least one that is no anchor.
    curve : sequence of (float, float)
        Corners of the line that joins the points no other beats.
    limit : float, optional
        Beyond which the right side is shaded.
    names, writes : pairs
        What stands along ``x`` and ``y``, and how their values are written.
    flipped : bool
        Whether low values of ``y`` are the good ones, and stand above.
    title, desc : str
        The picture in words.
    """
    frame = _frame(spots, limit, flipped)
    body = [*_limit(frame, limit, writes[0]), *_axes(frame, names, writes)]
    if len(curve) > 1:
        corners = " ".join(f"{frame.across(x):.1f},{frame.up(y):.1f}" for x, y in curve)
        body.append(tag("polyline", points=corners, class_="frontier-line"))
    merged = _merged(spots, frame)
    for spot in merged:
        body += _whiskers(spot, frame)
    for spot in merged:
        body += _tangent(spot, frame)
    body += [_mark(spot, frame, writes) for spot in merged]
    body += _labels(merged, frame, writes[0])
    return picture(frame.bottom + 38, body, title=title, desc=desc, class_="chart frontier")


def _frame(spots: Sequence[Spot], limit: float | None, flipped: bool) -> _Frame:
    mine = [s for s in spots if s.kind != "anchor"]
    near = max([s.x[2] for s in mine] + ([] if limit is None else [limit]))
    near = max(near, 1e-9)
    far = max(s.x[0] for s in spots)
    broken = far > 1.6 * near
    high = 1.08 * near if broken else 1.05 * max(near, far)
    low = min(0.0, *(s.x[0] for s in spots if s.x[0] <= high), 0.0)
    low = 1.1 * low  # room for a mark left of zero
    ends = [e for s in spots for e in s.y]
    bottom, top = min(ends), max(ends)
    pad = 0.07 * (top - bottom) or 0.05
    from_, to = (_TOP, _TOP + _HEIGHT) if flipped else (_TOP + _HEIGHT, _TOP)
    across = Axis(low, high, _LEFT, _RIGHT - _BREAK * broken)
    return _Frame(across, Axis(bottom - pad, top + pad, from_, to), broken)


def _limit(frame: _Frame, limit: float | None, write: Write) -> list[Markup]:
    if limit is None:
        return []
    x = frame.across(limit)
    label = f"limit given {write(limit)}"
    half = text_width(label, _SIZE) / 2
    at = min(max(x, _LEFT + half), _RIGHT - half)
    return [
        rect(x, _TOP, _RIGHT - x, _HEIGHT, "forbidden"),
        line(x, _TOP - 4, x, frame.bottom, "limit"),
        text(at, _TOP - 7, label, kind="small", anchor="middle"),
    ]


def _axes(frame: _Frame, names: tuple[str, str], writes: tuple[Write, Write]) -> list[Markup]:
    across, up, y = frame.across, frame.up, frame.bottom
    out = [
        line(_LEFT, y, across.right, y, "axis"),
        line(_LEFT, _TOP, _LEFT, y, "axis"),
        text(0, 11, f"↑ {names[1]}", kind="small strong"),
        text(_RIGHT, y + 33, f"{names[0]} →", kind="small strong", anchor="end"),
    ]
    used = -1e9
    for tick in across.ticks(4):
        label, x = writes[0](tick), across(tick)
        half = text_width(label, _SIZE) / 2
        out.append(line(x, y, x, y + 4, "axis"))
        at = min(max(x, half), WIDTH - half)
        room = across.right if frame.broken else WIDTH
        if at - half > used + 6 and at + half <= room + 2:
            out.append(text(at, y + 16, label, kind="small muted", anchor="middle"))
            used = at + half
    for tick in up.ticks(4):
        out += [
            line(_LEFT - 4, up(tick), _LEFT, up(tick), "axis"),
            line(_LEFT, up(tick), across.right, up(tick), "grid-line"),
            text(_LEFT - 7, up(tick) + 4, writes[1](tick), kind="small muted", anchor="end"),
        ]
    if frame.broken:
        gap = across.right + 5
        out += [
            line(gap - 3, y + 5, gap + 1, y - 5, "axis"),
            line(gap + 1, y + 5, gap + 5, y - 5, "axis"),
            line(gap + 4, y, _RIGHT, y, "axis"),
            line(gap, _TOP, gap, y, "gap"),
        ]
        out.append(text(_RIGHT, y + 16, "far off", kind="small muted", anchor="end"))
    return out


def _merged(spots: Sequence[Spot], frame: _Frame) -> list[Spot]:
    """Join points that lie on each other under one label; anchors keep their own."""
    groups: dict[tuple[str, int, int], list[int]] = {}
    for k, spot in enumerate(spots):
        x, y = frame.at(spot)
        own = spot.label if spot.kind == "anchor" else ""
        groups.setdefault((own, round(x), round(y)), []).append(k)
    out = []
    for same in groups.values():
        labels = [spots[k].label for k in same]
        in_row = same[-1] - same[0] == len(same) - 1
        label = f"{labels[0]}–{labels[-1]}" if in_row and len(labels) > 2 else ", ".join(labels)
        full = ", ".join(spots[k].full or spots[k].label for k in same)
        out.append(replace(spots[same[-1]], label=label, full=full))
    return out


def _whiskers(spot: Spot, frame: _Frame) -> list[Markup]:
    kind = f"whisker {spot.kind}"
    x, y = frame.at(spot)
    out = []
    if abs(frame.up(spot.y[1]) - frame.up(spot.y[2])) > 1:
        out.append(line(x, frame.up(spot.y[1]), x, frame.up(spot.y[2]), kind))
    if not (frame.broken and spot.x[0] > frame.across.high) and spot.x[2] > spot.x[1]:
        end = frame.across(spot.x[2]) + (4 if spot.x[2] > frame.across.high else 0)
        out.append(line(frame.across(spot.x[1]), y, end, y, kind))
    return out


def _tangent(spot: Spot, frame: _Frame) -> list[Markup]:
    ends = _tangent_ends(spot, frame)
    return [] if ends is None else [line(*ends, "tangent")]


def _tangent_ends(spot: Spot, frame: _Frame) -> Box | None:
    """Return where a tangent begins and ends: it stays between the axes."""
    if spot.slope is None:
        return None
    x, y = frame.at(spot)
    run = (frame.across.right - frame.across.left) / (frame.across.high - frame.across.low)
    rise = (frame.up.right - frame.up.left) / (frame.up.high - frame.up.low)
    dx, dy = run, spot.slope * rise
    size = _TANGENT / (dx * dx + dy * dy) ** 0.5
    before, after = (_inside(x, y, sign * dx * size, sign * dy * size, frame) for sign in (-1, 1))
    return (*before, *after)


def _inside(x: float, y: float, dx: float, dy: float, frame: _Frame) -> tuple[float, float]:
    """Go from a place by a step, but no further than to the edge."""
    share = 1.0
    for at, by, low, high in ((x, dx, _LEFT, _RIGHT), (y, dy, _TOP, frame.bottom)):
        room = high - at if by > 0 else at - low
        if abs(by) > room:
            share = min(share, max(room, 0.0) / abs(by))
    return x + share * dx, y + share * dy


def _mark(spot: Spot, frame: _Frame, writes: tuple[Write, Write]) -> Markup:
    x, y = frame.at(spot)
    said = [
        f"{write(v[0])} ({write(v[1])} to {write(v[2])})"
        for write, v in zip(writes, (spot.x, spot.y), strict=True)
    ]
    hint = tag("title", f"{spot.full}: risk {said[0]}, use {said[1]}")
    if spot.kind == "cross":
        arms = f"M{x - 5:.1f} {y - 5:.1f}l10 10M{x - 5:.1f} {y + 5:.1f}l10 -10"
        return tag("path", hint, d=arms, class_="cross")
    kind = "anchor" if spot.kind == "anchor" else f"mark {spot.kind}"
    if spot.kind in _SHAPES:
        return tag("path", hint, d=f"M{x:.1f} {y:.1f}{_SHAPES[spot.kind]}", class_=kind)
    return tag("circle", hint, cx=x, cy=y, r=_RADIUS, class_=kind)


def _labels(spots: Sequence[Spot], frame: _Frame, write: Write) -> list[Markup]:
    taken: list[Box] = []
    bars: list[Box] = []
    for spot in spots:
        x, y = frame.at(spot)
        taken.append((x - 6, y - 6, x + 6, y + 6))
        ends = [frame.up(e) for e in spot.y[1:]]
        bars.append((x - 1, min(ends), x + 1, max(ends)))
        bars.append((frame.across(spot.x[1]), y - 1, frame.across(spot.x[2]), y + 1))
        if (tangent := _tangent_ends(spot, frame)) is not None:
            x1, y1, x2, y2 = tangent
            along = [(x1 + k / 8 * (x2 - x1), y1 + k / 8 * (y2 - y1)) for k in range(9)]
            taken += [(cx - 3, cy - 3, cx + 3, cy + 3) for cx, cy in along]
    out: list[Markup] = []
    for spot in sorted(spots, key=lambda s: s.kind != "anchor"):
        x, y = frame.at(spot)
        far = frame.broken and spot.x[0] > frame.across.high
        label = f"{spot.label} {write(spot.x[0])}" if far else spot.label
        width = text_width(label, _SIZE) * 0.92 + 4  # the 4 keep neighbours apart
        box, ring = _place(x, y, width, taken, bars)
        taken.append(box)
        if ring > _RINGS[0]:
            middle = (box[0] + box[2]) / 2
            end = min(max(x, box[0]), box[2]) if abs(x - middle) > width / 2 else middle
            near = box[3] if y > box[3] else box[1] if y < box[1] else (box[1] + box[3]) / 2
            out.append(line(x, y, end, near, "leader"))
        kind = "small muted" if spot.kind == "anchor" else "small label"
        out.append(text((box[0] + box[2]) / 2, box[3] - 2.5, label, kind=kind, anchor="middle"))
    return out


def _place(
    x: float, y: float, width: float, taken: Sequence[Box], bars: Sequence[Box]
) -> tuple[Box, float]:
    """Return where a label covers least of what stands there already, the nearest of these."""
    best: tuple[float, Box, float] | None = None
    for ring in _RINGS:
        for way, (dx, dy) in enumerate(_WAYS):
            cx = x + dx * ring + (width / 2 if dx > 0 else -width / 2 if dx < 0 else 0)
            cy = y + dy * (ring + 4)
            box = (cx - width / 2, cy - 6.5, cx + width / 2, cy + 6.5)
            outside = max(0.0, _LEFT + 2 - box[0]) + max(0.0, box[2] - WIDTH)
            outside += max(0.0, _TOP - 4 - box[1]) + max(0.0, box[3] - (_TOP + _HEIGHT))
            cost = sum(_overlap(box, other) for other in taken) + 40 * outside
            cost += _WEIGHT * sum(_overlap(box, bar) for bar in bars) + 0.6 * ring + 0.2 * way
            if best is None or cost < best[0]:
                best = (cost, box, ring)
    assert best is not None
    return best[1], best[2]


def _overlap(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    tall = min(a[3], b[3]) - max(a[1], b[1])
    return wide * tall if wide > 0 and tall > 0 else 0.0
