"""What nobody can judge ends with a clear error or CANNOT BE JUDGED, on the line and in Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from salus import testing
from salus.synth.errors import BadInput, TableError, TooFewPeople
from salus.synth.table.codec import decode
from salus.synth.table.together import read_together
from tests.synth.simulate import simulated

Run = Callable[..., Any]
Frames = dict[str, pd.DataFrame]
SECRET = "peculiar"  # a cell that no message may quote


@pytest.fixture
def frames() -> Frames:
    return {
        name: decode(simulated(60, seed=k))
        for k, name in enumerate(("synthetic", "train", "holdout"))
    }


def run(salus: Run, folder: Path, frames: Mapping[str, pd.DataFrame], *more: object) -> Any:
    paths = {name: folder / f"{name}.csv" for name in frames}
    for name, frame in frames.items():
        frame.to_csv(paths[name], index=False)
    before = {name: path.read_bytes() for name, path in paths.items()}
    real = ("--train", paths["train"], "--holdout", paths["holdout"])
    done = salus("audit", paths["synthetic"], *real, *more)
    assert {name: path.read_bytes() for name, path in paths.items()} == before
    assert SECRET not in done.stdout + done.stderr
    assert "a fault of the program" not in done.stderr, done.stderr
    return done


WRONG: dict[str, tuple[str, Any, str]] = {
    "a synthetic column is absent": ("synthetic", lambda f: f.drop(columns="age"), "synthetic"),
    "a held-out column is absent": ("holdout", lambda f: f.drop(columns="age"), "holdout"),
    "texts for numbers": ("synthetic", lambda f: f.assign(weight=SECRET), "'weight'"),
    "no synthetic row": ("synthetic", lambda f: f.iloc[:0], "no row"),
    "no training person": ("train", lambda f: f.iloc[:0], "no row"),
    "no column at all": ("synthetic", lambda f: f[[]], "synthetic"),
    "a column twice": (
        "synthetic",
        lambda f: pd.concat([f, f[["age"]]], axis=1),
        "'age'",
    ),
}


@pytest.mark.parametrize(("name", "change", "told"), WRONG.values(), ids=list(WRONG))
def test_what_does_not_match_is_an_error(
    salus: Run, tmp_path: Path, frames: Frames, name: str, change: Any, told: str
) -> None:
    frames[name] = change(frames[name])
    done = run(salus, tmp_path, frames)
    assert done.exit_code == 2 and told in done.stderr
    with pytest.raises(BadInput, match=told):
        read_together(frames)


def test_people_in_two_tables_are_refused(salus: Run, tmp_path: Path, frames: Frames) -> None:
    frames["holdout"] = frames["train"].sample(frac=1, random_state=1)
    done = run(salus, tmp_path, frames)
    assert done.exit_code == 2 and "training records" in done.stderr
    with pytest.raises(BadInput, match="training records"):
        testing.assert_private(**frames)


def test_people_are_known_by_their_number(salus: Run, tmp_path: Path, frames: Frames) -> None:
    for name in ("train", "holdout"):
        frames[name]["id"] = range(60)
    done = run(salus, tmp_path, frames, "--person", "id")
    assert done.exit_code == 2 and "60 people of the training table" in done.stderr
    with pytest.raises(TableError, match="60 people"):
        read_together(frames, person="id")


def test_rows_outside_the_schema_are_judged_and_told(
    salus: Run, tmp_path: Path, frames: Frames
) -> None:
    frames["synthetic"].loc[:4, "work"] = "elsewhere"
    frames["synthetic"]["weight"] = frames["synthetic"]["weight"] + 1e6
    frames["synthetic"]["extra"] = 1
    done = run(salus, tmp_path, frames, "--json")
    assert done.exit_code in (0, 3, 4), done.stderr
    told = json.dumps(json.loads(done.stdout)["decisions"])
    assert "1 level(s) that the schema doesn't list" in told and "extra" in told


@pytest.mark.parametrize("name", ["synthetic", "train", "holdout"])
def test_one_class_only(salus: Run, tmp_path: Path, frames: Frames, name: str) -> None:
    frames[name]["target"] = "yes"
    done = run(salus, tmp_path, frames, "--outcome", "target", "--json")
    assert done.exit_code in (3, 4), done.stderr
    found = json.loads(done.stdout)["audit"]["findings"]
    assert any(f["name"] == "utility.auc" for f in found)


def test_one_class_in_all_tables_is_no_outcome(salus: Run, tmp_path: Path, frames: Frames) -> None:
    for frame in frames.values():
        frame["target"] = "yes"
    done = run(salus, tmp_path, frames, "--outcome", "target")
    assert done.exit_code == 2 and "constant" in done.stderr


@pytest.mark.parametrize("names", [["synthetic"], ["train", "holdout"], ["train"]])
def test_identical_rows(salus: Run, tmp_path: Path, frames: Frames, names: list[str]) -> None:
    for name in names:
        frames[name] = pd.concat([frames["train"].iloc[[0]]] * 60, ignore_index=True)
    done = run(salus, tmp_path, frames)
    assert done.exit_code in (2, 3, 4), done.stderr


def test_three_people_cannot_be_judged(salus: Run, tmp_path: Path, frames: Frames) -> None:
    few = {name: frame.iloc[:3] for name, frame in frames.items()}
    assert run(salus, tmp_path, few).exit_code == 4
    for name in ("train", "holdout"):
        done = run(salus, tmp_path, {**frames, name: frames[name].iloc[:3]})
        assert done.exit_code == 4 and "too few" in done.stderr
    with pytest.raises(AssertionError, match="CANNOT BE JUDGED"):
        testing.assert_private(**few)


def test_one_person_is_too_few(salus: Run, tmp_path: Path, frames: Frames) -> None:
    one = {name: frame.iloc[:1] for name, frame in frames.items()}
    assert run(salus, tmp_path, one).exit_code == 4
    with pytest.raises(TooFewPeople):
        read_together({"train": one["train"], "synthetic": one["synthetic"]})


def test_one_synthetic_row_is_judged(salus: Run, tmp_path: Path, frames: Frames) -> None:
    frames["synthetic"] = frames["synthetic"].iloc[:1]
    assert run(salus, tmp_path, frames).exit_code in (3, 4)


def test_types_that_differ_among_the_people(salus: Run, tmp_path: Path, frames: Frames) -> None:
    frames["holdout"]["age"] = [f"{SECRET} {k}" for k in range(60)]
    done = run(salus, tmp_path, frames)
    assert done.exit_code == 2 and "'age'" in done.stderr


def test_an_analysis_is_added(salus: Run, tmp_path: Path, frames: Frames) -> None:
    pytest.importorskip("statsmodels", reason="the extra 'replicate' is not installed")
    words = ("--analysis", "target ~ age", "--analysis", "hours ~ age + sex", "--json")
    done = run(salus, tmp_path, frames, *words)
    assert done.exit_code in (3, 4), done.stderr
    names = [f["name"] for f in json.loads(done.stdout)["audit"]["findings"]]
    assert {"replication.sign.1", "replication.overlap.2"} <= set(names)
    done = run(salus, tmp_path, frames, "--analysis", "target ~ open(age)")
    assert done.exit_code == 2 and "open(...)" in done.stderr


def test_columns_that_nobody_judged_are_told(salus: Run, tmp_path: Path, frames: Frames) -> None:
    frames["synthetic"] = frames["synthetic"].assign(name=SECRET)
    done = run(salus, tmp_path, frames)
    assert "Columns ignored" in done.stderr and "name" in done.stderr
    assert "Nobody judged these columns of the table: 'name'." in done.stdout
    done = run(salus, tmp_path, frames, "--drop", "age")
    assert "Nobody judged these columns of the table: 'age', 'name'." in done.stdout


def test_the_synthetic_table_stands_for_no_strangers(
    salus: Run, tmp_path: Path, frames: Frames
) -> None:
    paths = {name: tmp_path / f"{name}.csv" for name in frames}
    for name, frame in frames.items():
        frame.to_csv(paths[name], index=False)
    real = ("--train", paths["train"], "--holdout", paths["synthetic"])
    done = salus("audit", paths["synthetic"], *real)
    assert done.exit_code == 2 and "--holdout and the synthetic table" in done.stderr


def test_the_audit_of_a_release_does_not_replace_it(
    salus: Run, tmp_path: Path, frames: Frames
) -> None:
    done = run(salus, tmp_path, frames, "-o", tmp_path, "--force")
    assert done.exit_code == 2
    out = tmp_path / "out"
    out.mkdir()
    (out / "synthetic.csv").write_bytes((tmp_path / "synthetic.csv").read_bytes())
    real = ("--train", tmp_path / "train.csv", "--holdout", tmp_path / "holdout.csv")
    done = salus("audit", out / "synthetic.csv", *real, "-o", out, "--force")
    assert done.exit_code == 2 and "is read" in done.stderr
    assert (out / "synthetic.csv").exists()
    (tmp_path / "audit.html").write_text("mine")
    done = salus("audit", out / "synthetic.csv", *real, "-o", tmp_path / "audit.html")
    assert done.exit_code == 2 and "--force" in done.stderr
