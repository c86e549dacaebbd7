"""Survival as an outcome: concordance, curves, the time that is no predictor, named events."""

from __future__ import annotations

import json
import pickle
from functools import cache

import numpy as np
import pytest

from salus.synth.audit import utility
from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.finding import Finding
from salus.synth.audit.utility.models import risks
from salus.synth.audit.utility.task import Task, survival_task
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.survival import concordance
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from tests.synth.audit.utility.followed import followed, named

NAMES = ["concordance", "trts_concordance", "tsts_concordance", "survival_curve"]
MADE, TRAIN, TEST = (followed(250, seed=s) for s in (1, 2, 3))


@cache
def fresh() -> dict[str, Finding]:
    return {f.name: f for f in utility.findings(MADE, TRAIN, TEST, seed=0)}


def found(made: Table, train: Table = TRAIN, test: Table = TEST) -> dict[str, Finding]:
    return {f.name: f for f in utility.findings(made, train, test, seed=0)}


def value(finding: Finding) -> float:
    assert isinstance(finding.result, Estimate)
    return finding.result.value


def test_four_findings_with_anchors_and_each_models_own_figure() -> None:
    each = fresh()
    for name in NAMES:
        finding = each[f"utility.{name}"]
        assert isinstance(finding.result, Estimate)
        assert isinstance(finding.anchors["fresh real people"], Estimate)
    order = each["utility.concordance"]
    assert list(order.detail["models"]) == [
        "Cox regression",
        "random forest of martingale residuals",
    ]
    assert 0.65 < value(order) < 0.85
    null = order.anchors["independent columns"]
    assert isinstance(null, Estimate)
    assert abs(null.value - 0.5) < 0.12


def test_trials_and_findings_are_plain_data() -> None:
    made = utility.figures(MADE.take(np.arange(60)), TRAIN, TEST, 0)
    again = pickle.loads(pickle.dumps(made))  # as it is sent between processes
    found = [f.to_dict() for f in utility.pool([again])]
    assert found == [f.to_dict() for f in utility.pool([made])]
    assert json.loads(json.dumps(found, allow_nan=False))


def test_both_models_learn_whom_the_event_takes_first() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    time = rng.exponential(np.exp(-x[:, 0]))
    risk = risks(x[:300], time[:300], np.ones(300, bool), [x[300:]], 0)[0]
    ones, event = np.ones((1, 300)), np.ones(300, bool)
    best = concordance(x[300:, 0], time[300:], event, ones)[0]
    for r in risk:
        assert concordance(r, time[300:], event, ones)[0] > best - 0.05


def test_the_time_of_follow_up_is_no_predictor() -> None:
    made = utility.figures(MADE, TRAIN, TEST, 0)
    rng = np.random.default_rng(0)
    other = TEST.replace("days", rng.permutation(TEST.values["days"]))
    again = utility.figures(MADE, TRAIN, other, 0)
    assert (made["tstr"] == again["tstr"]).all()
    assert (made["survival"]["trtr"] == again["survival"]["trtr"]).all()
    for name in ("utility.auc", "utility.concordance"):
        assert "days" in fresh()[name].detail["not used as a predictor"]


def test_the_curve_of_people_like_these_is_near_and_of_others_far() -> None:
    near = fresh()["utility.survival_curve"]
    short = MADE.replace("days", MADE.values["days"].astype(float) / 4)
    far = found(short)["utility.survival_curve"]
    assert isinstance(near.result, Estimate)
    assert isinstance(far.result, Estimate)
    assert near.result.low < 0.05
    assert far.result.value > 0.3
    assert far.result.low > 0.2
    same = found(TEST)["utility.survival_curve"]
    assert value(same) == 0
    assert isinstance(same.result, Estimate)
    assert same.result.low == 0 < same.result.high


def test_nothing_is_learnt_from_columns_that_are_independent() -> None:
    loose = independent_columns(TRAIN, np.random.default_rng(1))
    assert value(found(loose)["utility.concordance"]) < 0.62


