from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.synth.cli.main import call
from salus.synth.errors import Infeasible, OptionError, TooFewPeople

Run = Callable[..., Any]
SECRET = "secret-cell-4711"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    def fail_with(error: BaseException) -> None:
        def broken(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("salus.synth.table.files.read_frame", broken)

    return fail_with


def test_help_and_version_name_every_verb(salus: Run) -> None:
    shown = salus("--help").stdout
    for verb in ("release", "demo", "schema", "fit", "sample", "audit", "report"):
        assert verb in shown
    assert salus("--version").stdout.startswith("salus ")


def test_help_is_wrapped_for_the_screen_and_not_as_the_code_is(salus: Run) -> None:
    shown = [line.strip() for line in salus("release", "--help").stdout.splitlines()]
    (begin,) = (k for k, line in enumerate(shown) if line.startswith("Learns the table"))
    assert len(shown[begin]) > 60 and len(shown[begin + 1]) > 60


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; import salus.synth.cli.main; "
        "print(sorted({'numpy', 'pandas', 'sklearn', 'scipy', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OptionError("wrong option."), 2),
        (TooFewPeople("too few."), 4),
        (Infeasible("out of reach."), 3),
        (OSError(28, "No space left on device"), 2),
        (RuntimeError(SECRET), 1),
        (ValueError(SECRET), 1),
        (KeyError(SECRET), 1),
        (MemoryError(), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, BaseException) else str(v),
)
def test_each_error_has_its_status_and_one_line(
    salus: Run, failing: Callable[[BaseException], None], error: BaseException, status: int
) -> None:
    failing(error)
    done = salus("schema", "t.csv")
    assert done.exit_code == status
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr and SECRET not in done.stderr
    if status == 1 and not isinstance(error, MemoryError):
        assert "--debug" in done.stderr


def test_debug_shows_the_traceback(salus: Run, failing: Callable[[BaseException], None]) -> None:
    failing(RuntimeError("deep down"))
    done = salus("schema", "t.csv", "--debug")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr and "deep down" in done.stderr


def test_an_error_is_json_where_json_was_asked_for(salus: Run) -> None:
    done = salus("schema", "absent.csv", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == told["status"] == 2
    assert "error" in told and "absent.csv" in told["message"]
    assert done.stderr == ""


def test_a_wrong_command_line_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["fit", "--wrong"]) == 2
    assert capsys.readouterr().out == ""
    assert call(["fit", "--wrong", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["status"] == 2
    assert call(["--version"]) == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 2),
        (b"a,b\n", 2),
        (b"a,b\n1,2\n", 4),
        (b"\xff\xfe\x00\xd8\x00", 2),
        (b"\x00\x01\x02", 2),
    ],
    ids=["empty", "header only", "one row", "undecodable", "binary"],
)
def test_bad_tables_end_clearly(salus: Run, tmp_path: Path, content: bytes, status: int) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    out = tmp_path / "m"
    done = salus("fit", path, "-o", out)
    assert done.exit_code == status, done.stderr
    assert done.stderr.startswith("salus: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]


@pytest.mark.parametrize("outcome", ["absent", "constant"])
def test_an_outcome_must_exist_and_vary(salus: Run, tmp_path: Path, outcome: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("age,constant\n" + "".join(f"{20 + i % 50},x\n" for i in range(80)))
    done = salus("release", path, "--outcome", outcome, "-o", tmp_path / "out")
    assert done.exit_code == 2 and outcome in done.stderr
    assert not (tmp_path / "out").exists()
