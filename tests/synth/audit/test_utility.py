"""Utility: the four trainings, its scores against scikit-learn's, and what can't be judged."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from salus.synth.audit import utility
from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.finding import Finding
from salus.synth.audit.utility import models as learners
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

CLASSES = [
    *("auc", "ratio", "auprc", "f1", "rare_recall", "rare_precision", "recall_at_specificity"),
    *("brier", "calibration_slope", "trts_auc", "tsts_auc"),
]
NUMBERS = ["correlation", "ratio", "r2", "mae", "trts_correlation", "tsts_correlation"]
NETS = ["logistic regression", "random forest", "gradient boosting", "neural net"]
MADE, TRAIN, TEST = (simulated(250, seed=s) for s in (1, 2, 3))


@pytest.fixture(autouse=True)
def smaller_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn with 20 trees in place of 100, and 4 to 8 epochs in place of 8 to 20, to be fast."""
    monkeypatch.setattr(learners, "TREES", 20)
    monkeypatch.setattr(learners, "EPOCHS", (4, 8))


def about(table: Table, outcome: str | None) -> Table:
    columns = [
        replace(c, roles=frozenset({"outcome"}) if c.name == outcome else frozenset())
        for c in table.schema.columns
    ]
    return Table(Schema(columns), table.values, table.states, table.people)


def figure(found: tuple[Finding, ...], name: str) -> Finding:
    return next(f for f in found if f.name == f"utility.{name}")


def value(finding: Finding) -> float:
    assert isinstance(finding.result, Estimate)
    return finding.result.value


@cache
def fresh() -> tuple[Finding, ...]:
    return utility.findings(MADE, TRAIN, TEST, seed=0)


def test_findings_of_a_class_are_there_with_anchors() -> None:
    found = fresh()
    assert [f.name for f in found] == [f"utility.{n}" for n in CLASSES]
    for f in found:
        assert isinstance(f.result, Estimate)
        assert isinstance(f.anchors["fresh real people"], Estimate)
        assert f.verdict is None
    auc = figure(found, "auc")
    models = auc.detail["models"]
    assert list(models) == NETS
    assert value(auc) == pytest.approx(np.mean([m["TSTR"] for m in models.values()]))
    for m in models.values():
        low, high = m["TSTR interval"]
        assert low <= m["TSTR"] <= high
    null = auc.anchors["independent columns"]
    assert isinstance(null, Estimate)
    assert null.value < value(auc)


def test_scores_are_those_of_scikit_learn() -> None:
    made = utility.figures(*(about(t, "occupation") for t in (MADE, TRAIN, TEST)), 0)
    truth, chance = made["truth"], made["tstr"][1]
    found = utility.pool([made])
    models = figure(found, "auc").detail["models"]
    one_by_one = [
        roc_auc_score(truth == k, chance[:, k]) for k in np.unique(truth) if (truth == k).any()
    ]
    assert models["random forest"]["TSTR"] == pytest.approx(np.mean(one_by_one))
    f1 = figure(found, "f1").detail["models"]["random forest"]["TSTR"]
    assert f1 == pytest.approx(f1_score(truth, chance.argmax(1), average="macro"))
    rare = int(
        np.argmin(
            np.where(
                np.bincount(truth, minlength=6) > 0, np.bincount(made["train"], minlength=6), 1e9
            )
        )
    )
    precision = figure(found, "rare_precision").detail["models"]["random forest"]["TSTR"]
    assert precision == pytest.approx(average_precision_score(truth == rare, chance[:, rare]))
    macro = figure(found, "auprc").detail["models"]["random forest"]["TSTR"]
    each = [average_precision_score(truth == k, chance[:, k]) for k in np.unique(truth)]
    assert macro == pytest.approx(np.mean(each))
    missed = ((chance - np.eye(6)[truth]) ** 2).sum(1).mean()
    assert figure(found, "brier").detail["models"]["random forest"]["TSTR"] == pytest.approx(missed)


def test_the_cut_comes_from_rows_learnt_from_and_is_kept() -> None:
    made = utility.figures(MADE, TRAIN, TEST, 0)
    found = figure(utility.pool([made]), "recall_at_specificity")
    rare = MADE.schema["target"].levels.index(found.detail["rarest class"])
    own = made["own"]["tstr"]
    assert len(own["rows"]) == pytest.approx(250 / 3, abs=1)
    assert (own["truth"] == MADE.values["target"][own["rows"]]).all()
    score, other = own["predicted"][1][:, rare], own["truth"] != rare
    cut = np.sort(score[other])[int(np.ceil(0.9 * other.sum())) - 1]
    truth, called = made["truth"] == rare, made["tstr"][1][:, rare] > cut
    assert found.detail["models"]["random forest"]["TSTR"] == pytest.approx(called[truth].mean())
    assert 0.75 < found.detail["specificity reached"]["TRTR"] <= 1
    assert found.detail["specificity aimed at"] == 0.9


