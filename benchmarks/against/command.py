"""The command: which runs there are, in which order, and until when."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.against import judges, page
from benchmarks.against.environments import FOLDER, Environments
from benchmarks.against.runs import (
    ABSENT,
    ANCHORS,
    FAILED,
    NOT_TRIED,
    OK,
    TOO_SLOW,
    Job,
    is_slow,
    run,
    scripts,
)
from benchmarks.against.tables import Source, available, prepare


def main(words: list[str] | None = None) -> None:
    """Run what isn't there yet, judge it, and write results, pictures and page."""
    asked = _arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no tool is left running
    environments = Environments(Path(asked.folder), asked.python)
    sources = list(available(asked.tables, environments))
    stop = time.monotonic() + 60 * asked.minutes if asked.minutes else float("inf")
    if not asked.page:
        tools = [t for t in [*ANCHORS, *scripts()] if not asked.tools or t in asked.tools]
        for job in ordered(sources, tools, asked.seeds, environments):
            if time.monotonic() > stop:
                print("stopped: the time is over; the same command goes on", flush=True)
                break
            one(job, environments, asked.limit)
        _audits(sources, tools, asked, environments, stop)
    names = [source.name for source, _ in sources]
    page.write(rows_of(environments.folder, names), environments, asked.limit)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks against", description=__doc__)
    parser.add_argument("--tables", nargs="+", help="names; all that can be had otherwise")
    parser.add_argument("--tools", nargs="+", help="names of scripts in benchmarks/tools")
    parser.add_argument("--seeds", type=int, default=5, help="splits of each table (5)")
    parser.add_argument("--limit", type=float, default=300, help="processor seconds a run (300)")
    parser.add_argument("--minutes", type=float, default=0, help="start nothing after these")
    parser.add_argument("--audits", type=int, default=1, help="splits judged by the audit too (1)")
    parser.add_argument(
        "--folder", default=FOLDER, help="environments and runs ($SALUS_BENCH_ENVS)"
    )
    parser.add_argument("--python", default=sys.executable, help="makes the tools' environments")
    parser.add_argument("--page", action="store_true", help="run nothing; write the page again")
    return parser.parse_args([] if words is None else words)


def ordered(
    sources: list[tuple[Source, Path]], tools: list[str], seeds: int, environments: Environments
) -> Iterator[Job]:
    """Give the jobs: split by split; slow tools beside, smaller tables first, so that all get on."""
    paths = scripts()
    slow = {t for t in tools if t in paths and is_slow(paths[t])}
    jobs = []
    for at, (source, path) in enumerate(sources):
        for seed in range(seeds):
            folder = environments.folder / "runs" / source.name / f"seed{seed}"
            for tool in tools:
                if tool == "copy" and seed:  # it tells the same on every split
                    continue
                wait = 1.5 if at >= len(sources) / 2 else 0.0  # large tables get fewer splits
                rank = 0.5 + 2 * at + 4 * seed if tool in slow else seed + wait
                jobs.append(((rank, at, tools.index(tool)), Job(source, tool, seed, folder), path))
    for _, job, path in sorted(jobs, key=lambda j: j[0]):
        if not (job.folder / "schema.json").exists():
            prepare(job.source, path, job.folder, job.seed)
        yield job


def one(job: Job, environments: Environments, limit: float) -> None:
    """Run and judge one job, unless that was done or is known to be in vain."""
    begin = time.monotonic()
    had = job.done(limit)
    judged = had is not None and ("independent" in had and not judges.is_late(had))
    if had and (had["status"] != OK or judged):
        return
    if had is None and (why := _in_vain(job, environments, limit)):
        row = job.head(limit) | {"status": NOT_TRIED, "reason": why}
        job.result.write_text(json.dumps(row), encoding="utf-8")
        return
    row = run(job, environments, limit)
    if row["status"] == OK:
        row["independent"] = judges.independent(job.folder, job.key)
        job.result.write_text(json.dumps(row), encoding="utf-8")
    note = row.get("reason") or f"{row['meta']['fit_s'] + row['meta']['sample_s']:.1f} s"
    print(
        f"{time.strftime('%H:%M:%S')} {job.source.name} {job.tool} {job.seed}: {row['status']}, "
        f"{note} ({time.monotonic() - begin:.0f} s with the judge)",
        flush=True,
    )


def _in_vain(job: Job, environments: Environments, limit: float) -> str:
    """Say why a run would fail again: too slow on no larger a table, or failed on another split."""
    size = _cells(job.folder)
    for path in (environments.folder / "runs").glob(f"*/seed*/run_{job.key}.json"):
        row = json.loads(path.read_text(encoding="utf-8"))
        slow = row["status"] == TOO_SLOW and row["limit_s"] >= limit
        if slow and _cells(path.parent) <= size:
            return f"too slow on {row['table']}, which is no larger"
        same = row["table"] == job.source.name and row["seed"] != job.seed
        if same and row["status"] in (FAILED, ABSENT):
            return f"{row['status']} on another split of this table"
    return ""


def _cells(folder: Path) -> int:
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    return int(schema["n"]) * (len(schema["categorical"]) + len(schema["numeric"]))


def _audits(
    sources: list[tuple[Source, Path]],
    tools: list[str],
    asked: argparse.Namespace,
    environments: Environments,
    stop: float,
) -> None:
    """Let the audit judge the first splits as well."""
    splits = asked.audits if judges.is_there() else asked.seeds
    for job in ordered(sources, tools, splits, environments):
        if time.monotonic() > stop:
            return
        row = job.done(asked.limit)
        if row is None or row["status"] != OK or "audit" in row:
            continue
        row["audit"] = judges.own(job.folder, job.key, job.source.target, job.seed)
        job.result.write_text(json.dumps(row), encoding="utf-8")
        print(f"audit of {job.source.name} {job.tool} {job.seed}: {row['audit']}", flush=True)


def rows_of(folder: Path, tables: list[str]) -> list[dict[str, Any]]:
    """Return all rows on disk of these tables."""
    found = sorted((folder / "runs").glob("*/seed*/run_*.json"))
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in found]
    return [row for row in rows if row["table"] in tables]
