"""The sections of the page: what the runs say, as tables and sentences in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.against import pareto
from benchmarks.against.environments import steps_of
from benchmarks.against.pareto import BETTER, KEPT, LIKENESS, OURS, RISK, Mean
from benchmarks.against.runs import ANCHORS, OK, scripts, title
from benchmarks.against.tables import SOURCES

HEADS = {KEPT: "kept", RISK: "mia", LIKENESS: "c2st"}
Rows = Sequence[Mapping[str, Any]]


def of(
    rows: Rows,
    frame: pd.DataFrame,
    tools: Sequence[str],
    fronts: Mapping[str, list[str]],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Return the text of each place in ``page.md``."""
    return {
        "runs": _runs(rows),
        "judge": _judge(rows),
        "versions": _versions(names),
        "summary": _summary(frame, names),
        "counts": _counts(frame, tools, fronts, names),
        "domination": _domination(frame, tools, names),
        "tables": _tables(frame, names, fronts),
        "costs": _costs(frame, names),
        "failures": _failures(rows, names),
        "missing": _missing(rows, names),
        **_better_and_worse(frame, tools, names),
        **_audit(rows, names),
    }


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*out, *("| " + " | ".join(line) + " |" for line in lines)])


def _number(mean: Mean | None, digits: int = 3) -> str:
    return "" if mean is None else f"{mean.value:.{digits}f}"


def _gap(mean: Mean | None) -> str:
    if mean is None:
        return ""
    ends = "" if mean.low is None else f" ({mean.low:+.3f} to {mean.high:+.3f})"
    text = f"{mean.value:+.3f}{ends}"
    return f"**{text}**" if mean.is_sure else text


def _runs(rows: Rows) -> str:
    counts = Counter(row["status"] for row in rows)
    return ", ".join(f"{n} {status}" for status, n in counts.most_common())


def _judge(rows: Rows) -> str:
    return (
        "the independent one"
        if any(isinstance(row.get("independent"), Mapping) for row in rows)
        else "`salus.audit`, as the independent one isn't there"
    )


def _versions(names: Mapping[str, str]) -> str:
    """Return what pip was asked for, tool by tool."""
    lines = []
    for tool, path in scripts().items():
        asked = [w for step in steps_of(path) for w in step if "==" in w]
        pins = ", ".join(f"`{w}`" for w in dict.fromkeys(asked)) or "this checkout"
        lines.append([names[tool], title(path), pins])
    return _table(["tool", "what", "versions asked for"], lines)


