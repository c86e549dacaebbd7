"""Small simulated tables on disk, and a way to run the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from salus.synth.cli.main import app
from salus.synth.table.files import write_table
from tests.synth.simulate import simulated


@pytest.fixture
def salus() -> Callable[..., Any]:
    """Run one command line; its result has exit_code, stdout and stderr."""
    return lambda *words: CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    write_table(simulated(150, seed=1), path)
    return path


@pytest.fixture
def model(tmp_path: Path, patients: Path, salus: Callable[..., Any]) -> Path:
    path = tmp_path / "patients.model"
    done = salus("fit", patients, "--generator", "marginals", "-o", path)
    assert done.exit_code == 0, done.stderr
    return path
