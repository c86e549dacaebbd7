"""The frontier's page and folder: every figure there, in words too, and nothing loaded."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.report.frontier import Frontier
from salus.synth.report.frontier_chart import Spot, scatter
from salus.synth.report.frontier_page import commands, point_rows, render_frontier
from tests.synth.report.frontiers import UGLY, document, point
from tests.synth.report.test_page import LOADING, walk, words

REFUSED = {"state": "refused in training", "message": "out of reach.", "training": None}
EMPTY = {"risks": [], "utility": [], "verdict": None, "infeasible": ["out of reach."]}
SCARCE = {**EMPTY, "state": "no rows", "message": "Too few rows obey.", "infeasible": []}
KINDS = {
    "plain": document(),
    "refused": document(point(4, 0.0, 0.0, 0.0, **{**EMPTY, **REFUSED})),
    "no rows": document(point(4, 0.0, 0.0, 0.0, **SCARCE)),
    "nothing useful": document(utility=None, curves={}),
    "nothing at all": document(
        points=[point(0, None, 0.0, 0.0, **{**EMPTY, **REFUSED})],
        utility=None,
        curves={},
        anchors={},
    ),
    "large": document(
        settings={**document()["settings"], "split_seed": 3, "repeats": None},
        judged={"people learnt from": 4000, "people set apart": 1000},
    ),
    "low is good": document(
        utility={**document()["utility"], "direction": "near", "ideal": 0.5},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_page_is_well_formed_loads_nothing_and_shows_no_nan(kind: str) -> None:
    page = render_frontier(KINDS[kind])
    for tag, attributes in walk(page).tags:
        assert tag not in LOADING
        for key, value in attributes.items():
            assert not key.startswith("on") and not re.match(r"https?:|//", value or "")
    shown = words(page)
    assert not re.search(r"\b(nan|inf|None|undefined)\b", shown.replace("NaN", "nan"))
    assert "nan" not in "".join(re.findall(r'(?:cx|cy|x1|y1|x|y|d|points)="([^"]*)"', page))
    assert UGLY in shown and "<script>" not in page
    for said in KINDS[kind]["claim"]:
        assert said in shown


def plain(text: str) -> str:
    """Return a text with common blanks and minus signs."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_every_risk_has_a_picture_that_says_every_point() -> None:
    page = plain(render_frontier(document()))
    told = re.findall(
        r"<title>Prediction kept against risk: ([^<]*)</title><desc>([^<]*)</desc>", page
    )
    assert len(told) == 4
    for title, said in told:
        assert said.startswith("0 · off: risk 30 % (28 % to 32 %), use 0.95 (0.9 to 1)")
        assert "2 · 5 %: risk 2 % (0 % to 4 %), use 0.9 (0.85 to 0.95)" in said
        assert "3 · 0 %: risk 4 % (2 % to 6 %), use 0.7 (0.65 to 0.75), its budget can" in said
        assert "verbatim copy: risk 100 %" in said and "fresh real people: risk" in said
        assert ("below the limit given" in said) == (title.startswith(("Telling", "Guessing")))
    assert page.count('class="cross"') >= 4 and page.count('class="frontier-line"') == 5


def test_table_holds_each_point_with_its_verdict_and_price() -> None:
    rows = point_rows(document())
    assert [(r["number"], plain(r["label"]), r["word"]) for r in rows] == [
        (0, "off", "No limits"),
        (1, "100 %", "Met"),
        (2, "5 %", "Met"),
        (3, "0 %", "Can't be met"),
    ]
    assert rows[0]["prices"] == [] and rows[2]["prices"] == [("Average gain of members", "12.5")]
    assert rows[2]["use"] == ("0.9", "(0.85 to 0.95)")
    shown = words(render_frontier(document()))
    for row in rows:
        assert f"{row['number']} · {row['label']}" in shown
        assert all(cell["value"] in shown and cell["interval"] in shown for cell in row["risks"])
    assert "limit 0, but the nearest is 0.04." in shown


def test_only_points_that_could_be_released_have_a_command() -> None:
    told = commands(document(), folder="my dir", command=["salus", "release", "p q.csv"])
    assert [number for number, _ in told] == [1, 2]
    line = told[1][1]
    assert line.startswith("salus release 'p q.csv' --generator forest --set slack=1.0 --set ")
    assert line.endswith("--seed 1007 --budget 'my dir/budgets/02.toml' -o release-02")
    assert "--rows" not in line
    large = KINDS["large"]
    large = {**large, "table": {**large["table"], "rows": 500}}
    assert "--rows 400 --seed 3 " in commands(large, folder="d")[0][1]
    assert "no point on this page has seen" in words(render_frontier(large))


def numbers(chart: str, name: str) -> list[float]:
    return [float(v) for v in re.findall(rf'{name}="(-?[\d.]+)"', chart)]


def spots(*values: tuple[float, float], slope: float | None = None) -> list[Spot]:
    return [
        Spot(str(k), (x, x - 0.01, x + 0.01), (y, y - 0.1, y + 0.1), "good", slope)
        for k, (x, y) in enumerate(values)
    ]


