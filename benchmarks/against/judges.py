"""Two judges of one synthetic table: an independent one, and Salus' own audit.

The independent judge stands first, as nobody should mark their own paper. It lies outside this
repository (``SALUS_BENCH``); without it the audit's figures are all there is, and the page says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import salus
from salus.synth.audit import fidelity, utility
from salus.synth.audit.finding import Finding
from salus.synth.audit.privacy import conclude, observe
from salus.synth.budget import Budget
from salus.synth.measure.estimate import Estimate
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

BENCH = Path(os.environ.get("SALUS_BENCH", Path(__file__).parents[3] / "shared" / "bench"))
NOBODY = "no independent judge here"
KEPT = (
    "c2st",
    "shape",
    "pairs",
    "jsd",
    "tstr_auc",
    "trtr_auc",
    "tstr_f1",
    "tstr_ap",
    "mia_dcr_auc",
    "mia_domias_auc",
    "mia_tpr_at_10fpr",
    "dcr_share",
    "exact_train",
)


def is_there() -> bool:
    """Whether there is an independent judge."""
    return (BENCH / "score.py").exists()


def is_late(row: Mapping[str, Any]) -> bool:
    """Whether the independent judge came after the row was made without it."""
    return row["independent"] == NOBODY and is_there()


def independent(folder: Path, key: str) -> dict[str, float] | str:
    """Return the independent judge's figures, or why there are none."""
    if not is_there():
        return NOBODY
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    ran = subprocess.run(
        [sys.executable, BENCH / "score.py", folder, key],
        capture_output=True,
        text=True,
        env=os.environ | one,
        check=False,
    )
    if ran.returncode:
        return f"not judged: {(ran.stderr.strip().splitlines() or ['no word'])[-1][:200]}"
    score = json.loads((folder / f"score_{key}.json").read_text(encoding="utf-8"))
    out = {k: round(float(score[k]), 4) for k in KEPT}
    out["mia"] = max(out["mia_dcr_auc"], out["mia_domias_auc"])
    out["kept"] = round(out["tstr_auc"] / out["trtr_auc"], 4)
    return out


def own(folder: Path, key: str, target: str, seed: int) -> dict[str, Any] | str:
    """Return what Salus' audit says of the rows: membership, copies, utility kept, detection.

    The parts of ``salus.audit`` are called one by one: the releases that it would set beside each
    table are the same for all tools of a split.
    """
    try:
        train, holdout, fresh, made = _tables(folder, key, target)
        people = Table.concat([train, Table(holdout.schema, holdout.values, holdout.states)])
        people = Table(people.schema, people.values, people.states)  # each row a person
        member = np.arange(len(people)) < len(train)
        with threadpool_limits(1):
            seen = observe(made, people, member, reference=fresh, seed=seed)
            found = [*conclude([seen], Budget(), seed=seed)]
            found += fidelity.findings(made, holdout, baseline=train, seed=seed)
            found += utility.findings(made, train, holdout, seed=seed)
    except Exception as error:
        return f"not judged: {type(error).__name__}: {error}"[:200]
    return {f.name: _plain(f) for f in found if f.name in WANTED}


WANTED = ("membership.advantage", "copies.exact", "utility.ratio", "fidelity.detection")


def _plain(finding: Finding) -> dict[str, float] | str:
    if not isinstance(finding.result, Estimate):
        return str(finding.result.reason)
    r = finding.result
    return {"value": round(r.value, 4), "low": round(r.low, 4), "high": round(r.high, 4)}


def _tables(folder: Path, key: str, target: str) -> tuple[Table, ...]:
    """Read people and synthetic rows under one schema, read off the people."""
    parts = ("train", "holdout", "oracle")
    frames = [pd.read_csv(folder / f"{p}.csv", dtype=str, keep_default_na=False) for p in parts]
    everybody = folder / "everybody.csv"
    if not everybody.exists():
        pd.concat(frames).to_csv(everybody, index=False)
    schema: Schema = salus.read_table(everybody, outcome=target).schema
    files = [*parts, f"synth_{key}"]
    return tuple(salus.read_table(folder / f"{f}.csv", schema=schema) for f in files)
