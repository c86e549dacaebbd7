"""Clinical rules: broken shares in both tables."""

from __future__ import annotations

import numpy as np

from salus.synth.audit import clinical
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.rules import parse
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


def test_equal_names_are_told_apart_and_no_rules_give_nothing() -> None:
    found = clinical.findings(MADE, REAL, [ADULT, ADULT])
    assert len({f.name for f in found}) == 2
    assert clinical.findings(MADE, REAL, []) == ()


def test_a_table_without_rows() -> None:
    (found,) = clinical.findings(MADE.take(np.zeros(0, int)), REAL, [ADULT])
    assert isinstance(found.result, CannotJudge)
