"""Fidelity: what a figure must see, what must not change it, and what a picture may show."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from salus.synth.audit import detection, fidelity
from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.detection import BOOSTING, FOREST, detect, twins
from salus.synth.audit.finding import Finding
from salus.synth.measure.divergence import bin_edges, bin_shares, jensen_shannon
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

NAMES = (
    "shape",
    "pairs",
    "triples",
    "detection",
    "missingness",
    "missing_patterns",
    "coverage",
)
HELD, OTHER = simulated(300, seed=1), simulated(300, seed=2)


def value(finding: Finding) -> float:
    assert isinstance(finding.result, Estimate)
    return finding.result.value


def figure(found: tuple[Finding, ...], name: str) -> Finding:
    return next(f for f in found if f.name == f"fidelity.{name}")


@cache
def fresh() -> tuple[Finding, ...]:
    return fidelity.findings(simulated(300, seed=3), HELD, baseline=OTHER, seed=0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the classifiers, which take most of the time."""
    told = CannotJudge("not asked")
    monkeypatch.setattr(fidelity, "detect", lambda *a, **k: {BOOSTING: told})
    monkeypatch.setattr(fidelity, "twins", lambda *a, **k: told)


def test_every_finding_is_there_with_interval_and_anchors() -> None:
    assert [f.name for f in fresh()] == [f"fidelity.{n}" for n in NAMES]
    for f in fresh():
        assert isinstance(f.result, Estimate)
        assert f.verdict is None
        assert f.group == "fidelity"
        assert {"fresh real people", "independent columns"} <= set(f.anchors)
        assert all(isinstance(a, Estimate) for a in f.anchors.values())
    assert "membership" in figure(fresh(), "detection").meaning
    assert figure(fresh(), "detection").detail["measures"] == "fidelity"


def test_fresh_people_are_like_people() -> None:
    for name in NAMES:
        f = figure(fresh(), name)
        beside = f.anchors["fresh real people"]
        assert isinstance(beside, Estimate)
        assert isinstance(f.result, Estimate)
        assert f.result.low <= beside.high
        assert f.result.high >= beside.low
    assert not figure(fresh(), "detection").detail["copied twins"]


@pytest.mark.usefixtures("quick")
def test_independent_columns_keep_the_shape_and_lose_the_pairs() -> None:
    table = simulated(600, seed=3)
    loose = independent_columns(table, np.random.default_rng(0))
    held = simulated(600, seed=1)
    a = fidelity.findings(table, held, seed=0)
    b = fidelity.findings(loose, held, seed=0)
    assert value(figure(a, "shape")) == pytest.approx(value(figure(b, "shape")), abs=1e-12)
    assert value(figure(b, "pairs")) < value(figure(a, "pairs")) - 0.01


@pytest.mark.usefixtures("quick")
def test_shuffling_the_outcome_lowers_its_pairs_alone() -> None:
    # AT-09
    table = simulated(600, seed=3)
    held = simulated(600, seed=1)
    order = np.random.default_rng(0).permutation(600)
    shuffled = table.replace("target", table.values["target"][order])
    a = fidelity.findings(table, held, seed=0)
    b = fidelity.findings(shuffled, held, seed=0)
    assert value(figure(a, "shape")) == pytest.approx(value(figure(b, "shape")), abs=1e-12)
    pairs = figure(a, "pairs"), figure(b, "pairs")
    assert value(pairs[1]) < value(pairs[0]) - 0.01
    kept, lost = (f.detail["with the outcome"] for f in pairs)
    assert lost < kept - 0.02
    assert pairs[0].detail["between features"] == pairs[1].detail["between features"]


def changed(table: Table, rows: np.ndarray, columns: np.ndarray) -> Table:
    """Other units, names and order of levels, order of rows and columns."""
    old = [c for c in table.schema.columns if c.is_modelled]
    new, values, states = [], {}, {}
    for j in columns:
        c = old[j]
        at = table.values[c.name][rows]
        states[c.name] = table.states[c.name][rows]
        if c.is_numeric:
            new.append(replace(c, low=None, high=None))
            values[c.name] = 1000.0 * at.astype(float) + 7
        elif c.kind == "ordinal":
            new.append(replace(c, levels=tuple(f"new {x}" for x in c.levels)))
            values[c.name] = at
        else:
            k = len(c.levels)
            place = (np.arange(k) + 1) % k
            names: list[str] = [""] * k
            for i in range(k):
                names[place[i]] = f"new {c.levels[i]}"
            new.append(replace(c, levels=tuple(names)))
            values[c.name] = np.where(at.astype(int) < 0, -1, place[at.astype(int)])
    return Table(Schema(new), values, states, table.people[rows])


