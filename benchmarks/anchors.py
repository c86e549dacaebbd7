"""Judge releases whose risk is known: the audit must order them, on a real table of enough people."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

import salus
from benchmarks.store import write
from salus.synth.audit.anchors import make_anchors
from salus.synth.measure.estimate import Estimate
from salus.synth.table.table import Table

DATA = Path(os.environ.get("SALUS_DATA", Path(__file__).parents[2] / "shared" / "data"))
PEOPLE = 2_000  # members; as many held out, and as many fresh


def main() -> None:
    """Print and store the verdict of each anchor release, and of the default generator."""
    path = DATA / "brfss2015_diabetes_5050.csv.gz"
    if not path.exists():
        print("skipped: the table isn't there")
        return
    table = salus.read_table(path, outcome="Diabetes_binary")
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(table))
    train, holdout, reference, fresh = (
        table.take(rows[i * PEOPLE : (i + 1) * PEOPLE]) for i in range(4)
    )
    releases = make_anchors(train, fresh, seed=0)
    copies = PEOPLE // 20
    releases["5 % planted"] = Table.concat(
        [fresh.take(np.arange(PEOPLE - copies)), train.take(np.arange(copies))]
    )
    releases["forest"] = salus.Forest().fit(train, seed=0).sample(PEOPLE, seed=0).table
    out = {}
    for name, release in releases.items():
        if not isinstance(release, Table):
            continue
        judged = salus.audit(release, train=train, holdout=holdout, reference=reference)
        risks = {
            f.name: round(f.result.value, 4)
            for f in judged.findings
            if f.group == "privacy" and isinstance(f.result, Estimate)
        }
        out[name] = {"verdict": str(judged.verdict), "risks": risks}
        print(name, out[name], flush=True)
    write("anchors", out)
