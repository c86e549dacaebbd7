"""Earlier rows never hide what a new table gives away."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit import observation
from salus.synth.audit.held import ALL, observe_held
from salus.synth.audit.observation import observe
from salus.synth.audit.privacy import conclude
from salus.synth.budget import Budget
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

PEOPLE = simulated(1200, seed=3)
MEMBER = np.arange(1200) < 600
CLEAN = simulated(1800, seed=5)
LOOSE = Budget(membership=0.9, tpr_at_1pct=0.9, copies=0.05, near_copies=0.9, attribute=0.9)


def leaky(members: Table, share: float) -> Table:
    """Return fresh people, a share of them replaced by members."""
    rows = int(share * len(members))
    fresh = simulated(len(members) - rows, seed=4)
    return Table.concat([members.take(np.arange(rows)), fresh])


def test_without_earlier_tables_nothing_is_added() -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.1)
    held = observe_held(made, (), PEOPLE, MEMBER, seed=1)
    alone = observe(made, PEOPLE, MEMBER, seed=1)
    assert held.membership.keys() == alone.membership.keys()
    for name, score in alone.membership.items():
        assert np.array_equal(held.membership[name], score)


def test_copies_are_not_thinned_by_a_clean_table() -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.08)
    thinned = observe(Table.concat([made, CLEAN]), PEOPLE, MEMBER, seed=1)
    held = observe_held(made, [CLEAN], PEOPLE, MEMBER, seed=1)
    alone = observe(made, PEOPLE, MEMBER, seed=1)

    def exact(seen: object) -> float:
        found = {f.name: f for f in conclude([seen], LOOSE)}  # type: ignore[list-item]
        return float(found["copies.exact"].result.high)  # type: ignore[union-attr]

    assert exact(thinned) < 0.05 < exact(alone) <= exact(held) + 1e-12


def test_every_attack_runs_on_both_and_on_the_same_people() -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.05)
    held = observe_held(made, [CLEAN], PEOPLE, MEMBER, seed=1)
    both = observe(Table.concat([made, CLEAN]), PEOPLE, MEMBER, seed=1)
    for mine, theirs in (
        (held.membership, both.membership),
        (held.exact, both.exact),
        (held.near, both.near),
        (held.success, both.success),
        (held.linked, both.linked),
        (held.singled, both.singled),
    ):
        assert {k for k in mine if k.endswith(ALL)} == {k + ALL for k in theirs}
        assert all(np.array_equal(mine[k + ALL], v) for k, v in theirs.items())
    assert np.array_equal(held.seen, both.seen)


def test_how_many_rows_were_searched_is_told_by_the_search_of_fewest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.1)
    for rows, searched in ((500, 500), (1000, 1000), (4000, None)):
        monkeypatch.setattr(observation, "NEAR_ROWS", rows)
        held = observe_held(made, [CLEAN], PEOPLE, MEMBER, seed=1, most=200)
        assert held.searched == searched
