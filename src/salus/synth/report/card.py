"""Write the release card: the report in a page of Markdown, to lie beside the table."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salus.synth.report import wording
from salus.synth.report.summary import complete, replace_text

__all__ = ["card", "write_card"]

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")
_BREAKS = re.compile(r"\s+")


def card(summary: Mapping[str, Any]) -> str:
    """Write a short card in Markdown: verdict, limits, quality, decisions, what is not claimed.

    Names from the table are escaped, so that no name can change the card's layout.
    """
    full = complete(summary)
    word, _, _ = wording.VERDICTS[full["verdict"]]
    table = full["table"]
    parts = [
        f"# {word}: {_safe(table.get('name') or 'synthetic table')}",
        f"**{_safe(full['headline'])}**",
        _bullets(full["reasons"]),
        _facts(table),
        "## What to do next\n\n" + _bullets(full["next"]),
        _findings(full, "privacy", "Privacy limits"),
        _price(full["price"]),
        _findings(full, "utility", "Use for modelling"),
        _findings(full, "fidelity", "Likeness to the real table"),
        _findings(full, "clinical", "Clinical rules"),
        _rules(full["rules"]),
        "## Decisions taken\n\n" + _bullets(full["decisions"]) if full["decisions"] else "",
        "## What this does not claim\n\n" + _bullets(full["claim"]),
        _manifest(full["manifest"]),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def write_card(summary: Mapping[str, Any], path: str | Path) -> None:
    """Write the card, whole or not at all."""
    replace_text(path, card(summary))


def _safe(value: object) -> str:
    text = _BREAKS.sub(" ", str(value)).strip()
    return _SPECIAL.sub(r"\\\1", html.escape(text, quote=False))


def _bullets(items: list[str]) -> str:
    return "\n".join(f"- {_safe(item)}" for item in items)


def _grid(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


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
    return "\n".join(f"- {label}: {_safe(value)}" for label, value in counted.items())


def _findings(full: Mapping[str, Any], group: str, title: str) -> str:
    rows = []
    for finding in full["audit"]["findings"]:
        if finding["group"] != group:
            continue
        percent, result = wording.is_share(finding), finding["result"]
        write = wording.share if percent else wording.number
        limit = "–" if finding["limit"] is None else write(finding["limit"])
        said = wording.interval(result, percent=percent) or _safe(result["cannot_judge"])
        answer = wording.answer(finding["verdict"])[0] if finding["verdict"] else "–"
        value = wording.value_of(result, percent=percent)
        rows.append((_safe(finding["title"]), value, said, limit, answer))
    head = ("Question", "Figure", "95 % interval", "Limit", "Answer")
    return f"## {title}\n\n{_grid(head, rows)}" if rows else ""


def _price(price: list[dict[str, Any]]) -> str:
    def said(entry: Mapping[str, Any], key: str) -> str:
        value = entry.get(key)
        return "–" if value is None else wording.number(float(value))

    keys = ("without", "value", "limit", "multiplier", "utility_cost")
    rows = [(_safe(p.get("title") or p["name"]), *(said(p, k) for k in keys)) for p in price]
    head = ("Limit on", "Risk without it", "Risk with it", "Limit", "Price", "Utility lost")
    return f"## What privacy cost\n\n{_grid(head, rows)}" if rows else ""


def _rules(rules: list[dict[str, Any]]) -> str:
    rows = [
        (
            _safe(r["rule"]),
            wording.whole(r.get("real_violations")),
            wording.whole(r.get("synthetic_violations")),
        )
        for r in rules
    ]
    head = ("Rule", "Real rows that break it", "Synthetic rows that break it")
    return f"## Rules checked\n\n{_grid(head, rows)}" if rows else ""


def _manifest(manifest: Mapping[str, Any]) -> str:
    lines = [
        f"- {_safe(key)}: {_safe(value)}"
        for key, value in manifest.items()
        if isinstance(value, str | int | float)
    ]
    return "## How it was made\n\n" + "\n".join(lines) if lines else ""
