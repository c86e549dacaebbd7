"""``salus exposed``: a private file, and nothing of it on the screen."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from salus.synth.cli.exposed import exposed
from salus.synth.errors import OptionError
from salus.synth.table.files import write_table
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

N, PLANTED = 80, 6


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run the verb by itself."""
    app = typer.Typer()
    app.command()(exposed)
    return lambda *words: CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    pool = simulated(3 * N, seed=4)
    train, holdout, fresh = (pool.take(np.arange(k * N, (k + 1) * N)) for k in range(3))
    made = Table.concat([train.take(np.arange(PLANTED)), fresh.take(np.arange(PLANTED, N))])
    out = {}
    for name, table in {"synthetic": made, "train": train, "holdout": holdout}.items():
        out[name] = tmp_path / f"{name}.csv"
        write_table(table, out[name])
    return out


def words(files: dict[str, Path], *more: object) -> list[object]:
    return [files["synthetic"], "--train", files["train"], "--holdout", files["holdout"], *more]


def test_the_list_is_written_and_not_shown(
    run: Callable[..., Any], files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "exposed.csv"
    done = run(*words(files, "-o", path, "--most", "9"))
    assert done.exit_code == 0, done.output
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {int(line["row"]) for line in lines[:PLANTED]} == set(range(1, PLANTED + 1))
    assert len(lines) <= 9
    assert f"{len(lines)} people are listed" in done.output
    assert "must stay with the real data" in done.output
    assert not any(line["reason"] in done.output for line in lines)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_json_holds_the_count_alone(
    run: Callable[..., Any], files: dict[str, Path], tmp_path: Path
) -> None:
    done = run(*words(files, "-o", tmp_path / "exposed.csv", "--json"))
    told = json.loads(done.stdout)
    assert set(told) == {"status", "output", "people", "by_chance"}
    assert told["people"] >= PLANTED


def test_a_path_is_required_and_never_overwritten(
    run: Callable[..., Any], files: dict[str, Path], tmp_path: Path
) -> None:
    assert run(*words(files)).exit_code == 2
    path = tmp_path / "exposed.csv"
    path.write_text("mine")
    assert isinstance(run(*words(files, "-o", path)).exception, OptionError)
    assert path.read_text() == "mine"
    assert isinstance(run(*words(files, "-o", files["train"])).exception, OptionError)
    assert run(*words(files, "-o", path, "--force")).exit_code == 0
    assert path.read_text().startswith("rank,")
