"""Time and memory of whole audits: 5,000 people of 12 columns, and 100,000 of about 20."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.store import write

DATA = Path(os.environ.get("SALUS_DATA", Path(__file__).parents[2] / "shared" / "data"))
SIZES = ((5_000, 12), (100_000, 20))
_ONE = """
import json, os, resource, sys, time
import numpy as np
import salus
from salus.synth.audit.anchors import independent_columns

path, n, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
header = __import__("pandas").read_csv(path, nrows=1).columns
drop = [c for c in header if c != "Diabetes_binary"][columns - 1 :]
table = salus.read_table(path, outcome="Diabetes_binary", drop=drop)
rows = np.random.default_rng(0).permutation(len(table))
train, holdout = table.take(rows[:n]), table.take(rows[n : 2 * n])
fresh = table.take(rows[2 * n : 3 * n]) if 3 * n <= len(rows) else None
made = fresh if fresh is not None else independent_columns(train, np.random.default_rng(1))
begin = time.perf_counter()
judged = salus.audit(made, train=train, holdout=holdout, jobs=os.cpu_count() or 1)
took = time.perf_counter() - begin
memory = sum(
    resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
)
print(json.dumps({"rows": n, "columns": len(table.schema.modelled), "seconds": round(took, 1),
                  "memory_gb": round(memory / 1e6, 2), "verdict": str(judged.verdict)}))
"""


def main() -> None:
    """Print and store seconds and peak memory of each audit, in a process of its own."""
    path = DATA / "brfss2015_diabetes.csv.gz"
    if not path.exists():
        print("skipped: the table isn't there")
        return
    out = []
    for n, columns in SIZES:
        command = [sys.executable, "-c", _ONE, str(path), str(n), str(columns)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        out.append(json.loads(done.stdout.splitlines()[-1]))
        print(out[-1], flush=True)
    write("audits", out)
