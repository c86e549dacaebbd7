"""Draw small inline SVG pictures as escaped text: no file, no script, no outside style.

Colours are classes whose values stand in ``templates/style.css``, so that one picture serves
light, dark and print. Pictures are laid out for a width of 360 units and never shown narrower
than about that many pixels: a text of 12 units is a text of 12 pixels on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

__all__ = ["WIDTH", "Axis", "line", "picture", "rect", "shorten", "tag", "text", "text_width"]

WIDTH = 360
_WIDE = 0.6  # mean width of a glyph of the page's sans-serif, in em; on the generous side


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def tag(name: str, *content: str, **attributes: object) -> Markup:
    """Build one element; plain text and attribute values are escaped, ``Markup`` is kept.

    ``class_`` stands for ``class`` and an underscore for a hyphen; attributes that are ``None``
    are left out.
    """
    inside = Markup("").join(content)
    rendered = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _attribute(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), rendered, inside)  # noqa: S704  # name is ours


def picture(height: float, body: Sequence[str], *, title: str, desc: str, **more: object) -> Markup:
    """Wrap drawn elements into one accessible picture of ``WIDTH`` by ``height`` units."""
    width = more.pop("width", WIDTH)
    return tag(
        "svg",
        tag("title", title),
        tag("desc", desc),
        *body,
        role="img",
        viewBox=f"0 0 {width} {_attribute(float(height))}",
        **more,
    )


def text(x: float, y: float, content: str, *, kind: str = "", anchor: str = "start") -> Markup:
    """Write text with its baseline at ``y``; ``anchor`` is ``start``, ``middle`` or ``end``."""
    shown = None if anchor == "start" else anchor
    return tag("text", content, x=float(x), y=float(y), class_=kind or None, text_anchor=shown)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Draw a straight line of the class ``kind``."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=kind)


def rect(x: float, y: float, width: float, height: float, kind: str, **more: object) -> Markup:
    """Draw a rectangle of the class ``kind``; a negative size counts as nothing."""
    return tag(
        "rect",
        *([tag("title", str(more.pop("hint")))] if "hint" in more else []),
        x=float(x),
        y=float(y),
        width=max(0.0, float(width)),
        height=max(0.0, float(height)),
        class_=kind,
        **more,
    )


def text_width(content: str, size: float = 12) -> float:
    """Estimate how many units a text takes, wide scripts counted double."""
    return size * sum(2 * _WIDE if ord(c) > 0x2E7F else _WIDE for c in content)


def shorten(content: str, width: float, size: float = 12) -> str:
    """Cut a text in its middle so that it fits; names differ at both ends."""
    if text_width(content, size) <= width:
        return content
    keep = len(content)
    while keep > 2:
        keep -= 1
        head = (keep + 1) // 2
        cut = f"{content[:head]}…{content[len(content) - (keep - head) :]}"
        if text_width(cut, size) <= width:
            return cut
    return "…"


class Axis:
    """Map values to horizontal positions, with ticks at round numbers.

    Parameters
    ----------
    low, high : float
        Values at the two ends.
    left, right : float
        Positions of the two ends, in units of the picture.
    """

    def __init__(self, low: float, high: float, left: float, right: float) -> None:
        self.low = low
        self.high = high if high - low > 1e-300 else low + 1.0  # no axis of denormal length
        self.left = left
        self.right = right

    def __call__(self, value: float) -> float:
        """Return the position of a value; values beyond an end are put at that end."""
        share = (value - self.low) / (self.high - self.low)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def ticks(self, about: int = 4) -> list[float]:
        """Return about ``about`` round numbers from ``low`` to ``high``."""
        step = self.step((self.high - self.low) / about)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]

    @staticmethod
    def step(rough: float) -> float:
        """Round a length to 1, 2 or 5 times a power of ten, upwards."""
        power = 10.0 ** math.floor(math.log10(rough))
        return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
