from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.errors import Infeasible
from salus.synth.measure.estimate import Estimate
from salus.synth.report import summarise
from salus.synth.table.files import write_table
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

Run = Callable[..., Any]
STATUS = {Verdict.MET: 0, Verdict.NOT_MET: 3, Verdict.CANNOT_BE_JUDGED: 4}


def judged(verdict: Verdict) -> Audit:
    finding = Finding(
        name="membership",
        group="privacy",
        title="Membership",
        meaning="Whether one can tell who was in it.",
        result=Estimate(0.02, 0.01, 0.04, 100, "bootstrap"),
        limit=0.05,
        verdict=verdict,
    )
    return Audit(findings=(finding,), subject="the table")


class FakeRelease:
    """What ``salus.release`` returns, without the work."""

    def __init__(self, verdict: str, found: Verdict) -> None:
        self.verdict, self.status = verdict, STATUS[found]
        self.summary: Mapping[str, Any] = summarise(audit=judged(found), verdict=verdict)

    def save(self, directory: Path, *, withheld_ok: bool, force: bool, parquet: bool) -> None:
        Path(directory).mkdir(exist_ok=True)
        (Path(directory) / "report.html").write_text("<html>")


@pytest.fixture
def people(tmp_path: Path) -> dict[str, Path]:
    rows = simulated(240, seed=2)
    parts = {"train": slice(0, 80), "holdout": slice(80, 160), "synthetic": slice(160, 240)}
    out = {}
    for name, part in parts.items():
        out[name] = tmp_path / f"{name}.csv"
        write_table(_rows(rows, part), out[name])
    return out


def _rows(table: Table, part: slice) -> Table:
    return table.take(list(range(len(table)))[part])


def _audit(people: dict[str, Path], *more: object) -> list[object]:
    real = ["--train", people["train"], "--holdout", people["holdout"]]
    return ["audit", people["synthetic"], *real, *more]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_audit_ends_with_its_verdict(
    salus: Run,
    people: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Verdict,
) -> None:
    monkeypatch.setattr("salus.synth.audit.run.audit", lambda *_, **__: judged(verdict))
    done = salus(*_audit(people, "-o", tmp_path / "out", "--json"))
    assert done.exit_code == STATUS[verdict], done.stderr
    assert json.loads(done.stdout)["audit"]["verdict"] == str(verdict)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["audit.json", "card.md", "report.html"]
    again = salus("report", tmp_path / "out" / "audit.json", "-o", tmp_path / "again.html")
    assert again.exit_code == 0
    assert (tmp_path / "again.html").read_text() == (tmp_path / "out/report.html").read_text()


def test_an_audit_of_a_verbatim_copy_is_not_met(salus: Run, people: dict[str, Path]) -> None:
    people = {**people, "synthetic": people["train"]}
    done = salus(*_audit(people, "--outcome", "target", "--json"))
    assert done.exit_code == 3, done.stderr
    assert json.loads(done.stdout)["verdict"] == "LIMITS NOT MET"


def test_members_and_strangers_must_be_different_people(
    salus: Run, people: dict[str, Path], tmp_path: Path
) -> None:
    done = salus(*_audit({**people, "holdout": people["train"]}))
    assert done.exit_code == 2 and "same file" in done.stderr
    for role in ("train", "holdout"):
        (tmp_path / f"{role}.csv").write_text(
            "who,a,b\n" + "".join(f"p{i},{i % 7},{i % 3}\n" for i in range(40))
        )
    rows = "".join(f"{i % 7},{i % 3}\n" for i in range(40))
    (tmp_path / "synthetic.csv").write_text(f"a,b\n{rows}")
    done = salus(*_audit(people, "--person", "who"))
    assert done.exit_code == 2 and "40 people" in done.stderr and "p1" not in done.stderr


def test_a_synthetic_table_without_a_column_is_named(salus: Run, people: dict[str, Path]) -> None:
    people["synthetic"].write_text("age\n" + "40\n" * 30)
    done = salus(*_audit(people))
    assert done.exit_code == 2 and "education" in done.stderr


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("RELEASED", Verdict.MET),
        ("REFUSED", Verdict.NOT_MET),
        ("CANNOT BE JUDGED", Verdict.CANNOT_BE_JUDGED),
    ],
)
def test_a_release_ends_with_its_verdict(
    salus: Run,
    patients: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    found: Verdict,
) -> None:
    asked: dict[str, Any] = {}

    def fake(_table: Table, **options: Any) -> FakeRelease:
        asked.update(options)
        options["progress"]("judging", 0.5)
        return FakeRelease(word, found)

    monkeypatch.setattr("salus.synth.report.released.release", fake)
    words = ("release", patients, "--outcome", "target", "--seed", 7, "--rows", 30)
    done = salus(*words, "-o", tmp_path / "out")
    assert done.exit_code == STATUS[found], done.stderr
    assert word in done.stdout and "report.html" in done.stdout.replace("\n", "")
    assert (asked["seed"], asked["n"], asked["generator"]) == (7, 30, "forest")
    again = salus(*words, "-o", tmp_path / "out")
    assert again.exit_code == 2 and "--force" in again.stderr
    machine = salus(*words, "-o", tmp_path / "out", "--force", "--json")
    assert json.loads(machine.stdout)["status"] == STATUS[found]


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), 130), (Infeasible("out of reach."), 3)]
)
def test_a_release_that_breaks_leaves_nothing(
    salus: Run,
    patients: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("salus.synth.report.released.release", broken)
    done = salus("release", patients, "-o", tmp_path / "out")
    assert done.exit_code == status
    assert [p.name for p in tmp_path.iterdir()] == ["patients.csv"]


def test_too_few_people_cannot_be_judged(salus: Run, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    write_table(simulated(30, seed=3), path)
    done = salus("release", path, "--outcome", "target", "-o", tmp_path / "out")
    assert done.exit_code == 4, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["few.csv"]


def test_the_demo_says_where_its_report_lies(
    salus: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeRelease("RELEASED", Verdict.MET)
    monkeypatch.setattr("salus.synth.report.released.release", lambda *_, **__: fake)
    done = salus("demo", "-o", tmp_path / "demo")
    assert done.exit_code == 0
    assert "RELEASED" in done.stdout and "report.html" in done.stdout.replace("\n", "")
