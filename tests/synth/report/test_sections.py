"""Each new section: limits first, then what has none; nothing decides that should not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from salus.synth.report import card, render
from salus.synth.report.attackers import attack_grid, attackers, exceeds
from salus.synth.report.groups import group_grids
from salus.synth.report.history import earlier_grid
from salus.synth.report.models import four_ways, model_grids
from salus.synth.report.power import chances, power_chart
from salus.synth.report.sections import sections
from salus.synth.report.summary import complete
from tests.synth.report.test_page import words


def find(summary: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in summary["audit"]["findings"] if f["name"] == name)
    return found


def test_sections_stand_in_the_order_of_weight(everything: dict[str, Any]) -> None:
    text = words(render(everything))
    order = [
        "Teaching survival analysis",
        "Privacy: what an attacker gains",
        "Measured without a limit",
        "What this audit would have found",
        "Subgroups",
        "What privacy cost",
        "Use: do models",
        "Published analyses",
        "Likeness:",
        "Clinical rules",
        "For comparison only",
        "Earlier releases",
        "Decisions taken",
        "Technical appendix",
    ]
    places = [text.index(title) for title in order]
    assert places == sorted(places)


def test_what_has_no_limit_is_not_drawn_as_judged(everything: dict[str, Any]) -> None:
    shown = sections(complete(everything))
    assert all(row["limit"] is not None for row in shown["privacy"])
    assert [r["finding"]["name"] for r in shown["measured"]][:2] == [
        "membership.tpr_at_01pct",
        "membership.worst_group",
    ]
    assert shown["measured"][0]["beside"] == ["0.2\xa0%", "98\xa0%"]
    assert len(re.findall('<article class="finding', render(everything))) == 5


def test_a_report_without_the_new_parts_has_no_heading_for_them(released: dict[str, Any]) -> None:
    text = words(render(released))
    for title in ("Subgroups", "would have found", "For comparison", "Earlier", "Published"):
        assert title not in text


def test_each_attack_stands_with_its_area_the_strongest_first(everything: dict[str, Any]) -> None:
    grid = attack_grid(find(everything, "membership.advantage"))
    assert grid is not None
    assert grid.head == ("Attack", "Figure", "Interval", "AUC", "its interval")
    assert grid.rows[0] == (
        "density ratio",
        "1.8\xa0%",
        "−1\xa0% to 4.1\xa0%",
        "0.511",
        "0.49 to 0.54",
    )


def test_attacks_of_older_reports_are_read(released: dict[str, Any]) -> None:
    grid = attack_grid(find(released, "copies.exact"))
    assert grid is not None
    assert grid.head == ("Attack", "Figure")
    assert attack_grid(find(released, "utility.f1")) is None


def test_attackers_are_told_with_their_knowledge(everything: dict[str, Any]) -> None:
    found = attackers(everything["audit"]["findings"], everything["audit"]["context"])
    told = {a.attacks: a for a in found if "other people" in a.knows}
    assert told[("density ratio",)].knows.startswith("Holds the synthetic table, and records")
    assert told[("density ratio",)].says["density ratio"].startswith("log density")
    assert "Knows neither the model" in told[("nearest distance",)].knows
    questions = [a.question for a in attackers(everything["audit"]["findings"])]
    assert "Which condition holds for one person alone?" in questions


def test_who_refits_or_holds_the_model_is_not_said_to_hold_the_table_alone(
    everything: dict[str, Any],
) -> None:
    plain = find(everything, "membership.advantage")
    names = ("membership.refits.advantage", "membership.model.advantage", "membership.advantage")
    context = {"attacks": {"density ratio": {"knowledge": "the synthetic table", "says": "ratio"}}}
    plain["detail"]["attacks"] = {"density ratio": 0.01}
    refits, model, table = (plain | {"name": name} for name in names)
    found = attackers([refits, model, table], context)
    assert [a.question.partition("?")[2].strip() for a in found] == [
        "",
        "With refits",
        "From the model",
    ]
    assert found[0].knows == "Holds the synthetic table."
    assert "the generator" in found[1].knows and "fitted model" in found[2].knows


def test_an_attack_above_the_figure_is_explained(everything: dict[str, Any]) -> None:
    finding = find(everything, "membership.advantage")
    finding["detail"]["attacks"] = {"a": finding["result"]["value"]}
    assert not exceeds(finding)
    finding["detail"]["attacks"]["b"] = finding["result"]["value"] + 0.01
    assert exceeds(finding)
    assert "partly luck" in words(render(everything))


def test_the_unit_of_the_price_is_told(released: dict[str, Any]) -> None:
    assert "log likelihood" not in words(render(released)) + card(released)
    for entry, name in zip(released["price"], ("membership gap", "membership tail")):
        entry["name"] = name
    released["price"] = released["price"][:2]
    assert "standard deviation of a person's log likelihood" in words(render(released))
    assert "standard deviation of a person's log likelihood" in card(released)


def test_a_leak_is_named_in_full_and_an_error_is_called_one(everything: dict[str, Any]) -> None:
    leak = "10 % of the people remembered with noise"
    rows = [
        {"leak": "no leak", "found": 0.05, "released": 0.9},
        {"leak": leak, "found": 1.0, "released": 0.0, "by": "copies.exact"},
    ]
    everything["audit"]["context"]["power"] = rows
    assert f">{leak}</text>" in power_chart(chances(complete(everything)))
    assert "refused without one" in words(render(everything))


def test_power_is_said_of_a_hundred_audits(everything: dict[str, Any]) -> None:
    none, few, all_of_them = chances(complete(everything))
    assert none.harmless and none.sentence == (
        "With no leak, 79 of 100 audits like this one would have let the table pass, 20 could not "
        "have decided, 1 would have refused it wrongly."
    )
    assert few.sentence == (
        "With 1 % of the people copied, 47 of 100 audits like this one would have refused the "
        "table, 43 could not have decided, 10 would have let it pass."
    )
    assert few.by == "Exact copies of a patient"
    assert all_of_them.sentence.endswith(
        "100 of 100 audits like this one would have refused the table."
    )
    assert "About 2\u202f400 people would find it" in words(render(everything))


@pytest.mark.parametrize("power", [None, [], [{"leak": "x"}], ["x"], [{"leak": "x", "found": 0.4}]])
def test_incomplete_power_is_read_as_far_as_it_goes(
    released: dict[str, Any], power: list[Any] | None
) -> None:
    released["audit"]["context"]["power"] = power
    rows = chances(complete(released))
    assert len(rows) == (power == [{"leak": "x", "found": 0.4}])
    assert "<svg" in power_chart(rows)
    render(released)


def test_a_chance_below_one_in_a_hundred_is_not_none(released: dict[str, Any]) -> None:
    released["audit"]["context"]["power"] = [{"leak": "x", "found": 0.997, "released": 0.003}]
    (row,) = chances(complete(released))
    assert "more than 99 of 100" in row.sentence
    assert "fewer than 1 would have let it pass" in row.sentence


def test_groups_stand_beside_everybody_else(everything: dict[str, Any]) -> None:
    private, useful = group_grids(everything["audit"]["findings"])
    assert private.head[2:] == ("Everybody else", "Gap (interval)")
    assert private.rows[0][0] == "sex = f" and "4\xa0%" in private.rows[0][3]
    assert private.rows[1][1] == "fewer than 20 people on one side"
    assert useful.head == (
        "Group",
        "TSTR",
        "TRTR",
        "Lost here",
        "Lost by everybody else",
        "Worse off by (interval)",
    )
    assert useful.rows[0][-1] == "0.02 (−0.03 to 0.07)"


def test_the_ways_to_learn_and_test_stand_side_by_side(everything: dict[str, Any]) -> None:
    findings = everything["audit"]["findings"]
    grid = four_ways(findings)
    assert grid is not None
    assert grid.head == ("Score", "TSTR", "TRTR", "TRTS")
    assert grid.rows == (
        ("AUC", "0.85 (0.82 to 0.88)", "0.87 (0.85 to 0.89)", "0.88 (0.85 to 0.91)"),
    )
    (models,) = model_grids(findings)
    assert models.head == ("Model", "TSTR", "TRTR", "TRTS")
    assert models.rows[0] == (
        "logistic regression",
        "0.85 (0.8 to 0.9)",
        "0.87 (0.8 to 0.9)",
        "0.88",
    )


def test_an_analysis_is_tabled_once_for_all_its_figures(everything: dict[str, Any]) -> None:
    ((formula, grid),) = sections(complete(everything))["analyses"]
    assert formula == "death ~ age + bili"
    assert grid.rows[0][:3] == ("age", "0.4 (0.2 to 0.6)", "0.1 (−0.1 to 0.3)")
    assert "absent" not in grid.head


def test_earlier_releases_are_read_from_either_place(everything: dict[str, Any]) -> None:
    grid = earlier_grid(complete(everything))
    assert grid is not None and grid.rows == (("2025-03-01", "pbc-2024.csv", "RELEASED"),)
    moved = complete(everything) | {"earlier": []}
    moved["audit"]["context"]["earlier"] = {"a.csv": {"verdict": "RELEASED"}}
    grid = earlier_grid(moved)
    assert grid is not None and grid.rows == (("a.csv", "RELEASED"),)


def test_a_report_of_before_these_parts_still_loads(released: dict[str, Any]) -> None:
    old = json.loads(json.dumps(complete(released)))
    for key in ("purpose", "earlier", "ledger"):
        del old[key]
    assert complete(old) == complete(released)
    assert render(old) == render(released)
