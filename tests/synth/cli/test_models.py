from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from salus.synth.generate.protocol import Shortfall
from salus.synth.table.files import read_frame
from salus.synth.table.schema import Schema

Run = Callable[..., Any]


def test_a_schema_is_shown_with_its_reasons(salus: Run, patients: Path, tmp_path: Path) -> None:
    done = salus("schema", patients, "--outcome", "target", "-o", tmp_path / "s.json")
    assert done.exit_code == 0
    assert "education" in done.stdout and "outcome" in done.stdout
    written = Schema.read(tmp_path / "s.json")
    assert written.outcome is not None and written.outcome.name == "target"
    told = json.loads(salus("schema", patients, "--outcome", "target", "--json").stdout)
    assert told == written.to_dict()


def test_quiet_says_nothing(salus: Run, patients: Path) -> None:
    done = salus("schema", patients, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_the_same_seed_gives_the_same_bytes(salus: Run, model: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        done = salus("sample", model, "-n", 20, "--seed", seed, "-o", tmp_path / f"{name}.csv")
        assert done.exit_code == 0, done.stderr
    a, b, c = ((tmp_path / f"{n}.csv").read_bytes() for n in "abc")
    assert a == b != c
    assert len(read_frame(tmp_path / "a.csv")) == 20


def test_given_holds_a_column(salus: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "f.csv"
    done = salus("sample", model, "-n", 15, "-o", out, "--given", "sex=f")
    assert done.exit_code == 0, done.stderr
    assert set(read_frame(out)["sex"]) == {"f"}


@pytest.mark.parametrize("given", [["sex"], ["=f"], ["sex=f", "sex=m"], ["nothing=1"]])
def test_a_wrong_condition_is_bad_input(
    salus: Run, model: Path, tmp_path: Path, given: list[str]
) -> None:
    words = [w for g in given for w in ("--given", g)]
    done = salus("sample", model, "-n", 5, "-o", tmp_path / "x.csv", *words)
    assert done.exit_code == 2
    assert not (tmp_path / "x.csv").exists()


def test_a_shortfall_is_a_refusal_that_writes_nothing(
    salus: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Shortfall(asked=5, made=1, rule="a <= b", accepted=0.01, remedy="Correct the rule.")
    fake = SimpleNamespace(sample=lambda *_, **__: SimpleNamespace(table=[], shortfall=short))
    monkeypatch.setattr("salus.synth.generate.store.load_model", lambda _: fake)
    done = salus("sample", tmp_path / "m", "-n", 5, "-o", tmp_path / "x.csv")
    assert done.exit_code == 3 and "a <= b" in done.stderr
    told = salus("sample", tmp_path / "m", "-n", 5, "-o", tmp_path / "x.csv", "--json")
    assert json.loads(told.stdout)["shortfall"]["made"] == 1
    assert list(tmp_path.iterdir()) == []


def test_fit_says_what_the_constraint_did(salus: Run, patients: Path, tmp_path: Path) -> None:
    words = ("fit", patients, "--outcome", "target", "--generator", "copula", "-o", tmp_path / "m")
    done = salus(*words)
    assert done.exit_code == 0, done.stderr
    assert "price" in done.stdout and str(tmp_path / "m") in done.stdout.replace("\n", "")
    assert (
        "standard deviation of a person's log likelihood" in done.stdout
    )  # no share, as limits are


def test_a_generator_without_constraint_takes_no_budget(
    salus: Run, patients: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.toml").write_text("membership = 0.1\n")
    words = ("fit", patients, "--generator", "cart", "-o", tmp_path / "m")
    done = salus(*words, "--budget", tmp_path / "b.toml")
    assert done.exit_code == 2 and "no budget" in done.stderr


def test_outputs_are_looked_at_before_the_work(salus: Run, patients: Path, tmp_path: Path) -> None:
    before = patients.read_bytes()
    assert salus("fit", patients, "-o", patients).exit_code == 2
    assert patients.read_bytes() == before
    done = salus("fit", patients, "-o", tmp_path / "nowhere" / "m")
    assert done.exit_code == 2 and "nowhere" in done.stderr
    assert salus("sample", patients, "-n", 3, "-o", tmp_path / "x.csv").exit_code == 2


def test_what_exists_is_replaced_only_by_force(
    salus: Run, patients: Path, model: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.csv"
    for words in (
        ("sample", model, "-n", 3),
        ("schema", patients),
        ("fit", patients, "--generator", "marginals"),
    ):
        kept.write_text("corrected by hand\n")
        done = salus(*words, "-o", kept)
        assert done.exit_code == 2 and "--force" in done.stderr
        assert kept.read_text() == "corrected by hand\n"
        assert salus(*words, "-o", kept, "--force").exit_code == 0
        assert kept.read_bytes() != b"corrected by hand\n"


def test_rows_are_not_written_under_a_name_of_another_format(
    salus: Run, model: Path, tmp_path: Path
) -> None:
    done = salus("sample", model, "-n", 3, "-o", tmp_path / "rows.xlsx")
    assert done.exit_code == 2 and ".parquet" in done.stderr
    assert not (tmp_path / "rows.xlsx").exists()


def test_a_model_never_takes_the_place_of_the_ledger(
    salus: Run, patients: Path, tmp_path: Path
) -> None:
    words = ("fit", patients, "--generator", "marginals", "--ledger", tmp_path / "l", "--force")
    assert salus(*words, "-o", tmp_path / "m").exit_code == 0
    for name in ("l", "l.key"):
        before = (tmp_path / name).read_bytes()
        done = salus(*words, "-o", tmp_path / name)
        assert done.exit_code == 2 and "ledger" in done.stderr
        assert (tmp_path / name).read_bytes() == before
    done = salus(*words[:-3], "--ledger", tmp_path, "-o", tmp_path / "m2")
    assert done.exit_code == 2 and "is a folder" in done.stderr