def draw(points: list[Spot], **more: Any) -> str:
    asked: dict[str, Any] = {
        "names": ("risk", "use"),
        "writes": (str, str),
        "title": "t",
        "desc": "d",
    }
    return str(scatter(points, **{**asked, **more}))


def test_more_use_stands_above_and_more_risk_to_the_right() -> None:
    chart = draw(spots((0.1, 0.5), (0.3, 0.9)))
    (x1, x2), (y1, y2) = numbers(chart, "cx"), numbers(chart, "cy")
    assert x1 < x2 and y1 > y2
    turned = draw(spots((0.1, 0.5), (0.3, 0.9)), flipped=True)
    (y1, y2) = numbers(turned, "cy")
    assert y1 < y2


def test_what_lies_far_off_stands_behind_a_break() -> None:
    copy = Spot("copy", (1.0, 1.0, 1.0), (0.9, 0.9, 0.9), "anchor")
    chart = draw([*spots((0.1, 0.5), (0.12, 0.6)), copy])
    assert "far off" in chart and ">copy 1.0</text>" in chart
    assert "far off" not in draw([*spots((0.7, 0.5)), copy])
    assert max(numbers(chart, "cx")) < 360


def test_points_on_each_other_share_a_label_and_labels_do_not_cover_each_other() -> None:
    same = draw(spots((0.1, 0.5), (0.1, 0.5), (0.1, 0.5), (0.3, 0.5)))
    assert ">0–2</text>" in same and same.count("<circle") == 2
    crowd = spots(*((0.1 + k * 0.002, 0.5 + (k % 3) * 0.01) for k in range(8)))
    texts = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" class="small label"', draw(crowd))
    at = [(float(x), float(y)) for x, y in texts]
    for k, (x, y) in enumerate(at):
        assert all(abs(x - a) > 6 or abs(y - b) > 10 for a, b in at[:k])


def test_verdicts_differ_in_shape_and_numbers_are_explained() -> None:
    kinds = {"good": "circle", "open": "path", "bad": "path", "plain": "circle"}
    at = ((0.1, 0.1, 0.1), (0.5, 0.5, 0.5))
    drawn = {kind: draw([Spot("1", *at, kind, full="whole")]) for kind in kinds}
    for kind, shape in kinds.items():
        assert re.search(rf'<{shape} [^>]*class="mark {kind}"', drawn[kind])
        assert ">whole: risk 0.1" in drawn[kind]  # on pointing at it
    diamond, square = (re.findall(r"-5h10v10h-10z", drawn[k]) for k in ("open", "bad"))
    assert square and not diamond
    shown = " ".join(plain(words(render_frontier(document()))).split())
    assert re.search(r"0 ?: off ?, 1 ?: 100 % ?, 2 ?: 5 % ?, 3 ?: 0 % ?\.", shown)


def test_a_tangent_has_the_slope_of_its_price() -> None:
    chart = draw(spots((0.1, 0.5), (0.3, 0.9), slope=2.0))
    marks = list(zip(numbers(chart, "cx"), numbers(chart, "cy"), strict=True))
    wanted = (marks[1][1] - marks[0][1]) / (
        marks[1][0] - marks[0][0]
    )  # the points lie on such a line
    found = re.findall(r'<line x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)" class="tangent"', chart)
    assert len(found) == 2
    for line in found:
        x1, y1, x2, y2 = map(float, line)
        assert (y2 - y1) / (x2 - x1) == pytest.approx(wanted, rel=0.01)


def test_the_folder_holds_figures_page_and_budgets(tmp_path: Path) -> None:
    out, done = tmp_path / "out", Frontier(document())
    assert repr(done) == "Frontier(4 points)" and set(done.anchors) == set(document()["anchors"])
    done.write(out, command=["salus", "release", "patients.csv"])
    assert json.loads((out / "frontier.json").read_text()) == document()
    assert "salus release patients.csv --generator" in (out / "frontier.html").read_text()
    for one in done.points:
        path = out / "budgets" / f"{one['number']:02d}.toml"
        assert Budget.read(path) == done.budget(one["number"])
    off = tomllib.loads((out / "budgets" / "00.toml").read_text())
    assert set(off.values()) == {"off"}
    with pytest.raises(OptionError, match="no point 9"):
        done.budget(9)
    assert done.picked(2) == {
        "generator": "forest",
        "options": {"slack": 1.0, "way": UGLY},
        "budget": done.budget(2),
        "n": 400,
        "seed": 1007,
    }
    with pytest.raises(OptionError, match="no finished point 9"):
        done.picked(9)
    done.write(out)  # the same again
    other = Frontier(document(point(4, 0.01, 0.01, 0.8)))
    with pytest.raises(OptionError, match="holds another frontier"):
        other.write(out)
    other.write(out, force=True)
    assert len(json.loads((out / "frontier.json").read_text())["points"]) == 5
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="can't be made"):
        done.write(tmp_path / "file")
