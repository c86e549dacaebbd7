from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.synth.audit.finding import Verdict
from salus.synth.release.ledger import Ledger
from salus.synth.release.paper import backbone, run
from salus.synth.table.files import write_table
from tests.synth.release.paper.conftest import QUICK, audit_of
from tests.synth.release.paper.copier import Copier, Plain
from tests.synth.simulate import simulated

Run = Callable[..., Any]
FILES = ["paper.json", "paper.md", "synthetic.csv"]


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, salus: Run) -> Callable[..., Any]:
    """Run the verb on 400 simulated people with fakes of known privacy; the folder is ``out``."""
    monkeypatch.setattr(backbone, "KINDS", lambda: {"forest": Copier, "copula": Plain})
    monkeypatch.setattr(run, "audit", audit_of(Verdict.NOT_MET))
    monkeypatch.setattr(run, "PaperSettings", lambda: QUICK)
    monkeypatch.setattr(Plain, "log", [])
    source = tmp_path / "patients.csv"
    write_table(simulated(400, seed=1), source)

    def words(*more: Any, backbone: str = "forest", quick: bool = True) -> Any:
        grid = ("--grid", "1.3x1", "--trainings", 3, "--draws", 1, "-n", 150) if quick else ()
        out = ("-o", tmp_path / "out", "--outcome", "target", "--backbone", backbone)
        return salus("paper", source, *out, *grid, *more)

    return words


def test_the_folder_holds_the_table_and_all_that_is_known_of_it(paper: Run, tmp_path: Path) -> None:
    done = paper("--seed", 3)
    assert done.exit_code == 0, done.stderr
    assert "one verbatim copy in five" in done.stdout and "real people against" in done.stdout
    out = tmp_path / "out"
    assert sorted(f.name for f in out.iterdir()) == FILES
    told = json.loads((out / "paper.json").read_text())
    assert told["label"] == "comparison only" and told["override"] is None
    content = (out / "synthetic.csv").read_bytes()
    assert told["synthetic"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["synthetic"]["rows"] == 150 == content.count(b"\n") - 1
    first = (out / "paper.md").read_text().splitlines()
    assert first[0] == "# Paper mode: comparison only" and told["headline"] in first[2]
    again = paper("--seed", 3)
    assert again.exit_code == 2 and "isn't empty" in again.stderr


def test_nothing_is_written_where_nothing_is_feasible(paper: Run, tmp_path: Path) -> None:
    done = paper(backbone="copula")
    assert done.exit_code == 3, done.stderr
    assert "misses it by 0." in done.stdout and "--override" in done.stdout
    assert [f.name for f in tmp_path.iterdir()] == ["patients.csv"]


def test_an_override_writes_the_nearest_with_its_stamp(paper: Run, tmp_path: Path) -> None:
    done = paper("--override", "--json", backbone="copula")
    assert done.exit_code == 3, done.stderr
    told = json.loads((tmp_path / "out" / "paper.json").read_text())
    assert told["override"]["stamp"].startswith("WRITTEN BY OVERRIDE")
    assert told["override"]["stamp"] in (tmp_path / "out" / "paper.md").read_text()
    spoken = json.loads(done.stdout)
    assert spoken["status"] == 3 and spoken["verdict"] == "OVERRIDDEN"
    assert {k: spoken[k] for k in told} == told


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--p-min", 0.7, "--scale", "published"), 3, "0.5, the highest P"),
        (("--p-min", 1.5), 3, "1, the highest P"),
        (("--p-min", "nan"), 2, "P_min"),
        (("--grid", "1,2"), 2, "two lists"),
        (("--weight", "B=1"), 2, "no weight 'B'"),
        (("--weight", "C"), 2, "NAME=W"),
        (("--weight", "DCR=0.9"), 2, "weights of P"),
        (("-n", 5), 2, "rows"),
        (("--outcome", "nothing"), 2, "nothing"),
    ],
)
def test_what_is_refused_is_refused_before_training(
    paper: Run, tmp_path: Path, words: tuple[Any, ...], status: int, said: str
) -> None:
    done = paper(*words)
    assert done.exit_code == status
    assert said in done.stderr
    assert not Plain.log
    assert [f.name for f in tmp_path.iterdir()] == ["patients.csv"]


def test_too_few_people_cannot_be_judged(salus: Run, patients: Path, tmp_path: Path) -> None:
    done = salus("paper", patients, "--backbone", "copula", "-o", tmp_path / "out")
    assert done.exit_code == 4 and "268" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_query_is_recorded(paper: Run, tmp_path: Path) -> None:
    paper("--ledger", tmp_path / "ledger", backbone="copula")
    (entry,) = Ledger(tmp_path / "ledger").entries()
    assert entry.content["verb"] == "paper"
