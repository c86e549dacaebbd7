"""Score the default generator by the independent judge, on its tables and several seeds.

The judge lies outside this repository (``SALUS_BENCH``, by default ``../shared/bench``) and so do
the tables (``SALUS_DATA``). It sees files only: half of the people to learn from, a synthetic table
of as many rows.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import salus
from benchmarks.store import write

ROOT = Path(__file__).parents[1]
BENCH = Path(os.environ.get("SALUS_BENCH", ROOT.parent / "shared" / "bench"))
DATA = Path(os.environ.get("SALUS_DATA", ROOT.parent / "shared" / "data"))
SEEDS = (0, 1, 2)
TABLES = {
    "pima_diabetes": ("pima_diabetes.csv", "Outcome", 0),
    "heart_failure": ("heart_failure.csv", "DEATH_EVENT", 0),
    "wdbc": ("", "target", 0),
    "cirrhosis": ("cirrhosis.csv", "Status", 0),
    "obesity": ("obesity.csv", "NObeyesdad", 0),
    "brfss2015_diabetes_5050": ("brfss2015_diabetes_5050.csv.gz", "Diabetes_binary", 8000),
}
KEPT = (
    "c2st",
    "shape",
    "pairs",
    "jsd",
    "tstr_auc",
    "trtr_auc",
    "tstr_f1",
    "tstr_ap",
    "mia",
    "mia_tpr_at_10fpr",
    "dcr_share",
    "exact_train",
    "fit_s",
    "sample_s",
    "rss_mb",
)


def main() -> None:
    """Print and store a row a table: means over seeds, and the means over tables."""
    if not (BENCH / "score.py").exists():
        print(f"skipped: no judge at {BENCH}")
        return
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, (file, target, most) in TABLES.items():
            source = _source(name, file, Path(scratch))
            if source is None:
                print(f"{name}: skipped, the table isn't there")
                continue
            for seed in SEEDS:
                rows.append({"table": name, "seed": seed} | _one(source, target, most, seed))
                print(json.dumps(rows[-1]), flush=True)
    frame = pd.DataFrame(rows)
    mean = frame.groupby("table")[[*KEPT, "kept"]].mean()
    mean.loc["mean"] = mean.mean()
    print(mean.round(3).to_string())
    write("judge", {"runs": rows, "means": mean.round(4).to_dict("index")})


def _source(name: str, file: str, scratch: Path) -> Path | None:
    if name == "wdbc":
        from sklearn.datasets import load_breast_cancer

        path = scratch / "wdbc.csv"
        load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
        return path
    if not (DATA / file).exists():
        return None
    if name == "cirrhosis":
        frame = pd.read_csv(DATA / file, keep_default_na=False, na_values=[""])
        path = scratch / file
        frame.drop(columns=["ID", "N_Days"]).to_csv(path, index=False)
        return path
    return DATA / file


def _one(source: Path, target: str, most: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(BENCH / "prepare.py"),
            str(source),
            target,
            folder,
            str(seed),
        ]
        subprocess.run([*command, *([str(most)] if most else [])], check=True, capture_output=True)
        table = salus.read_table(Path(folder) / "train.csv", outcome=target)
        begin = time.perf_counter()
        model = salus.Forest().fit(table, seed=seed)
        fitted = time.perf_counter()
        sampled = model.sample(len(table), seed=seed)
        done = time.perf_counter()
        salus.write_table(sampled.table, Path(folder) / "synth_salus.csv")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        meta = {"fit_s": fitted - begin, "sample_s": done - fitted, "rss_mb": memory}
        (Path(folder) / "meta_salus.json").write_text(json.dumps(meta))
        subprocess.run(
            [sys.executable, str(BENCH / "score.py"), folder, "salus"],
            check=True,
            capture_output=True,
        )
        score = json.loads((Path(folder) / "score_salus.json").read_text())
    score["mia"] = max(score["mia_dcr_auc"], score["mia_domias_auc"])
    out = {k: float(np.round(score[k], 4)) for k in KEPT}
    out["kept"] = round(score["tstr_auc"] / score["trtr_auc"], 4)
    return out
