"""A report in a few lines of a terminal: the verdict, each limit, what would have been found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["verdict_lines"]


def verdict_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the verdict, its reasons, the limits and the audit's power, a line each."""
    limited = [f for f in summary["audit"]["findings"] if f["verdict"] is not None]
    rows = [_row(finding) for finding in limited]
    lines = [f"{summary['verdict']}: {summary['headline']}"]
    lines += [f"  - {reason}" for reason in summary["reasons"]]
    if rows:
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines += ["", *("  " + _laid(row, widths) for row in rows)]
    seen = _power_lines(summary)
    lines += ["", "What this audit would have found:", *seen] if seen else []
    return [*lines, "", *summary["next"]]


def _power_lines(summary: Mapping[str, Any]) -> list[str]:
    """Say how often an audit like this one would find each leak."""
    from salus.synth.report.power import chances

    return [f"  - {row.sentence}" for row in chances(summary)]


def _row(finding: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return title, value with its interval, limit and verdict of one finding."""
    from salus.synth.report import wording

    percent, result = wording.is_share(finding), finding["result"]
    value = wording.value_of(result, percent=percent)
    interval = f"({wording.interval(result, percent=percent)})" if "value" in result else ""
    limit = (wording.share if percent else wording.number)(float(finding["limit"]))
    return finding["title"], f"{value} {interval}".strip(), f"limit {limit}", finding["verdict"]


def _laid(row: tuple[str, str, str, str], widths: list[int]) -> str:
    return "  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]])
