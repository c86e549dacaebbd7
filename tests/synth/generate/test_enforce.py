"""Exactly n rows that obey every rule, or a Shortfall that names one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import OptionError, RuleError
from salus.synth.generate.enforce import enforce
from salus.synth.table.rules import (
    AllowedCombinations,
    Formula,
    Implication,
    Order,
    Range,
    check,
)
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

SCHEMA = Schema(
    [
        Column(name="age", kind="integer"),
        Column(name="weight", kind="continuous", decimals=1),
        Column(name="height", kind="continuous", decimals=0),
        Column(name="bmi", kind="continuous", decimals=1),
        Column(name="obese", kind="integer"),
        Column(name="sex", kind="categorical", levels=("f", "m")),
        Column(name="pregnant", kind="boolean", levels=("no", "yes")),
    ]
)
RULES = [
    Range("age", 0, 90),
    Order(("age", "height")),
    Implication("sex == 'm'", "pregnant == 'no'"),
    Formula("obese", "floor(bmi / 30)"),
    Formula("bmi", "weight / (height/100)**2"),
    AllowedCombinations(("sex", "pregnant"), (("f", "no"), ("f", "yes"), ("m", "no"))),
]


def draw(n, rng):
    """Draw careless rows, some cells missing."""
    holes = rng.random(n) < 0.1
    return Table(
        SCHEMA,
        {
            "age": np.where(holes, np.nan, rng.normal(50, 25, n)),
            "weight": rng.normal(75, 15, n),
            "height": rng.normal(170, 10, n),
            "bmi": np.where(rng.random(n) < 0.1, np.nan, 0.0),
            "obese": np.zeros(n),
            "sex": rng.integers(-1, 2, n),
            "pregnant": rng.integers(-1, 2, n),
        },
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.sets(st.integers(0, len(RULES) - 1)))
def test_every_row_obeys_every_rule_and_there_are_exactly_n(n, seed, chosen):
    rules = [RULES[i] for i in sorted(chosen)]
    found = enforce(draw, n, rules, np.random.default_rng(seed))
    assert found.shortfall is None and len(found.table) == n
    assert found.table.schema == SCHEMA
    assert all(c.violations == 0 for c in check(found.table, rules))
    assert found.table.people.tolist() == list(range(n))


def test_the_same_seed_gives_the_same_rows():
    one, other = (enforce(draw, 50, RULES, np.random.default_rng(3)).table for _ in range(2))
    for name in one.values:
        assert one.values[name].tobytes() == other.values[name].tobytes()


def test_no_rules_cost_nothing():
    plain = draw(20, np.random.default_rng(1))
    found = enforce(draw, 20, [], np.random.default_rng(1)).table
    assert found.values["weight"].tolist() == plain.values["weight"].tolist()


def test_formulas_are_recomputed_in_the_order_in_which_they_need_each_other():
    table = enforce(draw, 200, RULES, np.random.default_rng(0)).table
    there = ~np.isnan(table.values["bmi"])
    bmi, obese = table.values["bmi"][there], table.values["obese"][there]
    assert obese.tolist() == np.floor(bmi / 30).tolist() and obese.max() > 0
    assert 0.02 < np.isnan(table.values["bmi"]).mean() < 0.25  # missing cells survive


def test_rules_hold_for_the_numbers_as_published():
    table = enforce(draw, 200, RULES, np.random.default_rng(0)).table
    for name, digits in (("weight", 1), ("height", 0), ("bmi", 1), ("age", 0)):
        cells = table.values[name]
        assert np.array_equal(cells, np.round(cells, digits), equal_nan=True)


@pytest.mark.parametrize(
    ("date_format", "unit"),
    [(None, 1), ("%d.%m.%Y %H:%M", 60), ("%Y-%m-%d %H h", 3600), ("%Y-%m-%d", 86400)],
)
def test_datetimes_are_judged_as_their_format_shows_them(date_format, unit):
    schema = Schema(
        [Column(name=n, kind="datetime", date_format=date_format) for n in ("start", "end")]
    )

    def moments(n, rng):
        start = rng.uniform(1e9, 1.001e9, n)
        return Table(schema, {"start": start, "end": start + rng.uniform(0, 2e5, n)})

    rules = [Order(("start", "end"), strict=True)]
    table = enforce(moments, 50, rules, np.random.default_rng(0)).table
    assert (table.values["start"] % unit == 0).all() and (table.values["end"] % unit == 0).all()
    assert (table.values["start"] < table.values["end"]).all()


def test_rejection_keeps_the_distribution_given_the_rule():
    def uniform(n, rng):
        schema = Schema([Column(name="x", kind="continuous")])
        return Table(schema, {"x": rng.random(n)})

    found = enforce(uniform, 4000, [Range("x", 0.9, 1)], np.random.default_rng(0)).table
    x = (found.values["x"] - 0.9) / 0.1
    grid = np.sort(x)
    assert np.abs(grid - np.arange(1, 4001) / 4000).max() < 1.63 / np.sqrt(4000)  # KS, 1 %


def test_a_rule_that_cannot_hold_ends_in_a_shortfall_that_names_it():
    drawn = []

    def counted(n, rng):
        drawn.append(n)
        return draw(n, rng)

    rules = [Range("age", 0, 90), Range("weight", 1000, None)]
    found = enforce(counted, 1000, rules, np.random.default_rng(0))
    assert len(found.table) == 0 and found.table.schema == SCHEMA
    assert found.shortfall is not None
    assert found.shortfall.rule == "range of weight"
    assert (found.shortfall.asked, found.shortfall.made, found.shortfall.accepted) == (1000, 0, 0)
    assert "100.00% of the candidates" in found.shortfall.remedy
    assert sum(drawn) < 20_000  # hopeless is said early, long before 210,000


def test_a_rare_rule_yields_what_could_be_made():
    rules = [Range("age", 110, None), Implication("not missing(age)", "age >= 0")]
    found = enforce(draw, 500, rules, np.random.default_rng(0), candidates=1000)
    assert found.shortfall is not None and found.shortfall.rule == "range of age"
    assert 0 < len(found.table) == found.shortfall.made < 500
    assert f"at most {found.shortfall.made} rows" in str(found.shortfall)
    assert all(c.violations == 0 for c in check(found.table, rules))
    assert 0 < found.shortfall.accepted < 0.2


def test_the_cap_on_candidates_is_kept():
    drawn = []

    def counted(n, rng):
        drawn.append(n)
        return draw(n, rng)

    enforce(counted, 100, [Range("weight", 110, None)], np.random.default_rng(0), candidates=777)
    assert sum(drawn) <= 777


def test_a_generator_that_runs_dry_is_a_shortfall():
    found = enforce(lambda n, rng: draw(0, rng), 5, [RULES[0]], np.random.default_rng(0))
    assert found.shortfall is not None and found.shortfall.made == 0


def test_a_column_that_is_given_is_not_recomputed():
    rules = [Formula("bmi", "weight / (height/100)**2", tolerance=5)]

    def given_bmi(n, rng):
        return draw(n, rng).replace("bmi", np.full(n, 25.0))

    found = enforce(given_bmi, 50, rules, np.random.default_rng(0), keep=["bmi"])
    assert found.shortfall is None
    assert set(found.table.values["bmi"].tolist()) == {25.0}
    assert rules[0].holds(found.table).all()


def test_people_of_several_batches_stay_apart():
    def pairs(n, rng):
        table = draw(n, rng)
        return Table(SCHEMA, table.values, table.states, np.arange(n) // 2)

    table = enforce(pairs, 40, [Range("age", 60, None)], np.random.default_rng(0)).table
    assert np.bincount(table.people).max() <= 2
    assert sorted(set(table.people.tolist())) == list(range(table.n_people))


@pytest.mark.parametrize(
    ("formulas", "words"),
    [
        ([Formula("bmi", "weight"), Formula("weight", "bmi")], "circle"),
        ([Formula("bmi", "weight"), Formula("bmi", "height")], "two formulas"),
    ],
)
def test_formulas_that_contradict_each_other_are_refused(formulas, words):
    with pytest.raises(RuleError, match=words):
        enforce(draw, 5, formulas, np.random.default_rng(0))


def test_a_negative_number_of_rows_is_refused():
    with pytest.raises(OptionError):
        enforce(draw, -1, [], np.random.default_rng(0))
