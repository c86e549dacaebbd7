from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.generate.dp.domain import Cells, public_cells
from salus.synth.generate.dp.merging import merge
from salus.synth.table.schema import Column, Schema


def number(high: int = 20) -> Cells:
    column = Column(name="x", kind="integer", low=1, high=high, missing_codes=("-9",))
    return public_cells(Schema([column]))[0]


def levels(n: int) -> Cells:
    column = Column(name="c", kind="categorical", levels=tuple(f"l{i}" for i in range(n)))
    return public_cells(Schema([column]))[0]


def test_stretches_are_joined_until_they_stand_out() -> None:
    counts = np.array([50.0] * 20 + [0.0, 0.0])
    groups = merge(number(), counts, 10.0, total=1000, most=5)
    # a fifth of 1000 rows is four cells of 50
    assert list(groups.of_cell[:20]) == [i // 4 for i in range(20)]
    assert list(groups.of_cell[20:]) == [-1, -1]
    assert np.allclose(groups.total(counts), 200)


def test_a_heap_stays_alone() -> None:
    counts = np.array([20.0] * 9 + [600.0] + [20.0] * 10 + [0.0, 0.0])
    groups = merge(number(), counts, 1.0, total=1000, most=8)
    assert (groups.of_cell == groups.of_cell[9]).sum() == 1


def test_strong_noise_leaves_few_groups() -> None:
    counts = np.array([50.0] * 20 + [0.0, 0.0])
    few = merge(number(), counts, 100.0, total=1000, most=20)
    many = merge(number(), counts, 1.0, total=1000, most=20)
    assert few.size < 3 < many.size == 20


def test_missing_states_are_drawn_only_where_they_stand_out() -> None:
    counts = np.array([50.0] * 20 + [25.0, 40.0])
    groups = merge(number(), counts, 10.0, total=1000, most=2)
    assert groups.of_cell[20] == -1 and groups.of_cell[21] == groups.size - 1


def test_values_that_hardly_anybody_has_are_not_drawn() -> None:
    counts = np.array([0.0] * 20 + [900.0, 0.0])
    counts[4] = 3.0
    groups = merge(number(), counts, 1.0, total=900, most=8)
    assert np.all(groups.of_cell[:20] == -1) and groups.size == 1


def test_where_nothing_can_be_told_values_are_likelier_than_gaps() -> None:
    counts = np.array([0.0] * 20 + [1.0, 2.0])
    groups = merge(number(), counts, 100.0, total=20, most=8)
    assert np.all(groups.of_cell[:20] == 0) and np.all(groups.of_cell[20:] == -1)
    assert np.allclose(groups.weight[:20], 0.05)


def test_rare_levels_form_one_group() -> None:
    counts = np.array([400.0, 2.0, 300.0, -5.0, 8.0, 0.0])
    groups = merge(levels(5), counts, 10.0, total=700, most=30)
    assert list(groups.of_cell) == [0, 2, 1, 2, 2, -1]


def test_so_many_levels_keep_a_group_of_their_own() -> None:
    counts = np.append(np.arange(50.0, 90.0), 0.0)
    groups = merge(levels(40), counts, 1.0, total=2800, most=10)
    assert groups.size == 11


def test_shares_follow_the_counts_as_far_as_they_are_not_noise() -> None:
    counts = np.array([30.0] + [10.0] * 3 + [0.0] * 16 + [0.0, 0.0])
    exact = merge(number(), counts, 1e-3, total=60, most=1)
    noisy = merge(number(), counts, 1e3, total=60, most=1)
    assert np.allclose(exact.weight[:4], [0.5, 1 / 6, 1 / 6, 1 / 6], atol=1e-4)
    assert np.allclose(noisy.weight[:20], 0.05, atol=1e-3)


def test_cells_are_drawn_by_their_shares() -> None:
    counts = np.array([30.0] + [10.0] * 3 + [0.0] * 16 + [60.0, 0.0])
    groups = merge(number(), counts, 1e-3, total=120, most=1)
    rng = np.random.default_rng(0)
    drawn = groups.draw(np.repeat([0, 1], 6_000), rng)
    assert np.all(drawn[6_000:] == 20)
    share = np.bincount(drawn[:6_000], minlength=20) / 6_000
    assert np.allclose(share[:4], [0.5, 1 / 6, 1 / 6, 1 / 6], atol=0.02)


@settings(max_examples=80)
@given(
    st.lists(st.floats(-300, 3000), min_size=22, max_size=22),
    st.floats(0.01, 500),
    st.integers(1, 40),
)
def test_groups_are_whole(counts: list[float], sigma: float, most: int) -> None:
    for cells in (number(), levels(21)):
        noisy = np.array(counts)
        groups = merge(cells, noisy, sigma, total=max(1.0, noisy.sum()), most=most)
        kept = groups.of_cell >= 0
        assert kept.any() and set(groups.of_cell[kept]) == set(range(groups.size))
        share = np.bincount(groups.of_cell[kept], groups.weight[kept])
        assert np.allclose(share, 1) and np.all(groups.weight >= 0)
        assert np.all(groups.weight[~kept] == 0)
        if not cells.column.is_levelled:
            inside = groups.of_cell[: cells.n_values]
            assert np.all(np.diff(inside) >= 0)  # neighbours stay neighbours
            # the last group may get the rest as well
            assert len(set(inside[inside >= 0])) <= most + 1 + np.sum(noisy > 0)
