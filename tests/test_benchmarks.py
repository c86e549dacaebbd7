"""The parts of the comparison with other tools that need no other tool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from benchmarks.against import pareto, pictures, runs, tables
from benchmarks.against.environments import Environments, steps_of
from benchmarks.tools import timed

BENCH = Path(os.environ.get("SALUS_BENCH", Path(__file__).parents[2] / "shared" / "bench"))


def scored(table: str, tool: str, seed: int, kept: float, mia: float) -> dict[str, object]:
    return {
        "table": table,
        "tool": tool,
        "seed": seed,
        "status": "ok",
        "meta": {"fit_s": 1.0, "sample_s": 0.5, "rss_mb": 100.0},
        "independent": {"kept": kept, "mia": mia, "c2st": 0.6},
    }


def frame() -> pd.DataFrame:
    rows = [
        scored("t", tool, seed, kept + 0.01 * seed, mia)
        for seed in (0, 1, 2)
        for tool, kept, mia in (("ours", 0.95, 0.55), ("worse", 0.90, 0.60), ("copier", 0.99, 0.9))
    ]
    failed = {"table": "t", "tool": "broken", "seed": 0, "status": "failed", "reason": "no"}
    return pareto.frame_of([*rows, failed, scored("t", "rare", 2, 0.96, 0.54)])


def test_mean_has_students_interval_and_one_value_has_none() -> None:
    mean = pareto.mean_of([1.0, 2.0, 3.0])
    assert mean.value == 2.0
    assert mean.low == pytest.approx(2 - 4.30265 / np.sqrt(3), abs=1e-4)
    assert pareto.mean_of([1.0]).low is None
    assert not pareto.mean_of([1.0]).is_sure


def test_a_failed_run_has_no_figures() -> None:
    assert "broken" not in set(frame()["tool"])


def test_differences_are_on_common_splits_only() -> None:
    gap = pareto.paired(frame(), "kept", "ours", "rare")["t"]
    assert (gap.n, round(gap.value, 6)) == (1, round(0.96 - 0.97, 6))
    assert pareto.paired(frame(), "kept", "ours", "nobody") == {}


def test_frontier_leaves_out_whom_another_dominates() -> None:
    found = frame()
    assert pareto.dominates(found, "ours", "worse") == {"t": True}
    assert pareto.dominates(found, "ours", "copier") == {"t": False}
    assert pareto.dominates(found, "ours", "ours") == {"t": False}
    front = pareto.frontier(found, ["ours", "worse", "copier", "rare"])["t"]
    assert front == ["ours", "copier", "rare"]


def test_without_the_independent_judge_the_audit_is_taken() -> None:
    row = scored("t", "ours", 0, 0, 0)
    row["independent"] = "no independent judge here"
    row["audit"] = {
        "utility.ratio": {"value": 0.9},
        "membership.advantage": {"value": 0.1},
        "fidelity.detection": {"value": 0.6},
    }
    assert pareto.frame_of([row])[["kept", "mia"]].to_numpy().tolist() == [[0.9, 0.55]]


def test_gaps_come_back() -> None:
    train = pd.DataFrame(
        {"x": [1.25, np.nan, 3.5], "w": ["a", None, "b"], "y": ["u", "v", "u"]}, dtype=object
    ).astype({"x": float})
    filled = timed.without_gaps(train)
    assert not filled.isna().any().any()
    back = timed.with_gaps(filled, train)
    assert back["x"].isna().tolist() == [False, True, False]
    assert back["w"].isna().tolist() == [False, True, False]
    made = timed.rounded_like(back.assign(x=[1.23456, np.nan, 2.0]), train)
    assert made["x"].tolist()[0] == 1.23


def test_levels_are_words_and_names_are_left_out() -> None:
    source = pd.DataFrame(
        {
            "code": [0, 1] * 100,
            "number": np.arange(200) / 7,
            "name": [f"p{i}" for i in range(200)],
            "same": 1,
            "y": [1.0, 0.0] * 100,
        }
    )
    found, levels = tables.spelled(source, "y", 0, 0)
    assert list(found) == ["code", "number", "y"]
    assert levels == ["code", "y"]
    assert set(found["y"]) == {"v0", "v1"}


@pytest.mark.skipif(not (BENCH / "prepare.py").exists(), reason="the judge isn't there")
def test_the_split_is_the_independent_judges(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    source = pd.DataFrame(
        {
            "a": rng.normal(size=300).round(2),
            "b": rng.choice(["x", "y,z", ""], 300),
            "c": rng.integers(0, 4, 300),
            "y": rng.integers(0, 2, 300),
        }
    )
    source.loc[::7, "c"] = np.nan
    path = tmp_path / "people.csv"
    source.to_csv(path, index=False)
    tables.prepare(tables.Source("people", "y", "folder", most=200), path, tmp_path / "ours", 3)
    script = [sys.executable, "-W", "ignore", str(BENCH / "prepare.py")]
    theirs = tmp_path / "theirs"
    subprocess.run([*script, path, "y", theirs, "3", "200"], check=True, capture_output=True)
    for file in ("train.csv", "holdout.csv", "oracle.csv"):
        assert (tmp_path / "ours" / file).read_bytes() == (theirs / file).read_bytes()
    ours, their = (
        json.loads((tmp_path / f / "schema.json").read_text()) for f in ("ours", "theirs")
    )
    assert ours == their


def test_every_script_says_what_it_is_and_what_it_needs() -> None:
    found = runs.scripts()
    assert {"salus_forest", "arf", "smote", "tabular_argn"} <= set(found)
    for path in found.values():
        assert len(runs.title(path)) > 8
        for step in steps_of(path):
            assert step[0] in ("install", "uninstall")


def test_a_script_that_fails_or_takes_too_long_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"crash": "raise ValueError('no such thing')", "busy": "while True: pass"}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(f"# install: nothing\n{text}\n")
    (tmp_path / "train.csv").write_text("x\n1\n")
    monkeypatch.setattr(runs, "TOOLS", tmp_path)
    monkeypatch.setattr(Environments, "make", lambda self, script: Path(sys.executable))
    source = tables.Source("people", "y", "folder")
    rows = {
        name: runs.run(runs.Job(source, name, 0, tmp_path), Environments(tmp_path), limit=1)
        for name in texts
    }
    assert rows["crash"]["reason"] == "ValueError: no such thing"
    assert rows["busy"]["status"] == runs.TOO_SLOW
    busy = runs.Job(source, "busy", 0, tmp_path)
    assert busy.done(1) == rows["busy"]
    assert busy.done(2) is None


def test_a_reason_has_no_path() -> None:
    said = " 10%|#\nValueError: /a/b/c/d.py is gone\n"
    assert runs.last_word(said, 1) == "ValueError: … is gone"
    assert runs.last_word("", -9) == "ended with status -9"


def test_the_picture_is_xml_with_every_tool(tmp_path: Path) -> None:
    mean = pareto.mean_of([0.5, 0.6])
    points = [pictures.Point(t, mean, mean) for t in ("salus_forest", "arf")]
    path = tmp_path / "p.svg"
    pictures.write(path, {"a & b": points}, {"a & b": ["arf"]}, {"arf": "ARF"}, columns=1)
    text = "".join(ElementTree.parse(path).getroot().itertext())
    assert "a & b" in text
    assert "ARF" in text
