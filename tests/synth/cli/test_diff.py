"""``salus diff``: folders or files, text or JSON, and bad input told as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.cli.diff import diff
from salus.synth.cli.exits import BAD_INPUT, status_of
from salus.synth.errors import SalusError
from salus.synth.measure.estimate import Estimate
from salus.synth.report import summarise, write_summary


def folder(path: Path, value: float) -> Path:
    finding = Finding(
        name="membership.advantage",
        group="privacy",
        title="Membership",
        meaning="",
        result=Estimate(value, value - 0.01, value + 0.01, 100, "bootstrap"),
        limit=0.05,
        verdict=Verdict.MET,
    )
    path.mkdir()
    audit = Audit(findings=(finding,), subject="the table")
    write_summary(summarise(audit=audit, table={"rows": 90}), path / "audit.json")
    return path


def test_two_releases_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = folder(tmp_path / "a", 0.01), folder(tmp_path / "b", 0.035)
    assert diff(a, b / "audit.json") == 0
    told = capsys.readouterr().out
    assert "The verdict is the same: LIMITS MET." in told
    assert "worse" in told and "Membership" in told


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = folder(tmp_path / "a", 0.01)
    assert diff(a, a, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"] is True and told["status"] == 0 and told["a"] == str(a)


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = folder(tmp_path / "a", 0.01)
    assert diff(a, a, quiet=True) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("made", ["absent", "empty", "broken", "other"])
def test_bad_input_is_told_as_such(tmp_path: Path, made: str) -> None:
    good, bad = folder(tmp_path / "good", 0.01), tmp_path / made
    if made != "absent":
        bad.mkdir()
    if made == "broken":
        (bad / "audit.json").write_text("{")
    if made == "other":
        (bad / "audit.json").write_text('{"hello": 1}')
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(SalusError) as caught:
            diff(*pair)
        assert status_of(caught.value) == BAD_INPUT
