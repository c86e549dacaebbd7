"""A certified choice seldom certifies a setting that exceeds a limit, and finds those that do not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from salus.synth.audit.anchors import planted
from salus.synth.audit.observation import observe
from salus.synth.budget import Budget
from salus.synth.measure.pvalues import hoeffding_bentkus
from salus.synth.release.choose import DELTA, Candidate, at_once, in_order, p_values
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

RISKS = np.array([0.01, 0.03, 0.06, 0.12, 0.2])  # from the safest to the boldest
LIMIT = 0.05


def family(rng: np.random.Generator, risks: np.ndarray = RISKS) -> list[Candidate]:
    """Settings of known risk, each measured on the same 400 people."""
    people = rng.random(400)
    out = []
    for risk in risks:
        mean = float((people < risk).mean())
        out.append(Candidate({"risk": risk}, {"r": hoeffding_bentkus(mean, 400, LIMIT)}))
    return out


@pytest.mark.parametrize("choose", [in_order, at_once])
def test_a_bad_setting_is_certified_in_one_case_of_twenty_at_most(choose) -> None:
    rng = np.random.default_rng(0)
    rounds, bad, best = 400, 0, 0
    for _ in range(rounds):
        certified = choose(family(rng))
        bad += any(c.setting["risk"] > LIMIT for c in certified)
        best += any(c.setting["risk"] == 0.01 for c in certified)
    assert bad / rounds <= DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / rounds)
    assert best / rounds > 0.9


def test_at_the_limit_itself_the_error_is_kept_over_the_whole_family() -> None:
    rng = np.random.default_rng(1)
    rounds = 400
    for choose in (in_order, at_once):
        wrong = sum(bool(choose(family(rng, np.full(5, LIMIT + 1e-9)))) for _ in range(rounds))
        assert wrong / rounds <= DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / rounds)


def test_an_order_gains_power_and_saves_the_fits_behind_a_failure() -> None:
    drawn: list[float] = []

    def settings() -> Iterator[Candidate]:
        for p in (0.04, 0.04, 0.2, 0.001):
            drawn.append(p)
            yield Candidate({}, {"r": p})

    assert len(in_order(settings())) == 2
    assert drawn == [0.04, 0.04, 0.2]
    every = [Candidate({}, {"r": p}) for p in (0.04, 0.04, 0.2, 0.001)]
    assert at_once(every) == [every[3]]


def test_the_worst_risk_decides_and_is_named() -> None:
    one = Candidate({}, {"a": 0.01, "b": 0.3})
    assert (one.p, one.weakest) == (0.3, "b")
    assert Candidate({}).p == 0


PEOPLE = simulated(4500, seed=31)
MEMBER = np.arange(3000) < 1500
BOTH, FRESH = PEOPLE.take(np.arange(3000)), PEOPLE.take(np.arange(3000, 4500))
ROOMY = Budget(membership=0.15, attribute=0.15, tpr_at_1pct=0.06, tpr_at_01pct=0.02)


@pytest.mark.parametrize("most", [3000, 1000])
def test_fresh_people_are_certified_under_limits_with_room(most: int) -> None:
    seen = observe(FRESH, BOTH, MEMBER, seed=0, most=most)
    found = p_values(seen, ROOMY)
    assert set(found) == {
        "membership.advantage",
        "membership.tpr_at_1pct",
        "membership.tpr_at_01pct",
        "copies.exact",
        "copies.near",
        "attribute.target",
    }
    assert all(0 <= p <= 1 for p in found.values())
    if most == 3000:
        assert max(found.values()) <= DELTA


@pytest.mark.parametrize("most", [3000, 500])
def test_copies_are_never_certified(most: int) -> None:
    made = planted(BOTH.take(MEMBER), FRESH, np.random.default_rng(0), share=0.3)
    assert isinstance(made, Table)
    found = p_values(observe(made, BOTH, MEMBER, seed=0, most=most), ROOMY)
    for risk in ("membership.advantage", "membership.tpr_at_1pct", "copies.near"):
        assert found[risk] > 0.5


def test_without_limits_nothing_has_to_be_shown() -> None:
    off = Budget(membership=None, tpr_at_1pct=None, copies=None, near_copies=None, attribute=None)
    assert p_values(observe(FRESH, BOTH, MEMBER, seed=0, most=200), off) == {}
