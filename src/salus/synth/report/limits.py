"""Picture one finding: its interval, its limit with the forbidden side shaded, its anchors.

A privacy finding starts at zero on a linear axis that is just long enough for the limit and the
interval; comparison tables far beyond it stand behind a break, with their figures written out.
Other findings use the range that their figures need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from salus.synth.report.svg import WIDTH, Axis, line, picture, rect, shorten, tag, text, text_width
from salus.synth.report.wording import anchors_of, interval, is_share, number, share, value_of

__all__ = ["finding_chart"]

_LEFT = 142.0  # where the plot begins, right of the labels
_RIGHT = WIDTH - 6.0
_BREAK = 68.0  # width of the part behind the break, where figures are written
_TOP = 22.0
_MAIN = 28.0
_ROW = 19.0
_FOOT = 4.0  # between the last figure and the axis
_TONES = {"MET": "good", "NOT MET": "bad", "CANNOT BE JUDGED": "open", None: "plain"}


@dataclass(frozen=True)
class _Frame:
    """Hold the axis of one chart and what is measured along it."""

    axis: Axis
    broken: bool
    percent: bool
    top: float
    bottom: float

    def write(self, value: float) -> str:
        return share(value) if self.percent else number(value)


def finding_chart(finding: Mapping[str, Any], *, subject: str = "this table") -> Markup:
    """Draw the interval of a finding above those of its anchors, on one axis.

    Parameters
    ----------
    finding : mapping
        A finding as in ``Finding.to_dict``.
    subject : str
        What the figure itself is called in the picture.

    Returns
    -------
    Markup
        One SVG element.
    """
    anchors = anchors_of(finding)
    frame = _frame(finding, anchors)
    body = [*_limit(finding, frame), *_ideal(finding, frame), *_scale(frame)]
    body += _main(finding, frame, subject)
    for k, (name, result) in enumerate(anchors):
        body += _anchor(_called(name, finding), result, frame, frame.top + _MAIN + _ROW * (k + 0.5))
    return picture(
        frame.bottom + 22,
        body,
        title=str(finding["title"]),
        desc=_description(finding, anchors),
        class_="chart",
    )


def _called(name: str, finding: Mapping[str, Any]) -> str:
    """Name an anchor; for a model's usefulness the fresh people are its training people."""
    same = finding.get("group") == "utility" and name == "fresh real people"
    return "real people" if same else name


def _frame(finding: Mapping[str, Any], anchors: Sequence[tuple[str, Mapping[str, Any]]]) -> _Frame:
    percent = is_share(finding)
    marked = finding.get("limit") is not None or finding.get("ideal") is not None
    top = _TOP if marked else 4.0  # room for the words above the line
    bottom = top + _MAIN + _ROW * len(anchors) + (_FOOT if anchors else 0.0)
    known = [a for _, a in anchors if "value" in a]
    result, limit = finding["result"], finding.get("limit")
    if finding.get("group") == "privacy":
        near = max(result.get("high", 0.0), limit or 0.0)
        far = [near, *(a["high"] for a in known)]
        reach = 1.6 * near if near > 0 else min(max(far), 0.1) or 0.1
        broken = max(far) > 1.6 * reach
        end = max(near, min(1.0, reach if broken else max(reach, *far)))
        axis = Axis(0.0, end, _LEFT, _RIGHT - _BREAK * broken)
        return _Frame(axis, broken, percent, top, bottom)
    ends = [e for r in (result, *known) if "value" in r for e in (r["low"], r["high"])]
    ends += [v for v in (finding.get("ideal"), limit) if v is not None]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if finding.get("direction") == "low":
        high = max(high, 0.1)
    else:
        low = min(low, high - 0.2)  # so that a hair's breadth does not fill the picture
    pad = 0.06 * (high - low) or 0.05
    low = 0.0 if low >= 0 and low < 0.4 * high else low - pad
    high = high if high in (0.0, 1.0) and high > low else high + pad
    return _Frame(Axis(low, high, _LEFT, _RIGHT), False, percent, top, bottom)


def _limit(finding: Mapping[str, Any], frame: _Frame) -> list[Markup]:
    limit = finding.get("limit")
    if limit is None:
        return []
    x, top, height = frame.axis(limit), frame.top, frame.bottom - frame.top
    if finding.get("direction") == "high":
        shade = rect(_LEFT, top, x - _LEFT, height, "forbidden")
    else:
        shade = rect(x, top, _RIGHT - x, height, "forbidden")
    label = f"limit {frame.write(limit)}"
    half = text_width(label) / 2
    at = min(max(x, _LEFT + half), _RIGHT - half)
    return [
        shade,
        line(x, top - 4, x, frame.bottom, "limit"),
        text(at, top - 8, label, kind="strong", anchor="middle"),
    ]


