from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import salus
from salus.synth.audit.finding import Verdict
from salus.synth.budget import Budget
from salus.synth.errors import OptionError, SalusError
from salus.synth.release.procedure import Word
from salus.synth.report import released
from salus.synth.report.released import Release
from tests.synth.simulate import simulated

LOOSE = Budget(membership=0.5, tpr_at_1pct=0.5, copies=0.5, near_copies=0.5, attribute=0.9)


@pytest.fixture(scope="module")
def good() -> Release:
    return released.release(
        simulated(120, seed=2), budget=LOOSE, generator="marginals", seed=3, jobs=1, n=50
    )


def judged_as(good: Release, word: Word, verdict: Verdict, **more: object) -> Release:
    """Return the same release with another answer to its first limit."""
    first = replace(good.outcome.audit["membership.advantage"], verdict=verdict)
    findings = tuple(first if f.name == first.name else f for f in good.outcome.audit.findings)
    audit = replace(good.outcome.audit, findings=findings)
    return Release(replace(good.outcome, verdict=word, audit=audit, **more))  # type: ignore[arg-type]


@pytest.fixture
def unjudged(good: Release) -> Release:
    return judged_as(good, "CANNOT BE JUDGED", Verdict.CANNOT_BE_JUDGED)


def test_a_release_writes_all_its_files(good: Release, tmp_path: Path) -> None:
    assert good.verdict == "RELEASED"
    assert good.status == 0
    good.save(tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "audit.json",
        "card.md",
        "manifest.json",
        "report.html",
        "schema.json",
        "synthetic.csv",
    }
    lines = (tmp_path / "out" / "synthetic.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 51
    summary = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == "RELEASED"
    assert set(summary["manifest"]["sha256"]) == {"schema.json", "synthetic.csv"}
    table = salus.read_table(
        tmp_path / "out" / "synthetic.csv", schema=tmp_path / "out" / "schema.json"
    )
    assert len(table) == 50


def test_the_same_seed_gives_the_same_bytes(good: Release, tmp_path: Path) -> None:
    other = released.release(
        simulated(120, seed=2), budget=LOOSE, generator="marginals", seed=3, jobs=1, n=50
    )
    good.save(tmp_path / "a")
    other.save(tmp_path / "b")
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_what_cannot_be_judged_is_withheld_unless_asked_for(
    unjudged: Release, tmp_path: Path
) -> None:
    assert unjudged.verdict == "CANNOT BE JUDGED"
    assert unjudged.status == 4
    assert unjudged.synthetic is None
    assert unjudged.model is None
    unjudged.save(tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.csv"))
    unjudged.save(tmp_path / "asked", withheld_ok=True)
    assert (tmp_path / "asked" / "withheld-unjudged.csv").exists()
    assert "withheld-unjudged" in (tmp_path / "asked" / "report.html").read_text(encoding="utf-8")


def test_a_refusal_leaves_no_table_even_if_asked(good: Release, tmp_path: Path) -> None:
    refused = judged_as(good, "REFUSED", Verdict.NOT_MET, synthetic=None, model=None)
    assert refused.status == 3
    refused.save(tmp_path / "out", withheld_ok=True)
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"audit.json", "card.md", "manifest.json", "report.html"}


def test_a_folder_that_is_not_empty_is_kept(good: Release, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    with pytest.raises(OptionError, match="isn't empty"):
        good.save(tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]
    good.save(tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "mine.txt").exists()


def test_a_full_disk_leaves_nothing_behind(
    good: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SalusError):
        good.save(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_page_shows_the_verdict_and_names_no_person(good: Release, tmp_path: Path) -> None:
    good.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Released" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_purpose_stands_in_every_view(good: Release, tmp_path: Path) -> None:
    told = Release(good.outcome, purpose="Teaching survival analysis.")
    told.save(tmp_path / "out")
    for name in ("audit.json", "report.html", "card.md"):
        assert "Teaching survival analysis." in (tmp_path / "out" / name).read_text("utf-8"), name


def test_the_claim_is_the_audits_own_and_what_always_holds(good: Release) -> None:
    claim = good.summary["claim"]
    assert set(good.outcome.audit.context["claim"]) < set(claim)
    assert any("legal judgement" in c for c in claim)