@pytest.mark.usefixtures("quick")
def test_units_names_and_order_do_not_count() -> None:
    rng = np.random.default_rng(0)
    columns = rng.permutation(len(HELD.schema.modelled))
    a = fidelity.findings(OTHER, HELD, seed=0)
    b = fidelity.findings(
        changed(OTHER, rng.permutation(300), columns),
        changed(HELD, rng.permutation(300), columns),
        seed=0,
    )
    for name in ("shape", "pairs", "triples", "missingness", "missing_patterns", "coverage"):
        assert value(figure(a, name)) == pytest.approx(value(figure(b, name)), abs=1e-9), name
    each, again = (figure(f, "shape").detail["columns"] for f in (a, b))
    assert each == pytest.approx(again)


def test_units_names_and_order_do_not_change_what_a_classifier_sees() -> None:
    rng = np.random.default_rng(0)
    columns = rng.permutation(len(HELD.schema.modelled))
    poor = independent_columns(OTHER, rng)
    a = detect(poor, HELD, seed=0)
    b = detect(*(changed(t, rng.permutation(300), columns) for t in (poor, HELD)), seed=0)
    for model, was in a.items():
        now = b[model]
        assert isinstance(was, Estimate)
        assert isinstance(now, Estimate)
        assert now.value == pytest.approx(was.value, abs=0.08)


def test_bins_are_shared_so_location_and_scale_count() -> None:
    # AT-05
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    for y in (100 + 7 * x, 1000 + 50 * rng.normal(size=1000)):
        edges = bin_edges(np.concatenate([x, y]))
        assert jensen_shannon(bin_shares(x, edges), bin_shares(y, edges)) > 0.99
        schema = Schema([Column(name="x", kind="continuous")])
        found = fidelity.findings(Table(schema, {"x": y}), Table(schema, {"x": x}), seed=0)
        shape = figure(found, "shape")
        assert value(shape) < 0.1
        assert shape.detail["range overlap"]["x"] == 0
        assert isinstance(figure(found, "pairs").result, CannotJudge)


def test_copies_are_found_below_one_half() -> None:
    # AT-04
    order = np.random.default_rng(0).permutation(300)
    copy = HELD.take(order)
    forest = detect(copy, HELD, seed=0, models=(FOREST,))[FOREST]
    assert isinstance(forest, Estimate)
    assert forest.high < 0.3
    assert forest.value < 0.2
    boosted = detect(copy, HELD, seed=0, models=(BOOSTING,))[BOOSTING]
    assert isinstance(boosted, Estimate)
    assert boosted.high < 0.3
    found = fidelity.findings(OTHER.take(order), HELD, baseline=OTHER, seed=0)
    of_train = figure(found, "detection")
    assert of_train.detail["copied twins"]
    assert "copied twins" in of_train.because
    assert value(of_train) > 0.35  # people held out have no twins there


def test_twins_are_found_in_tables_that_are_too_large_to_look_at_whole() -> None:
    real = simulated(1500, seed=4)
    found = twins(real.take(np.random.default_rng(0).permutation(1500)), real, seed=0)
    assert isinstance(found, Estimate)
    assert found.high < 0.3
    apart = twins(simulated(1500, seed=5), real, seed=0)
    assert isinstance(apart, Estimate)
    assert apart.high > 0.45


def test_twins_count_the_same_whichever_table_is_called_synthetic() -> None:
    # AT-04, in both directions: a copy is below one half either way, and no calibration turns it
    order = np.random.default_rng(1).permutation(300)
    for a, b in ((HELD.take(order), HELD), (HELD, HELD.take(order))):
        found = twins(a, b, seed=3)
        assert isinstance(found, Estimate)
        assert found.high < 0.3
    assert "calibrat" not in "".join(vars(detection))


def test_rows_that_repeat_each_other_push_up_and_are_no_twins() -> None:
    # the other direction: a row's double in its own table is learnt under its own label
    again = OTHER.take(np.repeat(np.arange(60), 5))
    again = Table(again.schema, again.values, again.states)
    found = twins(again, HELD, seed=0)
    assert isinstance(found, Estimate)
    assert found.low > 0.5
    (told,) = (f for f in fidelity.findings(again, HELD, seed=0) if "detection" in f.name)
    assert not told.detail["copied twins"]
    assert told.because == ""


def test_a_release_that_keeps_away_from_people_has_no_twins() -> None:
    # each row is somebody's opposite: far from them, so above one half and not below it
    apart = HELD
    for c in HELD.schema.modelled:
        value = HELD.values[c.name].astype(float)
        here = HELD.states[c.name] == 0
        ends = value[here].min() + value[here].max()
        apart = apart.replace(c.name, np.where(here, ends - value, value), HELD.states[c.name])
    found = twins(apart, HELD, seed=0)
    assert isinstance(found, Estimate)
    assert found.low > 0.8


