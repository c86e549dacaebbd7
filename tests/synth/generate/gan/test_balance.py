"""Training by sampling: rare cells come up, and their weight is known."""

from __future__ import annotations

import numpy as np

from salus.synth.generate.gan.balance import Balance, conditions, pick
from salus.synth.generate.gan.codec import Codec
from salus.synth.generate.gan.layout import Layout
from tests.synth.generate.gan.toys import rare_outcome


def prepared(n: int = 2_000) -> tuple[Layout, np.ndarray, Balance]:
    table = rare_outcome(n, 0.02)
    codec = Codec.fit(table, np.random.default_rng(0))
    layout = Layout.of(codec)
    cell = codec.encode(table, np.random.default_rng(1)).cell
    return layout, cell, Balance.of(layout, cell, np.arange(0, n, 2))


def test_rows_have_the_cell_they_were_drawn_by() -> None:
    layout, cell, balance = prepared()
    rows, drawn = balance.draw(5_000, np.random.default_rng(2))
    assert (rows % 2 == 0).all()  # only those learnt from
    for j in layout.choices:
        begin = layout.starts[j]
        mine = (drawn >= begin) & (drawn < begin + layout.cells[j])
        assert np.array_equal(cell[rows[mine], j], drawn[mine] - begin)


def test_rare_cells_come_up_by_the_logarithm() -> None:
    layout, cell, balance = prepared()
    j = layout.choices[-1]
    many = np.bincount(cell[::2, j])
    wanted = np.log1p(many) / np.log1p(many).sum()
    _, drawn = balance.draw(60_000, np.random.default_rng(3))
    mine = drawn[drawn >= layout.starts[j]] - layout.starts[j]
    assert np.allclose(np.bincount(mine) / len(mine), wanted, atol=0.015)
    assert wanted.min() > 5 * many.min() / many.sum()


def test_weights_undo_it() -> None:
    layout, cell, balance = prepared()
    rows, drawn = balance.draw(200_000, np.random.default_rng(4))
    weight = np.exp(balance.log_weight[drawn])
    died = cell[rows, layout.choices[-1]] == 1
    assert (
        abs((weight * died).sum() / weight.sum() - (cell[::2, layout.choices[-1]] == 1).mean())
        < 0.01
    )
    assert died.mean() > 0.06  # without them


def test_without_cells_rows_are_drawn_evenly() -> None:
    layout = Layout(cells=(1, 1), modes=(1, 1))
    balance = Balance.of(layout, np.zeros((160, 2), np.intp), np.arange(160))
    rows, drawn = balance.draw(2_000, np.random.default_rng(0))
    assert (drawn == -1).all() and len(np.unique(rows)) > 150
    assert conditions(drawn, 0).shape == (2_000, 0)


def test_picks_follow_the_chances() -> None:
    total = np.cumsum([0.0, 0.3, 0.0, 0.7, 0.0])
    u = np.linspace(0, 1, 10_001)
    assert set(pick(total, u)) == {1, 3}
    assert abs((pick(total, u) == 1).mean() - 0.3) < 1e-3
    assert conditions(np.array([[2, -1]]), 3).tolist() == [[[0, 0, 1], [0, 0, 0]]]
