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
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_write_card(released: dict[str, Any], tmp_path: Path) -> None:
    write_card(released, tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == card(released)
