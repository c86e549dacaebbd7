"""The audit says what it would have found; simulated audits agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import salus
from salus.synth.audit.anchors import planted
from salus.synth.audit.finding import Verdict
from salus.synth.audit.observation import observe
from salus.synth.audit.observed import limit_of, shown
from salus.synth.audit.power import LEAKS, power
from salus.synth.audit.privacy import conclude
from salus.synth.audit.run import anchor_observations
from salus.synth.audit.trials import Risk
from salus.synth.budget import Budget
from salus.synth.measure.estimate import CannotJudge
from tests.synth.simulate import simulated


def stated(n: int, budget: Budget, seed: int = 0) -> dict[str, dict[str, Any]]:
    people = simulated(3 * n, seed=seed)
    train, holdout, fresh = (people.take(np.arange(k * n, (k + 1) * n)) for k in range(3))
    both = people.take(np.arange(2 * n))
    found = shown([observe(fresh, both, np.arange(2 * n) < n, seed=seed)], seed)
    anchors = {
        name: shown(a, seed).risks
        for name, a in anchor_observations(train, holdout, seed=seed).items()
        if not isinstance(a, CannotJudge)
    }
    limits = {k: limit_of(k, budget) for k in found.risks}
    rows = power(found.risks, {k: v for k, v in limits.items() if v is not None}, anchors)
    return {row["leak"]: row for row in rows}


def test_power_rises_with_the_leak_and_with_the_people() -> None:
    few, many = (stated(n, Budget(membership=0.1)) for n in (100, 400))
    assert list(few) == [words for words, _, _ in LEAKS]
    shares = ["1 %", "5 %", "10 %"]
    for rows in (few, many):
        found = [rows[f"{s} of the people copied"]["found"] for s in shares]
        assert found == sorted(found)
        assert rows["no leak"]["found"] <= 0.1
        assert rows["everybody copied"]["found"] > 0.99
        assert rows["everybody copied"]["released"] < 0.01
    words = "5 % of the people copied"
    assert many[words]["found"] >= few[words]["found"]


def test_what_is_not_found_says_how_many_people_would_find_it() -> None:
    budget = Budget(membership=0.1, tpr_at_1pct=None, copies=None, near_copies=None, attribute=None)
    rows = stated(100, budget)
    missed = rows["10 % of the people remembered with noise"]
    assert missed["found"] < 0.8
    assert missed["needed"] is None or missed["needed"] > 100
    assert rows["everybody copied"]["needed"] is None


def test_known_distributions_give_known_chances() -> None:
    null = np.linspace(0.0, 0.1, 1001)
    risk = Risk(0, 0, 0.05, 100, "a", 0.0, null, {}, {"a": (null - 0.05, null)})
    full = Risk(1, 1, 1, 100, "a", 0.0, null, {"a": (1.0, 1.0, 1.0)}, {})
    rows = {
        r["leak"]: r
        for r in power(
            {"copies.exact": risk},
            {"copies.exact": 0.05},
            {"verbatim copy": {"copies.exact": full}},
        )
    }
    assert rows["no leak"]["released"] == pytest.approx(0.5, abs=0.01)
    assert rows["no leak"]["found"] == 0
    assert rows["5 % of the people copied"]["found"] == pytest.approx(0.5, abs=0.01)
    assert rows["10 % of the people copied"]["found"] > 0.99
    assert rows["10 % of the people copied"]["by"] == "copies.exact"


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.1])
def test_simulated_audits_find_what_is_promised(share: float) -> None:
    budget = Budget(tpr_at_1pct=None, copies=None, attribute=None, membership=None)
    n, rounds = 300, 40
    words = f"{share:.0%} of the people copied".replace("%", " %")
    promised = np.mean([stated(n, budget, seed=s)[words]["found"] for s in range(3)])
    refused = 0
    for r in range(rounds):
        people = simulated(3 * n, seed=1000 + r)
        both, fresh = people.take(np.arange(2 * n)), people.take(np.arange(2 * n, 3 * n))
        member = np.arange(2 * n) < n
        made = planted(both.take(member), fresh, np.random.default_rng(r), share=share)
        assert not isinstance(made, CannotJudge)
        found = conclude([observe(made, both, member, seed=r)], budget, seed=r)
        refused += any(f.verdict is Verdict.NOT_MET for f in found)
    assert abs(refused / rounds - promised) < 0.25


def test_a_false_alarm_may_come_from_any_limit() -> None:
    low = np.where(np.arange(1000) < 60, 0.1, 0.0)
    risk = Risk(0, 0, 0.2, 100, "a", 0.0, low + 0.1, {}, {"a": (low, low + 0.1)})
    names = ("copies.exact", "copies.near")
    full = {n: Risk(1, 1, 1, 100, "a", 0.0, low, {"a": (1.0, 1.0, 1.0)}, {}) for n in names}
    rows = power(dict.fromkeys(names, risk), dict.fromkeys(names, 0.05), {"verbatim copy": full})
    assert rows[0]["leak"] == "no leak"
    assert rows[0]["found"] == pytest.approx(0.12)


def test_a_release_without_a_leak_is_told_apart_from_the_table_judged() -> None:
    """What is judged is a copy of everybody: the audit's own false alarms are as rare as ever."""
    people = simulated(600, seed=1)
    member = np.arange(600) < 300
    audit = salus.audit(
        people.take(member), train=people.take(member), holdout=people.take(~member), seed=0
    )
    first = audit.context["power"][0]
    assert first["leak"] == "no leak"
    assert first["found"] <= 0.1