def test_the_floor_stands_beside_each_column_and_pair() -> None:
    shape, pairs = figure(fresh(), "shape").detail, figure(fresh(), "pairs").detail
    for key in ("columns", "Jensen-Shannon divergence", "range overlap"):
        assert set(shape[key]) == set(shape[key + fidelity.FLOOR])
        assert shape[key] != shape[key + fidelity.FLOOR]
    assert set(pairs["pairs"]) == set(pairs["pairs" + fidelity.FLOOR])
    assert len(pairs["pairs"]) == 55
    for entry in pairs["widest gaps"]:
        assert entry["likeness" + fidelity.FLOOR] == pairs["pairs" + fidelity.FLOOR][entry["pair"]]
    assert isinstance(pairs["with the outcome" + fidelity.FLOOR], float)
    assert set(figure(fresh(), "detection").detail["models" + fidelity.FLOOR]) == set(
        figure(fresh(), "detection").detail["models"]
    )
    three = figure(fresh(), "triples").detail
    assert set(three["triples"]) == set(three["triples" + fidelity.FLOOR])


def test_a_shifted_column_is_told_at_once() -> None:
    shifted = HELD.replace("age", HELD.values["age"] + 60)
    told = detect(shifted, OTHER, seed=0, models=(BOOSTING,))[BOOSTING]
    assert isinstance(told, Estimate)
    assert told.value > 0.95


@pytest.mark.usefixtures("quick")
def test_missing_values_are_compared_with_what_they_depend_on() -> None:
    rng = np.random.default_rng(0)
    base, held = simulated(500, seed=7, missing=0.0), simulated(500, seed=8, missing=0.0)

    def lose(table: Table, chance: np.ndarray) -> Table:
        weight = np.where(rng.random(500) < chance, np.nan, table.values["weight"])
        return table.replace("weight", weight)

    def old(table: Table) -> np.ndarray:
        return np.where(table.values["age"] > 40, 0.5, 0.0)

    real = lose(held, old(held))
    rate = np.full(500, float(np.isnan(real.values["weight"]).mean()))
    like = figure(fidelity.findings(lose(base, old(base)), real, seed=0), "missingness")
    anyhow = figure(fidelity.findings(lose(base, rate), real, seed=0), "missingness")
    none = figure(fidelity.findings(base, real, seed=0), "missingness")
    key = "dependence of missing values on other columns, mean gap"
    assert value(like) < 0.06
    assert value(anyhow) < 0.06
    assert anyhow.detail[key] > 1.5 * like.detail[key]
    assert value(none) == pytest.approx(rate[0])
    assert none.detail["columns"] == {"weight": pytest.approx(rate[0])}


@pytest.mark.usefixtures("quick")
def test_without_missing_values_that_cannot_be_judged() -> None:
    a, b = simulated(60, seed=1, missing=0.0), simulated(60, seed=2, missing=0.0)
    found = figure(fidelity.findings(a, b, seed=0), "missingness")
    assert isinstance(found.result, CannotJudge)


@pytest.mark.usefixtures("quick")
def test_patterns_of_missing_values_are_compared_and_rare_ones_pooled() -> None:
    base, held = simulated(600, seed=7, missing=0.0), simulated(600, seed=8, missing=0.0)

    def lose(table: Table, weight: np.ndarray, marital: np.ndarray) -> Table:
        x = table.values["weight"].astype(float).copy()
        m = table.values["marital"].copy()
        x[weight], m[marital] = np.nan, -1
        return table.replace("weight", x).replace("marital", m)

    k = np.arange(600)
    real = lose(held, k < 102, (k < 100) | (k >= 598))  # together, but for two and two people
    same = figure(fidelity.findings(lose(base, k < 100, k < 100), real, seed=0), "missing_patterns")
    apart = lose(base, k < 100, (k >= 100) & (k < 200))
    other = figure(fidelity.findings(apart, real, seed=0), "missing_patterns")
    assert value(other) > value(same) + 0.1
    shown = {p["missing"]: p for p in other.detail["patterns"]}
    assert "marital, weight" not in {m for m in shown if shown[m]["real"] * 600 < 5}
    assert not {"weight", "marital"} & set(shown)
    pooled = round(shown["all other patterns"]["real"] * 600, 6)
    assert pooled == 0 or pooled >= 4
    assert sum(p["real"] for p in shown.values()) == pytest.approx(1)
    assert sum(p["synthetic"] for p in shown.values()) == pytest.approx(1)
    assert "fresh real people" in other.anchors


