"""Ways around the account of a series that are closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.synth.budget import Budget
from salus.synth.errors import BadInput, OptionError
from salus.synth.release import procedure
from salus.synth.release.ledger import Ledger
from salus.synth.release.procedure import carry_out
from salus.synth.release.series import Series, digest, series_of
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

LOOSE = Budget(membership=0.9, tpr_at_1pct=0.9, copies=0.9, near_copies=0.9, attribute=0.9)
PEOPLE = simulated(901, seed=2)
TABLE = PEOPLE.take(np.arange(900))
ASKED: dict[str, Any] = {
    "generator": "marginals",
    "seed": 0,
    "rows": 900,
    "columns": [c.name for c in TABLE.schema.modelled],
}
WENT_OUT = simulated(50, seed=9)


def reordered(table: Table) -> Table:
    order = np.random.default_rng(0).permutation(len(table))
    return Table(
        table.schema,
        {k: v[order] for k, v in table.values.items()},
        {k: v[order] for k, v in table.states.items()},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def record(ledger: Ledger, table: Table, **settings: Any) -> None:
    ledger.record(
        {"kind": "release", "sha256": digest(WENT_OUT), "settings": {**ASKED, **settings}},
        ledger.cohort(table),
    )


def series(ledger: Ledger, table: Table, *, seed: int = 0, large: bool = False) -> Series:
    asked = {**ASKED, "seed": seed}
    return series_of(ledger, table, asked, [WENT_OUT] if large else [], by_crossfit=not large)[0]


def test_replacing_one_person_is_a_further_look(ledger: Ledger) -> None:
    record(ledger, TABLE)
    assert series(ledger, TABLE).looks == 1
    for k in range(12):
        other = PEOPLE.take(np.setdiff1d(np.arange(901), [70 * k]))
        found = series(ledger, other)
        assert (found.looks, len(found.out)) == (2, 1)


def test_rows_in_another_order_can_not_be_split_as_before(ledger: Ledger) -> None:
    record(ledger, TABLE, split_seed=5)
    same = series(ledger, TABLE, seed=1, large=True)
    assert (same.split_seed, same.obstacle) == (5, "")
    for changed in (reordered(TABLE), PEOPLE, TABLE.take(np.arange(899))):
        assert "changed since an earlier table" in series(ledger, changed, large=True).obstacle


def test_a_table_learnt_from_all_people_leaves_no_strangers(ledger: Ledger) -> None:
    record(ledger, TABLE)  # by cross-fitting: no split
    assert "learnt from all people" in series(ledger, TABLE, seed=1, large=True).obstacle


@pytest.mark.slow
def test_a_table_that_grew_large_can_not_be_judged(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = PEOPLE.take(np.arange(300))

    def release(people: Table, **options: Any) -> Any:
        return carry_out(
            people,
            budget=LOOSE,
            generator="marginals",
            repeats=4,
            jobs=1,
            ledger=ledger,
            **options,
        )

    first = release(table, seed=1)
    assert first.verdict == "RELEASED"
    monkeypatch.setattr(procedure, "MANY", 200)
    second = release(table, seed=2, earlier=[first.synthetic])
    assert second.verdict == "CANNOT BE JUDGED"
    assert any("learnt from all people" in reason for reason in second.reasons)


def test_two_runs_at_the_same_time_do_not_both_release(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "MANY", 200)
    table = PEOPLE.take(np.arange(300))
    real = procedure.choose_by_calibration

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        record(ledger, table)
        return real(*args, **kwargs)

    monkeypatch.setattr(procedure, "choose_by_calibration", meanwhile)
    with pytest.raises(BadInput, match="while this run was at work"):
        carry_out(table, budget=LOOSE, generator="marginals", seed=1, jobs=1, ledger=ledger)
    assert len(ledger.entries()) == 1


def test_other_versions_may_not_make_another_table_of_the_same_run(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "MANY", 200)
    table = PEOPLE.take(np.arange(300))
    options: dict[str, Any] = {"budget": LOOSE, "generator": "marginals", "jobs": 1}
    assert carry_out(table, seed=1, ledger=ledger, **options).verdict == "RELEASED"
    monkeypatch.setattr(procedure, "digest", lambda table: "another")
    with pytest.raises(OptionError, match="made another table"):
        carry_out(table, seed=1, ledger=ledger, **options)
    assert len(ledger.entries()) == 1


def test_the_very_same_run_is_one_look_however_often(ledger: Ledger) -> None:
    for _ in range(3):
        record(ledger, TABLE, setting={"generator": "marginals"})
    again, other = series(ledger, TABLE), series(ledger, TABLE, seed=1)
    assert (again.looks, again.out, len(again.again)) == (1, (), 3)
    assert (other.looks, len(other.out)) == (2, 1)


def test_a_run_again_is_judged_by_what_stood_before_it(ledger: Ledger) -> None:
    for seed in (0, 1, 2):
        record(ledger, TABLE, seed=seed)
    assert [series(ledger, TABLE, seed=s).looks for s in (0, 1, 2, 3)] == [1, 2, 3, 4]
