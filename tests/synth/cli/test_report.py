"""``salus report`` and the lines of a terminal: views of the same dictionary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.cli.lines import verdict_lines
from salus.synth.measure.estimate import Estimate
from salus.synth.report import summarise, write_summary

POWER = [{"leak": "5 % of the people copied", "found": 0.97, "released": 0.01, "by": "copies"}]


@pytest.fixture
def summary() -> dict[str, Any]:
    finding = Finding(
        name="copies",
        group="privacy",
        title="Copies",
        meaning="",
        result=Estimate(0.0, 0.0, 0.01, 100, "exact"),
        limit=0.05,
        verdict=Verdict.MET,
    )
    return summarise(audit=Audit(findings=(finding,), subject="it", context={"power": POWER}))


def test_a_terminal_is_told_what_would_have_been_found(summary: dict[str, Any]) -> None:
    lines = verdict_lines(summary)
    assert lines[0].startswith("LIMITS MET")
    assert any("0\xa0% (0\xa0% to 1\xa0%)" in line for line in lines)
    said = next(line for line in lines if "5 % of the people copied" in line)
    assert "97 of 100 audits like this one would have refused the table" in said
    del summary["audit"]["context"]["power"]
    assert "What this audit would have found:" not in verdict_lines(summary)


@pytest.mark.parametrize("name", ["card.md", "page.html"])
def test_a_purpose_can_be_given_with_the_view(
    summary: dict[str, Any], name: str, tmp_path: Path, salus: Callable[..., Any]
) -> None:
    write_summary(summary, tmp_path / "audit.json")
    done = salus(
        "report", tmp_path / "audit.json", "-o", tmp_path / name, "--purpose", "For a course."
    )
    assert done.exit_code == 0, done.stderr
    assert "For a course." in (tmp_path / name).read_text(encoding="utf-8")
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["purpose"] == ""


def test_a_page_is_written_from_the_folder_under_a_name_that_says_what_it_is(
    summary: dict[str, Any], tmp_path: Path, salus: Callable[..., Any]
) -> None:
    write_summary(summary, tmp_path / "audit.json")
    assert salus("report", tmp_path, "-o", tmp_path / "page.html").exit_code == 0
    again = salus("report", tmp_path, "-o", tmp_path / "page.html")
    assert again.exit_code == 2 and "--force" in again.stderr
    assert salus("report", tmp_path, "-o", tmp_path / "page.html", "--force").exit_code == 0
    done = salus("report", tmp_path, "-o", tmp_path / "page.txt")
    assert done.exit_code == 2 and ".html" in done.stderr
    assert not (tmp_path / "page.txt").exists()
