"""Tell what changed between two releases or audits, from their reports alone.

A figure counts as changed only where the intervals are apart (``changes.py``). Everything else
(verdict, limits, settings, versions, hashes, columns, rows) is compared as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from salus.synth.report import wording
from salus.synth.report.changes import WORDS, compare_finding
from salus.synth.report.summary import complete

__all__ = ["FORMAT", "diff", "diff_lines"]

FORMAT = "salus-diff/1"
_APART = ("versions", "sha256", "budget")  # parts of the manifest with a place of their own
_FACTS = ("name", "rows", "people", "columns", "outcome", "released_rows")
_CONTEXT = ("people", "trials", "train_people", "holdout_people", "reference_people", "seed")
_ORDER = {word: k for k, word in enumerate(WORDS)}


def diff(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two reports.

    Parameters
    ----------
    a, b : mapping
        The earlier and the later report's dictionary, as ``read_summary`` returns them.

    Returns
    -------
    dict
        Plain JSON values: ``same``; ``headline``; ``verdict`` and ``subject`` with ``a``, ``b`` and
        ``changed``; ``limits``, ``table``, ``settings``, ``versions`` and ``hashes``, each a list
        of ``name``, ``a`` and ``b`` of what differs; ``columns`` with ``added``, ``left out`` and
        whether they are ``known``; ``findings`` as ``compare_finding`` returns them, changes first;
        ``appeared`` and ``disappeared``; ``decisions`` with ``added`` and ``dropped``.

    Raises
    ------
    OptionError
        If one of them is no report.
    """
    first, second = complete(a), complete(b)
    mine, theirs = _by_name(first), _by_name(second)
    findings = [compare_finding(mine[n], theirs[n]) for n in theirs if n in mine]
    findings.sort(key=lambda f: (_ORDER[f["change"]], not f["verdict_changed"]))
    out: dict[str, Any] = {
        "format": FORMAT,
        "verdict": _pair(first["verdict"], second["verdict"]),
        "subject": _pair(first["audit"]["subject"], second["audit"]["subject"]),
        "limits": _changes(_limits(first), _limits(second)),
        "table": _changes(_facts(first), _facts(second)),
        "settings": _changes(_settings(first), _settings(second)),
        "versions": _changes(*(_flat(s["manifest"].get("versions")) for s in (first, second))),
        "hashes": _changes(*(_flat(s["manifest"].get("sha256")) for s in (first, second))),
        "columns": _columns(first, second),
        "findings": findings,
        "appeared": [_named(theirs[n]) for n in theirs if n not in mine],
        "disappeared": [_named(mine[n]) for n in mine if n not in theirs],
        "decisions": {
            "added": [d for d in second["decisions"] if d not in first["decisions"]],
            "dropped": [d for d in first["decisions"] if d not in second["decisions"]],
        },
    }
    out["same"] = first == second
    out["headline"] = _headline(out)
    return out


