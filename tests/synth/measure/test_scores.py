"""Scores of predictions: scikit-learn's with weights, for many replicates at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import spearmanr
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from salus.synth.measure.scores import (
    area_under_roc,
    average_precision,
    brier,
    calibration_slope,
    macro_area,
    macro_f1,
    macro_precision,
    mean_absolute_error,
    r_squared,
    rank_correlation,
    recall,
    threshold_at,
    weighted_area,
)

N, B = 60, 4


def drawn(seed: int) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    people = rng.integers(0, N, (B, N))
    weights = np.array([np.bincount(p, minlength=N) for p in people], float)
    return rng, np.vstack([np.ones(N), weights])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_area_and_precision_are_scikit_learns(seed: int) -> None:
    rng, weights = drawn(seed)
    score = np.round(rng.random(N), 1)  # with ties
    positive = rng.random(N) < 0.3
    positive[:2] = True, False
    weights[:, :2] += 1
    area = weighted_area(score, positive, weights)
    precision = average_precision(score, positive, weights)
    for w, a, p in zip(weights, area, precision, strict=True):
        assert a == pytest.approx(metrics.roc_auc_score(positive, score, sample_weight=w))
        expected = metrics.average_precision_score(positive, score, sample_weight=w)
        assert p == pytest.approx(expected)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_scores_of_classes_are_scikit_learns(seed: int) -> None:
    rng, weights = drawn(seed)
    truth, guess = rng.integers(0, 3, (2, N))
    truth[:3] = guess[:3] = 0, 1, 2
    weights[:, :3] += 1
    f1, found = macro_f1(guess, truth, 3, weights), recall(guess, truth, 2, weights)
    chance = rng.dirichlet(np.ones(3), N)
    area = macro_area(chance, truth, weights)
    for k, w in enumerate(weights):
        assert f1[k] == pytest.approx(
            metrics.f1_score(truth, guess, average="macro", sample_weight=w)
        )
        expected = metrics.recall_score(truth, guess, labels=[2], average=None, sample_weight=w)
        assert found[k] == pytest.approx(expected[0])
        one_by_one = [
            metrics.roc_auc_score(truth == c, chance[:, c], sample_weight=w) for c in range(3)
        ]
        assert area[k] == pytest.approx(np.mean(one_by_one))
    precision, missed = macro_precision(chance, truth, weights), brier(chance, truth, weights)
    square = ((chance - np.eye(3)[truth]) ** 2).sum(1)
    for k, w in enumerate(weights):
        one_by_one = [
            metrics.average_precision_score(truth == c, chance[:, c], sample_weight=w)
            for c in range(3)
        ]
        assert precision[k] == pytest.approx(np.mean(one_by_one))
        assert missed[k] == pytest.approx(np.average(square, weights=w))
    binary = np.column_stack([1 - chance[:, 0], chance[:, 0]])
    two = brier(binary, (truth == 0).astype(int), weights)
    for k, w in enumerate(weights):
        expected = metrics.brier_score_loss(truth == 0, chance[:, 0], sample_weight=w)
        assert two[k] == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_calibration_slope_is_that_of_a_logistic_regression(seed: int) -> None:
    rng, weights = drawn(seed)
    x = rng.normal(size=N)
    truth = (rng.random(N) < expit(0.7 * x + 0.3)).astype(int)
    chance = np.column_stack([expit(-x), expit(x)])
    slope = calibration_slope(chance, truth, weights)
    plain = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    expected = plain.fit(x[:, None], truth).coef_[0, 0]
    assert slope[0] == pytest.approx(expected, rel=1e-3)
    swapped = calibration_slope(chance[:, ::-1], 1 - truth, weights)
    assert swapped == pytest.approx(slope)


def test_one_newton_step_spreads_like_whole_refits() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    truth = (rng.random(300) < expit(x)).astype(int)
    weights = rng.multinomial(300, np.full(300, 1 / 300), 200).astype(float)
    chance = np.column_stack([expit(-x), expit(x)])
    quick = calibration_slope(chance, truth, weights)
    whole = [
        LogisticRegression(C=np.inf).fit(x[:, None], truth, sample_weight=w).coef_[0, 0]
        for w in weights
    ]
    assert quick.std() == pytest.approx(np.std(whole), rel=0.15)
    assert np.corrcoef(quick, whole)[0, 1] > 0.98


def test_honest_chances_have_slope_one_bold_ones_less_and_others_none() -> None:
    rng = np.random.default_rng(1)
    chance = rng.dirichlet(np.ones(3), 20_000)
    truth = (rng.random((20_000, 1)) > np.cumsum(chance, axis=1)).sum(1)
    ones = np.ones((1, 20_000))
    assert calibration_slope(chance, truth, ones)[0] == pytest.approx(1, abs=0.04)
    bold = chance**2 / (chance**2).sum(1, keepdims=True)
    assert calibration_slope(bold, truth, ones)[0] < 0.7
    # chances that know how common a class is, but nothing of the person
    common = rng.dirichlet([80, 15, 5], 20_000)
    drawn_apart = rng.choice(3, 20_000, p=[0.8, 0.15, 0.05])
    assert calibration_slope(common, drawn_apart, ones)[0] == pytest.approx(0, abs=0.1)


def test_classes_that_are_told_apart_have_no_slope() -> None:
    score = np.linspace(0.1, 0.9, 10)
    chance, truth = np.column_stack([1 - score, score]), (score > 0.5).astype(int)
    ones = np.ones((2, 10))
    assert np.isnan(calibration_slope(chance, truth, ones)).all()
    assert np.isnan(calibration_slope(chance, 1 - truth, ones)).all()
    assert np.isnan(calibration_slope(np.full((10, 2), 0.5), truth, ones)).all()
    assert np.isnan(calibration_slope(chance, np.zeros(10, int), ones)).all()
    # a forest is often sure, and sometimes wrong: of five called positive four are, of five one is
    wrong, ends = np.array([1, 0, 0, 0, 0, 0, 1, 1, 1, 1]), np.repeat([0.0, 1.0], 5)
    slope = calibration_slope(np.column_stack([1 - ends, ends]), wrong, ones)
    assert slope == pytest.approx(2 * logit(0.8) / (2 * logit(0.999)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_a_cut_keeps_its_specificity_and_is_the_lowest_that_does(seed: int, aim: float) -> None:
    rng = np.random.default_rng(seed)
    score, positive = np.round(rng.random(50), 1), rng.random(50) < 0.3
    positive[0] = False
    cut, others = threshold_at(score, positive, aim), score[~positive]
    assert (others > cut).mean() <= 1 - aim + 1e-9
    lower = others[others < cut]
    assert not len(lower) or (others > lower.max()).mean() > 1 - aim - 1e-9
    assert np.isnan(threshold_at(score, np.ones(50, bool), aim))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_scores_of_numbers(seed: int, middle: float, spread: float) -> None:
    rng, weights = drawn(seed)
    truth = np.round(rng.normal(size=N), 1)
    guess = np.round(truth + rng.normal(size=N), 1)
    plain = r_squared(guess, truth, weights)
    for w, r2 in zip(weights, plain, strict=True):
        assert r2 == pytest.approx(metrics.r2_score(truth, guess, sample_weight=w))
    ranks = rank_correlation(guess, truth, weights)
    assert ranks[0] == pytest.approx(spearmanr(guess, truth).statistic)
    for w, r in zip(weights[1:], ranks[1:], strict=True):
        again = np.repeat(np.arange(N), w.astype(int))
        assert r == pytest.approx(spearmanr(guess[again], truth[again]).statistic)
    for w, error in zip(weights, mean_absolute_error(guess, truth, weights), strict=True):
        assert error == pytest.approx(metrics.mean_absolute_error(truth, guess, sample_weight=w))
    moved = r_squared(middle + spread * guess, middle + spread * truth, weights)
    assert moved == pytest.approx(plain, rel=1e-4, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_only_the_order_of_scores_counts_and_the_direction_is_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, positive = np.round(rng.normal(size=40), 1), np.arange(40) < 10
    area = area_under_roc(score, positive)
    assert area == pytest.approx(area_under_roc(np.exp(score), positive))
    assert area_under_roc(-score, positive) == pytest.approx(1 - area)
    assert area_under_roc(score, ~positive) == pytest.approx(1 - area)


def test_what_is_undefined_is_nan_without_a_warning() -> None:
    score, ones = np.arange(4.0), np.ones((2, 4))
    nobody, everybody = np.zeros(4, bool), np.ones(4, bool)
    assert np.isnan(weighted_area(score, nobody, ones)).all()
    assert np.isnan(weighted_area(score, everybody, ones)).all()
    assert np.isnan(average_precision(score, nobody, ones)).all()
    assert np.isnan(macro_precision(np.ones((4, 2)) / 2, np.zeros(4, int), ones)).all()
    assert np.isnan(macro_area(np.ones((4, 2)) / 2, np.zeros(4, int), ones)).all()
    assert np.isnan(recall(np.zeros(4, int), np.zeros(4, int), 1, ones)).all()
    assert np.isnan(r_squared(score, np.ones(4), ones)).all()
    assert np.isnan(weighted_area(np.zeros(0), np.zeros(0, bool), np.ones((2, 0)))).all()


def test_a_class_without_people_does_not_count() -> None:
    chance = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.2, 0.7, 0.1]])
    truth = np.array([0, 1, 0, 1])
    assert macro_area(chance, truth, np.ones((1, 4)))[0] == 1
    assert macro_f1(truth, truth, 3, np.ones((1, 4)))[0] == 1


def test_a_constant_guess_has_no_rank_correlation() -> None:
    assert rank_correlation(np.zeros(5), np.arange(5.0), np.ones((3, 5))).tolist() == [0, 0, 0]
