"""Ridge regression and its leave-one-out predictions."""

from __future__ import annotations

import numpy as np

from salus.synth.generate.linear import Ridge


def test_a_line_is_found() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = x @ np.array([[1.0], [0.0], [-2.0], [0.5]]) + 3 + 0.1 * rng.normal(size=(300, 1))
    ridge, loo = Ridge.fit(x, y)
    assert np.abs(ridge.predict(x) - y).std() < 0.12
    assert np.corrcoef(loo[:, 0], y[:, 0])[0, 1] > 0.99


def test_leave_one_out_is_a_refit() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
    y += x[:, :1]
    ridge, loo = Ridge.fit(x, y)
    keep = np.arange(40) != 7
    best = min(
        np.geomspace(1e-3, 30.0, 9) * 40,
        key=lambda a: np.abs(_solve(x, y, a) - ridge.weights).max(),
    )
    left = x[keep] - x[keep].mean(0)
    again = np.linalg.solve(left.T @ left + best * np.eye(3), left.T @ (y[keep] - y[keep].mean(0)))
    predicted = (x[7] - x[keep].mean(0)) @ again + y[keep].mean(0)
    assert np.allclose(predicted, loo[7], atol=1e-6)


def _solve(x: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    xc = x - x.mean(0)
    return np.linalg.solve(xc.T @ xc + alpha * np.eye(3), xc.T @ (y - y.mean(0)))


def test_noise_gives_the_mean() -> None:
    rng = np.random.default_rng(2)
    ridge, _ = Ridge.fit(rng.normal(size=(60, 30)), rng.normal(size=(60, 1)))
    assert np.abs(ridge.weights).max() < 0.1


def test_no_columns_and_few_people() -> None:
    ridge, loo = Ridge.fit(np.zeros((10, 0)), np.arange(10.0)[:, None])
    assert np.allclose(ridge.predict(np.zeros((2, 0))), 4.5)
    assert np.allclose(loo[0], 5.0)
    ridge, loo = Ridge.fit(np.zeros((1, 2)), np.ones((1, 1)))
    assert np.isfinite(ridge.predict(np.ones((1, 2)))).all() and np.isfinite(loo).all()
