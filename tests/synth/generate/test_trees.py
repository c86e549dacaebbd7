"""Trees of counts and their shrinkage toward ancestors."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.generate.trees import Trees, grow, on_grid


def planted(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = on_grid(rng.normal(size=(n, 3)))
    return x, ((x[:, 0] > 0) * 2 + (rng.random(n) < 0.3)).astype(np.intp)


def trees(base: bool = False) -> Trees:
    x, cell = planted()
    uniform = (lambda rows: np.full((len(x[rows]), 4), 0.25)) if base else None
    return grow(
        x,
        cell[:, None].astype(float),
        cell,
        4,
        base=uniform,
        rng=np.random.default_rng(1),
        trees=3,
        min_leaf=5,
        max_features=1.0,
        sample=250,
    )


def test_counts_add_up() -> None:
    t = trees()
    assert np.allclose(t.counts[t.roots].sum(1), 300)
    inner = np.flatnonzero(t.left >= 0)
    assert np.allclose(t.counts[inner], t.counts[t.left[inner]] + t.counts[t.right[inner]])
    assert np.array_equal(t.parent[t.left[inner]], inner)
    assert np.all(t.parent[t.roots] == -1)


def test_both_walks_agree() -> None:
    t, (x, _) = trees(), planted()
    every = t.all_leaves(x)
    for k in range(3):
        assert np.array_equal(every[:, k], t.leaves(x, np.full(len(x), k)))
    assert np.all(t.left[every] < 0)


def test_shrinkage_moves_from_leaf_to_uniform() -> None:
    t = trees()
    tight, loose = t.shares(1e-9)[0], t.shares(1e9)[0]
    own = t.counts / t.counts.sum(1, keepdims=True)
    assert np.allclose(tight, own, atol=1e-6)
    assert np.allclose(loose, 0.25, atol=1e-4)
    assert np.allclose(t.shares(7.0)[0].sum(1), 1)


@pytest.mark.parametrize("kappa", [0.5, 5.0, 200.0])
def test_slopes_by_kappa(kappa: float) -> None:
    frequency = np.array([0.4, 0.1, 0.3, 0.2])
    for figures in (
        lambda k: trees().shares(k),
        lambda k: trees(base=True).ratios(frequency, k),
    ):
        h = 1e-4 * kappa
        numeric = (figures(kappa + h)[0] - figures(kappa - h)[0]) / (2 * h)
        assert np.allclose(figures(kappa)[1], numeric, rtol=1e-4, atol=1e-7)


def test_thresholds_lie_on_the_grid() -> None:
    t = trees()
    assert np.allclose(t.threshold * 128, np.round(t.threshold * 128))


def test_joined_trees_keep_their_places() -> None:
    t, (x, _) = trees(), planted()
    both = Trees.join([t, t])
    n = len(t.feature)
    assert np.array_equal(both.all_leaves(x)[:, 3:], t.all_leaves(x) + n)
    again = Trees.from_arrays(both.to_arrays())
    assert np.array_equal(again.all_leaves(x), both.all_leaves(x))
    assert np.array_equal(both.shares(3.0)[0][n:], t.shares(3.0)[0])


def test_a_stump_where_nothing_can_be_split() -> None:
    cell = np.zeros(20, np.intp)
    t = grow(
        np.zeros((20, 0), np.float32),
        cell[:, None].astype(float),
        cell,
        2,
        rng=np.random.default_rng(0),
        trees=2,
        min_leaf=5,
        max_features=1.0,
        sample=20,
    )
    assert len(t.feature) == 2 and np.all(t.counts[:, 0] == 20)
