"""A ledger from the command line: two releases of the same people, through files."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.synth.release import crossfit, procedure
from salus.synth.table.files import write_table
from tests.synth.simulate import simulated

Run = Callable[..., Any]
LIMITS = "membership = 0.9\ntpr_at_1pct = 0.9\ncopies = 0.9\nnear_copies = 0.9\nattribute = 0.9\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A large table (as far as the procedure knows), a budget with room, and no ledger yet."""
    monkeypatch.setattr(procedure, "MANY", 200)
    monkeypatch.setattr(crossfit, "LIKENESS_TRIALS", 1)
    write_table(simulated(320, seed=1), tmp_path / "patients.csv")
    (tmp_path / "budget.toml").write_text(LIMITS)
    return tmp_path


def release(salus: Run, folder: Path, name: str, seed: int, *more: object) -> dict[str, Any]:
    done = salus(
        "release",
        folder / "patients.csv",
        "-o",
        folder / name,
        "--budget",
        folder / "budget.toml",
        "--generator",
        "marginals",
        "--seed",
        seed,
        "--ledger",
        folder / "ledger.jsonl",
        "--json",
        *more,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == told["status"], done.stderr
    return told


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_released_file_is_known_again_by_the_ledger(
    folder: Path, salus: Run, suffix: str
) -> None:
    parquet = ["--parquet"] if suffix == "parquet" else []
    assert release(salus, folder, "first", 1, *parquet)["verdict"] == "RELEASED"
    first = folder / "first" / f"synthetic.{suffix}"
    told = release(salus, folder, "second", 2, "--earlier", first)
    assert told["verdict"] == "RELEASED"
    assert any("look 2" in decision for decision in told["decisions"])
    if suffix == "parquet":
        return
    blind = release(salus, folder, "third", 3)
    assert (blind["verdict"], blind["status"]) == ("CANNOT BE JUDGED", 4)
    assert any("2 of 2 earlier tables weren't given" in r for r in blind["reasons"])
    strange = release(salus, folder, "fourth", 4, "--earlier", folder / "patients.csv")
    assert strange["status"] == 2
    assert not (folder / "fourth").exists()

    shown = salus("ledger", folder / "ledger.jsonl")
    assert shown.exit_code == 0
    assert shown.stdout.count("320 people") == 3
    assert "3 lines, none altered." in shown.stdout
    lines = json.loads(salus("ledger", folder / "ledger.jsonl", "--json").stdout)["lines"]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert [bool(line["sha256"]) for line in lines] == [True, True, False]
    assert all(set(line["cohort"]) == {"people"} for line in lines)  # no hash of anybody
    assert {line["settings"]["split_seed"] for line in lines} == {1}


def test_an_altered_ledger_stops_a_release_before_the_work(folder: Path, salus: Run) -> None:
    data = folder / "patients.csv"
    done = salus(
        "fit",
        data,
        "--generator",
        "marginals",
        "-o",
        folder / "m",
        "--ledger",
        folder / "ledger.jsonl",
    )
    assert done.exit_code == 0, done.stderr
    kept = folder / "ledger.jsonl"
    assert stat.S_IMODE((folder / "ledger.jsonl.key").stat().st_mode) == 0o600
    kept.write_text(kept.read_text().replace('"people": 320', '"people": 32'))
    for words in (
        ["ledger", kept],
        ["release", data, "-o", folder / "out", "--ledger", kept],
    ):
        done = salus(*words)
        assert done.exit_code == 2
        assert "line 1 " in done.stderr
    assert not (folder / "out").exists()


def test_the_ledger_holds_no_cell_of_the_table(folder: Path, salus: Run) -> None:
    salus("fit", folder / "patients.csv", "-o", folder / "m", "--ledger", folder / "l")
    lines = (folder / "l").read_text()
    table = simulated(320, seed=1)
    weights = table.values["weight"]
    assert not any(f"{w:.2f}" in lines for w in weights[np.isfinite(weights)])


def test_no_ledger_is_bad_input(tmp_path: Path, salus: Run) -> None:
    done = salus("ledger", tmp_path / "none")
    assert done.exit_code == 2
    assert "there is no ledger" in done.stderr