def test_what_the_test_people_are_moves_no_cut() -> None:
    a, b = (utility.figures(MADE, TRAIN, t, 0) for t in (TEST, TEST.take(np.arange(100))))
    for of in ("tstr", "trtr", "null"):
        assert (a["own"][of]["predicted"] == b["own"][of]["predicted"]).all()


def test_the_training_people_keep_all_and_independent_columns_nothing() -> None:
    same = utility.findings(TRAIN, TRAIN, TEST, seed=0)
    assert value(figure(same, "ratio")) == pytest.approx(1)
    loose = independent_columns(TRAIN, np.random.default_rng(0))
    loose, train, test = (about(t, "age") for t in (loose, TRAIN, TEST))
    assert value(figure(utility.findings(loose, train, test, seed=0), "ratio")) < 0.4


def test_a_paired_ratio_is_narrower_than_its_parts() -> None:
    found = fresh()
    auc, ratio = figure(found, "auc").result, figure(found, "ratio").result
    assert isinstance(auc, Estimate)
    assert isinstance(ratio, Estimate)
    alone = (auc.high - auc.low) / auc.value
    assert ratio.high - ratio.low < np.sqrt(2) * alone


def test_a_class_that_the_synthetic_rows_lack_has_no_chance() -> None:
    made, train, test = (about(t, "occupation") for t in (MADE, TRAIN, TEST))
    count = np.bincount(train.values["occupation"].astype(int), minlength=6)
    rare = int(np.argmin(count))
    job = made.values["occupation"].astype(int)
    poor = made.replace("occupation", np.where(job == rare, (rare + 1) % 6, job))
    found = utility.findings(poor, train, test, seed=0)
    assert value(figure(found, "rare_recall")) == 0
    assert figure(found, "rare_recall").detail["trials without synthetic rows of it"] == 1
    assert value(figure(found, "recall_at_specificity")) == 0
    assert all(isinstance(f.result, Estimate) for f in found)


def test_one_class_in_the_synthetic_rows() -> None:
    flat = MADE.replace("target", np.zeros(250, int))
    found = utility.findings(flat, TRAIN, TEST, seed=0)
    assert value(figure(found, "auc")) == pytest.approx(0.5)
    for name in ("trts_auc", "tsts_auc", "calibration_slope", "recall_at_specificity"):
        result = figure(found, name).result
        if name == "recall_at_specificity":  # everybody is called alike
            assert isinstance(result, CannotJudge) or result.value in (0, 1)
        else:
            assert isinstance(result, CannotJudge)
    assert [f.name for f in found] == [f"utility.{n}" for n in CLASSES]


def test_a_constant_number_in_the_synthetic_rows() -> None:
    tables = [about(t, "age") for t in (MADE, TRAIN, TEST)]
    flat = tables[0].replace("age", np.full(250, 40.0))
    found = utility.findings(flat, tables[1], tables[2], seed=0)
    assert [f.name for f in found] == [f"utility.{n}" for n in NUMBERS]
    assert value(figure(found, "correlation")) == 0
    assert value(figure(found, "ratio")) == 0
    assert value(figure(found, "r2")) <= 0
    for name in ("trts_correlation", "tsts_correlation"):
        assert isinstance(figure(found, name).result, CannotJudge)


def test_calibration_tells_honest_chances_from_bold_ones() -> None:
    found = fresh()
    models = figure(found, "calibration_slope").detail["models"]
    assert models["gradient boosting"]["TSTR"] < models["logistic regression"]["TSTR"]
    slope = figure(found, "calibration_slope")
    assert (slope.direction, slope.ideal) == ("near", 1.0)
    brier = figure(found, "brier")
    assert brier.direction == "low"
    worse = brier.anchors["independent columns"]
    assert isinstance(worse, Estimate)
    assert worse.value > value(brier)


