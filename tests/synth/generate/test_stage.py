"""Stages: likelihoods, their gradients, and draws that follow them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from salus.synth.generate.cell_stage import CellPart, CellStage
from salus.synth.generate.number_stage import NumberPart, NumberStage
from salus.synth.generate.stage import Growth, Seen, Shrinkage, Stage

N = 200
Case = tuple[Stage, Seen, np.ndarray]


def cells(linear: bool = True, n_cells: int = 3) -> Case:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 3))
    cell = np.digitize(x[:, 0] + rng.normal(size=N), np.linspace(-1, 1, n_cells - 1))
    frequency = np.bincount(cell, minlength=n_cells) / N
    growth = Growth(trees=3, linear=linear)
    parts = tuple(
        CellPart.fit(x[k::2], cell[k::2], frequency, growth=growth, rng=rng) for k in range(2)
    )
    stage = CellStage(parts, frequency, Shrinkage(8.0, 0.2, 0.1))
    value = cell.astype(float)
    return stage, stage.seen(x, np.arange(N) % 2, value, value), x


def scores(heaps: bool = False, linear: bool = True) -> Case:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(N, 3))
    z = 0.7 * x[:, 0] + 0.7 * rng.normal(size=N)
    growth = Growth(trees=3, linear=linear)
    parts = tuple(
        NumberPart.fit(x[k::2], z[k::2], growth=growth, bins=10, rng=rng) for k in range(2)
    )
    stage = NumberStage(parts, Shrinkage(8.0, 0.2, 0.1))
    low, high = z.copy(), z.copy()
    if heaps:
        low[::2], high[::2] = np.floor(z[::2]), np.floor(z[::2]) + 1
    return stage, stage.seen(x, np.arange(N) % 2, low, high), x


CASES: dict[str, Callable[[], Case]] = {
    "cell": cells,
    "two cells": lambda: cells(n_cells=2),
    "cell, trees only": lambda: cells(linear=False),
    "number": scores,
    "number, trees only": lambda: scores(linear=False),
    "heaped number": lambda: scores(heaps=True),
}


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("shift", [-1.5, 0.0, 1.5])
def test_gradient_is_that_of_finite_differences(case: str, shift: float) -> None:
    stage, seen, _ = CASES[case]()
    vector = stage.shrinkage.to_vector(stage.numeric)
    vector = np.clip(vector + shift, *np.array(Shrinkage.bounds(stage.numeric)).T)

    def at(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return stage.with_shrinkage(Shrinkage.from_vector(v)).log_prob(seen)

    slope = at(vector)[1]
    assert slope.shape == (N, len(vector))
    for i in range(len(vector)):
        step = np.eye(len(vector))[i] * 1e-5
        numeric = (at(vector + step)[0] - at(vector - step)[0]) / 2e-5
        assert np.allclose(slope[:, i], numeric, rtol=1e-4, atol=1e-6)


def test_cells_have_probabilities_that_add_up() -> None:
    stage, _, x = cells()
    part = np.arange(N) % 2
    each = [np.full(N, float(c)) for c in range(3)]
    total = sum(np.exp(stage.log_prob(stage.seen(x, part, c, c))[0]) for c in each)
    assert np.allclose(total, 1)


def test_numbers_have_a_density() -> None:
    stage, _, x = scores()
    grid = np.linspace(-8, 8, 4001)
    row = np.repeat(x[:1], len(grid), axis=0)
    density = np.exp(stage.log_prob(stage.seen(row, np.zeros(4001, int), grid, grid))[0])
    assert abs(density.sum() * (grid[1] - grid[0]) - 1) < 1e-3
    low, high = np.arange(-8.0, 8), np.arange(-7.0, 9)
    seen = stage.seen(np.repeat(x[:1], 16, axis=0), np.zeros(16, int), low, high)
    assert abs(np.exp(stage.log_prob(seen)[0]).sum() - 1) < 1e-6


def test_draws_follow_the_likelihood() -> None:
    rng = np.random.default_rng(2)
    stage, _, x = cells()
    row, part = np.repeat(x[:1], 20_000, axis=0), np.zeros(20_000, int)
    drawn = np.bincount(stage.draw(row, part, rng).astype(int), minlength=3) / 20_000
    c = np.arange(3.0)
    wanted = np.exp(stage.log_prob(stage.seen(row[:3], part[:3], c, c))[0])
    assert np.allclose(drawn, wanted, atol=0.015)
    number, _, x = scores()
    z = number.draw(np.repeat(x[:1], 20_000, axis=0), part, rng)
    low = np.array([-9.0, -0.5, 0.5])
    high = np.array([-0.5, 0.5, 9.0])
    seen = number.seen(np.repeat(x[:1], 3, axis=0), part[:3], low, high)
    share = [((z > a) & (z < b)).mean() for a, b in zip(low, high, strict=True)]
    assert np.allclose(share, np.exp(number.log_prob(seen)[0]), atol=0.015)


def test_vectors_of_parameters() -> None:
    s = Shrinkage(3.0, 0.5, 0.2)
    again = Shrinkage.from_vector(s.to_vector(True))
    assert np.allclose([again.kappa, again.bandwidth, again.weight], [3.0, 0.5, 0.2])
    assert len(s.to_vector(False)) == 2 and len(Shrinkage.bounds(False)) == 2
