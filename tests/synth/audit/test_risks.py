"""Risks by person: right on known answers, honest without a leak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from salus.synth.audit.copies import exact_copies, make_groups
from salus.synth.audit.risks import advantage, auc, excess, gain, tpr_at
from salus.synth.audit.trials import Risk, Trials
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

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
    assert rate.high == 1
    assert min(rate.low, rate.value) > 0.95


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


def without_leak(members: int, others: int, attacks: int, rng: np.random.Generator) -> Trials:
    """Return one trial of attacks by chance."""
    member = np.arange(members + others) < members
    values = {str(k): rng.normal(size=(1, members + others)) for k in range(attacks)}
    return Trials(member[None], np.ones_like(member[None]), values, whole=True)


def test_few_members_among_many_strangers_are_not_accused_by_chance() -> None:
    rng = np.random.default_rng(7)
    risks = [tpr_at(without_leak(20, 1000, 6, rng), 0.01, seed=0) for _ in range(40)]
    assert np.mean([r.low > 0.03 for r in risks]) <= 0.05


def test_members_who_stand_for_all_have_an_error_of_their_own() -> None:
    rng = np.random.default_rng(8)
    truth = norm.sf(norm.isf(0.05) - 1)
    member = np.arange(1060) < 60
    missed, told = 0, []
    for _ in range(60):
        trials = single(rng.normal(size=1060) + member, member)
        risk = tpr_at(replace(trials, whole=False), 0.05, seed=0)
        missed += risk.high < truth
        told.append((risk.null >= 0.05).mean())
    assert missed <= 6
    assert np.mean(told) > 0.9  # the bounds without a leak allow for it, too


def test_copies_are_a_fact_to_accuse_by_only_where_no_stranger_is_met() -> None:
    member = np.arange(N) < N // 2
    share = np.where(np.arange(N) < 20, 1 / 200, 0.0)
    for met in (0, 4):
        share[N // 2 : N // 2 + met] = 1 / 200
        some = single(share, member)
        fact, drawn = (
            excess(replace(some, whole=w), some.values, seed=0).low for w in (True, False)
        )
        assert fact == pytest.approx(drawn) if met else fact > drawn


@pytest.mark.slow
@pytest.mark.parametrize("columns", [2, 3])
def test_coarse_tables_are_not_accused_of_copies(columns: int) -> None:
    rng = np.random.default_rng(columns)
    schema = Schema([Column(name=f"x{i}", kind="integer", decimals=0) for i in range(columns)])
    member = np.arange(1650) < 150
    accused, rounds = 0, 80
    for _ in range(rounds):
        values = {f"x{i}": np.round(rng.normal(0, 12 / (i + 1), 1800)) for i in range(columns)}
        table = Table(schema, values)
        people, made = table.take(np.arange(1650)), table.take(np.arange(1650, 1800))
        groups = make_groups(people, member, rng)
        found = exact_copies(people, made, groups)
        trials = single(found.share, member)
        accused += excess(trials, {"attack": found.sole[None]}, seed=0).low > 0.005
    assert accused <= 0.05 * rounds


def test_some_of_the_rows_leave_a_sum_open() -> None:
    member = np.arange(N) < N // 2
    nothing, some = np.zeros(N), np.where(np.arange(N) < 20, 1 / 200, 0.0)
    for share, high in ((nothing, 0.0), (some, 0.1)):
        trials = single(share, member)
        all_rows, many, few = (
            excess(trials, trials.values, seed=0, rows=rows).high for rows in (None, 10_000, 200)
        )
        assert high == pytest.approx(all_rows)
        assert all_rows < many < few
    trials = single(nothing, member)
    scaled = excess(trials, trials.values, seed=0, rows=200, scale=4.0)
    assert scaled.high == pytest.approx(4 * (1 - 0.05 ** (1 / 200)))
