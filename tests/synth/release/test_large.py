"""On a large table a setting is chosen on one part of the people and judged on another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from salus.synth.audit.finding import Verdict
from salus.synth.audit.held import observe_held
from salus.synth.audit.observation import observe
from salus.synth.budget import Budget
from salus.synth.release.choose import p_values
from salus.synth.release.large import choose_by_calibration
from salus.synth.release.series import Series
from salus.synth.table.parts import split
from salus.synth.table.table import Table
from tests.synth.release.test_procedure import Copier
from tests.synth.simulate import simulated

CLEAN = simulated(1800, seed=5)
LOOSE = Budget(membership=0.9, tpr_at_1pct=0.9, copies=0.05, near_copies=0.9, attribute=0.9)


def test_a_choice_sees_copies_among_the_rows_of_earlier_tables() -> None:
    people, member = simulated(1200, seed=3), np.arange(1200) < 600
    made = Table.concat([people.take(np.arange(48)), simulated(552, seed=4)])
    thinned = observe(Table.concat([made, CLEAN]), people, member, seed=1)
    held = observe_held(made, [CLEAN], people, member, seed=1)
    assert p_values(thinned, LOOSE)["copies.exact"] < 0.05 < p_values(held, LOOSE)["copies.exact"]


def test_a_large_table_of_copies_is_refused_whatever_went_out_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows of clean tables, thirteen times as many, would thin the copies to less than the limit."""
    monkeypatch.setattr(Copier, "seen", [])
    many = simulated(700, seed=21)
    choice = choose_by_calibration(
        [[({"slack": s}, Copier) for s in (0.5, 1.0)]],
        split(many, seed=1),
        replace(LOOSE, copies=0.1),
        rows=400,
        seed=1,
        series=Series(tables=(CLEAN, CLEAN, CLEAN)),
        tell=lambda what, share: None,
    )
    assert choice.judged.audit["copies.exact"].verdict is Verdict.NOT_MET
    assert [s["certified"] for s in choice.steps] == [False]  # stops at the first
    assert choice.setting == {"slack": 0.5}
