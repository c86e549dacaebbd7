"""The release card: short, complete, and safe against names that look like Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salus.synth.report import card, write_card


def test_card_begins_with_the_verdict(any_summary: dict[str, Any]) -> None:
    lines = card(any_summary).splitlines()
    assert lines[0].startswith("# ")
    assert lines[2].startswith("**")


def test_card_tells_limits_and_what_is_not_claimed(refused: dict[str, Any]) -> None:
    text = card(refused)
    assert text.startswith("# Refused: pbc.csv")
    assert "Not met" in text and "What this does not claim" in text and "What privacy cost" in text
    assert len(text.splitlines()) < 120


def test_card_is_a_data_protection_document(everything: dict[str, Any]) -> None:
    text = card(everything)
    order = [
        "# Released: pbc.csv",
        "## What to do next",
        "## Purpose",
        "Teaching survival analysis to students.",
        "## Unit of privacy",
        "418 people, 500 rows: 1.2 rows on average.",
        "## Attackers",
        "Attacks: density ratio.",
        "## Who was seen by what",
        "random half of the people",
        "## Privacy limits",
        "## Privacy measured without a limit",
        "## Subgroups",
        "## What this audit would have found",
        "47 of 100 audits like this one would have refused",
        "## What privacy cost",
        "they decide nothing",
        "## Earlier releases of the same people",
        "pbc-2024.csv",
        "## What this does not claim",
        "## How it was made",
        "- SHA-256 of synthetic.csv: `9f9f",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert len(text.splitlines()) < 220  # three pages


def test_what_is_not_known_is_said(released: dict[str, Any], audit_only: dict[str, Any]) -> None:
    text = card(released)
    assert "Not stated. The steward should say" in text
    assert "None is known to this report." in text
    assert "would have found" not in text
    assert card(audit_only).startswith("# Limits met")


def test_floors_stand_beside_figures(released: dict[str, Any]) -> None:
    line = next(x for x in card(released).splitlines() if "Was this person" in x and "5\xa0%" in x)
    assert line.split(" | ")[3] == "0.2\xa0%"


def test_parts_are_told_for_an_audit_alone(audit_only: dict[str, Any]) -> None:
    audit_only["audit"]["context"] = {
        "train_people": 2500,
        "holdout_people": 2500,
        "reference_people": 0,
        "synthetic_rows": 5000,
    }
    text = card(audit_only)
    assert "2\u202f500 people: the table was made from them." in text
    assert "its maker never saw them" in text
    assert "known to the attackers" not in text


def test_tables_have_as_many_cells_in_each_row(any_summary: dict[str, Any]) -> None:
    width = None
    for line in card(any_summary).splitlines():
        if not line.startswith("| "):
            width = None
            continue
        cells = line.replace("\\|", "").count("|")
        assert width in (None, cells), line
        width = cells


def test_names_cannot_change_the_layout(ugly: dict[str, Any]) -> None:
    text = card(ugly)
    assert "<script" not in text and "</style>" not in text
    assert all(x.startswith("## ") or "##" not in x for x in text.splitlines())
    assert "&lt;script&gt;" in text


def test_write_card(released: dict[str, Any], tmp_path: Path) -> None:
    write_card(released, tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == card(released)
