"""Say what an audit would have found: how many of a hundred like it would have refused a leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from salus.synth.report.svg import WIDTH, picture, rect, shorten, text, text_width
from salus.synth.report.wording import share, whole

__all__ = ["Chance", "chances", "power_chart", "power_text"]

_HEAD = 16.0
_ROW = 40.0


@dataclass(frozen=True)
class Chance:
    """Hold the chances of one leak.

    Parameters
    ----------
    leak : str
        What was supposed to leak, such as ``5 % of the people copied``.
    found, open, passed : float
        Chances that the table is refused, that nothing can be decided, and that it passes; they
        add up to 1.
    by : str
        The title of the figure that sees it best; empty where none is named.
    needed : int or None
        People by whom it would be found in four audits of five.
    """

    leak: str
    found: float
    open: float
    passed: float
    by: str
    needed: int | None

    @property
    def harmless(self) -> bool:
        """Whether nothing leaks here, so that letting the table pass is right."""
        return not self.by and self.leak.startswith("no ")

    @property
    def sentence(self) -> str:
        """The chances in one sentence."""
        refused, passed = "would have refused the table", "would have let it pass"
        if self.harmless:
            refused, passed = "would have refused it wrongly", "would have let the table pass"
        parts = [
            (self.found, refused),
            (self.open, "could not have decided"),
            (self.passed, passed),
        ]
        parts = parts[::-1] if self.harmless else parts
        (first, said), *rest = parts
        told = [f"{_count(first)} of 100 audits like this one {said}"]
        told += [f"{_count(chance)} {words}" for chance, words in rest if chance >= 0.0005]
        return f"With {self.leak}, {', '.join(told)}."


def chances(full: Mapping[str, Any]) -> list[Chance]:
    """Read the power of a report's audit; empty where none was measured."""
    titles = {f["name"]: f["title"] for f in full["audit"]["findings"]}
    rows = full["audit"]["context"].get("power") or []
    found = (_chance(row, titles) for row in rows if isinstance(row, Mapping))
    return [chance for chance in found if chance is not None]


def power_text(full: Mapping[str, Any]) -> str:
    """Return what the audit itself says of its power; empty where it says nothing."""
    said = full["audit"]["context"].get("power_text") or ""
    return " ".join(str(s) for s in said) if isinstance(said, list) else str(said)


def _chance(row: Mapping[str, Any], titles: Mapping[str, str]) -> Chance | None:
    found = row.get("found")
    if not isinstance(found, int | float):
        return None
    unsafe = row.get("judged unsafe or undecided")
    passed = row.get("released", None if unsafe is None else 1.0 - unsafe)
    passed = min(1.0 - found, max(0.0, float(passed or 0.0)))
    by, needed = row.get("by"), row.get("needed")
    return Chance(
        leak=str(row.get("leak", "a leak")),
        found=float(found),
        open=max(0.0, 1.0 - found - passed),
        passed=passed,
        by=titles.get(by, str(by)) if by else "",
        needed=int(needed) if isinstance(needed, int | float) else None,
    )


def _count(chance: float) -> str:
    count = round(100 * chance)
    if count == 100 and chance < 0.9995:
        return "more than 99"
    if count == 0 and chance > 0.0005:
        return "fewer than 1"
    return whole(count)


def power_chart(rows: Sequence[Chance]) -> Markup:
    """Draw for each leak what a hundred audits like this one would have said, as one split bar."""
    body = [text(WIDTH, 11, "refused", kind="small muted", anchor="end")]
    for k, row in enumerate(rows):
        top = _HEAD + _ROW * k
        said = share(row.found)
        room = WIDTH - text_width(said) - 8
        body.append(text(0, top + 13, shorten(row.leak, room), kind="strong"))
        body.append(text(WIDTH, top + 13, said, kind="muted", anchor="end"))
        left = 0.0
        kinds = (
            ("wrong", "undecided", "right") if row.harmless else ("found", "undecided", "passed")
        )
        for part, kind in zip((row.found, row.open, row.passed), kinds, strict=True):
            width = WIDTH * part
            if width > 0:
                body.append(rect(left, top + 19, width, 12, f"power {kind}", hint=row.sentence))
            left += width
    return picture(
        _HEAD + _ROW * max(len(rows), 1),
        body,
        title="What this audit would have found",
        desc=" ".join(row.sentence for row in rows) or "No leak was planted.",
        class_="chart",
    )