def test_synthetic_rows_without_an_event() -> None:
    each = found(MADE.replace("status", np.zeros(250, int)))
    assert value(each["utility.concordance"]) == pytest.approx(0.5)
    for name in ("trts_concordance", "tsts_concordance"):
        assert isinstance(each[f"utility.{name}"].result, CannotJudge)
    assert value(each["utility.survival_curve"]) > 0.3


def test_too_few_events_among_the_people_held_out() -> None:
    few = TEST.replace("status", (np.arange(250) < 4).astype(int))
    each = found(MADE, TRAIN, few)
    for name in NAMES:
        result = each[f"utility.{name}"].result
        assert isinstance(result, CannotJudge)
        assert "event" in result.reason
    assert isinstance(each["utility.auc"].result, Estimate)


def test_rows_without_a_time_are_left_out_of_survival_alone() -> None:
    days = TEST.values["days"].astype(float).copy()
    days[:30] = np.nan
    each = found(MADE, TRAIN, TEST.replace("days", days))
    left = "rows without an outcome, left out"
    assert each["utility.concordance"].detail[left]["test"] == 30
    assert each["utility.auc"].detail[left]["test"] == 0


@pytest.mark.parametrize(
    ("levels", "event", "judged"),
    [
        (("0", "1"), None, True),
        (("alive", "Dead"), None, True),
        (("censored", "relapse"), None, False),
        (("censored", "relapse"), "relapse", True),
        (("0", "1", "2"), None, False),
        (("0", "1", "2"), "1", True),
    ],
)
def test_the_event_is_named_or_says_so_itself(
    levels: tuple[str, ...], event: str | None, judged: bool
) -> None:
    table = named(TEST, "status", levels=levels, event=event, kind="categorical")
    task = survival_task(table.schema)
    if judged:
        assert isinstance(task, Task)
        assert (task.truth(table)[:, 1] == (TEST.values["status"] == 1)).all()
    else:
        assert isinstance(task, CannotJudge)
        assert "name the event" in task.reason


def test_an_event_without_a_name_leaves_survival_unjudged() -> None:
    levels = ("censored", "relapse")
    tables = [named(t.take(np.arange(60)), "status", levels=levels) for t in (MADE, TRAIN, TEST)]
    each = found(*tables)
    assert all(isinstance(each[f"utility.{n}"].result, CannotJudge) for n in NAMES)
    assert isinstance(each["utility.auc"].result, Estimate)


def test_a_number_and_no_outcome_have_no_event() -> None:
    def other(table: Table, outcome: str | None) -> Table:
        columns = [
            c.__class__(**{**c.__dict__, "roles": c.roles - {"outcome"}})
            for c in table.schema.columns
        ]
        bare = Table(Schema(columns), table.values, table.states)
        return bare if outcome is None else named(bare, outcome, roles=frozenset({"outcome"}))

    for outcome, words in (("marker", "is a number"), (None, "no outcome")):
        tables = [other(t, outcome) for t in (MADE, TRAIN, TEST)]
        each = found(*tables)
        for name in NAMES:
            result = each[f"utility.{name}"].result
            assert isinstance(result, CannotJudge)
            assert words in result.reason


def test_several_trials_are_pooled_by_person() -> None:
    people = followed(300, seed=9)
    trials = []
    for k, inside in enumerate((np.arange(300) < 150, np.arange(300) >= 150)):
        made = followed(150, seed=20 + k)
        trials.append(utility.figures(made, people.take(inside), people.take(~inside), k))
    both, one = ({f.name: f for f in utility.pool(t)} for t in (trials, trials[:1]))
    wide, narrow = one["utility.concordance"].result, both["utility.concordance"].result
    assert isinstance(wide, Estimate)
    assert isinstance(narrow, Estimate)
    assert (narrow.n, wide.n) == (300, 150)
    assert narrow.high - narrow.low < wide.high - wide.low
    gaps = [value({f.name: f for f in utility.pool([t])}["utility.survival_curve"]) for t in trials]
    assert value(both["utility.survival_curve"]) == pytest.approx(np.mean(gaps))
