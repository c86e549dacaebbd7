"""Runs on a fake generator of known privacy, with a quick bench and a stand-in for the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.audit.paper import PaperSettings
from salus.synth.measure.estimate import Estimate
from salus.synth.release.paper import PaperRun, backbone, paper_mode, run
from tests.synth.release.paper.copier import Copier, Plain
from tests.synth.simulate import simulated

QUICK = PaperSettings(repeats=3, halvings=5)


def audit_of(verdict: Verdict) -> Callable[..., Audit]:
    finding = Finding(
        name="membership.advantage",
        group="privacy",
        title="Telling who was in the data",
        meaning="",
        result=Estimate(0.01, 0.0, 0.02, 50, "stand-in"),
        limit=0.05,
        verdict=verdict,
    )
    return lambda *_, **__: Audit(findings=(finding,), subject="the synthetic table")


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Put the fakes into the registry and judge by a stand-in; return what the fakes are asked."""
    fakes = {"copier": Copier, "plain": Plain, "forest": Copier, "copula": Plain}
    monkeypatch.setattr(backbone, "KINDS", lambda: fakes)
    monkeypatch.setattr(run, "audit", audit_of(Verdict.NOT_MET))
    monkeypatch.setattr(Plain, "log", [])
    return Plain.log


@pytest.fixture
def compare(kinds: list[tuple[Any, ...]]) -> Callable[..., PaperRun]:
    """Run paper mode on a small simulated table."""

    def compared(**options: Any) -> PaperRun:
        chosen = {"backbone": "copier", "settings": QUICK, "draws": 2, "n": 150, "seed": 3}
        return paper_mode(simulated(400, seed=1), **{**chosen, **options})

    return compared
