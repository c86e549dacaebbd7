"""Clinical rules: broken shares in both tables."""

from __future__ import annotations

import numpy as np

from salus.synth.audit import clinical
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.rules import parse
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

REAL, MADE = simulated(100, seed=1), simulated(80, seed=2)
ADULT = parse({"rule": "range", "column": "age", "low": 17, "high": 90}, REAL.schema)


def test_a_rule_that_holds_has_an_interval_above_nothing() -> None:
    (found,) = clinical.findings(MADE, REAL, [ADULT])
    assert found.name == f"clinical.{ADULT.name}"
    assert found.group == "clinical"
    assert isinstance(found.result, Estimate)
    assert (found.result.value, found.result.low, found.result.n) == (0, 0, 80)
    assert 0 < found.result.high < 0.06


def test_the_real_share_stands_beside() -> None:
    age = MADE.values["age"].astype(float).copy()
    age[:20] = 5
    (found,) = clinical.findings(MADE.replace("age", age), REAL, [ADULT])
    assert isinstance(found.result, Estimate)
    assert found.result.value == 0.25
    assert found.result.low > 0.15
    real = found.anchors["fresh real people"]
    assert isinstance(real, Estimate)
    assert (real.value, real.n) == (0, 100)


def young(table: Table, count: int) -> Table:
    age = table.values["age"].astype(float).copy()
    age[:count] = 5
    return table.replace("age", age)


def test_more_than_real_people_is_told_from_noise() -> None:
    (noise,) = clinical.findings(young(MADE, 4), young(REAL, 3), [ADULT])
    (more,) = clinical.findings(young(MADE, 40), young(REAL, 3), [ADULT])
    (fewer,) = clinical.findings(young(MADE, 1), young(REAL, 40), [ADULT])
    key = "broken more often than by real people"
    assert [f.detail[key] for f in (noise, more, fewer)] == [False, True, False]
    assert "chance" in noise.because
    assert more.because.startswith("broken more often")
    assert fewer.because.startswith("broken less often")
    difference = more.detail["difference"]
    assert difference["value"] == 0.5 - 0.03
    assert difference["low"] < 0.47 < difference["high"]
    assert more.detail["real"]["low"] < 0.03 < more.detail["real"]["high"]


def test_rows_of_one_person_count_for_less() -> None:
    # 20 people with 5 rows each; those of four people break the rule
    people = np.repeat(np.arange(20), 5)
    few = young(REAL, 20)
    by_person = Table(few.schema, few.values, few.states, people)
    (rows,) = clinical.findings(MADE, few, [ADULT])
    (grouped,) = clinical.findings(MADE, by_person, [ADULT])
    one, other = (f.anchors["fresh real people"] for f in (rows, grouped))
    assert isinstance(one, Estimate)
    assert isinstance(other, Estimate)
    assert one.value == other.value == 0.2
    assert other.high - other.low > 1.8 * (one.high - one.low)
    assert (one.n, other.n) == (100, 20)
    kept = Table(REAL.schema, REAL.values, REAL.states, people)
    (none,) = clinical.findings(MADE, kept, [ADULT])
    assert none.anchors["fresh real people"].high > 0.1  # type: ignore[union-attr]


def test_equal_names_are_told_apart_and_no_rules_give_nothing() -> None:
    found = clinical.findings(MADE, REAL, [ADULT, ADULT])
    assert len({f.name for f in found}) == 2
    assert clinical.findings(MADE, REAL, []) == ()


def test_a_table_without_rows() -> None:
    (found,) = clinical.findings(MADE.take(np.zeros(0, int)), REAL, [ADULT])
    assert isinstance(found.result, CannotJudge)
    assert "cannot_judge" in found.detail["difference"]
