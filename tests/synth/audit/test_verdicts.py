"""Verdicts follow from bounds, limits and what a release without any leak would have shown."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.finding import Verdict
from salus.synth.audit.trials import Risk
from salus.synth.audit.verdicts import chance_to_meet, judge


def risk(low: float, high: float, null: float, *, n: int = 1000) -> Risk:
    spread = np.linspace(0.5 * null, 1.5 * null, 101)
    return Risk((low + high) / 2, low, high, n, "attack", 0.0, spread)


@pytest.mark.parametrize(
    ("low", "high", "null", "verdict"),
    [
        (0.00, 0.05, 0.03, Verdict.MET),
        (0.06, 0.20, 0.03, Verdict.NOT_MET),
        (0.04, 0.10, 0.03, Verdict.NOT_MET),  # others without a leak would have been shown safe
        (0.00, 0.10, 0.10, Verdict.CANNOT_BE_JUDGED),
    ],
)
def test_a_verdict_for_each_case(low: float, high: float, null: float, verdict: Verdict) -> None:
    assert judge(risk(low, high, null), 0.05).verdict is verdict


def test_what_cannot_be_judged_says_how_many_would_do() -> None:
    few = judge(risk(0.0, 0.12, 0.12, n=500), 0.05)
    many = judge(risk(0.0, 0.12, 0.24, n=500), 0.05)
    assert few.needed is not None and many.needed is not None
    assert 500 < few.needed < many.needed
    assert f"{few.needed:,}" in few.because


def test_without_a_limit_nothing_is_decided() -> None:
    assert judge(risk(0.9, 1.0, 0.1), None).verdict is None


def test_the_chance_to_meet_is_that_of_the_null() -> None:
    assert chance_to_meet(risk(0, 1, 0.04), 0.06) == 1
    assert chance_to_meet(risk(0, 1, 0.04), 0.04) == pytest.approx(0.5, abs=0.02)
    assert chance_to_meet(risk(0, 1, 0.04), 0.01) == 0
