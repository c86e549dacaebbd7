"""The risks' units: nothing given away is 0, copies are 1, a share of copies is that share."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.generate.gan.risks import (
    Bank,
    anchors_of,
    far,
    near_excess,
    ratios,
    success,
    tail,
)
from salus.synth.measure.distance import Encoder, Placed
from tests.synth.generate.gan.toys import crossed, spread_out


def banks_of(n: int = 120, members: int = 4, seed: int = 0) -> tuple[list[Bank], Placed]:
    table = spread_out(n, seed=seed)
    placed = Encoder.fit([table]).place(table)
    sides = crossed(table, members, seed)
    return [Bank(placed.take(s.members), placed.take(s.others)) for s in sides], placed


def shares(banks: list[Bank], made: list[Placed]) -> tuple[float, float, float]:
    """Return ratio, tail and near copies of each sub-model's rows, pooled."""
    a = anchors_of(banks)
    found = []
    for bank, rows in zip(banks, made, strict=True):
        near, off = far(rows, bank.members), far(rows, bank.others)
        r = ratios(bank, near, off, a.tau, a.background)
        found.append(
            (
                r.mean() / a.ceiling,
                tail(r, a.start) / a.tail_ceiling,
                near_excess(bank, near, off, a.reach),
            )
        )
    ratio, beyond, excess = np.mean(found, 0)
    return float(ratio), float(beyond), float(excess)


def test_members_are_cut_into_parts_of_the_others_size() -> None:
    banks, _ = banks_of(120, 4)
    assert [b.parts for b in banks] == [(3, 1)] * 4 and [b.size for b in banks] == [30] * 4
    many = Bank(banks[0].others, banks[0].members)
    assert many.parts == (1, 3) and many.size == 30


def test_copies_are_one() -> None:
    banks, _ = banks_of()
    ratio, beyond, excess = shares(banks, [b.members for b in banks])
    assert ratio == pytest.approx(1, abs=1e-6) and beyond == pytest.approx(1, abs=1e-6)
    assert excess > 0.9


def test_copies_of_others_count_the_other_way() -> None:
    banks, _ = banks_of()
    ratio, beyond, excess = shares(banks, [b.others for b in banks])
    assert ratio < -1 and beyond < -1 and excess < -0.9


def test_fresh_rows_are_nothing() -> None:
    """Over many draws of who was in the data, rows that know nobody have a mean of 0."""
    found = []
    for seed in range(30):
        table = spread_out(180, seed=seed)
        placed = Encoder.fit([table]).place(table)
        rows = placed.take(np.arange(100, 180))
        order = np.random.default_rng(seed).permutation(100)
        banks = [Bank(placed.take(order[25:]), placed.take(order[:25]))]
        found.append(shares(banks, [rows]))
    mean, error = np.mean(found, 0), np.std(found, 0) / np.sqrt(len(found))
    assert (np.abs(mean) < 3 * error + 1e-9).all()
    assert np.abs(mean[0]) < 0.05 and np.abs(mean[2]) < 0.05


def test_odd_rows_are_nothing_either() -> None:
    """Rows that aren't at all like people don't lie nearer to members than to others."""
    found = []
    for seed in range(20):
        banks, placed = banks_of(seed=seed)
        rng = np.random.default_rng(seed)
        one = placed.take(rng.integers(0, len(placed), 80))
        rows = Placed(rng.permuted(one.position, axis=0), one.code, one.people)
        far_away = Placed((rows.position + 0.4).astype(np.float32), rows.code, rows.people)
        found.append([shares(banks, [r] * len(banks))[0] for r in (rows, far_away)])
    assert np.abs(np.mean(found, 0)).max() < 0.02  # the same rows for each fold: exactly balanced


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_share_of_copies_is_that_share(share: float) -> None:
    found, fresh = [], []
    for seed in range(8):
        table = spread_out(300, seed=seed)
        placed = Encoder.fit([table]).place(table)
        people = spread_out(300, seed=seed).take(np.arange(200))
        sides = crossed(people, 4, seed)
        banks = [Bank(placed.take(s.members), placed.take(s.others)) for s in sides]
        rng = np.random.default_rng(seed)
        made = []
        for side in sides:
            copied = rng.random(100) < share
            rows = np.where(copied, rng.choice(side.members, 100), np.arange(200, 300))
            made.append(placed.take(rows))
        found.append(shares(banks, made))
        fresh.append(shares(banks, [placed.take(np.arange(200, 300))] * 4))
    assert np.allclose(np.mean(fresh, 0), 0, atol=0.02)
    ratio, beyond, excess = np.mean(found, 0)
    assert ratio == pytest.approx(share, abs=0.04)
    assert beyond == pytest.approx(share, abs=0.06)
    assert excess == pytest.approx(share, abs=0.08)


def test_few_columns_tell_nothing() -> None:
    banks, placed = banks_of()
    two = Placed(placed.position[:, :1] * 0, placed.code[:, :1], placed.people)
    same = [Bank(two.take(np.arange(60)), two.take(np.arange(60, 120)))]
    assert not anchors_of(same).telling and anchors_of(banks).telling


def test_a_guess_is_right_by_the_nearest_rows() -> None:
    truth = Placed(np.zeros((2, 1), np.float32), np.array([[1], [2]], np.int32), np.arange(2))
    rows = Placed(np.zeros((3, 1), np.float32), np.array([[1], [2], [2]], np.int32), np.arange(3))
    distance = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]], np.float32)
    assert np.allclose(success(distance, 0.05, truth, rows), [1, 0], atol=1e-6)
    assert np.allclose(success(np.zeros((2, 3), np.float32), 0.05, truth, rows), [1 / 3, 2 / 3])
    number = Placed(np.array([[0.5], [0.5]], np.float32), np.zeros((2, 1), np.int32), np.arange(2))
    made = Placed(np.array([[0.54], [0.56]], np.float32), np.zeros((2, 1), np.int32), np.arange(2))
    assert np.allclose(success(np.zeros((2, 2), np.float32), 0.05, number, made), [0.5, 0.5])
