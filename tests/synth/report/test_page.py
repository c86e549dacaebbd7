"""The page: complete, self-contained, escaped, and plain about the verdict."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from salus.synth.errors import OptionError
from salus.synth.report import render, write_page

LOADING = {"script", "iframe", "object", "embed", "img", "image", "use", "base", "form", "video"}
POINTING = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "background"}


class Walk(HTMLParser):
    """Collect elements and text, and check that each element is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title", "desc"}:
            self.text.append(data.strip())


def walk(page: str) -> Walk:
    parser = Walk()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def words(page: str) -> str:
    return " ".join(t for t in walk(page).text if t)


def test_page_is_well_formed_and_loads_nothing(any_summary: dict[str, Any]) -> None:
    page = render(any_summary)
    for tag, attributes in walk(page).tags:
        assert tag not in LOADING
        for key, value in attributes.items():
            assert not key.startswith("on"), key
            if key in POINTING:
                assert value == "data:,", (tag, key, value)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    assert "default-src 'none'" in page


def test_every_picture_has_title_and_description(any_summary: dict[str, Any]) -> None:
    page = render(any_summary)
    pictures = re.findall(r"<svg role=\"img\"[^>]*>(.{0,14})", page)
    described = re.findall(r"<svg role=\"img\"[^>]*><title>[^<]+</title><desc>[^<]+</desc>", page)
    assert len(pictures) == len(described)
    hidden = page.count('<svg viewBox="0 0 30 16" aria-hidden="true">')
    assert page.count("<svg") == len(described) + hidden


def test_no_stray_values(any_summary: dict[str, Any]) -> None:
    text = words(render(any_summary))
    assert not re.search(r"\bnan\b|\bNone\b|Undefined|\{\{|Markup\(", text)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("released", "Released"),
        ("refused", "Refused"),
        ("unjudged", "Cannot be judged"),
        ("audit_only", "Limits met"),
    ],
)
def test_the_verdict_comes_first(kind: str, word: str, request: pytest.FixtureRequest) -> None:
    summary = request.getfixturevalue(kind)
    text = words(render(summary))
    first = text.index(word)
    assert first < 200
    assert first < text.index(summary["headline"]) < text.index("What to do next") < 900


def test_worst_limits_come_first(refused: dict[str, Any]) -> None:
    page = render(refused)
    tones = re.findall(r'<article class="finding (\w+)"', page)
    assert tones == ["bad", "open", "good", "good", "good"]


def test_undecided_findings_say_why(unjudged: dict[str, Any]) -> None:
    text = words(render(unjudged))
    assert "Only 31 people were left to judge by." in text
    assert "About 900 people would be needed." in text
    assert "Fewer than 20 people have it." in text
    assert "too few people" in text  # an anchor's reason, in the appendix


def test_all_findings_stand_in_the_appendix(released: dict[str, Any]) -> None:
    text = words(render(released))
    appendix = text[text.index("Technical appendix") :]
    for finding in released["audit"]["findings"]:
        assert finding["name"] in appendix
    assert "9f9f9f" in appendix and "seeds" in appendix


def test_names_cannot_become_markup(ugly: dict[str, Any]) -> None:
    page = render(ugly)
    assert "<script" not in page.lower()
    assert "alert(&#39;x&#39;)" in page
    assert ugly["headline"] in words(page)
    assert "<b>" not in page and "</style></svg>" not in page


def test_every_section_of_a_release_is_there(released: dict[str, Any]) -> None:
    text = words(render(released))
    order = [
        "Privacy",
        "What privacy cost",
        "Use:",
        "Likeness:",
        "Clinical rules",
        "Decisions taken",
        "What this does not claim",
        "Technical appendix",
    ]
    places = [text.index(title) for title in order]
    assert places == sorted(places)


def test_empty_parts_leave_no_heading(audit_only: dict[str, Any]) -> None:
    text = words(render(audit_only))
    assert "What privacy cost" not in text
    assert "Decisions taken" not in text
    assert "synthetic rows released" not in text


def test_many_columns_fold_and_stay_small(wide: dict[str, Any]) -> None:
    page = render(wide)
    assert "48 more columns" in page
    assert "Shown are the 40 of 60 columns" in page
    assert len(page) < 600_000


def test_render_is_pure(released: dict[str, Any]) -> None:
    before = repr(released)
    assert render(released) == render(released)
    assert repr(released) == before


def test_write_page_writes_what_render_gives(released: dict[str, Any], tmp_path: Path) -> None:
    write_page(released, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(released)


def test_a_name_that_utf8_cannot_hold_is_written(released: dict[str, Any], tmp_path: Path) -> None:
    released["table"]["name"] = "lone \ud800 surrogate"
    write_page(released, tmp_path / "report.html")
    assert "lone ? surrogate" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(OptionError):
        render({"hello": 1})


def test_a_page_from_the_file_is_the_first_one_again(everything: dict[str, Any]) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: turned(v) for k, v in reversed(value.items())}
        return [turned(v) for v in value] if isinstance(value, list) else value

    assert render(turned(everything)) == render(everything)


def test_a_cost_of_all_limits_is_not_told_of_each(released: dict[str, Any]) -> None:
    first = released["price"][0]
    released["price"] = [first | {"name": name, "utility_cost": 0.123} for name in ("a", "b")]
    text = words(render(released))
    assert "all of them together" in text and text.count("0.123") == 1
