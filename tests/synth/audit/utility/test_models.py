"""The models: absent classes, constants, few and many rows, nothing that warns."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.utility import models
from salus.synth.audit.utility.models import MODELS, chances, guesses

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))


def test_every_model_learns_a_class_and_a_number() -> None:
    y = (X[:, 0] + 0.3 * RNG.normal(size=300) > 0).astype(int)
    (chance,) = chances(X[:200], y[:200], [X[200:]], 2, 0)
    assert chance.shape == (len(MODELS["classes"]), 100, 2)
    assert chance.sum(2) == pytest.approx(1)
    assert ((chance.argmax(2) == y[200:]).mean(1) > 0.8).all()
    number = 1e6 + 100 * X[:, 0]
    (guess,) = guesses(X[:200], number[:200], [X[200:]], 0)
    for g in guess:
        assert np.corrcoef(g, number[200:])[0, 1] > 0.85


def test_absent_levels_have_no_chance_and_a_single_one_has_all() -> None:
    y = RNG.choice([0, 3], 60)
    a, nobody = chances(X[:60], y, [X[60:90], X[:0]], 5, 0)
    assert (a[:, :, [1, 2, 4]] == 0).all()
    assert nobody.shape == (4, 0, 5)
    (b,) = chances(X[:60], np.full(60, 2), [X[60:90]], 5, 0)
    assert (b[:, :, 2] == 1).all()


def test_a_constant_number_is_guessed_as_it_is() -> None:
    (guess,) = guesses(X[:60], np.full(60, 0.1), [X[60:90]], 0)
    assert np.allclose(guess, 0.1)
    assert np.ptp(guess) == 0


def test_few_rows_and_more_than_a_net_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.arange(12) % 3
    (few,) = chances(X[:12], y, [X[:5]], 3, 0)
    assert np.isfinite(few).all()
    monkeypatch.setattr(models, "NET_ROWS", 50)
    rare = np.zeros(300, int)
    rare[299] = 1  # may be among the rows that the net does not see
    (chance,) = chances(X, rare, [X[:5]], 2, 0)
    assert chance.sum(2) == pytest.approx(1)


def test_the_same_seed_gives_the_same_predictions() -> None:
    y = (X[:, 0] > 0).astype(int)
    one, two = (chances(X[:80], y[:80], [X], 2, 5)[0] for _ in range(2))
    assert (one == two).all()
