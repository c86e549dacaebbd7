from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from salus.synth.audit.anchors import planted
from salus.synth.audit.paper import PaperSettings
from salus.synth.errors import Infeasible, OptionError, TooFewPeople
from salus.synth.measure.estimate import Estimate
from salus.synth.release.paper.bench import Bench, weighted
from salus.synth.release.paper.feasibility import FRESH, Threshold, check, tolerated
from salus.synth.table.table import Table
from tests.synth.release.paper.conftest import QUICK
from tests.synth.simulate import simulated

PEOPLE = [simulated(n, seed=s) for n, s in ((300, 1), (200, 2), (200, 3))]


@cache
def bench() -> Bench:
    return Bench.of(PEOPLE[0], PEOPLE[1], QUICK, 0)


def at(p_min: float) -> Threshold:
    return Threshold.of(p_min, "corrected", QUICK)


def test_both_scales_name_their_highest_value() -> None:
    # AT-15, PF-07: .70 against a score that is .5 at most (or .4, as its first authors had it)
    with pytest.raises(Infeasible, match=r"above 0\.5, the highest"):
        Threshold.of(0.7, "published", QUICK)
    with pytest.raises(Infeasible, match=r"above 0\.4, the highest"):
        Threshold.of(0.7, "published", weighted(QUICK, {"DCR": 0.4, "Q_delta": 0.3, "I": 0.3}))
    with pytest.raises(Infeasible, match="above 1, the highest"):
        Threshold.of(1.2, "corrected", QUICK)
    same = Threshold.of(0.3, "published", QUICK), at(0.8)
    assert same[0].corrected == pytest.approx(same[1].corrected)
    assert same[0].published == pytest.approx(same[1].published)


@pytest.mark.parametrize("p_min", [-0.1, float("nan"), float("-inf")])
def test_what_is_no_threshold_is_bad_input(p_min: float) -> None:
    with pytest.raises(OptionError):
        at(p_min)
    with pytest.raises(OptionError, match="scale"):
        Threshold.of(0.8, "other", QUICK)  # type: ignore[arg-type]


def test_known_releases_stand_in_their_order_beside_the_threshold() -> None:
    found = check(bench(), at(0.8), PEOPLE[2], rows=200)
    p = {k: v.value for k, v in found.anchors.items() if isinstance(v, Estimate)}
    assert p[FRESH] > 0.85
    assert p["20% verbatim copies among fresh people"] == pytest.approx(0.8, abs=0.1)
    assert p["shifted copy"] < 0.25 and p["bootstrap"] < 0.15 and p["verbatim copy"] < 0.05
    assert found.real.value > 0.8
    few = check(bench(), at(0.8), PEOPLE[2], rows=40)
    assert few.real.value < found.real.value  # a smaller sample is less alike


def test_more_than_fresh_people_have_is_refused() -> None:
    # AT-15: half of these "fresh" people are training people, so P of theirs is about a half
    half = planted(PEOPLE[0], PEOPLE[2], np.random.default_rng(0), share=0.5)
    assert isinstance(half, Table)
    with pytest.raises(Infeasible, match=r"Nothing was fitted"):
        check(bench(), at(0.95), half, rows=200)


def test_a_threshold_that_copies_meet_is_told() -> None:
    assert "asks for nothing" in " ".join(check(bench(), at(0.05), PEOPLE[2], rows=200).notes)
    assert "asks for nothing" not in " ".join(check(bench(), at(0.8), PEOPLE[2], rows=200).notes)


def test_a_threshold_within_the_spread_of_fresh_people_is_told() -> None:
    assert "may miss P_min" in " ".join(check(bench(), at(1.0), PEOPLE[2], rows=200).notes)


def test_too_few_people_are_told_how_many_are_needed() -> None:
    with pytest.raises(TooFewPeople, match="268"):
        Bench.of(PEOPLE[0], PEOPLE[1].take(np.arange(30)), PaperSettings(), 0)


@pytest.mark.parametrize(
    ("p_min", "words"),
    [
        (0.8, "in five rows"),
        (0.9, "in ten rows"),
        (0.5, "in two rows"),
        (0.7, "in 3.3 rows"),
        (0.95, "in 20 rows"),
        (0.995, "in 200 rows"),
        (0.25, "in 75% of the rows"),
    ],
)
def test_the_copies_tolerated_are_computed(p_min: float, words: str) -> None:
    assert tolerated(p_min).endswith(words)


def test_weights_go_by_the_papers_symbols() -> None:
    assert weighted(QUICK, {"C": 0.7}).association == 0.7
    for wrong in ({"B": 1.0}, {"DCR": 0.9}, {"C": float("nan")}, {"C": -1.0}):
        with pytest.raises(OptionError):
            weighted(QUICK, wrong)