@pytest.mark.usefixtures("quick")
def test_lost_levels_and_tails_are_named() -> None:
    jobs = OTHER.values["occupation"].astype(int)
    poor = OTHER.replace("occupation", np.where(jobs == 4, 3, jobs))
    poor = poor.replace("age", np.clip(poor.values["age"].astype(float), 25, 50))
    found = figure(fidelity.findings(poor, HELD, seed=0), "coverage")
    assert value(found) < 1
    assert found.detail["levels lost"]["occupation"] == ["o4"]
    tails = found.detail["share of values in the tails"]["age"]
    assert tails["high, synthetic"] == 0
    assert tails["high, real"] > 0.02


def test_few_rows_and_no_rows() -> None:
    few = fidelity.findings(OTHER.take(np.arange(8)), HELD, seed=0)
    assert all(isinstance(f.result, Estimate | CannotJudge) for f in few)
    assert isinstance(figure(few, "detection").result, CannotJudge)
    none = fidelity.findings(OTHER.take(np.zeros(0, int)), HELD, seed=0)
    assert [f.name for f in none] == [f"fidelity.{n}" for n in NAMES]
    assert all(isinstance(f.result, CannotJudge) for f in none)


@pytest.mark.usefixtures("quick")
def test_rows_of_one_person_widen_the_interval() -> None:
    wide = np.repeat(np.arange(60), 10)
    rng = np.random.default_rng(0)
    one = simulated(60, seed=1).take(wide)
    apart = Table(one.schema, one.values, one.states)
    a, b = (
        figure(fidelity.findings(OTHER, t.take(rng.permutation(600)), seed=0), "shape").result
        for t in (one, apart)
    )
    assert isinstance(a, Estimate)
    assert isinstance(b, Estimate)
    assert a.high - a.low > 1.3 * (b.high - b.low)


def test_the_same_seed_gives_the_same_findings() -> None:
    few = [t.take(np.arange(80)) for t in (OTHER, HELD)]
    a, b = (fidelity.findings(few[0], few[1], seed=5) for _ in range(2))
    assert [f.to_dict() for f in a] == [f.to_dict() for f in b]


def people_in(column: dict[str, Any], real: Table) -> np.ndarray:
    present = real.states[column["name"]] == 0
    return np.round(np.array(column["real"]) * present.sum(), 6)


@pytest.mark.parametrize("n", [12, 60, 400])
def test_no_picture_shows_few_people(n: int) -> None:
    real, made = simulated(n, seed=3), simulated(200, seed=4)
    drawn = fidelity.pictures(made, real)
    assert drawn["columns"]
    for column in drawn["columns"]:
        count = people_in(column, real)
        assert ((count == 0) | (count >= 5)).all(), column["name"]
        assert sum(column["real"]) == pytest.approx(1)
        assert sum(column["synthetic"]) == pytest.approx(1)
        if "edges" in column:
            assert len(column["edges"]) == len(column["real"]) + 1
            assert all(a < b for a, b in pairwise(column["edges"]))
        else:
            assert len(column["labels"]) == len(column["real"]) == len(set(column["labels"]))
        if "missing" in column:
            gone = round(column["missing"]["real"] * n, 6)
            assert gone == 0 or gone >= 5
    names = drawn["pairs"]["names"]
    assert names == [c.name for c in real.schema.modelled]
    for side in ("real", "synthetic"):
        assert np.shape(drawn["pairs"][side]) == (len(names), len(names))
        assert np.isfinite(drawn["pairs"][side]).all()


def test_no_end_of_a_picture_is_a_person_s_value() -> None:
    weight = HELD.values["weight"].astype(float)
    drawn = {c["name"]: c for c in fidelity.pictures(OTHER, HELD)["columns"]}
    assert drawn["weight"]["edges"][-1] < np.nanmax(weight)
    assert drawn["weight"]["edges"][0] > np.nanmin(weight)


def test_a_person_with_many_rows_counts_once_in_a_picture() -> None:
    schema = Schema([Column(name="c", kind="categorical", levels=("a", "b"))])
    level = np.repeat([0, 1], [40, 10])
    people = np.concatenate([np.arange(40), np.full(10, 99)])
    real = Table(schema, {"c": level}, None, people)
    (column,) = fidelity.pictures(real, real)["columns"]
    assert column["labels"] == ["other"]


def test_pictures_of_an_empty_synthetic_table() -> None:
    drawn = fidelity.pictures(OTHER.take(np.zeros(0, int)), HELD)
    assert all(sum(c["synthetic"]) == 0 for c in drawn["columns"])
