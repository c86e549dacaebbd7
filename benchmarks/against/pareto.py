"""Count and compare: means over splits, paired differences, who is dominated by whom.

All comparisons are paired: two tools meet only on splits that both ran, so that a hard split is
hard for both. What is compared is the share of utility kept (higher is better) and the stronger
membership attack (lower is better).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

KEPT, RISK, LIKENESS = "kept", "mia", "c2st"
OURS = "salus_forest"
BETTER = {KEPT: 1, RISK: -1, LIKENESS: -1}  # the sign of what is good


@dataclass(frozen=True)
class Mean:
    """Hold a mean with its 95 % interval by Student's t, and of how many; one alone has none."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    def to_dict(self) -> dict[str, float | int | None]:
        ends = [None if e is None else round(e, 4) for e in (self.low, self.high)]
        return {"mean": round(self.value, 4), "low": ends[0], "high": ends[1], "n": self.n}


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of independent values, at least one."""
    x = np.asarray(values, float)
    value, n = float(x.mean()), len(x)
    if n < 2:
        return Mean(value, None, None, n)
    half = float(stats.t.ppf(0.975, n - 1) * x.std(ddof=1) / np.sqrt(n))
    return Mean(value, value - half, value + half, n)


def frame_of(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one line for each run that the independent judge scored, else the audit."""
    out = []
    for row in rows:
        if row["status"] != "ok":
            continue
        figures = _figures(row)
        if figures is None:
            continue
        meta = row["meta"]
        cost = {
            "s": meta["fit_s"] + meta["sample_s"],
            "cpu_s": meta.get("fit_cpu_s", 0.0) + meta.get("sample_cpu_s", 0.0),
            "mb": meta["rss_mb"],
        }
        out.append({k: row[k] for k in ("table", "tool", "seed")} | figures | cost)
    return pd.DataFrame(out)


def _figures(row: Mapping[str, Any]) -> dict[str, float] | None:
    judged = row.get("independent")
    if isinstance(judged, Mapping):
        return {k: float(v) for k, v in judged.items()}
    audit = row.get("audit")
    if not isinstance(audit, Mapping):
        return None
    names = {
        KEPT: "utility.ratio",
        RISK: "membership.advantage",
        LIKENESS: "fidelity.detection",
    }
    found = {k: audit.get(name) for k, name in names.items()}
    if not all(isinstance(f, Mapping) for f in found.values()):
        return None
    out = {k: float(f["value"]) for k, f in found.items() if isinstance(f, Mapping)}
    out[RISK] = 0.5 + out[RISK] / 2  # an advantage on the scale of an AUC of balanced guesses
    return out


def by_table(frame: pd.DataFrame, figure: str) -> dict[str, dict[str, Mean]]:
    """Return each table's tools with the mean of a figure over their splits."""
    return {
        str(table): {str(tool): mean_of(g[figure].tolist()) for tool, g in part.groupby("tool")}
        for table, part in frame.groupby("table", sort=False)
    }


def paired(frame: pd.DataFrame, figure: str, one: str, other: str) -> dict[str, Mean]:
    """Return, for each table both ran on, the mean of ``other`` minus ``one`` over common splits."""
    wide = frame.pivot_table(index=["table", "seed"], columns="tool", values=figure, sort=False)
    if one not in wide or other not in wide:
        return {}
    gap = (wide[other] - wide[one]).dropna()
    return {str(t): mean_of(g.tolist()) for t, g in gap.groupby(level="table", sort=False)}


def overall(per_table: Mapping[str, Mean]) -> Mean | None:
    """Return the mean over tables; the interval is over tables, each one value."""
    return mean_of([m.value for m in per_table.values()]) if per_table else None


def dominates(frame: pd.DataFrame, one: str, other: str) -> dict[str, bool]:
    """Say for each table whether ``one`` keeps no less at no more risk, and is better in one."""
    kept, risk = (paired(frame, figure, other, one) for figure in (KEPT, RISK))
    out = {}
    for table in kept:
        more, riskier = kept[table].value, risk[table].value
        out[table] = more >= 0 and riskier <= 0 and (more > 0 or riskier < 0)
    return out


def frontier(frame: pd.DataFrame, tools: Sequence[str]) -> dict[str, list[str]]:
    """Return the tools of each table that no other tool dominates there."""
    there = {
        str(table): [t for t in tools if t in set(part["tool"])]
        for table, part in frame.groupby("table", sort=False)
    }
    beaten: dict[str, set[str]] = {table: set() for table in there}
    for one in tools:
        for other in tools:
            if one == other:
                continue
            for table, yes in dominates(frame, one, other).items():
                if yes:
                    beaten[table].add(other)
    return {table: [t for t in here if t not in beaten[table]] for table, here in there.items()}
