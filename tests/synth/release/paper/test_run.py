from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from salus.synth.audit.finding import Verdict
from salus.synth.errors import Infeasible, OptionError, TooFewPeople
from salus.synth.release.paper import Grid, PaperRun, page, paper_mode, run
from salus.synth.release.series import digest
from salus.synth.table.parts import Parts, split
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.release.paper.conftest import QUICK, audit_of
from tests.synth.simulate import simulated

Compare = Callable[..., PaperRun]
Log = list[tuple[Any, ...]]
SMALL = Grid((0.7, 1.0, 1.3), (0.9, 1.0))


def asked(log: Log, what: str) -> Log:
    return [entry for entry in log if entry[0] == what]


def text(found: PaperRun) -> str:
    return json.dumps(found.to_dict(), allow_nan=False) + page(found)


def test_the_table_is_of_the_setting_chosen(compare: Compare) -> None:
    # PF-05 and PF-02: the exact answer over the settings, and no highest-P setting of a history
    found = compare(grid=SMALL)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    settings = plain["sampling"]["settings"]
    met = [s for s in settings if s["P"] >= 0.8]
    best = max(met, key=lambda s: s["Q"])
    assert found.word == "CHOSEN" and 1 < len(met) < len(settings)
    assert settings[plain["sampling"]["chosen"]] == best
    assert best["P"] < max(s["P"] for s in settings)
    assert found.model is not None and found.synthetic is not None
    assert found.model.setting == tuple(best["setting"].values())  # type: ignore[attr-defined]
    again = found.model.sample(150, seed=plain["setup"]["seeds of the draws"][0]).table
    assert digest(again) == digest(found.synthetic)
    assert "multiplier" not in json.dumps(plain["sampling"]["settings"])


def test_training_is_driven_by_the_whole_tables_p(compare: Compare) -> None:
    found = compare(grid=Grid((1.0,), (1.0,)))
    trainings = found.trained.trainings
    assert trainings[0].slack is None and trainings[0].gap > 0
    assert found.trained.feasible and found.trained.multiplier is not None
    assert 0 < found.trained.multiplier < 2
    kept = trainings[found.trained.kept]
    assert kept.slack is not None and 0.8 < kept.slack < 4  # a fifth copied: slack 8 / 3
    assert found.tried[0].scores == kept.scores
    assert kept.scores.utility < trainings[0].scores.utility


def test_every_setting_has_the_same_seeds_and_rows(compare: Compare, kinds: Log) -> None:
    # PF-04
    found = compare(grid=SMALL, trainings=4)
    seeds = found.setup["seeds of the draws"]
    assert len(set(seeds)) == 2
    draws = asked(kinds, "sample")
    assert {(seed, n) for _, seed, n, _ in draws} == {(s, 150) for s in seeds}
    assert {seed for _, seed, *_ in asked(kinds, "fit")} == {3}
    by_setting: dict[Any, list[int]] = {}
    for _, seed, _, setting in draws[2 * len(found.trained.trainings) : -1]:
        by_setting.setdefault(setting, []).append(seed)
    assert len(by_setting) == 5 and all(s == seeds for s in by_setting.values())


def test_a_threshold_out_of_reach_is_refused_before_training(compare: Compare, kinds: Log) -> None:
    # PF-06, PF-07, AT-15
    for scale, p_min in (("published", 0.7), ("corrected", 1.01)):
        with pytest.raises(Infeasible, match="highest"):
            compare(scale=scale, p_min=p_min)
    few = Table(
        Schema([Column(name="b", kind="boolean", levels=("n", "y"))]), {"b": np.arange(400) % 2}
    )
    with pytest.raises(TooFewPeople, match="P can't be judged"):
        paper_mode(few, backbone="copier", settings=QUICK)
    with pytest.raises(TooFewPeople, match="268"):
        paper_mode(simulated(150, seed=1), backbone="copier", settings=QUICK)
    assert not asked(kinds, "fit")


def test_nothing_feasible_is_told_with_its_gap(compare: Compare, kinds: Log) -> None:
    # PF-06
    found = compare(backbone="plain")
    assert found.word == "NOT FEASIBLE" and found.synthetic is None and found.model is None
    assert found.chosen is None and found.afterwards is None
    assert found.gap == pytest.approx(0.4, abs=0.1)
    assert "Nothing is released" in found.headline and f"{found.gap:.3f}" in found.headline
    assert len(found.tried) == 1 and found.tried[0].setting == {}
    assert len(asked(kinds, "fit")) == 1
    assert found.to_dict()["override"] is None


def test_an_override_is_stamped(compare: Compare) -> None:
    found = compare(backbone="plain", override=True)
    assert found.word == "OVERRIDDEN" and found.synthetic is not None
    stamp = found.to_dict()["override"]
    assert stamp["stamp"].startswith("WRITTEN BY OVERRIDE") and stamp["gap"] > 0.2
    assert stamp["stamp"] in page(found)
    assert (
        compare(grid=Grid((1.3,), (1.0,)), trainings=3, override=True).to_dict()["override"] is None
    )


