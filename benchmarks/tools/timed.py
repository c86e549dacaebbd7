"""What every tool's script does beside its own two steps: read, time, mend, write.

Runs under the tool's own Python, so it needs pandas and numpy only. A script is called as
``python TOOL.py train.csv synth.csv target seed`` and leaves ``synth.csv`` and ``synth.json``.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A script's folder comes first in the path: a file there must not hide a tool's own package.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).parent.resolve()]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

GAP = "(gap)"
FLAG = " is a gap"


def run(
    fit: Callable[[pd.DataFrame, str, int], Any],
    sample: Callable[[Any, int, int], pd.DataFrame],
    *,
    takes_gaps: bool,
) -> None:
    """Fit on the training people, draw as many rows, write them and what they cost.

    A tool that takes no missing values gets them as a level of their own in a column of levels,
    and as the median beside a column of flags in a column of numbers; both are turned back. All
    tools' numbers are rounded to as many decimals as the training people's: anyone would do so,
    and a judge would otherwise see nothing but the decimals.
    """

    def read(path: str) -> pd.DataFrame:
        frame = pd.read_csv(path)
        words = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
        return frame.astype(dict.fromkeys(words, object))

    def learn(frame: pd.DataFrame, target: str, seed: int) -> tuple[Any, pd.DataFrame]:
        shown = frame if takes_gaps else without_gaps(frame)
        return fit(shown, target, seed), frame

    def draw(learnt: tuple[Any, pd.DataFrame], n: int, seed: int) -> pd.DataFrame:
        model, train = learnt
        made = sample(model, n, seed)
        made = made if takes_gaps else with_gaps(made, train)
        return rounded_like(made[list(train.columns)], train)

    timed(read, learn, draw, lambda made, path: made.to_csv(path, index=False))


def timed(
    read: Callable[[str], Any],
    fit: Callable[[Any, str, int], Any],
    sample: Callable[[Any, int, int], Any],
    write: Callable[[Any, str], None],
) -> None:
    """Do the four steps with the script's arguments and write down seconds and memory."""
    train_path, synth_path, target, seed = (*sys.argv[1:4], int(sys.argv[4]))
    _seed_everything(seed)
    with open(train_path, encoding="utf-8") as file:
        n = len(pd.read_csv(file))
    clock = [_now()]
    model = fit(read(train_path), target, seed)
    clock.append(_now())
    made = sample(model, n, seed)
    clock.append(_now())
    write(made, synth_path)
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    per_mb = 1024**2 if sys.platform == "darwin" else 1024
    figures = {
        "fit_s": clock[1][0] - clock[0][0],
        "sample_s": clock[2][0] - clock[1][0],
        "fit_cpu_s": clock[1][1] - clock[0][1],
        "sample_cpu_s": clock[2][1] - clock[1][1],
        "rss_mb": max(resource.getrusage(kind).ru_maxrss for kind in kinds) / per_mb,
    }
    text = json.dumps({k: round(v, 3) for k, v in figures.items()})
    Path(synth_path).with_suffix(".json").write_text(text, encoding="utf-8")


def _now() -> tuple[float, float]:
    """Return seconds on the wall, and of processor by this process and its finished children."""
    spent = os.times()
    return time.perf_counter(), sum(spent[:4])


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # tools draw from the global state
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def without_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with missing values as levels and flags."""
    out = {}
    for name in frame:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            out[name] = column.where(column.notna(), GAP)
            continue
        out[name] = column.fillna(column.median())
        if column.isna().any():
            out[f"{name}{FLAG}"] = column.isna().map({True: "yes", False: "no"}).astype(object)
    return pd.DataFrame(out, index=frame.index)


def with_gaps(made: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Undo ``without_gaps`` on rows that were drawn."""
    out = pd.DataFrame(index=made.index)
    for name in train:
        column = made[name].astype(object) if made[name].dtype == "category" else made[name]
        if pd.api.types.is_numeric_dtype(train[name]):
            column = pd.to_numeric(column, errors="coerce").astype(float)
            flag = f"{name}{FLAG}"
            if flag in made:
                column = column.mask((made[flag].astype(str) == "yes").to_numpy())
        else:
            column = column.astype(object).mask((column.astype(str) == GAP).to_numpy())
        out[name] = column
    return out


def rounded_like(made: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Round numbers to the decimals that the training people's have."""
    out = made.copy()
    for name in train:
        if not pd.api.types.is_numeric_dtype(train[name]):
            continue
        real = train[name].dropna().to_numpy(float)
        digits = next((d for d in range(10) if np.allclose(real, np.round(real, d), 0, 1e-12)), 10)
        out[name] = pd.to_numeric(out[name], errors="coerce").astype(float).round(digits)
    return out
