"""The published scores, corrected: releases of known quality in their order, in every unit."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from salus.synth.audit import paper
from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.copies import record_keys
from salus.synth.audit.finding import Finding
from salus.synth.audit.paper import PaperSettings, published_p
from salus.synth.audit.paper.closeness import (
    SPACES,
    Closeness,
    above_real,
    closeness,
    pools,
    quantile_difference,
)
from salus.synth.audit.paper.quality import Quality, quality
from salus.synth.measure.distance import Encoder
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.codec import encode_many
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.audit.anchored import disguised, plant, wdbc
from tests.synth.audit.test_fidelity import changed
from tests.synth.simulate import simulated

NAMES = ("comparison.paper_q", "comparison.paper_p", "comparison.jsd_published")
SETTINGS = PaperSettings()


@cache
def thirds(seed: int) -> tuple[Table, Table, Table]:
    """Training people, people held out (two halves of 95) and 95 fresh people."""
    table, order = wdbc(), np.random.default_rng(seed).permutation(569)
    return table.take(order[:284]), table.take(order[284:474]), table.take(order[474:])


def scored(releases: dict[str, Table], train: Table, held: Table) -> dict[str, Closeness]:
    rng = np.random.default_rng(0)
    tables = {**releases, "held": held}
    known = pools(train, tables, Encoder.fit([train, held]), SETTINGS, rng)
    return {k: closeness(known[k], known["held"], known["copies"], SETTINGS, rng) for k in releases}


def p_of(found: Closeness) -> float:
    assert isinstance(found.result, Estimate)
    return found.result.value


def value(finding: Finding) -> float:
    assert isinstance(finding.result, Estimate)
    return finding.result.value


def copies_of(train: Table) -> dict[str, Table]:
    rng = np.random.default_rng(1)
    again = train.take(rng.integers(0, len(train), len(train)))
    return {"copy": train, "bootstrap": again, **disguised(train, rng)}


def in_order(found: dict[str, Closeness]) -> None:
    assert p_of(found.pop("fresh")) >= 0.90
    assert p_of(found.pop("copy")) <= 0.02
    assert p_of(found.pop("bootstrap")) <= 0.10
    for name, each in found.items():
        assert p_of(each) <= 0.25, name


def test_known_releases_stand_in_their_order() -> None:
    # AT-01
    train, held, fresh = thirds(0)
    in_order(scored({"fresh": fresh, **copies_of(train)}, train, held))
    train, held, fresh = (simulated(500, seed=s) for s in (1, 2, 3))
    in_order(scored({"fresh": fresh, **copies_of(train)}, train, held))


@pytest.mark.slow
def test_known_releases_stand_in_their_order_in_twelve_splits() -> None:
    # AT-01
    for seed in range(12):
        train, held, fresh = thirds(seed)
        in_order(scored({"fresh": fresh, **copies_of(train)}, train, held))


@pytest.mark.slow
def test_known_releases_stand_in_their_order_in_five_large_splits() -> None:
    # AT-01
    for seed in range(5):
        train, held, fresh = (simulated(2000, seed=10 * seed + k) for k in (1, 2, 3))
        found = scored({"fresh": fresh, "copy": train}, train, held)
        assert p_of(found["fresh"]) >= 0.90
        assert p_of(found["copy"]) <= 0.02


@pytest.mark.slow
def test_large_disguised_copies_stand_in_their_order() -> None:
    # AT-01
    train, held, fresh = (simulated(2000, seed=k) for k in (1, 2, 3))
    in_order(scored({"fresh": fresh, **copies_of(train)}, train, held))


def monotone(n: int) -> None:
    train, held, fresh = (simulated(n, seed=s) for s in (4, 5, 6))
    shares = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
    releases = {str(s): plant(fresh, train, s, np.random.default_rng(0)) for s in shares}
    p = [p_of(f) for f in scored(releases, train, held).values()]
    assert all(a >= b - 1e-9 for a, b in pairwise(p))
    assert all(a > b for a, b in pairwise(p[2:]))
    assert np.abs(1 - np.array(p) - shares).max() <= 0.05


def test_planted_copies_are_read_off() -> None:
    # AT-02
    monotone(500)


@pytest.mark.slow
def test_planted_copies_are_read_off_a_larger_table() -> None:
    # AT-02
    monotone(2000)


def test_units_names_and_order_do_not_count() -> None:
    # AT-03
    rng = np.random.default_rng(0)
    tables = [simulated(150, seed=s) for s in (1, 2, 3)]
    tables[0] = plant(tables[0], tables[1], 0.3, rng)
    columns = rng.permutation(len(tables[0].schema.modelled))
    schema = changed(tables[0], np.arange(150), columns).schema
    outcome = schema.with_column("target", roles=frozenset({"outcome"}))
    other = []
    for table in tables:
        new = changed(table, rng.permutation(150), columns)
        other.append(Table(outcome, new.values, new.states, new.people))
    a, b = paper.findings(*tables, seed=0), paper.findings(*other, seed=0)
    for was, now in zip(a[:2], b[:2], strict=True):
        assert value(now) == pytest.approx(value(was), abs=1e-9), was.name
        assert now.detail["parts"] == pytest.approx(was.detail["parts"], abs=1e-9)


def parts(made: Table, real: Table) -> Quality:
    return quality(made, real, Encoder.fit([real]), SETTINGS)


def numbers(x: np.ndarray) -> Table:
    return Table(Schema([Column(name="x", kind="continuous")]), {"x": x})


def test_bins_are_shared_but_in_the_published_divergence() -> None:
    # AT-05
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    for y in (100 + 7 * x, 1000 + 50 * rng.normal(size=400)):
        assert parts(numbers(y), numbers(x)).parts["D"] <= 0.1
        found = paper.findings(numbers(y), numbers(x), numbers(x[:200]), seed=0)[2]
        assert value(found) < 0.1
        assert found.detail["over shared bins, in bits"]["x"] > 0.98
        assert "blind" in found.because


def test_a_copy_in_another_spelling_is_a_copy() -> None:
    # AT-06
    schema = Schema(
        [
            Column(name="n", kind="integer", decimals=0),
            Column(name="x", kind="continuous", decimals=2),
            Column(name="sex", kind="categorical", levels=("f", "m")),
            Column(name="grade", kind="categorical", levels=("1", "2")),
            Column(name="day", kind="date", date_format="%Y-%m-%d"),
        ]
    )
    k = np.arange(40)
    days = pd.date_range("2020-01-01", periods=40)
    sex = ["f", "m"] * 20
    real = pd.DataFrame(
        {
            "n": k,
            "x": k / 4,
            "sex": sex,
            "grade": 1 + k % 2,
            "day": days.strftime("%Y-%m-%d"),
        }
    )
    others = [
        real.assign(n=k.astype(float), grade=1.0 + k % 2),
        real.assign(sex=[f" {s} " for s in sex]),
        real.assign(day=days),
        real.assign(n=[f"{i}.0" for i in k], x=[f"{i / 4:.2f}" for i in k]),
    ]
    mine, *theirs = record_keys(encode_many([real, *others], schema))
    for copy in theirs:
        assert np.isin(copy, mine).all()


def test_quantile_difference_of_nothing_but_zeros() -> None:
    # AT-07: the limit
    fresh = np.random.default_rng(0).random(5000)
    assert quantile_difference(np.zeros(100), fresh, SETTINGS) == pytest.approx(0.975, abs=1e-3)
    assert abs(quantile_difference(fresh, fresh, SETTINGS)) < 1e-3
    assert quantile_difference(fresh + 2, fresh, SETTINGS) == pytest.approx(-0.025, abs=1e-3)


def test_quantile_difference_tells_copies_from_fresh_people() -> None:
    # AT-07
    quick = PaperSettings(halvings=60)
    within = []
    for seed in range(20):
        train, held, fresh = thirds(seed)
        rng = np.random.default_rng(seed)
        tables = {"fresh": fresh, "copy": train, "held": held}
        known = pools(train, tables, Encoder.fit([train, held]), quick, rng)
        within.append(not above_real(known["fresh"], known["held"], quick, rng)["above"])
        assert above_real(known["copy"], known["held"], quick, rng)["above"]
    assert np.mean(within) >= 0.85


@pytest.mark.slow
def test_quantile_difference_tells_copies_from_fresh_people_in_fifty_splits() -> None:
    # AT-07
    within = []
    for seed in range(50):
        train, held, fresh = thirds(100 + seed)
        rng = np.random.default_rng(seed)
        tables = {"fresh": fresh, "copy": train, "held": held}
        known = pools(train, tables, Encoder.fit([train, held]), SETTINGS, rng)
        within.append(not above_real(known["fresh"], known["held"], SETTINGS, rng)["above"])
        assert above_real(known["copy"], known["held"], SETTINGS, rng)["above"]
    assert np.mean(within) >= 0.90


@pytest.mark.parametrize("columns", [2, 4, 8])
def test_few_levels_accuse_nobody(columns: int) -> None:
    # AT-08
    schema = Schema(
        [Column(name=f"b{k}", kind="boolean", levels=("n", "y")) for k in range(columns)]
    )

    def draw(seed: int) -> Table:
        rng = np.random.default_rng(seed)
        return Table(schema, {c.name: rng.integers(0, 2, 300) for c in schema.columns})

    found = paper.findings(draw(1), draw(2), draw(3), seed=0)[1]
    assert isinstance(found.result, CannotJudge) or found.result.value >= 0.9
    if columns <= 4:
        assert isinstance(found.result, CannotJudge)


def test_shuffling_the_outcome_lowers_relations_alone() -> None:
    # AT-09
    train, held, _ = thirds(0)
    order = np.random.default_rng(0).permutation(len(train))
    loose = train.replace("diagnosis", train.values["diagnosis"][order])
    a, b = parts(train, held).parts, parts(loose, held).parts
    assert a["D"] == b["D"]
    assert b["C"] < a["C"] - 0.05
    assert b["C, outcome"] < a["C, outcome"] - 0.1
    assert b["C, features"] == pytest.approx(a["C, features"], abs=1e-12)


def test_independent_columns_are_rejected_by_q_and_not_by_p() -> None:
    train, held, fresh = thirds(0)
    loose = independent_columns(train, np.random.default_rng(0))
    assert p_of(scored({"loose": loose}, train, held)["loose"]) == 1
    a, b = parts(fresh, held.take(np.arange(95))), parts(loose, held)
    assert isinstance(a.score, float)
    assert isinstance(b.score, float)
    assert b.score < a.score - 0.05


def test_a_table_is_like_itself_and_absent_parts_are_not_perfect() -> None:
    held = simulated(300, seed=1)
    same = parts(held, held)
    assert same.score == pytest.approx(1)
    alone = Table(
        Schema([Column(name="b", kind="boolean", levels=("n", "y"))]), {"b": np.arange(60) % 2}
    )
    found = parts(alone, alone)
    assert set(found.parts) == {"D", "V"}
    assert found.score == pytest.approx(1)
    q = paper.findings(alone, alone, alone, seed=0)[0]
    assert q.detail["absent parts"] == ["A", "C"]


def test_the_findings_never_decide() -> None:
    train, held, fresh = thirds(0)
    found = paper.findings(fresh, train, held, seed=3)
    assert tuple(f.name for f in found) == NAMES
    for f in found:
        assert (f.group, f.limit, f.verdict) == ("comparison", None, None)
        assert isinstance(f.result, Estimate)
        assert "fresh real people" in f.anchors
    q, p, _ = found
    beside = q.anchors["fresh real people"]
    assert isinstance(beside, Estimate)
    assert value(q) == pytest.approx(beside.value, abs=0.03)
    assert "copied share" in p.meaning
    assert "20 %" in p.because
    assert "above" in p.because or "at it" in p.because
    copy = p.anchors["verbatim copy"]
    assert isinstance(copy, Estimate)
    assert copy.value <= 0.02
    assert set(p.detail["spaces"]) == set(SPACES)
    assert p.detail["on the published scale"] == pytest.approx(value(p) - 0.5)
    again = paper.findings(fresh, train, held, seed=3)
    assert [f.to_dict() for f in found] == [f.to_dict() for f in again]


@pytest.mark.parametrize("made", [0, 10, 100])
def test_too_few_people_are_a_reason(made: int) -> None:
    table = simulated(100, seed=1)
    for f in paper.findings(table.take(np.arange(made)), table, table.take(np.arange(20)), seed=0):
        assert isinstance(f.result, CannotJudge)


def test_rows_of_one_person_stay_on_one_side() -> None:
    train, held, fresh = (
        simulated(120, seed=s).take(np.repeat(np.arange(120), 3)) for s in (1, 2, 3)
    )
    found = paper.findings(fresh, train, held, seed=0)
    for f in found:
        assert isinstance(f.result, Estimate)
        assert all(math.isfinite(x) for x in (f.result.low, f.result.high))
    assert found[1].result.n == 120  # type: ignore[union-attr]


def test_settings_refuse_weights_that_make_no_score() -> None:
    with pytest.raises(ValueError, match="weights of P"):
        PaperSettings(closeness=0.9)
    with pytest.raises(ValueError, match="weights of Q"):
        PaperSettings(distribution=0, anomalies=0, association=0, diversity=0)


def test_the_published_score_prefers_a_disguised_copy_to_people() -> None:
    # negative control of AT-01
    train, _, fresh = thirds(0)
    shifted = train.replace("worst area", train.values["worst area"].astype(float) + 1)
    assert published_p(shifted, train) > 0.95
    assert published_p(fresh, train) < 0.5
    assert published_p(train, train) == pytest.approx(0.3, abs=0.1)
