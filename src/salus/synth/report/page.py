"""Fill the template: one self-contained HTML file from the report's dictionary.

The page loads nothing, runs no script and forbids both to the browser by its own policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from salus.synth.report import figures, wording
from salus.synth.report.sections import sections
from salus.synth.report.summary import complete, replace_text

__all__ = ["render", "write_page"]

_FIRST = 12  # columns shown at once; the others unfold
_MAPS = ("real", "synthetic", "difference")
_PAIRS = 40
_SAID = ("attacks", "power", "power_text", "ledger", "earlier", "earlier releases", "claim")


def render(summary: Mapping[str, Any]) -> str:
    """Render the report as one HTML page.

    Parameters
    ----------
    summary : mapping
        The report's dictionary; optional keys may be missing.

    Returns
    -------
    str
        A page that needs no other file and no network.

    Raises
    ------
    OptionError
        If the dictionary is not one of a report.
    """
    full = complete(summary)
    title, tone, sign = wording.VERDICTS[full["verdict"]]
    return _template().render(
        **sections(full),
        s=full,
        word=title,
        tone=tone,
        sign=sign,
        facts=_facts(full),
        anchors=_anchor_notes(full["audit"]["findings"]),
        price=_price(full),
        pictures=_pictures(full["pictures"]),
        manifest=_lines(full["manifest"]),
        context=_lines(_unsaid(full["audit"]["context"])),
        share=wording.share,
        number=wording.number,
        whole=wording.whole,
    )


def write_page(summary: Mapping[str, Any], path: str | Path) -> None:
    """Write the page, whole or not at all."""
    replace_text(path, render(summary))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("salus.synth.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _facts(full: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the figures under the verdict: limits held, people, rows, columns, outcome."""
    verdicts = [f["verdict"] for f in full["audit"]["findings"] if f["verdict"] is not None]
    table = full["table"]
    facts = [("limits met", f"{verdicts.count('MET')} of {len(verdicts)}")] if verdicts else []
    for key, label in (("people", "real people"), ("rows", "real rows"), ("columns", "columns")):
        if isinstance(table.get(key), int | float):
            facts.append((label, wording.whole(table[key])))
        elif isinstance(table.get(key), list):
            facts.append((label, wording.whole(len(table[key]))))
    if table.get("outcome"):
        facts.append(("outcome", str(table["outcome"])))
    if "released_rows" in table:
        facts.append(("synthetic rows released", wording.whole(table["released_rows"] or 0)))
    return facts


def _unsaid(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the audit's circumstances no section shows."""
    return {k: v for k, v in context.items() if k not in _SAID}


def _anchor_notes(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    used = {name for f in findings for name in f["anchors"]}
    return [(name, note) for name, note in wording.ANCHORS.items() if name in used]


def _price(full: Mapping[str, Any]) -> dict[str, Any] | None:
    price, trace = full["price"], full["trace"]
    if not price:
        return None
    shares = {f["name"] for f in full["audit"]["findings"] if wording.is_share(f)}
    return {
        "chart": figures.price_chart(price, percent=shares),
        "unit": wording.LIKELIHOOD if {p["name"] for p in price} <= wording.SMOOTH else "",
        "free": [p.get("title") or p["name"] for p in price if not p.get("multiplier")],
        "costs": _costs(price),
        "steps": len(trace),
        "traces": [
            (
                p.get("title") or p["name"],
                figures.trace_chart(
                    p["name"],
                    p.get("title") or p["name"],
                    trace,
                    p.get("limit"),
                    percent=p["name"] in shares,
                ),
            )
            for p in price
            if any(p["name"] in (step.get("values") or {}) for step in trace)
        ],
    }


def _costs(price: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """List what each limit cost; one line where the cost is known for all of them together only."""
    known = [
        (p.get("title") or p["name"], wording.number(float(p["utility_cost"])))
        for p in price
        if p.get("utility_cost") is not None
    ]
    together = len(known) > 1 and len({cost for _, cost in known}) == 1
    return [("all of them together", known[0][1])] if together else known


def _pictures(pictures: Mapping[str, Any]) -> dict[str, Any]:
    columns = [c for c in pictures.get("columns") or [] if c.get("real") and c.get("synthetic")]
    apart = [
        {
            "name": c["name"],
            "unit": c.get("unit"),
            "differs": wording.share(figures.difference(c)),
            "chart": figures.column_chart(c),
        }
        for c in figures.columns_apart(columns)
    ]
    pairs = pictures.get("pairs") or {}
    maps: dict[str, Markup] = {}
    shown = 0
    if pairs.get("names"):
        few = figures.pairs_shown(pairs, _PAIRS)
        shown = len(few["names"])
        maps = {which: figures.pair_map(few, which) for which in _MAPS}
    return {
        "first": apart[:_FIRST],
        "others": apart[_FIRST:],
        "maps": maps,
        "shown": shown,
        "of": len(pairs.get("names") or ()),
        "worst": figures.pairs_apart(pairs) if maps else [],
        "missing": figures.missing_chart(pictures.get("columns") or []),
    }


def _lines(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Flatten nested values to lines of a name and a text."""
    out: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            out += _lines(value, f"{name} › ")
        elif isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
            out.append((name, ", ".join(str(v) for v in value)))
        elif isinstance(value, list | Mapping):
            out.append((name, json.dumps(value, ensure_ascii=False)))
        else:
            out.append((name, "–" if value is None else str(value)))
    return out