def test_numbers_have_their_own_scores() -> None:
    tables = [about(t, "age") for t in (MADE, TRAIN, TEST)]
    found = utility.findings(tables[0], tables[1], tables[2], seed=0)
    assert [f.name for f in found] == [f"utility.{n}" for n in NUMBERS]
    assert value(figure(found, "correlation")) > 0.4
    assert value(figure(found, "r2")) > 0.2
    assert 0.8 < value(figure(found, "ratio")) < 1.2
    null = figure(found, "correlation").anchors["independent columns"]
    assert isinstance(null, Estimate)
    assert abs(null.value) < 0.2
    assert list(figure(found, "r2").detail["models"]) == ["ridge regression", *NETS[1:]]
    trial = utility.figures(*tables, 0)
    expected = np.abs(trial["tstr"] - trial["truth"]).mean() / trial["train"].std()
    assert value(figure(found, "mae")) == pytest.approx(expected)
    scaled = [t.replace("age", 1000.0 * t.values["age"].astype(float)) for t in tables]
    again = utility.findings(scaled[0], scaled[1], scaled[2], seed=0)
    assert value(figure(again, "mae")) == pytest.approx(value(figure(found, "mae")), abs=0.02)
    assert value(figure(again, "r2")) == pytest.approx(value(figure(found, "r2")), abs=0.02)


def test_a_number_that_nothing_predicts_has_no_ratio() -> None:
    rng = np.random.default_rng(0)
    noise = [
        about(t, "weight").replace("weight", rng.normal(size=250)) for t in (MADE, TRAIN, TEST)
    ]
    found = utility.findings(noise[0], noise[1], noise[2], seed=3)
    real = figure(found, "correlation").anchors["fresh real people"]
    assert isinstance(real, Estimate)
    ratio = figure(found, "ratio")
    assert isinstance(ratio.result, CannotJudge) == (real.value <= 0.05)
    assert isinstance(ratio.result, CannotJudge) or "know nothing" in ratio.because


def test_rows_without_an_outcome_are_left_out_and_counted() -> None:
    tables = [about(t, "marital") for t in (MADE, TRAIN, TEST)]
    found = utility.findings(tables[0], tables[1], tables[2], seed=0)
    expected = {
        name: int((t.states["marital"] != 0).sum())
        for name, t in zip(("synthetic", "train", "test"), tables, strict=True)
    }
    assert min(expected.values()) > 0
    assert all(f.detail["rows without an outcome, left out"] == expected for f in found)


def test_what_cannot_be_judged_says_why() -> None:
    none = utility.findings(*(about(t, None) for t in (MADE, TRAIN, TEST)), seed=0)
    assert [f.name for f in none] == ["utility.auc"]
    assert isinstance(none[0].result, CannotJudge)
    assert "no outcome" in none[0].result.reason
    few = utility.findings(MADE.take(np.arange(5)), TRAIN, TEST, seed=0)
    empty = utility.findings(MADE.take(np.arange(0)), TRAIN, TEST, seed=0)
    one = utility.findings(MADE, TRAIN, TEST.replace("target", np.ones(250, int)), seed=0)
    for found in (few, empty, one):
        assert [f.name for f in found] == [f"utility.{n}" for n in CLASSES]
        assert all(isinstance(f.result, CannotJudge) for f in found)


def test_several_trials_are_one_finding_by_person() -> None:
    people = simulated(300, seed=9)
    trials = []
    for k, inside in enumerate((np.arange(300) < 150, np.arange(300) >= 150)):
        made = simulated(150, seed=20 + k)
        trials.append(utility.figures(made, people.take(inside), people.take(~inside), k))
    pooled, single = utility.pool(trials), [utility.pool([t]) for t in trials]
    for name in ("auc", "f1"):
        mean = np.mean([value(figure(s, name)) for s in single])
        assert value(figure(pooled, name)) == pytest.approx(mean)
    all_of_them, half = figure(pooled, "auc").result, figure(single[0], "auc").result
    assert isinstance(all_of_them, Estimate)
    assert isinstance(half, Estimate)
    assert (all_of_them.n, half.n) == (300, 150)
    assert all_of_them.high - all_of_them.low < half.high - half.low
    # the same people again are no new people
    twice = figure(utility.pool([trials[0], trials[0]]), "auc").result
    assert isinstance(twice, Estimate)
    assert (twice.n, twice.value) == (150, pytest.approx(half.value))
    assert twice.high - twice.low == pytest.approx(half.high - half.low, rel=0.3)


def test_a_trial_that_cannot_be_judged_is_left_out_and_counted() -> None:
    good = utility.figures(MADE, TRAIN, TEST, 0)
    bad = utility.figures(MADE.take(np.arange(3)), TRAIN, TEST, 0)
    found = utility.pool([good, bad])
    assert value(figure(found, "auc")) == pytest.approx(value(figure(fresh(), "auc")))
    assert figure(found, "auc").detail["trials"] == {"judged": 1, "made": 2}
    assert isinstance(utility.pool([])[0].result, CannotJudge)


def test_the_same_seed_gives_the_same_findings() -> None:
    again = utility.findings(MADE, TRAIN, TEST, seed=0)
    assert [f.to_dict() for f in again] == [f.to_dict() for f in fresh()]
