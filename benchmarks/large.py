"""Tables of more than 5,000 people: Salus' networks beside the two transformers of others.

Same splits, judge and help as ``benchmarks/against`` (its environments are used, too), but with time
for the slow ones: REaLTabFormer gets ``--limit`` seconds of processor time, 20 minutes by default, and
what it needs beyond is told as "too slow". All tools run one after the other on one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.against.command import one
from benchmarks.against.environments import FOLDER, Environments
from benchmarks.against.runs import NOT_TRIED, TOO_SLOW, Job
from benchmarks.against.tables import Source, available_of, prepare
from benchmarks.store import write

SOURCES = (
    Source("flchain", "death", "folder", "flchain.csv", drop=("chapter", "futime")),
    Source("adult", "income", "folder", "adult.csv.gz", most=12_000),
    Source(
        "brfss2015_diabetes_5050",
        "Diabetes_binary",
        "folder",
        "brfss2015_diabetes_5050.csv.gz",
        most=12_000,
    ),
)
TOOLS = ("fresh people", "salus_net", "salus_forest", "salus_gan", "tabular_argn", "realtab_gpt2")
TOLD = ("c2st", "kept", "mia")


def main(argv: Sequence[str] = ()) -> None:
    """Run every tool on every table and split; store and print a row each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks large", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="splits of each table (3)")
    parser.add_argument("--limit", type=float, default=1_200, help="processor seconds (1200)")
    parser.add_argument("--tools", nargs="+", default=list(TOOLS))
    parser.add_argument("--folder", default=FOLDER, help="environments and runs")
    parser.add_argument("--python", default=sys.executable, help="makes the tools' environments")
    asked = parser.parse_args(argv)
    environments = Environments(Path(asked.folder), asked.python)
    rows = []
    slow: set[str] = (
        set()
    )  # tables come by size: who is too slow on one isn't tried on a larger one
    for seed in range(asked.seeds):
        for source, path in available_of(SOURCES, environments):
            folder = environments.folder / "large" / source.name / f"seed{seed}"
            if not (folder / "schema.json").exists():
                prepare(source, path, folder, seed)
            for tool in asked.tools:
                job = Job(source, tool, seed, folder)
                if tool in slow:
                    why = {"status": NOT_TRIED, "reason": "too slow on a smaller table"}
                    rows.append(job.head(asked.limit) | why)
                    continue
                one(job, environments, asked.limit)
                row = job.done(asked.limit)
                if row is not None:
                    rows.append(row)
                    slow |= {tool} if row["status"] == TOO_SLOW else set()
        write("large", rows)
    for row in rows:
        print(told(row))


def told(row: dict[str, object]) -> str:
    """Return a row as a line."""
    head = f"{row['table']:24s} {row['seed']} {row['tool']:14s} {row['status']}"
    score, meta = row.get("independent"), row.get("meta")
    if not isinstance(score, dict) or not isinstance(meta, dict):
        return f"{head} {row.get('reason', '')}"
    figures = "  ".join(f"{name} {score[name]:.3f}" for name in TOLD)
    return f"{head} {figures}  fit {meta['fit_s']:.0f} s, sample {meta['sample_s']:.1f} s"
