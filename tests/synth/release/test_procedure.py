from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from salus.synth.audit.finding import Verdict
from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, OptionError, TooFewPeople
from salus.synth.generate.marginals import Marginals
from salus.synth.generate.protocol import Sampled
from salus.synth.release import procedure, settings, small
from salus.synth.release.crossfit import anchor_trials, run_trials
from salus.synth.release.procedure import carry_out
from salus.synth.table.parts import split
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

LOOSE = Budget(membership=0.5, tpr_at_1pct=0.5, copies=0.5, near_copies=0.5, attribute=0.9)


class Copier:
    """A generator that hands out the people it saw."""

    seen: list[NDArray[np.int64]] = []  # shared on purpose: who was ever learnt from

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Copier:
        self.table = table
        Copier.seen.append(table.people)
        return self

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        rows = np.arange(n) % len(self.table)
        return Sampled(self.table.take(rows))

    def card(self) -> dict[str, Any]:
        return {"kind": "copier"}


@pytest.fixture
def copier(monkeypatch: pytest.MonkeyPatch) -> None:
    Copier.seen = []
    monkeypatch.setattr(settings, "KINDS", lambda: {"copier": Copier, "marginals": Marginals})


def test_everyone_is_member_in_half_of_the_trials() -> None:
    table = simulated(120, seed=1)
    trials = run_trials(table, Marginals, repeats=3, seed=0, jobs=1)
    member = np.array([t.observation.member for t in trials])
    assert member.shape == (6, 120)
    assert (member.sum(0) == 3).all()
    assert (member[::2] != member[1::2]).all()


def test_anchor_trials_order_as_they_must() -> None:
    table = simulated(240, seed=1)
    from salus.synth.audit.privacy import conclude

    anchors = anchor_trials(table, seed=0, jobs=1)
    by_name = {}
    for name in ("verbatim copy", "shifted copy", "fresh real people", "independent columns"):
        seen = anchors[name]
        assert not isinstance(seen, str)
        risk = conclude(seen, LOOSE)[0]
        by_name[name] = risk.result.value  # type: ignore[union-attr]
    assert by_name["verbatim copy"] > 0.9
    assert by_name["shifted copy"] > 0.9
    assert by_name["fresh real people"] < 0.2
    assert by_name["independent columns"] < 0.25


def test_loose_limits_release_exactly_n_rows_and_the_same_ones_again() -> None:
    table = simulated(150, seed=2)
    first, second = (
        carry_out(table, budget=LOOSE, generator="marginals", n=77, seed=3, repeats=4, jobs=1)
        for _ in range(2)
    )
    assert first.verdict == "RELEASED"
    assert first.synthetic is not None
    assert second.synthetic is not None
    assert len(first.synthetic) == 77
    for name, values in first.synthetic.values.items():
        assert np.array_equal(values, second.synthetic.values[name], equal_nan=True)
    assert first.audit.to_dict() == second.audit.to_dict()


@pytest.mark.usefixtures("copier")
def test_a_copier_is_refused_and_leaves_no_table() -> None:
    outcome = carry_out(simulated(150, seed=2), generator="copier", seed=3, repeats=4, jobs=1)
    assert outcome.verdict == "REFUSED"
    assert outcome.synthetic is None
    assert outcome.model is None
    assert outcome.audit["membership.advantage"].verdict is Verdict.NOT_MET
    assert outcome.audit["copies.released"].verdict is Verdict.NOT_MET
    assert any("Telling who was in the data" in reason for reason in outcome.reasons)


@pytest.mark.usefixtures("copier")
def test_the_audit_part_is_never_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedure, "MANY", 100)
    table = simulated(400, seed=4)
    outcome = carry_out(table, generator="copier", seed=3, jobs=1)
    assert outcome.verdict == "REFUSED"
    audited = set(split(table, seed=3).audit.people.tolist())
    assert audited
    assert Copier.seen
    for people in Copier.seen:
        assert not audited & set(people.tolist())


def test_tight_limits_on_few_people_cannot_be_judged() -> None:
    tight = Budget(membership=0.04, tpr_at_1pct=None, copies=None, near_copies=None, attribute=None)
    outcome = carry_out(
        simulated(80, seed=6), budget=tight, generator="marginals", seed=1, repeats=4, jobs=1
    )
    assert outcome.verdict == "CANNOT BE JUDGED"
    needed = outcome.audit["membership.advantage"].detail["needed"]
    assert needed > 80
    assert any("people" in reason for reason in outcome.reasons)


def test_settings_are_judged_from_the_safest_and_stop_where_one_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = simulated(100, seed=6)
    tried: list[float] = []

    def judge(self: Any, make: Any) -> Any:
        slack = make.func.__self__.slack
        tried.append(slack)
        verdict = Verdict.MET if slack < 1 else Verdict.NOT_MET
        from salus.synth.audit.finding import Audit, Finding
        from salus.synth.measure.estimate import Estimate

        finding = Finding(
            name="membership.advantage",
            group="privacy",
            title="t",
            meaning="m",
            result=Estimate(0.1, 0.1, 0.1, 5, "x"),
            limit=0.2,
            verdict=verdict,
        )
        model = Marginals().fit(table, seed=0)
        return small.Judged(Audit(findings=(finding,), subject="s"), model, table, None)

    monkeypatch.setattr(small.Crossfit, "__call__", judge)
    outcome = carry_out(table, seed=0, jobs=1)
    assert tried == sorted(tried)
    assert outcome.verdict == "RELEASED"
    assert [s["verdict"] for s in outcome.settings["settings tried"]] == ["MET", "NOT MET"]


def test_too_few_people_say_how_many_are_needed() -> None:
    with pytest.raises(TooFewPeople, match="60"):
        carry_out(simulated(40, seed=1))


def test_a_limit_below_chance_is_refused_before_the_long_work() -> None:
    with pytest.raises(Infeasible, match="nearest"):
        carry_out(
            simulated(120, seed=1),
            budget=Budget(tpr_at_1pct=0.002),
            generator="marginals",
            repeats=4,
            jobs=1,
        )


@pytest.mark.parametrize("many", [6_000, 100])
def test_a_rule_that_no_row_obeys_is_a_refusal_that_names_it(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "MANY", many)
    table = simulated(150, seed=2)
    rule = {"rule": "range", "column": "hours", "low": 1e7, "high": 2e7}
    bound = Table(table.schema.with_rules([rule]), table.values, table.states, table.people)
    outcome = carry_out(bound, generator="marginals", seed=1, repeats=4, jobs=1)
    assert outcome.verdict == "REFUSED"
    assert outcome.synthetic is None
    assert len(outcome.reasons) == 1
    assert "hours" in outcome.reasons[0]


def test_wrong_options_are_named() -> None:
    table = simulated(100, seed=1)
    with pytest.raises(OptionError, match="'woods'"):
        carry_out(table, generator="woods")
    with pytest.raises(OptionError, match="row"):
        carry_out(table, n=0)


@pytest.mark.slow
def test_the_default_generator_is_released_on_the_shipped_patients() -> None:
    from salus.datasets import load_pbc

    budget = Budget(membership=0.1, tpr_at_1pct=0.05, attribute=0.1)
    outcome = carry_out(load_pbc(), budget=budget, seed=7)
    assert outcome.verdict == "RELEASED"
    ratio = outcome.audit["utility.ratio"].result
    assert ratio.value > 0.8  # type: ignore[union-attr]
