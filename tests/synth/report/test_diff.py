"""What changed between two reports: never noise, always a verdict, in words that hold."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import OptionError
from salus.synth.report.changes import WORDS, change_of
from salus.synth.report.diff import diff, diff_lines

thousandths = st.integers(-1000, 1000).map(lambda k: k / 1000)
figure = st.lists(thousandths, min_size=3, max_size=3).map(
    lambda v: dict(zip(("low", "value", "high"), sorted(v), strict=True))
)
direction = st.sampled_from(["low", "high", "near"])
OTHER = {"better": "worse", "worse": "better", "now known": "no longer known"}


def of(value: float, half: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


@pytest.mark.parametrize(
    ("a", "b", "way", "ideal", "said"),
    [
        (of(0.1), of(0.2), "low", 0.0, "worse"),
        (of(0.2), of(0.1), "low", 0.0, "better"),
        (of(0.1), of(0.2), "high", 1.0, "better"),
        (of(0.9), of(0.6), "near", 0.5, "better"),
        (of(0.45), of(0.9), "near", 0.5, "worse"),
        (of(0.25, 0), of(0.75, 0), "near", 0.5, "changed"),
        (of(0.1), of(0.2), "near", None, "changed"),
        (of(0.1), of(0.119), "low", 0.0, "within noise"),
        (of(0.1, 0), of(0.2, 0), "low", 0.0, "worse"),
        (of(0.1), of(0.1), "low", 0.0, "same"),
        ({"cannot_judge": "few"}, of(0.1), "low", 0.0, "now known"),
        (of(0.1), {"cannot_judge": "few"}, "low", 0.0, "no longer known"),
        ({"cannot_judge": "few"}, {"cannot_judge": "other"}, "low", 0.0, "same"),
    ],
)
def test_a_change_has_its_word(
    a: dict[str, Any], b: dict[str, Any], way: str, ideal: float | None, said: str
) -> None:
    assert change_of(a, b, way, ideal) == said


@settings(deadline=None)
@given(a=figure, b=figure, way=direction, ideal=st.none() | thousandths)
def test_overlapping_intervals_are_never_a_change(
    a: dict[str, float], b: dict[str, float], way: str, ideal: float | None
) -> None:
    word = change_of(a, b, way, ideal)
    overlap = a["low"] <= b["high"] and b["low"] <= a["high"]
    assert (word in ("within noise", "same")) == overlap
    assert change_of(b, a, way, ideal) == OTHER.get(word, word)


def test_a_report_is_the_same_as_itself(any_summary: dict[str, Any]) -> None:
    found = diff(any_summary, any_summary)
    assert found["same"] and not found["verdict"]["changed"]
    assert {f["change"] for f in found["findings"]} <= {"same"}
    for key in ("limits", "table", "settings", "versions", "hashes", "appeared", "disappeared"):
        assert found[key] == [], key
    assert len(diff_lines(found)) == 2


def test_all_that_changed_is_told(released: dict[str, Any], refused: dict[str, Any]) -> None:
    second = copy.deepcopy(refused)
    second["manifest"] |= {
        "versions": {"salus": "0.2.0"},
        "sha256": {"synthetic.csv": "ab" * 32},
        "seeds": {"split": 8, "sample": 8},
    }
    second["table"] |= {"rows": 500}
    second["pictures"]["columns"][0]["name"] = "creatinine"
    second["audit"]["findings"][0]["limit"] = 0.1
    gone = second["audit"]["findings"].pop()
    second["audit"]["findings"].append(gone | {"name": "clinical.new"})
    found = json.loads(json.dumps(diff(released, second)))
    assert found["verdict"] == {"a": "RELEASED", "b": "REFUSED", "changed": True}
    first = found["findings"][0]
    assert (first["name"], first["change"]) == ("membership.advantage", "worse")
    assert first["verdict_changed"] and first["limit_changed"]
    assert found["limits"] == [{"name": "membership.advantage", "a": 0.05, "b": 0.1}]
    assert found["versions"] == [{"name": "salus", "a": None, "b": "0.2.0"}]
    assert {"name": "seeds › split", "a": 7, "b": 8} in found["settings"]
    assert found["hashes"][0]["name"] == "synthetic.csv"
    assert {"name": "rows", "a": 418, "b": 500} in found["table"]
    assert found["columns"]["added"] == ["creatinine"]
    assert found["columns"]["left out"] == [released["pictures"]["columns"][0]["name"]]
    assert [f["name"] for f in found["appeared"]] == ["clinical.new"]
    assert [f["name"] for f in found["disappeared"]] == [gone["name"]]
    text = "\n".join(diff_lines(found, names=("march", "april")))
    assert text.startswith("march → april\nThe verdict changed from RELEASED to REFUSED.")
    for said in (
        "worse",
        "limit 5\xa0% → 10\xa0%",
        "MET → NOT MET",
        "Columns added",
        "abababababab…",
    ):
        assert said in text, said
    assert "ab" * 32 not in text


def test_a_verdict_that_tips_within_noise_is_called_noise(
    released: dict[str, Any], unjudged: dict[str, Any]
) -> None:
    found = diff(released, unjudged)
    tipped = [f for f in found["findings"] if f["verdict_changed"] and f["name"] != "copies.exact"]
    assert tipped
    assert {f["change"] for f in tipped} == {"within noise"}
    lines = [line for line in diff_lines(found) if "MET → CANNOT BE JUDGED" in line]
    assert len(lines) >= len(tipped)


def test_the_headline_counts_every_figure(
    released: dict[str, Any], everything: dict[str, Any]
) -> None:
    found = diff(released, everything)
    count = sum(f["change"] == "same" for f in found["findings"])
    assert f"{count} {WORDS['same']}" in found["headline"]
    assert f"{len(found['appeared'])} appeared" in found["headline"]


def test_budgets_are_compared_where_both_are_known(released: dict[str, Any]) -> None:
    one, other = copy.deepcopy(released), copy.deepcopy(released)
    one["manifest"]["budget"] = {"membership": 0.05, "linkage": None}
    other["manifest"]["budget"] = {"membership": 0.05, "linkage": 0.1}
    assert diff(one, other)["limits"] == [{"name": "linkage", "a": None, "b": 0.1}]


def test_what_is_no_report_is_refused(released: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        diff(released, {"hello": 1})
