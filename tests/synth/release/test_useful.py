"""The automatic choice takes the most useful generator of those whose limits hold."""

from __future__ import annotations

import pytest

from salus.synth.audit.finding import Finding
from salus.synth.budget import Budget
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.release import settings
from salus.synth.release.procedure import carry_out
from salus.synth.release.useful import Contender, most_useful, usefulness
from tests.synth.release.test_procedure import Copier
from tests.synth.simulate import simulated

LOOSE = Budget(membership=0.5, tpr_at_1pct=0.5, copies=0.5, near_copies=0.5, attribute=0.9)


def finding(name: str, value: float | None, **more: object) -> Finding:
    result = CannotJudge("why") if value is None else Estimate(value, value, value, 9, "x")
    return Finding(name=name, group="g", title="t", meaning="m", result=result, **more)


def test_prediction_counts_first_then_likeness() -> None:
    ratio, seen = (
        finding("utility.ratio", 0.8, direction="high"),
        finding("fidelity.detection", 0.7, ideal=0.5, direction="near"),
    )
    assert usefulness([seen, ratio]) == ("utility.ratio", 0.8)
    assert usefulness([seen, finding("utility.ratio", None)]) == (
        "fidelity.detection",
        pytest.approx(-0.2),
    )
    assert usefulness([]) == ("", 0.0)


def contender(name: str, certified: bool, value: float, figure: str = "utility.ratio") -> Contender:
    return Contender({"generator": name}, certified, (figure, value))


def test_a_better_table_that_is_not_certified_loses() -> None:
    best, why = most_useful(
        [
            contender("forest", True, 0.8),
            contender("copula", True, 0.9),
            contender("net", False, 0.99),
        ]
    )
    assert best == 1
    assert why.startswith("copula was taken") and "net 0.990, not shown to hold" in why


def test_without_a_certified_one_the_first_is_judged() -> None:
    best, why = most_useful([contender("forest", False, 0.1), contender("copula", False, 0.9)])
    assert best == 0 and "No generator" in why


def test_one_generator_needs_no_reason() -> None:
    assert most_useful([contender("forest", True, 0.1)]) == (0, "")


def test_unlike_figures_are_not_compared() -> None:
    best, why = most_useful(
        [contender("forest", True, -0.2, "fidelity.detection"), contender("copula", True, 0.9)]
    )
    assert best == 0 and "no figure" in why


@pytest.mark.parametrize("many", [6_000, 100])
def test_auto_passes_by_a_copier_and_says_why(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from salus.synth.generate.marginals import Marginals
    from salus.synth.release import procedure

    Copier.seen = []
    monkeypatch.setattr(settings, "CANDIDATES", ("copier", "marginals"))
    monkeypatch.setattr(settings, "KINDS", lambda: {"copier": Copier, "marginals": Marginals})
    monkeypatch.setattr(procedure, "MANY", many)
    outcome = carry_out(
        simulated(300, seed=2), budget=LOOSE, generator="auto", seed=3, repeats=4, jobs=1
    )
    assert outcome.settings["generator"] == "marginals"
    assert any(d.startswith("marginals was taken") and "copier" in d for d in outcome.decisions)
    assert [s["certified"] for s in outcome.settings["settings tried"]] == [False, True]
