"""Each limit of a budget has a p-value, and copies count whoever was judged by distance."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.observation import Observation, observe
from salus.synth.budget import Budget
from salus.synth.measure.intervals import order_statistic_for_upper
from salus.synth.measure.pvalues import rate_above
from salus.synth.release.choose import DELTA, p_values
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

PEOPLE = simulated(4400, seed=41)
MEMBER = np.arange(4400) < 3000
OFF = Budget(membership=None, tpr_at_1pct=None, copies=None, near_copies=None, attribute=None)


def only(**limits: float) -> Budget:
    return Budget(**{**OFF.to_dict(), **limits})


@pytest.fixture(scope="module")
def copied() -> Observation:
    """One row in fifty is a member's; few people are judged by distance."""
    made = Table.concat([PEOPLE.take(np.arange(40)), simulated(1960, seed=42)])
    return observe(made, PEOPLE, MEMBER, seed=0, most=300)


def test_copies_of_people_not_judged_by_distance_count(copied: Observation) -> None:
    assert copied.seen.sum() < 700
    assert p_values(copied, only(copies=0.005))["copies.exact"] > 0.5
    assert p_values(copied, only(copies=0.05))["copies.exact"] < DELTA


@pytest.mark.parametrize("risk", ["worst_group", "linkage", "singling_out"])
def test_limits_that_are_off_by_default_are_certified_too(risk: str, copied: Observation) -> None:
    name = {"worst_group": "membership.worst_group"}.get(risk, risk)
    tight, loose = (p_values(copied, only(**{risk: limit})) for limit in (0.0, 0.6))
    assert set(tight) == set(loose) == {name}
    assert tight[name] > DELTA
    assert loose[name] < tight[name]


def test_a_group_that_is_copied_is_not_certified() -> None:
    """The tenth that stands apart is copied; on everybody that is little."""
    seen = observe(simulated(900, seed=44), PEOPLE, MEMBER, seed=0, most=600)
    apart = seen.groups["the tenth that stands apart most"]
    attack = next(iter(seen.membership))
    score = np.random.default_rng(0).random(len(PEOPLE))
    score[apart & MEMBER] += 1
    planted = {**seen.__dict__, "membership": {attack: score}}
    found = p_values(Observation(**planted), only(worst_group=0.3, membership=0.3))
    assert found["membership.worst_group"] > 0.5
    assert found["membership.advantage"] < DELTA


@pytest.mark.parametrize(
    ("n", "rate", "x"),
    [(300, 0.001, 2), (1000, 0.001, 4), (3000, 0.001, 7), (100, 0.01, 4), (1000, 0.01, 16)],
)
def test_the_rate_s_p_value_turns_where_the_audit_s_bound_does(n: int, rate: float, x: int) -> None:
    """Members just under the x-th largest of the others: certified at 5 % from that x on."""
    assert order_statistic_for_upper(n, rate) == x
    outside = np.arange(n, 0, -1.0)
    for k, certified in ((x, True), (x - 1, False)):
        if k == 0:
            continue
        inside = np.full(50, outside[k - 1] - 0.5)  # below the k-th largest, above the next
        assert (rate_above(inside, outside, rate, 0.5) <= 0.05) is certified


def test_ties_are_broken_by_chance_as_an_attacker_would() -> None:
    seen = observe(simulated(900, seed=44), PEOPLE, MEMBER, seed=0, most=1400)
    tied = {**seen.__dict__, "membership": {"says nothing": np.zeros(len(PEOPLE))}}
    found = p_values(Observation(**tied), only(tpr_at_1pct=0.06))
    assert found["membership.tpr_at_1pct"] < DELTA


def test_copies_are_looked_for_among_people_not_judged() -> None:
    judged = observe(simulated(500, seed=42), PEOPLE, MEMBER, seed=0, most=300).seen
    who = np.flatnonzero(MEMBER & ~judged)[:2]
    made = Table.concat([PEOPLE.take(np.repeat(who, 100)), simulated(300, seed=42)])
    seen = observe(made, PEOPLE, MEMBER, seed=0, most=300)
    assert (seen.seen == judged).all()
    assert p_values(seen, only(near_copies=0.2))["copies.near"] > 0.5


def test_a_limit_of_nothing_is_certified_for_copies_alone() -> None:
    clean, copied = (
        observe(made, PEOPLE.take(np.arange(2400, 3600)), np.arange(1200) < 600, seed=0)
        for made in (simulated(600, seed=45), PEOPLE.take(np.arange(2400, 3000)))
    )
    none = Budget(membership=0, tpr_at_1pct=0, copies=0, near_copies=0, attribute=0)
    found, refused = (p_values(seen, none) for seen in (clean, copied))
    assert found["copies.exact"] < DELTA
    assert (
        min(p for name, p in found.items() if name not in ("copies.exact", "copies.near")) > DELTA
    )
    assert min(refused.values()) == 1


def test_an_outcome_that_everybody_shares_holds_nothing_up() -> None:
    same = PEOPLE.take(np.arange(2400, 3600))
    same = same.replace("target", np.zeros(1200, int))
    made = simulated(600, seed=45).replace("target", np.zeros(600, int))
    seen = observe(made, same, np.arange(1200) < 600, seed=0)
    assert p_values(seen, only(attribute=0.1)) == {}
