"""Intervals hold what they promise, and verdicts seldom err: counted over simulated audits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from salus.synth.audit.anchors import make_anchors, planted
from salus.synth.audit.finding import Verdict
from salus.synth.audit.membership import person_scores
from salus.synth.audit.observation import observe
from salus.synth.audit.privacy import conclude
from salus.synth.audit.risks import advantage, auc, tpr_at
from salus.synth.audit.trials import Trials
from salus.synth.budget import Budget
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

pytestmark = pytest.mark.slow


def trials_of(made: Table, people: Table, member: np.ndarray, seed: int) -> Trials:
    scores = person_scores(people, made, seed=seed)
    seen = np.ones((1, len(member)), bool)
    return Trials(member[None], seen, {k: v[None] for k, v in scores.items()}, whole=True)


def test_intervals_cover_in_as_many_audits_as_they_say() -> None:
    rounds, n = 100, 200
    covered: Counter[str] = Counter()
    bounds: Counter[str] = Counter()
    for r in range(rounds):
        pool = simulated(3 * n, seed=5000 + r)
        people, fresh = pool.take(np.arange(2 * n)), pool.take(np.arange(2 * n, 3 * n))
        trials = trials_of(fresh, people, np.arange(2 * n) < n, r)
        for name, (_, low, high) in auc(trials, error=0.025).items():
            covered[name] += low <= 0.5 <= high
        gain, rate = advantage(trials, seed=r), tpr_at(trials, 0.01, seed=r)
        bounds["advantage, low"] += gain.low <= 0
        bounds["advantage, high"] += gain.high >= 0
        bounds["rate, low"] += rate.low <= 0.01
        bounds["rate, high"] += rate.high >= 0.01
    share = np.array(list(covered.values())) / rounds
    assert 0.91 <= share.mean() <= 0.99, covered
    assert share.min() >= 0.87, covered  # of 100, three standard errors below 95
    assert min(bounds.values()) >= 0.91 * rounds, bounds


def test_a_tenth_copied_is_a_tenth_exposed() -> None:
    n = 1000
    people = simulated(3 * n, seed=77)
    both, fresh = people.take(np.arange(2 * n)), people.take(np.arange(2 * n, 3 * n))
    member = np.arange(2 * n) < n
    made = planted(both.take(member), fresh, np.random.default_rng(0), share=0.1)
    assert isinstance(made, Table)
    found = {f.name: f for f in conclude([observe(made, both, member, seed=0)], Budget())}
    rate = found["membership.tpr_at_1pct"].result
    assert getattr(rate, "value", 0) >= 0.09
    assert found["membership.tpr_at_1pct"].verdict is Verdict.NOT_MET


@pytest.mark.parametrize("n", [300, 1000])
def test_fresh_people_are_not_refused_and_copies_are(n: int) -> None:
    rounds = 20 if n < 1000 else 8
    refused: Counter[str] = Counter()
    for r in range(rounds):
        pool = simulated(3 * n, seed=9000 + r)
        train, holdout, fresh = (pool.take(np.arange(k * n, (k + 1) * n)) for k in range(3))
        people, member = Table.concat([train, holdout]), np.arange(2 * n) < n
        anchors = make_anchors(train, fresh, seed=r)
        for name in ("fresh real people", "verbatim copy", "shifted copy", "SMOTE"):
            made = anchors[name]
            assert isinstance(made, Table)
            found = conclude([observe(made, people, member, seed=r)], Budget(), seed=r)
            refused[name] += any(f.verdict is Verdict.NOT_MET for f in found)
    assert refused["fresh real people"] <= 0.05 * rounds
    for name in ("verbatim copy", "shifted copy", "SMOTE"):
        assert refused[name] >= 0.95 * rounds
