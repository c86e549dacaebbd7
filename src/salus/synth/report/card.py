"""Write the card: the report as a data-protection document in Markdown, to lie beside the table."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salus.synth.report import wording
from salus.synth.report.attackers import attackers
from salus.synth.report.breakdown import Grid, cell
from salus.synth.report.groups import group_grids
from salus.synth.report.history import earlier_grid, ledger_lines
from salus.synth.report.people import parts_lines, unit_lines
from salus.synth.report.power import chances, power_text
from salus.synth.report.summary import complete, replace_text

__all__ = ["card", "write_card"]

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")
_BREAKS = re.compile(r"[^\S\xa0\u202f]+")  # no-break spaces stay
_GROUPS = (
    ("utility", "Use for modelling"),
    ("replication", "Published analyses, run again"),
    ("fidelity", "Likeness to the real table"),
    ("clinical", "Clinical rules"),
    ("comparison", "Figures of other frameworks: for comparison only, they decide nothing"),
)
_FLOOR = "fresh real people"
_NO_PURPOSE = "Not stated. The steward should say for what, and for whom, the table is made."


def card(summary: Mapping[str, Any]) -> str:
    """Write the document: purpose, unit, attackers, parts, tests, power, limits, how it was made.

    It is meant for a data-protection officer, one to three pages. Names from the table are
    escaped, so that no name can change its layout.
    """
    full = complete(summary)
    parts = [
        *_verdict(full),
        _section("Purpose", _safe(full["purpose"] or _NO_PURPOSE), _facts(full["table"])),
        _section("Unit of privacy", _bullets(unit_lines(full))),
        _section("Attackers", _attackers(full)),
        _section("Who was seen by what", _bullets(parts_lines(full))),
        *_tests(full),
        _section("What this audit would have found", *_power(full)),
        _section("What privacy cost", _price(full["price"])),
        *(_section(title, _findings(full, group)) for group, title in _GROUPS),
        _section("Rules checked", _rules(full["rules"])),
        _section("Decisions taken", _bullets(full["decisions"])),
        _section("Earlier releases of the same people", *_earlier(full)),
        _section("What this does not claim", _bullets(full["claim"])),
        _section("How it was made", _manifest(full["manifest"])),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def write_card(summary: Mapping[str, Any], path: str | Path) -> None:
    """Write the card, whole or not at all."""
    replace_text(path, card(summary))


def _safe(value: object) -> str:
    text = _BREAKS.sub(" ", str(value)).strip()
    return _SPECIAL.sub(r"\\\1", html.escape(text, quote=False))


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {_safe(item)}" for item in items)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; cells must be safe. Empty without rows."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    rule = ["---"] * len(head)
    return "\n".join([f"| {' | '.join(head)} |", f"| {' | '.join(rule)} |", *body]) if body else ""


def _of_grid(grid: Grid) -> str:
    rows = [[_safe(value) for value in row] for row in grid.rows]
    return _table([_safe(name) or " " for name in grid.head], rows)


def _section(title: str, *content: str) -> str:
    """Write a section; nothing if it has no content."""
    filled = [c for c in content if c]
    return "\n\n".join([f"## {title}", *filled]) if filled else ""


def _verdict(full: Mapping[str, Any]) -> list[str]:
    word, _, _ = wording.VERDICTS[full["verdict"]]
    return [
        f"# {word}: {_safe(full['table'].get('name') or 'synthetic table')}",
        f"**{_safe(full['headline'])}**",
        _bullets(full["reasons"]),
        _section("What to do next", _bullets(full["next"])),
    ]


def _facts(table: Mapping[str, Any]) -> str:
    labels = {
        "people": "Real people",
        "rows": "Real rows",
        "columns": "Columns",
        "outcome": "Outcome",
        "released_rows": "Synthetic rows released",
    }
    found = {label: table[key] for key, label in labels.items() if table.get(key) is not None}
    counted = {k: len(v) if isinstance(v, list) else v for k, v in found.items()}
    return _bullets(f"{label}: {value}" for label, value in counted.items())


def _attackers(full: Mapping[str, Any]) -> str:
    lines = []
    for one in attackers(full["audit"]["findings"], full["audit"]["context"]):
        run = f" Attacks: {_safe('; '.join(one.attacks))}." if one.attacks else ""
        lines.append(f"- **{_safe(one.question)}** {_safe(one.knows)}{run}")
    return "\n".join(lines)


def _tests(full: Mapping[str, Any]) -> list[str]:
    """Write the privacy tests: those with a limit, those without, those within groups."""
    groups = [
        part for grid in group_grids(full["audit"]["findings"]) for part in _titled(grid) if part
    ]
    return [
        _section("Privacy limits", _findings(full, "privacy", limited=True)),
        _section("Privacy measured without a limit", _findings(full, "privacy", limited=False)),
        _section("Subgroups", *groups),
    ]


def _titled(grid: Grid) -> list[str]:
    return [f"{_safe(grid.title)}:" if grid.title else "", _of_grid(grid)]


def _findings(full: Mapping[str, Any], group: str, *, limited: bool | None = None) -> str:
    """Write the findings of a group; only those with a limit, or without one, where asked."""
    mine = [f for f in full["audit"]["findings"] if f["group"] == group]
    if limited is not None:
        mine = [f for f in mine if limited == (f["limit"] is not None)]
    head = ["Question", "Figure", "Interval"]
    with_floor = any(_FLOOR in f["anchors"] for f in mine)
    head += ["Fresh real people"] if with_floor else []
    with_limit = any(f["limit"] is not None for f in mine)
    head += ["Limit", "Answer"] if with_limit else []
    return _table(head, [_finding(f, with_floor, with_limit) for f in mine])


def _finding(finding: Mapping[str, Any], with_floor: bool, with_limit: bool) -> list[str]:
    percent, result = wording.is_share(finding), finding["result"]
    write = wording.share if percent else wording.number
    said = wording.interval(result, percent=percent) or _safe(result["cannot_judge"])
    row = [_safe(finding["title"]), wording.value_of(result, percent=percent), said]
    if with_floor:
        floor = finding["anchors"].get(_FLOOR)
        row.append("–" if floor is None else wording.value_of(floor, percent=percent))
    if with_limit:
        row.append("–" if finding["limit"] is None else write(finding["limit"]))
        row.append(wording.answer(finding["verdict"])[0] if finding["verdict"] else "–")
    return row


def _power(full: Mapping[str, Any]) -> list[str]:
    lines = []
    for row in chances(full):
        more = f" About {wording.whole(row.needed)} people would be needed." if row.needed else ""
        lines.append(f"{row.sentence}{more}")
    return [_safe(power_text(full)), _bullets(lines)]


def _price(price: list[dict[str, Any]]) -> str:
    def said(entry: Mapping[str, Any], key: str) -> str:
        value = entry.get(key)
        return "–" if value is None else wording.number(float(value))

    keys = ("without", "value", "limit", "multiplier", "utility_cost")
    rows = [(_safe(p.get("title") or p["name"]), *(said(p, k) for k in keys)) for p in price]
    head = ("Limit on", "Risk without it", "Risk with it", "Limit", "Price", "Utility lost")
    smooth = {p["name"] for p in price} <= wording.SMOOTH
    return _table(head, rows) + (f"\n{_safe(wording.LIKELIHOOD)}" if price and smooth else "")


def _rules(rules: list[dict[str, Any]]) -> str:
    rows = [
        (
            _safe(r["rule"]),
            wording.whole(r.get("real_violations")),
            wording.whole(r.get("synthetic_violations")),
        )
        for r in rules
    ]
    return _table(("Rule", "Real rows that break it", "Synthetic rows that break it"), rows)


def _earlier(full: Mapping[str, Any]) -> list[str]:
    grid = earlier_grid(full)
    lines = _bullets(f"{key}: {value}" for key, value in ledger_lines(full))
    if grid is None and not lines:
        return ["None is known to this report."]
    return [_of_grid(grid) if grid else "", lines]


def _manifest(manifest: Mapping[str, Any]) -> str:
    """Write versions, seeds, settings and hashes, a line each."""
    lines = []
    for key, value in manifest.items():
        nested = isinstance(value, Mapping)
        if nested and key == "sha256":
            lines += [
                f"- SHA-256 of {_safe(name)}: `{_plain(code)}`" for name, code in value.items()
            ]
        elif value is not None and value != {} and value != []:
            none = "off" if key == "budget" else "–"
            each = value.items() if nested else ()
            said = "; ".join(f"{k} {none if v is None else cell(v)}" for k, v in each)
            said = said or cell(value)
            lines.append(f"- {_safe(key)}: {_safe(said)}")
    return "\n".join(lines)


def _plain(code: object) -> str:
    """Keep letters and digits alone: what stands between backticks is not escaped."""
    return re.sub(r"[^0-9A-Za-z]", "", str(code))
