"""Rows near people: planted copies are found, fresh people aren't accused."""

from __future__ import annotations

import numpy as np

from salus.synth.generate.net.copying import CLOSEST, Copying
from salus.synth.table.table import Table
from tests.synth.generate.net.toys import cells, noise

TABLE = noise(200, d=5)
INSIDE, OUTSIDE = np.arange(120), np.arange(120, 200)
FRESH = noise(400, d=5, seed=9)


def copying(table: Table = TABLE) -> Copying:
    return Copying.fit(table, np.random.default_rng(1))


def with_copies(share: float) -> tuple[Table, np.ndarray]:
    """Return fresh rows of which a share are people learnt from, and who these are."""
    who = np.random.default_rng(2).choice(INSIDE, int(share * len(FRESH)), replace=False)
    return Table.concat([TABLE.take(who), FRESH.take(np.arange(len(FRESH) - len(who)))]), who


def test_fresh_people_show_no_excess() -> None:
    found = copying().judge(FRESH, INSIDE, OUTSIDE, np.random.default_rng(3))
    assert abs(found.excess) < 0.02 and len(found.people) < 10


def test_planted_copies_are_found_with_their_people() -> None:
    made, who = with_copies(0.2)
    found = copying().judge(made, INSIDE, OUTSIDE, np.random.default_rng(3))
    assert 0.16 < found.excess < 0.26
    looked_at = min(len(OUTSIDE), len(INSIDE))  # so many of those learnt from are in the one group
    assert set(found.people) <= set(INSIDE)
    assert len(set(found.people) & set(who)) > 0.9 * len(who) * looked_at / len(INSIDE)
    assert len(set(found.people) - set(who)) < 10


def test_the_excess_grows_with_the_share_of_copies() -> None:
    judge = copying()
    shares = (0.0, 0.05, 0.1, 0.2, 0.3)
    found = [
        judge.judge(with_copies(s)[0], INSIDE, OUTSIDE, np.random.default_rng(3)).excess
        for s in shares
    ]
    assert found == sorted(found) and np.abs(np.subtract(found, shares)).max() < 0.05


def test_copies_of_strangers_accuse_nobody() -> None:
    made = Table.concat([TABLE.take(OUTSIDE), FRESH])
    found = copying().judge(made, INSIDE, OUTSIDE, np.random.default_rng(3))
    assert found.excess < -0.1


def test_copies_but_for_one_column_are_found() -> None:
    made, who = with_copies(0.2)
    other = made.values["x2"].copy()
    other[: len(who)] = np.random.default_rng(4).normal(size=len(who)) + 3
    found = copying().judge(made.replace("x2", other), INSIDE, OUTSIDE, np.random.default_rng(3))
    assert found.excess > 0.12


def test_people_who_are_alike_by_nature_accuse_nobody() -> None:
    """Three levelled columns: everybody has a twin, learnt from or not."""
    table = cells(200)
    found = copying(table).judge(cells(500, seed=5), INSIDE, OUTSIDE, np.random.default_rng(3))
    assert abs(found.excess) < 0.15


def test_reach_is_what_few_people_have() -> None:
    judge = copying(FRESH)
    from salus.synth.measure.distance import nearest

    own = nearest(judge.people, judge.people, skip_same=True).all[:, 0]
    assert (own <= judge.reach[0]).mean() <= 2 * CLOSEST + 0.005
    assert (own <= judge.reach[0]).any()


def test_nobody_to_compare_with_is_no_excess() -> None:
    nobody = np.zeros(0, np.intp)
    for made, inside, outside in (
        (FRESH.take(nobody), INSIDE, OUTSIDE),
        (FRESH, nobody, OUTSIDE),
        (FRESH, INSIDE, nobody),
    ):
        found = copying().judge(made, inside, outside, np.random.default_rng(0))
        assert found.excess == 0 and len(found.people) == 0