def _ideal(finding: Mapping[str, Any], frame: _Frame) -> list[Markup]:
    ideal = finding.get("ideal")
    if ideal is None or finding.get("group") == "privacy":
        return []
    x = frame.axis(ideal)
    label = f"ideal {frame.write(ideal)}"
    half = text_width(label) / 2
    at = min(max(x, _LEFT + half), _RIGHT - half)
    return [
        line(x, frame.top - 4, x, frame.bottom, "ideal"),
        text(at, frame.top - 8, label, kind="muted", anchor="middle"),
    ]


def _scale(frame: _Frame) -> list[Markup]:
    axis, y = frame.axis, frame.bottom
    out = [line(_LEFT, y, axis.right, y, "axis")]
    used = -1e9
    for tick in axis.ticks(3):
        label = frame.write(tick)
        half = text_width(label, 11) / 2
        x = axis(tick)
        out.append(line(x, y, x, y + 4, "axis"))
        at = min(max(x, half), WIDTH - half)
        if at - half > used + 4:
            out.append(text(at, y + 16, label, kind="small muted", anchor="middle"))
            used = at + half
    if frame.broken:
        gap = axis.right + 5
        out += [
            line(gap - 3, y + 5, gap + 1, y - 5, "axis"),
            line(gap + 1, y + 5, gap + 5, y - 5, "axis"),
            line(gap + 4, y, _RIGHT, y, "axis"),
            line(gap, frame.top, gap, y, "gap"),
        ]
        if gap + 6 > used + 4:
            out.append(text(_RIGHT, y + 16, "far off", kind="small muted", anchor="end"))
    return out


def _main(finding: Mapping[str, Any], frame: _Frame, subject: str) -> list[Markup]:
    y, result = frame.top + _MAIN / 2, finding["result"]
    out = [text(0, y + 4, shorten(subject, _LEFT - 8), kind="strong")]
    if "value" not in result:
        return [
            *out,
            line(_LEFT, y, frame.axis.right, y, "unknown"),
            text((_LEFT + frame.axis.right) / 2, y - 5, "not known", kind="muted", anchor="middle"),
        ]
    axis, tone = frame.axis, _TONES.get(finding.get("verdict"), "plain")
    x1, x2, x = axis(result["low"]), axis(result["high"]), axis(result["value"])
    hint = f"{subject}: {frame.write(result['value'])} ({interval(result, percent=frame.percent)})"
    out.append(rect(x1, y - 6, max(x2 - x1, 2), 12, f"bar {tone}", rx=2, hint=hint))
    if result["low"] < axis.low:  # the interval goes on beyond the left end
        out.append(tag("path", d=f"M{_LEFT - 1:g} {y - 6:g}l-6 6 6 6z", class_=f"mark {tone}"))
    diamond = f"M{x:.1f} {y - 7:g}l5 7 -5 7 -5 -7z"
    out.append(tag("path", tag("title", hint), d=diamond, class_=f"mark {tone}"))
    return out


def _anchor(name: str, result: Mapping[str, Any], frame: _Frame, y: float) -> list[Markup]:
    out = [text(0, y + 4, shorten(name, _LEFT - 8, 11.5), kind="small muted")]
    if "value" not in result:
        reason = tag("title", str(result.get("cannot_judge", "")))
        word = text(_LEFT + 4, y + 4, "not known", kind="small muted")
        return [*out, tag("g", reason, word)]
    axis, value = frame.axis, result["value"]
    hint = tag("title", f"{name}: {frame.write(value)} ({interval(result, percent=frame.percent)})")
    if frame.broken and value > axis.high:
        dot = tag("circle", hint, cx=_RIGHT - 5, cy=y, r=4, class_="anchor")
        said = text(_RIGHT - 15, y + 4, frame.write(value), kind="small muted", anchor="end")
        return [*out, dot, said]
    end = _RIGHT if frame.broken and result["high"] > axis.high else axis(result["high"])
    reach = line(axis(result["low"]), y, end, y, "reach")
    return [*out, reach, tag("circle", hint, cx=axis(value), cy=y, r=4, class_="anchor")]


def _description(
    finding: Mapping[str, Any], anchors: Sequence[tuple[str, Mapping[str, Any]]]
) -> str:
    percent, result = is_share(finding), finding["result"]
    said = value_of(result, percent=percent)
    if "value" in result:
        said += f", interval {interval(result, percent=percent)}"
    parts = [said]
    if finding.get("limit") is not None:
        limit = share(finding["limit"]) if percent else number(finding["limit"])
        parts.append(f"limit {limit}: {str(finding.get('verdict') or 'no verdict').lower()}")
    parts += [f"{_called(n, finding)} {value_of(a, percent=percent)}" for n, a in anchors]
    return "; ".join(parts) + "."
