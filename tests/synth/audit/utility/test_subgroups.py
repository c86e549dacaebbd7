"""Subgroups: a planted unfairness is found, small groups are not judged, trials are pooled."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit import utility
from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table
from tests.synth.audit.utility.followed import followed, named


def groups(made: Table, train: Table, test: Table) -> dict[str, Finding]:
    found = utility.findings(made, train, test, seed=0)
    return {f.name.removeprefix("subgroup.utility."): f for f in found if f.group == "subgroup"}


def numbered(table: Table) -> Table:
    """Return the table with a number as outcome that follows the marker in every centre."""
    table = named(table, "status", roles=frozenset())
    table = named(table, "days", roles=frozenset())
    rng = np.random.default_rng(int(table.values["age"].sum()))
    value = 5 * table.values["marker"].astype(float) + rng.normal(size=len(table))
    return named(table.replace("age", value), "age", roles=frozenset({"outcome"}))


MADE, TRAIN, TEST = (numbered(followed(400, seed=s)) for s in (1, 2, 3))


def test_synthetic_rows_that_fail_one_subgroup_are_found() -> None:
    south = MADE.values["centre"] == 1
    value = MADE.values["age"].astype(float).copy()
    value[south] *= -1  # in the south the relation is turned round
    each = groups(MADE.replace("age", value), TRAIN, TEST)
    worse, better = each["centre = south"], each["centre = north"]
    assert isinstance(worse.result, Estimate)
    assert isinstance(better.result, Estimate)
    assert worse.result.low > 0.3
    assert better.result.high < 0
    detail = worse.detail
    gap = detail["TRTR"]["value"] - detail["TSTR"]["value"]
    assert detail["gap TRTR - TSTR"]["value"] == pytest.approx(gap)
    rest = detail["gap in everyone else"]["value"]
    assert worse.result.value == pytest.approx(gap - rest)
    assert worse.group == "subgroup"
    assert worse.verdict is None
    assert detail["score"] == "rank correlation"
    assert detail["people of the subgroup held out"] == (TEST.values["centre"] == 1).sum()


def test_fair_rows_show_no_gap_and_a_small_group_is_not_judged() -> None:
    people = np.flatnonzero(TEST.values["centre"] != 1)
    few = np.flatnonzero(TEST.values["centre"] == 1)[:10]
    each = groups(MADE, TRAIN, TEST.take(np.concatenate([people, few])))
    north, south = each["centre = north"].result, each["centre = south"].result
    assert isinstance(north, Estimate)
    assert north.low <= 0.02
    assert abs(north.value) < 0.1
    assert isinstance(south, CannotJudge)
    assert south.needed == 20
    assert "centre = west" not in each  # fewer than 20 people were learnt from


def test_a_subgroup_of_one_class_or_nearly_is_not_judged() -> None:
    tables = [named(followed(150, seed=s), "days", roles=frozenset()) for s in (1, 2, 3)]
    north = tables[2].values["centre"] == 0
    for spared, words in ((0, "one outcome"), (3, "second outcome")):
        status = tables[2].values["status"].copy()
        status[north] = 1
        status[np.flatnonzero(north)[:spared]] = 0
        each = groups(tables[0], tables[1], tables[2].replace("status", status))
        result = each["centre = north"].result
        assert isinstance(result, CannotJudge)
        assert words in result.reason


def test_where_nothing_can_be_judged_subgroups_say_so() -> None:
    each = groups(MADE.take(np.arange(5)), TRAIN, TEST)
    assert list(each) == [f"centre = {k}" for k in ("north", "south")]
    assert all(isinstance(f.result, CannotJudge) for f in each.values())


def test_subgroups_of_several_trials_are_pooled_by_person() -> None:
    people = named(numbered(followed(240, seed=9)), "marker", roles=frozenset({"group"}))
    made = named(numbered(followed(120, seed=20)), "marker", roles=frozenset({"group"}))
    trials = [
        utility.figures(made, people.take(inside), people.take(~inside), k)
        for k, inside in enumerate((np.arange(240) < 120, np.arange(240) >= 120))
    ]
    both, one = (
        {f.name: f for f in utility.pool(t) if f.group == "subgroup"} for t in (trials, trials[:1])
    )
    north = "subgroup.utility.centre = north"
    total, half = both[north].result, one[north].result
    assert isinstance(total, Estimate)
    assert isinstance(half, Estimate)
    assert total.n == (people.values["centre"] == 0).sum() > half.n
    assert "subgroup.utility.marker: lowest quarter" in both  # the cuts differ, the names don't
