"""Risks by person: right on known answers, honest without a leak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from salus.synth.audit.risks import advantage, auc, excess, gain, tpr_at
from salus.synth.audit.trials import Risk, Trials

N = 400


def single(score: np.ndarray, member: np.ndarray) -> Trials:
    """Return one trial of one attack."""
    seen = np.ones((1, len(member)), bool)
    return Trials(member[None], seen, {"attack": score[None]}, whole=True)


def crossed(n: int, rounds: int, leak: float, rng: np.random.Generator) -> Trials:
    """Return paired trials of two attacks with scores that mostly belong to the person."""
    person = rng.normal(size=n)
    half = np.array([rng.permutation(n) < n // 2 for _ in range(rounds)])
    member = np.stack([half, ~half], 1).reshape(2 * rounds, n)
    scores = {
        k: person + 0.5 * rng.normal(size=member.shape) + leak * member for k in ("one", "two")
    }
    return Trials(member, np.ones_like(member), scores, whole=True)


def test_auc_is_the_known_one() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(N) < N // 2
    score = np.round(rng.normal(size=N) + member, 1)
    value, low, high = auc(single(score, member))["attack"]
    assert value == pytest.approx(roc_auc_score(member, score))
    assert low < value < high


def test_a_perfect_attack_is_a_full_advantage() -> None:
    member = np.arange(N) < N // 2
    trials = single(member.astype(float), member)
    risk = advantage(trials, seed=0)
    assert (risk.value, risk.high) == pytest.approx((1, 1))
    assert risk.low > 0.95
    rate = tpr_at(trials, 0.05, seed=0)
    assert rate.low == rate.value == rate.high == 1


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 1.0])
def test_the_exposed_share_is_the_true_positive_rate(share: float) -> None:
    rng = np.random.default_rng(1)
    n = 4000
    member = np.arange(n) < n // 2
    score = rng.normal(size=n)
    score[: int(share * n / 2)] += 100
    risk = tpr_at(single(score, member), 0.01, seed=0)
    assert risk.low <= share + 0.011 * (1 - share) <= risk.high
    assert risk.value == pytest.approx(share + 0.01 * (1 - share), abs=0.02)


def test_bounds_cover_the_true_risk_of_a_release() -> None:
    # members' part is a fact, others are drawn: the upper bound must hold for the population's rate
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(100):
        member = np.arange(600) < 300
        score = rng.normal(size=600) + 0.5 * member
        truth = max((score[:300] >= c).mean() - norm.sf(c) for c in (0.0, 0.2, 0.4))
        missed += advantage(single(score, member), seed=0).high < truth
    assert missed <= 8


@pytest.mark.parametrize("figure", ["advantage", "rate"])
def test_no_leak_is_seldom_accused_in_paired_trials(figure: str) -> None:
    rng = np.random.default_rng(3)

    def judge(trials: Trials) -> Risk:
        return advantage(trials, seed=0) if figure == "advantage" else tpr_at(trials, 0.01, seed=0)

    risks = [judge(crossed(150, 6, 0.0, rng)) for _ in range(60)]
    assert np.mean([r.low > r.floor for r in risks]) <= 0.10
    assert np.mean([r.high < r.floor for r in risks]) <= 0.10
    # what is said of a release without any leak agrees with what such releases show
    claimed = np.median([np.quantile(r.null, 0.8) for r in risks])
    assert np.mean([r.high <= claimed for r in risks]) == pytest.approx(0.8, abs=0.18)


def test_a_leak_is_found_in_paired_trials_that_one_trial_would_miss() -> None:
    rng = np.random.default_rng(4)
    many = crossed(150, 8, 0.2, rng)
    risk = advantage(many, seed=0)
    assert risk.low > 0.03
    alone = []
    for t in range(len(many.member)):
        values = {k: v[t : t + 1] for k, v in many.values.items()}
        one = Trials(many.member[t : t + 1], many.seen[t : t + 1], values, whole=True)
        alone.append(advantage(one, seed=0).low)
    assert np.median(alone) < 0


def test_a_persons_appearances_are_one_unit() -> None:
    rng = np.random.default_rng(5)
    member = rng.permutation(200) < 100
    score = rng.normal(size=200)
    once = Trials(member[None], np.ones((1, 200), bool), {"a": score[None]}, whole=False)
    many = Trials(
        np.repeat(once.member, 12, 0),
        np.repeat(once.seen, 12, 0),
        {"a": np.tile(score, (12, 1))},
        False,
    )
    first, again = advantage(once, seed=0), advantage(many, seed=0)
    assert again.high - again.value > 0.8 * (first.high - first.value)


def test_gain_is_normalised() -> None:
    member = np.arange(N) < N // 2
    success = np.where(member, 0.75, 0.5) + np.tile([0.05, -0.05], N // 2)
    risk = gain(single(success, member), seed=0)
    assert risk.value == pytest.approx(0.5, abs=0.02)
    assert risk.low < 0.5 < risk.high


def test_copies_of_one_release_are_a_fact() -> None:
    member = np.arange(N) < N // 2
    share = np.zeros(N)
    trials = single(share, member)
    nothing = excess(trials, trials.values, seed=0)
    assert (nothing.low, nothing.value, nothing.high) == (0, 0, 0)
    share = np.where(np.arange(N) < 20, 1 / 200, 0.0)
    some = single(share, member)
    risk = excess(some, some.values, seed=0)
    assert risk.high == risk.value == pytest.approx(0.1)
    assert 0.08 < risk.low < 0.1
    sampled = excess(replace(some, whole=False), some.values, seed=0)
    assert sampled.high > 0.1


def test_what_hangs_on_nobody_alone_has_no_error() -> None:
    member = np.arange(N) < N // 2
    trials = single(np.full(N, 2 / N), member)  # every row equals many people of either side
    risk = excess(trials, {"attack": np.zeros((1, N))}, seed=0)
    assert (risk.low, risk.value, risk.high) == pytest.approx((0, 0, 0))


def test_same_seed_same_risk() -> None:
    trials = crossed(80, 4, 0.1, np.random.default_rng(6))
    a, b = (advantage(trials, seed=1) for _ in range(2))
    assert (a.value, a.low, a.high, a.strongest) == (b.value, b.low, b.high, b.strongest)
    assert (a.null == b.null).all()