def _by_name(summary: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {f["name"]: f for f in summary["audit"]["findings"]}


def _named(finding: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "title", "group", "limit", "verdict")
    return {**{k: finding[k] for k in kept}, "result": dict(finding["result"])}


def _pair(a: Any, b: Any) -> dict[str, Any]:
    return {"a": a, "b": b, "changed": a != b}


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what differs by name; what one side does not know is None there."""
    names = [*b, *(n for n in a if n not in b)]
    return [
        {"name": n, "a": a.get(n), "b": b.get(n)} for n in sorted(names) if a.get(n) != b.get(n)
    ]


def _limits(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the budget; where the report has none, the limits of its findings."""
    budget = summary["manifest"].get("budget")
    if isinstance(budget, Mapping):
        return dict(budget)
    found = summary["audit"]["findings"]
    return {f["name"]: f["limit"] for f in found if f["limit"] is not None}


def _facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    table = summary["table"]
    return {k: table[k] for k in _FACTS if not isinstance(table.get(k), list) and k in table}


def _settings(summary: Mapping[str, Any]) -> dict[str, Any]:
    manifest = {k: v for k, v in summary["manifest"].items() if k not in _APART}
    context = {k: v for k, v in summary["audit"]["context"].items() if k in _CONTEXT}
    told = {"purpose": summary["purpose"]} if summary["purpose"] else {}
    return _flat(manifest) | {f"audit › {k}": v for k, v in context.items()} | told


def _flat(values: Any, before: str = "") -> dict[str, Any]:
    """Flatten nested mappings to one, the names joined."""
    out: dict[str, Any] = {}
    for key, value in (values if isinstance(values, Mapping) else {}).items():
        name = f"{before}{key}"
        out |= _flat(value, f"{name} › ") if isinstance(value, Mapping) else {name: value}
    return out


def _columns(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    one, other = _column_names(a), _column_names(b)
    if one is None or other is None:
        return {"known": False, "added": [], "left out": []}
    return {
        "known": True,
        "added": [n for n in other if n not in one],
        "left out": [n for n in one if n not in other],
    }


def _column_names(summary: Mapping[str, Any]) -> list[str] | None:
    """Return the columns by name, if the report tells them."""
    named = summary["table"].get("columns")
    if isinstance(named, list):
        return [str(n) for n in named]
    drawn = summary["pictures"].get("columns")
    return [str(c["name"]) for c in drawn] if drawn else None


def _headline(out: Mapping[str, Any]) -> str:
    verdict = out["verdict"]
    said = (
        f"The verdict changed from {verdict['a']} to {verdict['b']}."
        if verdict["changed"]
        else f"The verdict is the same: {verdict['b']}."
    )
    if out["same"]:
        return f"{said} The two reports are the same."
    count = {word: sum(f["change"] == word for f in out["findings"]) for word in WORDS}
    parts = [f"{count[w]} {WORDS[w]}" for w in WORDS if count[w]]
    for key in ("appeared", "disappeared"):
        parts += [f"{len(out[key])} {key}"] if out[key] else []
    return f"{said} Of the figures: {', '.join(parts)}." if parts else said


def diff_lines(found: Mapping[str, Any], *, names: tuple[str, str] = ("A", "B")) -> list[str]:
    """Write a comparison as lines of text, what matters first.

    Parameters
    ----------
    found : mapping
        As ``diff`` returns it.
    names : tuple of str
        What the two reports are called.
    """
    lines = [f"{names[0]} → {names[1]}", found["headline"]]
    if found["same"]:
        return lines
    if found["subject"]["changed"]:
        lines.append(
            f"Judged were different things: {found['subject']['a']}; {found['subject']['b']}."
        )
    lines += _finding_lines(found["findings"])
    for key, title in (("appeared", "Only in the second"), ("disappeared", "Only in the first")):
        lines += _block(title, [_gone(f) for f in found[key]])
    columns = found["columns"]
    for key in ("added", "left out"):
        lines += _block(f"Columns {key}", [", ".join(columns[key])] if columns[key] else [])
    titles = {
        "limits": "Limits",
        "table": "Table",
        "settings": "Settings",
        "versions": "Versions",
        "hashes": "Hashes",
    }
    for key, title in titles.items():
        lines += _block(title, _laid([_change(c) for c in found[key]]))
    for key in ("added", "dropped"):
        lines += _block(f"Decisions {key}", found["decisions"][key])
    return lines


def _finding_lines(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write what changed figure by figure, and the rest as one line."""
    told = [f for f in findings if _worth_telling(f)]
    rows = [_finding_row(f) for f in told]
    lines = _block("Figures", _laid(rows))
    quiet = len(findings) - len(told)
    if quiet:
        lines += _block("", [f"{quiet} other figures are within noise or the same."])[1:]
    return lines


def _worth_telling(finding: Mapping[str, Any]) -> bool:
    changed = finding["change"] not in ("within noise", "same")
    judged = finding["limit_changed"] or finding["verdict_changed"]
    return bool(changed or judged or finding["b"]["limit"] is not None)


def _finding_row(finding: Mapping[str, Any]) -> tuple[str, ...]:
    a, b = finding["a"], finding["b"]
    percent = wording.is_share(finding)
    write = wording.share if percent else wording.number
    limit = "" if b["limit"] is None else f"limit {write(b['limit'])}"
    if finding["limit_changed"]:
        before = "none" if a["limit"] is None else write(a["limit"])
        limit = f"limit {before} → {'none' if b['limit'] is None else write(b['limit'])}"
    verdict = b["verdict"] or ""
    if finding["verdict_changed"]:
        verdict = f"{a['verdict'] or 'no verdict'} → {b['verdict'] or 'no verdict'}"
    values = f"{_said(a, percent)} → {_said(b, percent)}"
    return WORDS[finding["change"]], str(finding["title"]), values, limit, verdict


def _said(side: Mapping[str, Any], percent: bool) -> str:
    if "value" not in side:
        return "not known"
    value = wording.value_of(side, percent=percent)
    return f"{value} ({wording.interval(side, percent=percent)})"


def _gone(finding: Mapping[str, Any]) -> str:
    verdict = f", {finding['verdict']}" if finding["verdict"] else ""
    return f"{finding['title']}: {_said(finding['result'], wording.is_share(finding))}{verdict}"


def _change(change: Mapping[str, Any]) -> tuple[str, ...]:
    return str(change["name"]), f"{_short(change['a'])} → {_short(change['b'])}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = str(value)
    is_hash = len(text) >= 32 and all(c in "0123456789abcdef" for c in text)
    return f"{text[:12]}…" if is_hash else text


def _laid(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _block(title: str, items: Sequence[str]) -> list[str]:
    return ["", *([title] if title else []), *(f"  {item}" for item in items)] if items else []