def test_sampling_may_save_what_training_missed(compare: Compare) -> None:
    found = compare(options={"slack": 8.0}, grid=Grid((1.0, 2.0), (1.0,)))
    assert not found.trained.feasible and found.trained.multiplier is None
    assert found.word == "CHOSEN" and found.tried[1].setting == {"temperature": 2.0, "top_p": 1.0}
    assert found.chosen == 1


def test_a_setting_that_makes_no_rows_is_told_and_not_taken(compare: Compare) -> None:
    found = compare(options={"fails_at": 1.2}, grid=Grid((1.0, 1.3), (1.0,)), trainings=4)
    assert found.tried[1].scores is None and "a rule" in found.tried[1].shortfall
    assert found.chosen == 0
    assert not found.to_dict()["sampling"]["settings"][1]["feasible"]


def test_the_audit_people_are_seen_once_when_the_table_stands(
    compare: Compare, kinds: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # AT-23
    grid = Grid((0.7, 1.3), (1.0,))
    first = compare(grid=grid, trainings=3)
    parts = split(simulated(400, seed=1), seed=3)
    for _, _, table, reference in asked(kinds, "fit"):
        assert not set(parts.audit.people) & {*table.people, *reference.people}
        assert not set(parts.calibration.people) & {*table.people, *reference.people}

    def others(table: Table, *, seed: int) -> Parts:
        found = split(table, seed=seed)
        return Parts(found.train, found.reference, found.calibration, simulated(60, seed=9))

    monkeypatch.setattr(run, "split", others)
    second = compare(grid=grid, trainings=3)
    assert first.synthetic is not None and second.synthetic is not None
    assert [t.to_dict(0.8) for t in first.tried] == [t.to_dict(0.8) for t in second.tried]
    assert first.chosen == second.chosen
    assert digest(first.synthetic) == digest(second.synthetic)
    assert text(first) != text(second)


def test_the_word_needs_the_audit(compare: Compare) -> None:
    found = compare(grid=Grid((1.3,), (1.0,)), trainings=3)
    assert found.afterwards is not None
    for verdict in (Verdict.NOT_MET, Verdict.CANNOT_BE_JUDGED, Verdict.MET):
        audit = audit_of(verdict)()
        said = text(replace(found, afterwards=replace(found.afterwards, audit=audit))).lower()
        assert ("enforce" in said) == (verdict is Verdict.MET)
        assert "comparison only" in said


def test_real_people_stand_beside_every_score(compare: Compare) -> None:
    found = compare(grid=SMALL, trainings=3)
    real = f"{found.feasibility.real.value:.3f}"
    rows = [r for r in page(found).splitlines() if "temperature" in r or "(kept)" in r]
    assert len(rows) == 7 and all(f"| {real} |" in r for r in rows)
    after = found.to_dict()["afterwards"]
    q, p = (after["scores"][f"comparison.paper_{k}"] for k in "qp")
    assert "fresh real people" in q["anchors"] and "fresh real people" in p["anchors"]
    assert {"verbatim copy", "shifted copy", "bootstrap"} <= set(after["P of known releases"])
    assert "one verbatim copy in five" in page(found)
    assert "20 %" in p["because"]
    faults = after["P as published, with its faults"]
    assert faults["shifted copy"] > faults["verbatim copy"]


def test_the_same_seed_gives_the_same_run(compare: Compare) -> None:
    options: Mapping[str, Any] = {"grid": Grid((1.3,), (1.0,)), "trainings": 3}
    one, two = (compare(**options) for _ in range(2))
    assert text(one) == text(two)
    other = compare(backbone="plain", override=True, seed=4)
    assert text(one) != text(other)


@pytest.mark.parametrize(
    "options",
    [{"draws": 0}, {"trainings": 0}, {"n": 5}, {"backbone": "other"}, {"options": {"depth": 3}}],
)
def test_options_out_of_their_domain_are_bad_input(
    compare: Compare, kinds: Log, options: Mapping[str, Any]
) -> None:
    with pytest.raises(OptionError):
        compare(**options)
    assert not kinds


@pytest.mark.slow
def test_a_real_generator_under_the_real_audit() -> None:
    found = paper_mode(simulated(400, seed=1), backbone="copula", seed=0)
    assert found.afterwards is not None
    names = {f.name for f in found.afterwards.audit.findings}
    assert {"utility.auc", "utility.trts_auc", "membership.advantage"} <= names
    said = text(found)
    assert "TSTR, AUC" in said and "TRTS, AUC" in said
    met = found.afterwards.audit.verdict is Verdict.MET
    assert ("enforced" in said.lower()) == met
