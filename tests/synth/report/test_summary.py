"""The dictionary of the report: completed, checked, written whole or not at all."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.errors import BadInput, OptionError
from salus.synth.measure.estimate import Estimate
from salus.synth.report import read_summary, summarise, write_summary
from salus.synth.report.pooling import pool_column
from salus.synth.report.summary import complete, replace_text


def one_finding(verdict: Verdict) -> Audit:
    finding = Finding(
        name="copies.exact",
        group="privacy",
        title="Copies",
        meaning="",
        limit=0.01,
        result=Estimate(0.0, 0.0, 0.5, 9, "exact"),
        verdict=verdict,
        detail={"needed": 700},
    )
    return Audit(findings=(finding,), subject="the table")


def test_written_and_read_summary_is_the_same(any_summary: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    write_summary(any_summary, path)
    assert read_summary(path) == complete(any_summary)
    assert list(tmp_path.iterdir()) == [path]


def test_completing_twice_changes_nothing(any_summary: dict[str, Any]) -> None:
    once = complete(any_summary)
    assert complete(once) == once


def test_file_is_json_with_sorted_keys(released: dict[str, Any], tmp_path: Path) -> None:
    write_summary(released, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        (Verdict.MET, "LIMITS MET"),
        (Verdict.NOT_MET, "LIMITS NOT MET"),
        (Verdict.CANNOT_BE_JUDGED, "CANNOT BE JUDGED"),
    ],
)
def test_audit_alone_has_verdicts_of_its_own(judged: Verdict, said: str) -> None:
    summary = summarise(audit=one_finding(judged))
    assert summary["verdict"] == said
    assert summary["headline"] and summary["next"] and summary["claim"]


def test_people_needed_are_named() -> None:
    summary = summarise(audit=one_finding(Verdict.CANNOT_BE_JUDGED))
    assert "700" in " ".join(summary["next"])


@pytest.mark.parametrize("verdict", ["RELEASED", "LIMITS MET"])
@pytest.mark.parametrize("judged", [Verdict.NOT_MET, Verdict.CANNOT_BE_JUDGED])
def test_a_yes_against_the_findings_is_refused(verdict: str, judged: Verdict) -> None:
    with pytest.raises(OptionError, match="contradicts"):
        summarise(audit=one_finding(judged), verdict=verdict)


def test_a_yes_without_findings_is_refused() -> None:
    with pytest.raises(OptionError, match="contradicts"):
        summarise(audit=Audit(findings=(), subject="the table"), verdict="RELEASED")


def test_a_yes_is_checked_by_finding_and_not_by_the_audits_own_word() -> None:
    audit = one_finding(Verdict.NOT_MET).to_dict() | {"verdict": "MET"}
    with pytest.raises(OptionError, match=r"copies\.exact"):
        summarise(audit=audit, verdict="RELEASED")


@pytest.mark.parametrize("bad", [math.nan, math.inf, np.float64("nan"), np.array([1.0, np.nan])])
def test_numbers_that_are_not_finite_are_refused_by_place(bad: Any) -> None:
    with pytest.raises(OptionError, match=r"manifest\.x.* not a finite number"):
        summarise(audit=one_finding(Verdict.MET), manifest={"x": bad})


def test_nan_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text('{"audit": {"findings": []}, "manifest": {"x": NaN}}', encoding="utf-8")
    with pytest.raises(OptionError, match=r"manifest\.x"):
        read_summary(path)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "FINE"},
        {"format": "salus-audit/9"},
        {"surprise": 1},
        {"price": {}},
        {"audit": {}},
        {"audit": {"findings": [{"name": "x", "group": "privacy", "result": {}}]}},
        {"audit": {"findings": [{"name": "x"}]}},
        {"audit": {"findings": [], "verdict": "PERHAPS"}},
        {"manifest": {"x": object()}},
    ],
)
def test_wrong_dictionaries_are_refused(released: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        complete(released | change)


@pytest.mark.parametrize("text", ["", "{", "[]", "\ufeffx"])
def test_unreadable_files_are_bad_input(text: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"audit\.json"):
        read_summary(path)
    with pytest.raises(BadInput, match="there is no report"):
        read_summary(tmp_path / "absent.json")


@pytest.mark.parametrize("text", ["x", '{"columns": []}', '{"audit": 3}'])
def test_another_file_is_called_no_report(text: str, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"schema\.json' is no report of Salus.*audit\.json"):
        read_summary(path)
    with pytest.raises(BadInput, match="directory"):
        read_summary(tmp_path)


@pytest.mark.parametrize(("passed", "said"), [(0.03, True), (0.8, False)])
def test_where_no_table_would_pass_another_one_is_no_advice(passed: float, said: bool) -> None:
    audit = one_finding(Verdict.NOT_MET)
    audit.context["power"] = [{"leak": "no leak", "found": 0.01, "released": passed}]
    steps = " ".join(summarise(audit=audit)["next"])
    assert ("would pass 3 of 100 audits like this one" in steps) is said


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.json"
    path.write_text("old", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        replace_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_bad_input(released: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be written"):
        write_summary(released, tmp_path / "absent" / "audit.json")


def test_numpy_values_become_plain() -> None:
    table = {"rows": np.int64(9), "columns": np.array(["a", "b"]), "ok": np.bool_(True)}
    assert summarise(audit=one_finding(Verdict.MET), table=table)["table"] == {
        "rows": 9,
        "columns": ["a", "b"],
        "ok": True,
    }


counts = st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(lambda c: sum(c) >= 5)


@settings(deadline=None)
@given(counts=counts, levelled=st.booleans())
def test_no_picture_shows_fewer_than_five_people(counts: list[int], levelled: bool) -> None:
    people = sum(counts)
    real = [c / people for c in counts]
    column: dict[str, Any] = {"name": "x", "real": real, "synthetic": real[::-1]}
    if levelled:
        column["labels"] = [str(k) for k in range(len(counts))]
    else:
        column["edges"] = list(range(len(counts) + 1))
    pooled = pool_column(column, people, 5)
    seen = [round(v * people, 6) for v in pooled["real"]]
    assert all(count == 0 or count >= 5 for count in seen)
    assert math.isclose(sum(pooled["real"]), 1.0)
    assert math.isclose(sum(pooled["synthetic"]), sum(column["synthetic"]))
    assert len(pooled["synthetic"]) == len(pooled["real"])
    if levelled:
        assert len(pooled["labels"]) == len(pooled["real"])
    else:
        assert len(pooled["edges"]) == len(pooled["real"]) + 1
        assert pooled["edges"][0] == 0 and pooled["edges"][-1] == len(counts)


def test_a_rare_level_is_not_named(released: dict[str, Any]) -> None:
    column = {
        "name": "x",
        "labels": ["many", "some", "the rare one"],
        "real": [0.8, 0.195, 0.005],
        "synthetic": [0.8, 0.2, 0.0],
    }
    summary = summarise(
        audit=released["audit"], table={"people": 200}, pictures={"columns": [column]}
    )
    assert "the rare one" not in json.dumps(summary)
