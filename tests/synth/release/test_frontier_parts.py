"""The parts of a sweep that need no fit: kept points, limits below fresh people, the best points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from salus.synth.audit.finding import Finding, Verdict
from salus.synth.measure.estimate import Estimate
from salus.synth.release.frontier_document import document_of
from salus.synth.release.frontier_points import below_fresh_people
from salus.synth.release.frontier_store import Store
from tests.synth.report.frontiers import document, point


def test_a_point_of_other_settings_is_judged_again(tmp_path: Path) -> None:
    old = Store(tmp_path / "old", {"seed": 1})
    assert old.write("00", {"number": 0}) == {"number": 0} == old.read("00")
    new = Store(tmp_path / "new", {"seed": 2})
    stray = (tmp_path / "old" / "points" / "00.json").read_text()
    (tmp_path / "new" / "points" / "00.json").write_text(stray)
    assert new.read("00") is None


def finding(limit: float | None, verdict: Verdict | None) -> Finding:
    return Finding(
        name="copies.near",
        group="privacy",
        title="Near copies",
        meaning="",
        result=Estimate(0.05, 0.03, 0.07, 100, "by person"),
        ideal=0.0,
        limit=limit,
        verdict=verdict,
    )


@pytest.mark.parametrize(
    ("limit", "verdict", "said"),
    [
        (
            0.02,
            Verdict.NOT_MET,
            "who leak nothing, already show 0.05. The nearest that could be met ",
        ),
        (0.0, Verdict.NOT_MET, "who leak nothing, already show 0.05"),
        (0.04, Verdict.CANNOT_BE_JUDGED, ""),
        (0.02, Verdict.MET, ""),
        (None, None, ""),
    ],
)
def test_a_limit_that_fresh_people_break_is_told_with_the_nearest(
    limit: float | None, verdict: Verdict | None, said: str
) -> None:
    fresh = {"copies.near": {"value": 0.05, "low": 0.03, "high": 0.07}}
    told = below_fresh_people([finding(limit, verdict)], fresh)
    assert len(told) == bool(said)
    assert all(said in one and one.startswith(f"Near copies: limit {limit:g}, but") for one in told)
    assert all(one.endswith("about 0.07.") for one in told)
    assert below_fresh_people([finding(0.02, Verdict.NOT_MET)], {}) == []


def curves(*points: dict[str, Any]) -> dict[str, list[int]]:
    made = document()
    whole = document_of(
        made["settings"],
        points,
        made["anchors"],
        lead="membership",
        table=made["table"],
        judged=made["judged"],
        went_out=0,
    )
    out: dict[str, list[int]] = whole["curves"]
    return out


def test_a_curve_joins_the_points_that_no_other_beats_from_the_safest_on() -> None:
    found = curves(
        point(0, None, 0.30, 0.95),
        point(1, 0.4, 0.20, 0.80),  # more risk and less use than the next
        point(2, 0.2, 0.10, 0.90),
        point(3, 0.1, 0.05, 0.99, infeasible=["out of reach."]),
    )
    assert found["copies.exact"] == [2, 0]
