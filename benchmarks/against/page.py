"""Write what the runs say: a small JSON, two pictures and the page ``docs/benchmark.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd

from benchmarks.against import pareto, pictures, sections
from benchmarks.against.environments import Environments
from benchmarks.against.pareto import BETTER, KEPT, OURS, RISK
from benchmarks.against.runs import ANCHORS, OK, scripts, title
from benchmarks.against.tables import SOURCES
from benchmarks.store import RESULTS
from benchmarks.store import write as store

PAGE = Path(__file__).parents[2] / "docs" / "benchmark.md"
TEXT = Path(__file__).with_name("page.md")
Rows = Sequence[Mapping[str, Any]]


def write(rows: Rows, environments: Environments, limit: float) -> None:
    """Write results, pictures and page from the rows of all runs."""
    frame = pareto.frame_of(rows)
    if frame.empty:
        print("nothing was judged, so there is nothing to write")
        return
    frame = frame.sort_values(
        "table", key=lambda c: c.map({s.name: i for i, s in enumerate(SOURCES)}), kind="stable"
    )
    names = names_of()
    tools = [t for t in names if t in set(frame["tool"]) and t not in ANCHORS]
    fronts = pareto.frontier(frame, tools)
    _draw(frame, tools, fronts, names)
    store("against", _record(rows, frame, tools, fronts, limit))
    codes = sorted({row["code"] for row in rows if "code" in row})
    text = Template(TEXT.read_text(encoding="utf-8"))
    PAGE.write_text(
        text.substitute(
            limit=f"{limit:g}",
            code=", ".join(f"`{code}`" for code in codes),
            **sections.of(rows, frame, tools, fronts, names),
        ),
        encoding="utf-8",
    )
    print(f"wrote {PAGE} and {RESULTS / 'against.json'}")


def names_of() -> dict[str, str]:
    """Return a short name of each tool, ours first, the anchors last."""
    paths = scripts()
    ours = [f"salus_{g}" for g in ("forest", "copula", "cart", "marginals")]
    others = sorted((t for t in paths if t not in ours), key=lambda t: title(paths[t]).lower())
    out = {}
    for tool in [*ours, *others]:
        out[tool] = title(paths[tool]).split(" (")[0].split(",")[0].split(":")[0].rstrip(".")
    return out | {a: a for a in ANCHORS}


def _record(
    rows: Rows,
    frame: pd.DataFrame,
    tools: Sequence[str],
    fronts: Mapping[str, list[str]],
    limit: float,
) -> dict[str, Any]:
    """Return plain figures: one short list a run, and what was counted."""
    columns = [c for c in frame.columns if c not in ("table", "tool", "seed")]
    runs = [
        [r["table"], r["tool"], int(r["seed"]), *(round(float(r[c]), 4) for c in columns)]
        for r in frame.to_dict("records")
    ]
    gaps = {
        tool: {
            figure: {t: m.to_dict() for t, m in pareto.paired(frame, figure, OURS, tool).items()}
            for figure in BETTER
        }
        for tool in tools
        if tool != OURS
    }
    bad = [
        {k: row.get(k) for k in ("table", "tool", "seed", "status", "reason")}
        for row in rows
        if row["status"] != OK
    ]
    audits = {
        f"{row['table']} / {row['tool']} / {row['seed']}": row["audit"]
        for row in rows
        if "audit" in row
    }
    return {
        "limit_s": limit,
        "code": sorted({row["code"] for row in rows if "code" in row}),
        "columns": ["table", "tool", "seed", *columns],
        "runs": runs,
        "differences to salus_forest": gaps,
        "frontier": fronts,
        "salus_forest dominates": {t: pareto.dominates(frame, OURS, t) for t in tools if t != OURS},
        "dominates salus_forest": {t: pareto.dominates(frame, t, OURS) for t in tools if t != OURS},
        "audits": audits,
        "not run": bad,
    }


def _draw(
    frame: pd.DataFrame,
    tools: Sequence[str],
    fronts: Mapping[str, list[str]],
    names: Mapping[str, str],
) -> None:
    kept, risk = (pareto.by_table(frame, figure) for figure in (KEPT, RISK))
    shown = [*tools, "fresh people"]
    panels = {
        table: [
            pictures.Point(t, risk[table][t], kept[table][t]) for t in shown if t in kept[table]
        ]
        for table in kept
    }
    RESULTS.mkdir(exist_ok=True)
    pictures.write(RESULTS / "against_tables.svg", panels, fronts, names, columns=3)
    everywhere = [t for t in shown if all(t in kept[table] for table in kept)]
    points = []
    for tool in everywhere:
        ends = [
            pareto.mean_of([found[table][tool].value for table in found]) for found in (risk, kept)
        ]
        points.append(pictures.Point(tool, *ends))
    front = [
        p.tool
        for p in points
        if p.tool in tools
        and not any(
            q.kept.value >= p.kept.value and q.risk.value <= p.risk.value and q is not p
            for q in points
            if q.tool in tools
        )
    ]
    name = f"mean over {len(kept)} tables, tools that ran on all"
    pictures.write(RESULTS / "against_mean.svg", {name: points}, {name: front}, names, columns=1)
