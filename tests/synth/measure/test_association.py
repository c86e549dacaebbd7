"""Relations of columns, against SciPy and scikit-learn, and without each group of people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from scipy.stats.contingency import association as contingency
from sklearn.metrics import normalized_mutual_info_score

from salus.synth.measure.association import associations, strengths
from salus.synth.measure.jackknife import GROUPS, people_groups

N = 300


def mixed(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two numbers, one with holes, and two sets of levels, all related."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=N), 1)
    y = x + rng.normal(size=N)
    y[rng.random(N) < 0.1] = np.nan
    c = np.digitize(x + rng.normal(size=N), [-1, 0.5])
    d = (c + (rng.random(N) < 0.3)) % 3
    bins = [np.digitize(x, [-1, 0, 1]), np.where(np.isnan(y), 2, y > 0).astype(int)]
    values = np.column_stack([x, y, c, d]).astype(float)
    cells = np.column_stack([*bins, c, d])
    groups = people_groups(np.arange(N), rng)
    return values, cells, np.array([4, 3, 3, 3]), np.array([True, True, False, False]), groups


def test_each_kind_of_pair() -> None:
    values, cells, sizes, ranked, groups = mixed(0)
    out = associations(values, cells, sizes, ranked, groups)
    assert out.shape == (GROUPS + 1, 4, 4)
    assert out == pytest.approx(out.transpose(0, 2, 1), abs=1e-12)
    assert (out[:, range(4), range(4)] == 1).all()
    there = ~np.isnan(values[:, 1])
    rank = spearmanr(values[there, 0], values[there, 1]).statistic
    assert out[0, 0, 1] == pytest.approx(rank, abs=0.01)  # ranks are those of the whole column
    shared = normalized_mutual_info_score(cells[:, 0], cells[:, 2], average_method="geometric")
    assert out[0, 0, 2] == pytest.approx(shared)
    plain = contingency(np.histogram2d(cells[:, 2], cells[:, 3], bins=3)[0].astype(int))
    assert plain - 0.03 < out[0, 2, 3] < plain  # corrected for what chance makes
    assert out[0, 2, 3] > 0.3


def test_strengths_are_the_associations_of_the_whole_sample() -> None:
    values, cells, sizes, ranked, groups = mixed(2)
    out = strengths(values, cells, sizes, ranked)
    whole = associations(values, cells, sizes, ranked, groups)[0]
    unordered = np.ix_([2, 3], [2, 3])
    shared = normalized_mutual_info_score(cells[:, 2], cells[:, 3], average_method="geometric")
    assert out[unordered] == pytest.approx(np.array([[1, shared], [shared, 1]]))
    out[unordered] = whole[unordered] = 0
    assert out == pytest.approx(whole, abs=1e-12)


def test_strengths_of_a_column_that_does_not_vary() -> None:
    values, cells, sizes, ranked, _ = mixed(2)
    values[:, 0], cells[:, 0], cells[:, 2] = 1.0, 0, 0
    out = strengths(values, cells, sizes, ranked)
    assert np.isfinite(out).all()
    assert (out[0, 1:] == 0).all()
    assert out[2, 3] == 0


def test_without_a_group_it_is_the_relation_of_the_others() -> None:
    values, cells, sizes, ranked, groups = mixed(1)
    out = associations(values, cells, sizes, ranked, groups)
    for g in (0, 7, GROUPS - 1):
        keep = groups != g
        alone = associations(values[keep], cells[keep], sizes, ranked, groups[keep])
        assert out[g + 1] == pytest.approx(alone[0], abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_order_of_rows_names_of_levels_and_units_do_not_count(seed: int) -> None:
    values, cells, sizes, ranked, groups = mixed(seed)
    out = associations(values, cells, sizes, ranked, groups)[0]
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(N), rng.permutation(4)
    renamed = cells.copy()
    for j in range(4):
        renamed[:, j] = rng.permutation(sizes[j])[cells[:, j]]
    moved = (1000 * values - 5)[rows][:, columns]
    again = associations(
        moved, renamed[rows][:, columns], sizes[columns], ranked[columns], groups[rows]
    )[0]
    assert again == pytest.approx(out[columns][:, columns], abs=1e-9)


def test_independent_and_constant_columns_have_no_relation() -> None:
    rng = np.random.default_rng(0)
    cells = np.column_stack([rng.integers(0, 8, 2000), rng.integers(0, 5, 2000), np.zeros(2000)])
    cells = cells.astype(int)
    values = np.column_stack([cells[:, 0], cells[:, 1], np.full(2000, np.nan)]).astype(float)
    groups = people_groups(np.arange(2000), rng)
    sizes = np.array([8, 5, 2])
    for ranked in (np.zeros(3, bool), np.ones(3, bool), np.array([True, False, False])):
        out = associations(values, cells, sizes, ranked, groups)[0]
        assert np.abs(out - np.eye(3)).max() < 0.06
        assert (out[2, :2] == 0).all()


def test_equal_columns_are_fully_related() -> None:
    cell = np.arange(90) % 3
    out = associations(
        np.column_stack([cell, cell]).astype(float),
        np.column_stack([cell, cell]),
        np.array([3, 3]),
        np.zeros(2, bool),
        people_groups(np.arange(90), np.random.default_rng(0)),
    )
    assert out[0] == pytest.approx(np.ones((2, 2)), abs=1e-9)
