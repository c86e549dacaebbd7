"""Attacks with a likelihood: the ratio is that of two normal densities, and sees what loss can't."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from salus.synth.audit.attacks.likelihood import likelihood_ratio, loss, refit_scores


def trials(r: int, n: int, *, leak: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that differ widely between people, and are raised a little by membership."""
    rng = np.random.default_rng(seed)
    member = rng.permuted(np.tile(np.arange(n) < n // 2, (r, 1)), axis=1)
    usual = rng.normal(0, 5, n)
    return usual + leak * member + rng.normal(0, 1, (r, n)), member


def test_loss_is_the_likelihood_and_a_copy_of_it() -> None:
    log_prob = np.array([-3.0, -1.0])
    score = loss(log_prob)
    np.testing.assert_array_equal(score, log_prob)
    assert score is not log_prob


def test_with_many_shadows_the_ratio_is_of_each_persons_normal_densities() -> None:
    scores, member = trials(64, 20, leak=1, seed=0)
    scores[:, :10] *= 3
    seen = scores.mean(0)
    member[:32], member[32:] = np.arange(20) % 2 == 0, np.arange(20) % 2 == 1
    expected = []
    for i in range(20):
        inside, outside = scores[member[:, i], i], scores[~member[:, i], i]
        expected.append(
            norm.logpdf(seen[i], inside.mean(), inside.std(ddof=1))
            - norm.logpdf(seen[i], outside.mean(), outside.std(ddof=1))
        )
    np.testing.assert_allclose(likelihood_ratio(seen, scores, member), expected)


def test_the_ratio_sees_a_leak_that_loss_does_not() -> None:
    for r in (8, 40):
        scores, member = trials(r, 400, leak=2, seed=r)
        plain = roc_auc_score(member[0], loss(scores[0]))
        ratio = roc_auc_score(member[0], likelihood_ratio(scores[0], scores[1:], member[1:]))
        assert plain < 0.7
        assert ratio > 0.8


def test_refits_sharpen_any_attack_and_accuse_nobody_without_a_leak() -> None:
    areas = {}
    for leak in (0.0, 2.0):
        scores, member = trials(10, 300, leak=leak, seed=5)
        ratio = refit_scores(scores, member)
        areas[leak] = np.mean([roc_auc_score(m, s) for m, s in zip(member, ratio, strict=True)])
    assert areas[2.0] > 0.85
    assert areas[0.0] == pytest.approx(0.5, abs=0.03)


def test_a_trial_is_no_shadow_of_itself() -> None:
    scores, member = trials(6, 30, leak=1, seed=1)
    ratio = refit_scores(scores, member)
    np.testing.assert_allclose(
        ratio[2], likelihood_ratio(scores[2], np.delete(scores, 2, 0), np.delete(member, 2, 0))
    )
    other = member.copy()
    other[2] = ~other[2]
    np.testing.assert_array_equal(refit_scores(scores, other)[2], ratio[2])


def test_somebody_never_in_or_never_out_is_scored() -> None:
    scores, member = trials(8, 50, leak=2, seed=2)
    member[:, 0], member[:, 1] = False, True
    assert np.isfinite(refit_scores(scores, member)).all()
    same = np.zeros((4, 6))
    alternate = np.tile([[True, False] * 3], (4, 1)) ^ (np.arange(4) % 2 == 1)[:, None]
    np.testing.assert_array_equal(likelihood_ratio(same[0], same, alternate), 0)


def test_wrong_input_is_refused() -> None:
    member = np.array([[True, False], [False, True]])
    with pytest.raises(ValueError, match=r"\(r, n\)"):
        likelihood_ratio(np.zeros(3), np.zeros((2, 2)), member)
    with pytest.raises(ValueError, match="finite"):
        likelihood_ratio(np.array([0, np.nan]), np.zeros((2, 2)), member)
    with pytest.raises(ValueError, match="everybody"):
        likelihood_ratio(np.zeros(2), np.zeros((2, 2)), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="three trials"):
        refit_scores(np.zeros((2, 2)), member)
