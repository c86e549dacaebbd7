"""Time fit plus sample of as many rows, and the growth in rows, in one run."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import time

import numpy as np

import salus
from benchmarks.store import write
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

SIZES = ((500, 30), (5_000, 12), (10_000, 20), (100_000, 20))


def main() -> None:
    """Print and store seconds for each size, and the time of a bare import."""
    rows = []
    for n, d in SIZES:
        table = simulated(n, d)
        begin = time.perf_counter()
        model = salus.Forest().fit(table, seed=0)
        fitted = time.perf_counter()
        model.sample(n, seed=0)
        done = time.perf_counter()
        rows.append(
            {
                "rows": n,
                "columns": d,
                "fit_s": round(fitted - begin, 2),
                "sample_s": round(done - fitted, 2),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
        print(rows[-1], flush=True)
    small, large = (r["fit_s"] + r["sample_s"] for r in rows[-2:])
    growth = large / small / (10 * math.log(1e5) / math.log(1e4))
    print(f"100,000 rows against 10,000: {large / small:.1f} times; {growth:.2f} of n log n")
    bare = min(_import_seconds("pass") for _ in range(5))
    whole = min(_import_seconds("import salus") for _ in range(5))
    print(f"import salus: {whole - bare:.3f} s")
    write("speed", {"runs": rows, "of n log n": growth, "import_s": whole - bare})


def _import_seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def simulated(n: int, d: int) -> Table:
    """Return n rows of d columns: a third levels, a quarter of the numbers with missing values."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(n, 5)) @ rng.normal(size=(5, d)) + rng.normal(size=(n, d))
    columns, values = [], {}
    for j in range(d):
        name = f"c{j}"
        if j % 3 == 2:
            roles = frozenset({"outcome"}) if j == 2 else frozenset()
            columns.append(
                Column(name=name, kind="categorical", levels=("a", "b", "c"), roles=roles)
            )
            values[name] = (mixed[:, j] > 0).astype(int) + (mixed[:, j] > 2)
        else:
            x = np.round(np.exp(mixed[:, j] / 3), 3)
            x[rng.random(n) < (0.1 if j % 4 == 0 else 0.0)] = np.nan
            columns.append(Column(name=name, kind="continuous", decimals=3))
            values[name] = x
    return Table(Schema(columns), values)