def _summary(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    lines = []
    for tool, name in names.items():
        mine = frame[frame["tool"] == tool]
        if mine.empty:
            continue
        means = [
            pareto.overall({t: m[tool] for t, m in pareto.by_table(mine, f).items()}) for f in HEADS
        ]
        gaps = [
            None if tool == OURS else pareto.overall(pareto.paired(frame, f, OURS, tool))
            for f in HEADS
        ]
        splits = mine.groupby("table")["seed"].nunique()
        of = (
            f"{splits.min()}"
            if splits.min() == splits.max()
            else f"{splits.min()} to {splits.max()}"
        )
        lines.append([name, str(len(splits)), of, *map(_number, means), *map(_gap, gaps)])
    head = ["tool", "tables", "splits each", *HEADS.values()]
    return _table([*head, *(f"{h}, difference" for h in HEADS.values())], lines)


def _counts(
    frame: pd.DataFrame,
    tools: Sequence[str],
    fronts: Mapping[str, list[str]],
    names: Mapping[str, str],
) -> str:
    others = [t for t in tools if not t.startswith("salus_")]
    beats = {t: pareto.dominates(frame, OURS, t) for t in others}
    some = sum(any(d.values()) for d in beats.values())
    cases, won = sum(len(d) for d in beats.values()), sum(sum(d.values()) for d in beats.values())
    lost = sum(sum(pareto.dominates(frame, t, OURS).values()) for t in others)
    on = sum(OURS in front for front in fronts.values())
    kin = [t for t in tools if t.startswith("salus_") and t != OURS]
    by_kin = sum(sum(pareto.dominates(frame, t, OURS).values()) for t in kin)
    lines = [
        f"Salus forest is on the frontier for {on} of {len(fronts)} tables, all tools and Salus' other "
        f"generators counted. It dominates {some} of {len(others)} other tools on at least one "
        f"table, and in {won} of {cases} pairs of tool and table; another tool dominates it in "
        f"{lost} of these. Salus' other generators dominate it in {by_kin} of "
        f"{sum(_tables_of(frame, t) for t in kin)} pairs."
    ]
    lines.append("")
    count = [
        [names[t], str(sum(t in f for f in fronts.values())), str(_tables_of(frame, t))]
        for t in tools
    ]
    lines.append(_table(["tool", "on the frontier", "of tables"], count))
    return "\n".join(lines)


def _tables_of(frame: pd.DataFrame, tool: str) -> int:
    return int(frame.loc[frame["tool"] == tool, "table"].nunique())


def _domination(frame: pd.DataFrame, tools: Sequence[str], names: Mapping[str, str]) -> str:
    def told(found: Mapping[str, bool]) -> str:
        where = [t for t, yes in found.items() if yes]
        return f"{len(where)} of {len(found)}" + (f": {', '.join(where)}" if where else "")

    lines = [
        [
            names[t],
            told(pareto.dominates(frame, OURS, t)),
            told(pareto.dominates(frame, t, OURS)),
        ]
        for t in tools
        if t != OURS
    ]
    return _table(["tool", "dominated by Salus forest on", "dominates Salus forest on"], lines)


def _better_and_worse(
    frame: pd.DataFrame, tools: Sequence[str], names: Mapping[str, str]
) -> dict[str, Any]:
    worse, better, tested = [], 0, 0
    for tool in tools:
        if tool == OURS:
            continue
        for figure, sign in BETTER.items():
            for table, gap in pareto.paired(frame, figure, OURS, tool).items():
                if gap.n < 3:
                    continue
                tested += 1
                if not gap.is_sure:
                    continue
                if sign * gap.value > 0:
                    worse.append([names[tool], table, HEADS[figure], _gap(gap).strip("*")])
                else:
                    better += 1
    head = ["tool", "table", "figure", "difference to Salus forest"]
    return {
        "worse": _table(head, worse) if worse else "None.",
        "worse_count": len(worse),
        "better": better,
        "tested": tested,
    }


def _tables(frame: pd.DataFrame, names: Mapping[str, str], fronts: Mapping[str, list[str]]) -> str:
    sources = {s.name: s for s in SOURCES}
    found = {
        f: pareto.by_table(frame, f) for f in (*HEADS, "tstr_auc", "exact_train") if f in frame
    }
    out = []
    for table in found[KEPT]:
        mark = " (public)" if sources[table].is_public else ""
        out += [f"### {table}{mark}, predicts `{sources[table].target}`", ""]
        lines = []
        for tool, name in names.items():
            if tool not in found[KEPT][table]:
                continue
            cells = [_with_interval(found[f][table][tool]) for f in HEADS]
            more = [
                _number(found[f][table][tool]) for f in ("tstr_auc", "exact_train") if f in found
            ]
            star = " *" if tool in fronts[table] else ""
            lines.append([f"{name}{star} ({found[KEPT][table][tool].n})", *cells, *more])
        more = [h for f, h in (("tstr_auc", "TSTR AUC"), ("exact_train", "copies")) if f in found]
        out += [_table(["tool", *HEADS.values(), *more], lines), ""]
    return "\n".join([*out, "A star: on the frontier."])


def _with_interval(mean: Mean) -> str:
    ends = "" if mean.low is None else f" ({mean.low:.2f} to {mean.high:.2f})"
    return f"{mean.value:.3f}{ends}"


def _costs(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    tables = list(dict.fromkeys(frame["table"]))
    seconds = pareto.by_table(frame, "cpu_s")
    lines = []
    for tool, name in names.items():
        if tool in ANCHORS or not _tables_of(frame, tool):
            continue
        cells = [f"{seconds[t][tool].value:.1f}" if tool in seconds[t] else "" for t in tables]
        peak = frame.loc[frame["tool"] == tool, "mb"].max()
        lines.append([name, *cells, f"{peak:.0f}"])
    return _table(["tool", *tables, "peak, MB"], lines)


def _failures(rows: Rows, names: Mapping[str, str]) -> str:
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row["status"] != OK:
            key = (row["tool"], row["status"], row.get("reason") or "")
            found.setdefault(key, []).append(f"{row['table']} {row['seed']}")
        elif isinstance(row.get("independent"), str) and not row["independent"].startswith("no "):
            key = (row["tool"], "not judged", row["independent"])
            found.setdefault(key, []).append(f"{row['table']} {row['seed']}")
    lines = [
        [names.get(tool, tool), status, reason.replace("|", "/"), _few(where)]
        for (tool, status, reason), where in sorted(found.items())
    ]
    return _table(["tool", "what", "reason", "table and seed"], lines) if lines else "Nothing."


def _missing(rows: Rows, names: Mapping[str, str]) -> str:
    """Say which tools were not reached on which tables before the run was stopped."""
    tables = list(dict.fromkeys(row["table"] for row in rows))
    out = []
    for tool, name in names.items():
        met = {row["table"] for row in rows if row["tool"] == tool}
        left = [t for t in tables if t not in met]
        if left and met:
            out.append(f"{name}: {', '.join(left)}")
        elif left:
            out.append(f"{name}: any table")
    if not out:
        return ""
    return "The run was stopped before these were reached: " + "; ".join(out) + "."


def _few(where: Sequence[str]) -> str:
    tables: dict[str, list[str]] = {}
    for item in where:
        table, seed = item.rsplit(" ", 1)
        tables.setdefault(table, []).append(seed)
    return "; ".join(f"{t} {', '.join(s)}" for t, s in tables.items())


def _audit(rows: Rows, names: Mapping[str, str]) -> dict[str, str]:
    judged = [r for r in rows if isinstance(r.get("audit"), Mapping)]
    if not judged:
        return {"audit": "Not run.", "audited": ""}
    shown: dict[str, Callable[[Any], str]] = {
        "membership.advantage": lambda f: f"{f['value']:.3f} ({f['high']:.3f})",
        "utility.ratio": lambda f: f"{f['value']:.3f}",
        "fidelity.detection": lambda f: f"{f['value']:.3f}",
    }
    order = {t: i for i, t in enumerate(names)}
    lines = []
    for row in sorted(judged, key=lambda r: (r["table"], order.get(r["tool"], 99))):
        cells = [
            say(f) if isinstance(f := row["audit"].get(name), Mapping) else "cannot be judged"
            for name, say in shown.items()
        ]
        lines.append([row["table"], names.get(row["tool"], row["tool"]), *cells])
    refused = sum(isinstance(r.get("audit"), str) for r in rows)
    told = f"Read: {len(judged)} tables; not readable under the people's schema: {refused}."
    head = ["table", "tool", "advantage (bound)", "kept", "detection"]
    return {"audit": _table(head, lines), "audited": told}
