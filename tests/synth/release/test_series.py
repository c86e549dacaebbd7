"""A second and a third release account for the first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.synth.audit.finding import Verdict
from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.measure.estimate import Estimate
from salus.synth.release import procedure
from salus.synth.release.ledger import Ledger
from salus.synth.release.procedure import Outcome, carry_out
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

LOOSE = Budget(membership=0.9, tpr_at_1pct=0.9, copies=0.9, near_copies=0.9, attribute=0.9)
TABLE = simulated(150, seed=3)


def release(table: Table, ledger: Ledger | None, seed: int, **options: Any) -> Outcome:
    return carry_out(
        table,
        budget=options.pop("budget", LOOSE),
        generator=options.pop("generator", "marginals"),
        seed=seed,
        repeats=4,
        jobs=1,
        ledger=ledger,
        **options,
    )


def test_each_look_halves_the_error_and_counts_what_went_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    first, second = (release(TABLE, ledger, seed) for seed in (1, 2))
    assert first.verdict == second.verdict == "RELEASED"
    assert [e.content["verdict"] for e in ledger.entries()] == ["RELEASED"] * 2
    told = second.audit.context["ledger"]
    assert told["looks at these people"] == 2
    assert told["error of each bound"] == pytest.approx(0.025)
    assert len(second.audit.context["earlier"]) == 1
    assert any("Audit reused: this is look 2" in d for d in second.decisions)
    alone = release(TABLE, None, 2)
    assert any("Nothing was recorded" in d for d in alone.decisions)
    risk, single = (o.audit["membership.advantage"].result for o in (second, alone))
    assert isinstance(risk, Estimate) and isinstance(single, Estimate)
    assert risk.level > single.level


@pytest.mark.slow
def test_the_same_run_again_is_no_new_look(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    one, two = (release(TABLE, ledger, 1) for _ in range(2))
    assert two.audit.context["ledger"]["looks at these people"] == 1
    assert ledger.entries()[0].content["sha256"] == ledger.entries()[1].content["sha256"]
    assert one.verdict == two.verdict


@pytest.mark.slow
def test_tables_that_give_away_little_each_give_away_more_together(tmp_path: Path) -> None:
    """Decision trees on the same people: what two tables tell adds up."""
    ledger = Ledger(tmp_path / "ledger")
    table = simulated(240, seed=9)
    risks = []
    for seed in (1, 2, 3):
        found = release(table, ledger, seed, generator="cart").audit["membership.advantage"].result
        assert isinstance(found, Estimate)
        risks.append(found)
    assert risks[2].value > risks[0].value
    limit = (risks[0].high + risks[2].value) / 2
    if risks[2].high > limit > risks[0].high:
        tight = Budget(**{**LOOSE.to_dict(), "membership": limit})
        fresh = Ledger(tmp_path / "another")
        assert release(table, fresh, 1, generator="cart", budget=tight).verdict == "RELEASED"
        assert release(table, ledger, 4, generator="cart", budget=tight).verdict != "RELEASED"


@pytest.mark.slow
def test_other_people_are_no_series(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    release(TABLE, ledger, 1)
    other = release(simulated(150, seed=44), ledger, 1)
    assert other.audit.context["ledger"]["looks at these people"] == 1


def test_other_columns_of_a_named_cohort_cannot_be_judged(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    release(TABLE, ledger, 1, cohort_name="liver")
    columns = [c for c in TABLE.schema.columns if c.name != "gain"]
    names = [c.name for c in columns]
    fewer = Table(
        Schema(columns), {k: TABLE.values[k] for k in names}, {k: TABLE.states[k] for k in names}
    )
    second = release(fewer, ledger, 1, cohort_name="liver")
    assert second.verdict == "CANNOT BE JUDGED"
    assert second.audit["release.earlier"].verdict is Verdict.CANNOT_BE_JUDGED
    assert any("other columns" in reason for reason in second.reasons)
    assert not ledger.entries()[1].is_release


def test_earlier_tables_need_the_ledger_they_stand_in(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="ledger"):
        release(TABLE, None, 1, earlier=[TABLE])
    with pytest.raises(OptionError, match="no line of the ledger"):
        release(TABLE, Ledger(tmp_path / "l"), 1, earlier=[TABLE])


def test_a_large_table_needs_the_rows_that_went_out_and_keeps_its_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "MANY", 400)
    table, ledger = simulated(600, seed=12), Ledger(tmp_path / "ledger")
    first = release(table, ledger, 5)
    assert first.verdict == "RELEASED"
    blind = release(table, ledger, 6)
    assert blind.verdict == "CANNOT BE JUDGED"
    assert any("weren't given" in reason for reason in blind.reasons)
    assert first.synthetic is not None
    told = release(table, ledger, 7, earlier=[first.synthetic])
    assert told.verdict == "RELEASED"
    assert told.audit.context["rows of earlier tables"] == 600
    seeds = {e.content["settings"]["split_seed"] for e in ledger.entries()}
    assert seeds == {5}


def test_a_refused_look_counts_as_well(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    none = Budget(**{**LOOSE.to_dict(), "membership": 0.02})
    assert release(TABLE, ledger, 1, budget=none, generator="cart").verdict != "RELEASED"
    again = release(TABLE, ledger, 2)
    assert again.audit.context["ledger"]["looks at these people"] == 2
    assert again.audit.context["earlier"] == []
    assert np.isfinite(again.audit.context["ledger"]["error of each bound"])
