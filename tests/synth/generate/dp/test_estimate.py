from __future__ import annotations

import numpy as np
import pytest

from salus.synth.generate.dp.estimate import Estimate, Measured, estimate

SIZES = (3, 4, 2, 3)
CLIQUES = [(0,), (1,), (2,), (3,), (0, 1), (1, 2), (0, 1), (2, 3), (0, 3)]


def people(n: int = 500, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    b = np.where(rng.random(n) < 0.6, a, rng.integers(0, 4, n))
    c = ((b + rng.integers(0, 2, n)) > 2).astype(int)
    return np.column_stack([a, b, c, np.where(rng.random(n) < 0.5, a, rng.integers(0, 3, n))])


def counted(rows: np.ndarray, clique: tuple[int, ...]) -> np.ndarray:
    out = np.zeros([SIZES[j] for j in clique])
    np.add.at(out, tuple(rows[:, j] for j in clique), 1)
    return out


def measured(sigma: float, seed: int = 1) -> list[Measured]:
    rng = np.random.default_rng(seed)
    out = []
    for clique in CLIQUES:
        exact = counted(people(), clique)
        noise = rng.normal(0, sigma, exact.shape)
        out.append(Measured(clique, exact + noise, np.full(exact.shape, sigma**2)))
    return out


def loss(found: Estimate, tables: list[Measured]) -> float:
    off = [found.total * found.tree.marginal(found.beliefs, m.clique) - m.counts for m in tables]
    return sum(0.5 * float((o**2 / m.variance).sum()) for o, m in zip(off, tables, strict=True))


def test_exact_counts_are_met() -> None:
    tables = measured(1e-2)
    found = estimate(SIZES, tables, 500.0, steps=3000, tolerance=0.0)
    for m in tables:
        counts = 500 * found.tree.marginal(found.beliefs, m.clique)
        assert np.abs(counts - counted(people(), m.clique)).max() < 0.5


def test_what_is_measured_twice_is_less_noisy() -> None:
    """A column alone, and within three pairs: the estimate lies nearer than its own count."""
    off, alone = [], []
    for seed in range(20):
        tables = measured(15.0, seed)
        found = estimate(SIZES, tables, 500.0)
        truth = counted(people(), (0,))
        off.append(np.abs(500 * found.tree.marginal(found.beliefs, (0,)) - truth).mean())
        alone.append(np.abs(tables[0].counts - truth).mean())
    assert np.mean(off) < 0.8 * np.mean(alone)


def test_the_loss_is_that_of_the_distribution() -> None:
    tables = measured(10.0)
    found = estimate(SIZES, tables, 500.0)
    assert found.loss == pytest.approx(loss(found, tables))
    assert sum(np.exp(b).sum() for b in found.beliefs) == pytest.approx(len(found.beliefs))


def test_an_earlier_estimate_is_a_head_start() -> None:
    tables = measured(10.0)
    full = estimate(SIZES, tables, 500.0)
    begun = estimate(SIZES, tables, 500.0, start=full.potentials, steps=1)
    cold = estimate(SIZES, tables, 500.0, steps=1)
    assert begun.loss <= full.loss + 1e-9 < cold.loss
    larger = [*tables, Measured((1, 3), np.full((4, 3), 40.0), np.full((4, 3), 100.0))]
    grown = estimate(SIZES, larger, 500.0, start=full.potentials)
    assert grown.tree.home((1, 3)) is not None


def test_no_step_raises_the_loss() -> None:
    tables = measured(5.0)
    losses = [estimate(SIZES, tables, 500.0, steps=k, tolerance=0.0).loss for k in (1, 5, 25, 125)]
    assert losses == sorted(losses, reverse=True)


def test_one_column_of_one_cell() -> None:
    found = estimate((1,), [Measured((0,), np.array([7.0]), np.array([1.0]))], 9.0)
    assert np.allclose(found.beliefs[0], 0.0)


@pytest.mark.slow
def test_private_pgm_finds_the_same_distribution() -> None:
    """The optimum is that of mbi (McKenna's own package), reached at least as closely."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_enable_compilation_cache", False)
    mbi = pytest.importorskip("mbi")
    tables = measured(10.0)
    ours = estimate(SIZES, tables, 500.0, steps=3000, tolerance=0.0)
    names = [f"v{j}" for j in range(4)]
    theirs = mbi.estimation.MirrorDescent().estimate(
        mbi.Domain(names, SIZES),
        [
            mbi.LinearMeasurement(m.counts.ravel(), tuple(names[j] for j in m.clique), 10.0)
            for m in tables
        ],
        known_total=500.0,
        iters=3000,
    )
    worst, their_loss = 0.0, 0.0
    for m in tables:
        them = np.asarray(theirs.project(tuple(names[j] for j in m.clique)).values)
        us = 500 * ours.tree.marginal(ours.beliefs, m.clique)
        worst = max(worst, float(np.abs(us - them).max()))
        their_loss += 0.5 * float(((them - m.counts) ** 2 / m.variance).sum())
    assert worst < 0.1  # people of 500
    assert ours.loss <= their_loss + 1e-4
