"""Scores of predictions: scikit-learn's with weights, for many replicates at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn import metrics

from salus.synth.measure.scores import (
    area_under_roc,
    average_precision,
    macro_area,
    macro_f1,
    r_squared,
    rank_correlation,
    recall,
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


@settings(max_examples=25, deadline=None)
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
