from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from salus.synth.generate.dp.joint import Joint
from salus.synth.generate.dp.junction import JunctionTree

SIZES = (2, 3, 2, 4)


def joint(spread: float = 1.0) -> Joint:
    rng = np.random.default_rng(4)
    cliques = [(0, 1), (1, 2), (0, 2), (3,)]
    potentials = {c: spread * rng.normal(size=[SIZES[j] for j in c]) for c in cliques}
    tree = JunctionTree.build(SIZES, cliques)
    return Joint(tree, tuple(tree.calibrate(tree.assemble(potentials))))


CELLS = np.array(list(np.ndindex(*SIZES)))


def test_probabilities_add_up_to_one() -> None:
    assert np.exp(joint().log_prob(CELLS)).sum() == pytest.approx(1.0)


def test_rows_follow_the_probabilities() -> None:
    model, n = joint(), 30_000
    rows = model.draw(n, np.random.default_rng(0))
    seen = np.bincount(np.ravel_multi_index(tuple(rows.T), SIZES), minlength=48)
    expected = n * np.exp(model.log_prob(CELLS))
    # systematic draws vary less than independent ones, so the statistic is small, never large
    assert chisquare(seen, expected).pvalue > 0.05


def test_counts_vary_less_than_in_independent_draws() -> None:
    model, n = joint(), 400
    p = model.marginal(1)[0]
    drawn = [(model.draw(n, np.random.default_rng(s))[:, 1] == 0).mean() for s in range(200)]
    assert np.std(drawn) < 0.7 * np.sqrt(p * (1 - p) / n)
    assert np.mean(drawn) == pytest.approx(p, abs=0.01)


def test_a_single_row_follows_the_probabilities_too() -> None:
    model = joint()
    rng = np.random.default_rng(1)
    rows = np.concatenate([model.draw(1, rng) for _ in range(4_000)])
    seen = np.bincount(np.ravel_multi_index(tuple(rows.T), SIZES), minlength=48)
    expected = 4_000 * np.exp(model.log_prob(CELLS))
    common = expected >= 5
    observed = np.append(seen[common], seen[~common].sum())
    assert chisquare(observed, np.append(expected[common], expected[~common].sum())).pvalue > 0.001


@pytest.mark.parametrize("evidence", [{1: 2}, {0: 1, 3: 0}, {0: 0, 1: 1, 2: 1, 3: 3}])
def test_conditions_are_exact(evidence: dict[int, int]) -> None:
    model = joint(3.0)
    chance = np.exp(model.log_prob(CELLS))
    held = np.all([CELLS[:, j] == k for j, k in evidence.items()], axis=0)
    given = model.given(evidence)
    rows = CELLS[held].copy()
    rows[:, list(evidence)] = 0  # what is given keeps one cell
    assert np.allclose(np.exp(given.log_prob(rows)), chance[held] / chance[held].sum())
    drawn = given.draw(50, np.random.default_rng(0))
    assert np.all(drawn[:, list(evidence)] == 0)


def test_conditions_that_hardly_anybody_meets() -> None:
    given = joint(300.0).given({0: 1, 1: 0, 2: 1})
    assert np.isfinite(given.marginal(3)).all()
    assert given.marginal(3).sum() == pytest.approx(1.0)


def test_pairs_and_columns_agree() -> None:
    model = joint()
    for (a, b), table in model.pairs().items():
        assert np.allclose(table.sum(1), model.marginal(a))
        assert np.allclose(table.sum(0), model.marginal(b))
