"""How often an audit errs: releases of known risk, judged again and again at several sizes.

Fresh real people must not be refused, copies and SMOTE must be. Each round draws other people from a
large real table (or a simulated one where it isn't there) and judges every release at the default
budget. Only the verdicts on privacy are looked at.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import salus
from benchmarks.store import write
from salus.synth.audit.anchors import make_anchors
from salus.synth.audit.finding import Verdict
from salus.synth.audit.observation import observe
from salus.synth.audit.privacy import conclude
from salus.synth.budget import Budget
from salus.synth.table.table import Table

DATA = Path(os.environ.get("SALUS_DATA", Path(__file__).parents[2] / "shared" / "data"))
ROUNDS = {300: 100, 1_000: 40, 5_000: 20}  # people on each side: rounds
RELEASES = ("fresh real people", "verbatim copy", "shifted copy", "SMOTE", "independent columns")


def main() -> None:
    """Print and store the share of each verdict for each release and size."""
    path = DATA / "brfss2015_diabetes_5050.csv.gz"
    if not path.exists():
        print("skipped: the table isn't there")
        return
    table = salus.read_table(path, outcome="Diabetes_binary")
    out: dict[str, Any] = {}
    for n, rounds in ROUNDS.items():
        begin = time.perf_counter()
        count: dict[str, Counter[str]] = {name: Counter() for name in RELEASES}
        for r in range(rounds):
            for name, verdict in _round(table, n, seed=r).items():
                count[name][verdict] += 1
        out[str(n)] = {
            name: {k: round(v / rounds, 3) for k, v in sorted(c.items())}
            for name, c in count.items()
        }
        print(n, rounds, f"{time.perf_counter() - begin:.0f} s", out[str(n)], flush=True)
    write("verdicts", {"rounds": {str(k): v for k, v in ROUNDS.items()}, "verdicts": out})


def _round(table: Table, n: int, *, seed: int) -> dict[str, str]:
    rows = np.random.default_rng(seed).permutation(len(table))
    train, holdout, fresh = (table.take(rows[k * n : (k + 1) * n]) for k in range(3))
    people = Table.concat([train, holdout])
    member = np.arange(2 * n) < n
    releases = make_anchors(train, fresh, seed=seed)
    out = {}
    for name in RELEASES:
        release = releases[name]
        assert isinstance(release, Table)
        findings = conclude([observe(release, people, member, seed=seed)], Budget(), seed=seed)
        verdicts = {f.verdict for f in findings}
        worst = [v for v in (Verdict.NOT_MET, Verdict.CANNOT_BE_JUDGED) if v in verdicts]
        out[name] = str(worst[0] if worst else Verdict.MET)
    return out
