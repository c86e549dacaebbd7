from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("statsmodels", reason="the extra 'replicate' is not installed")

from salus.datasets import pbc_path
from salus.synth.cli.main import _ending
from salus.synth.cli.replicate import replicate
from salus.synth.table.files import write_table
from tests.synth.simulate import simulated

FORMULA = "target ~ age + hours + sex"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    home = "salus.synth.audit.replication.replicate"
    monkeypatch.setattr(f"{home}.SPLITS", 4)
    app = typer.Typer()
    app.command()(_ending(replicate))
    return lambda *words: CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{k}.csv" for k in range(3)]
    for k, path in enumerate(paths):
        write_table(simulated(300, seed=k), path)
    return paths


def test_the_coefficients_are_told(run: Callable[..., Any], files: list[Path]) -> None:
    done = run(FORMULA, "--real", files[0], "--synthetic", files[1], "--synthetic", files[2])
    assert done.exit_code == 0, done.stderr
    for word in ("logistic", "sex[m]", "real halves", "population", "300, 300"):
        assert word in done.stdout
    assert not re.search(r"-\d", done.stdout)  # one sign for minus


def test_one_document_for_machines(run: Callable[..., Any], files: list[Path]) -> None:
    done = run(FORMULA, "--real", files[0], "--synthetic", files[1], "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == document["status"] == 0
    names = [f["name"] for f in document["findings"]]
    assert names == ["replication.sign", "replication.overlap"]


def test_what_cannot_be_fitted_ends_with_4(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("target,age\n1,2\n0,3\n1,4\n")
    done = run("target ~ age", "--real", tmp_path / "few.csv", "--synthetic", tmp_path / "few.csv")
    assert done.exit_code == 4 and "too few" in done.stdout


@pytest.mark.parametrize("formula", ["target ~ open(age)", "target ~ nobody", "target"])
def test_a_wrong_formula_ends_with_2(
    run: Callable[..., Any], files: list[Path], formula: str
) -> None:
    done = run(formula, "--real", files[0], "--synthetic", files[1])
    assert done.exit_code == 2 and done.stdout == ""


def test_a_schema_knows_which_cells_are_missing(run: Callable[..., Any]) -> None:
    schema = pbc_path().with_name("pbc.schema.json")
    words = ("--real", pbc_path(), "--synthetic", pbc_path(), "--schema", schema, "--json")
    done = run('status == "2" ~ age + trt', *words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["findings"][0]["detail"]["real rows left out"] == 106
