"""Earlier rows never hide what a new table gives away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from salus.synth.audit.finding import Finding, Verdict
from salus.synth.audit.observation import observe
from salus.synth.audit.privacy import conclude
from salus.synth.budget import Budget
from salus.synth.measure.estimate import Estimate
from salus.synth.release import procedure
from salus.synth.release.choose import p_values
from salus.synth.release.held import ALL, observe_held, worse
from salus.synth.release.large import choose_and_judge
from salus.synth.release.series import Series
from salus.synth.table.parts import split
from salus.synth.table.table import Table
from tests.synth.release.test_procedure import Copier
from tests.synth.simulate import simulated

PEOPLE = simulated(1200, seed=3)
MEMBER = np.arange(1200) < 600
CLEAN = simulated(1800, seed=5)
LOOSE = Budget(membership=0.9, tpr_at_1pct=0.9, copies=0.05, near_copies=0.9, attribute=0.9)


def leaky(members: Table, share: float) -> Table:
    """Return fresh people, a share of them replaced by members."""
    rows = int(share * len(members))
    fresh = simulated(len(members) - rows, seed=4)
    return Table.concat([members.take(np.arange(rows)), fresh])


def test_without_earlier_tables_nothing_is_added() -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.1)
    held = observe_held(made, (), PEOPLE, MEMBER, seed=1)
    alone = observe(made, PEOPLE, MEMBER, seed=1)
    assert held.membership.keys() == alone.membership.keys()
    for name, score in alone.membership.items():
        assert np.array_equal(held.membership[name], score)


def test_copies_are_not_thinned_by_a_clean_table() -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.08)
    thinned = observe(Table.concat([made, CLEAN]), PEOPLE, MEMBER, seed=1)
    held = observe_held(made, [CLEAN], PEOPLE, MEMBER, seed=1)
    alone = observe(made, PEOPLE, MEMBER, seed=1)

    def exact(seen: object) -> float:
        found = {f.name: f for f in conclude([seen], LOOSE)}  # type: ignore[list-item]
        return float(found["copies.exact"].result.high)  # type: ignore[union-attr]

    assert exact(thinned) < 0.05 < exact(alone) <= exact(held) + 1e-12
    assert p_values(thinned, LOOSE)["copies.exact"] < 0.05 < p_values(held, LOOSE)["copies.exact"]


def test_every_attack_runs_on_both_and_on_the_same_people() -> None:
    made = leaky(PEOPLE.take(MEMBER), 0.05)
    held = observe_held(made, [CLEAN], PEOPLE, MEMBER, seed=1)
    both = observe(Table.concat([made, CLEAN]), PEOPLE, MEMBER, seed=1)
    for mine, theirs in (
        (held.membership, both.membership),
        (held.exact, both.exact),
        (held.near, both.near),
        (held.success, both.success),
        (held.linked, both.linked),
        (held.singled, both.singled),
    ):
        assert {k for k in mine if k.endswith(ALL)} == {k + ALL for k in theirs}
        assert all(np.array_equal(mine[k + ALL], v) for k, v in theirs.items())
    assert np.array_equal(held.seen, both.seen)


def finding(name: str, verdict: Verdict | None, high: float) -> Finding:
    return Finding(
        name=name,
        group="privacy",
        title="t",
        meaning="m",
        result=Estimate(high, high, high, 5, "x"),
        limit=0.1,
        verdict=verdict,
    )


def test_the_worse_finding_counts() -> None:
    first = [finding("a", Verdict.MET, 0.05), finding("b", Verdict.NOT_MET, 0.2)]
    first += [finding("c", Verdict.MET, 0.01), finding("only here", None, 0.3)]
    second = [finding("a", Verdict.NOT_MET, 0.2), finding("b", Verdict.MET, 0.05)]
    second += [finding("c", Verdict.MET, 0.02)]
    out = worse(first, second)
    assert [f.name for f in out] == ["a", "b", "c", "only here"]
    assert [f.verdict for f in out[:2]] == [Verdict.NOT_MET] * 2
    assert out[2].result.high == 0.02  # type: ignore[union-attr]
    assert out[3] is first[3]


def test_a_large_table_of_copies_is_refused_whatever_went_out_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows of clean tables, thirteen times as many, would thin the copies to less than the limit."""
    monkeypatch.setattr(Copier, "seen", [])
    many = simulated(700, seed=21)
    judged, steps, setting = choose_and_judge(
        [({"slack": s}, Copier) for s in procedure.LADDER],
        split(many, seed=1),
        replace(LOOSE, copies=0.1),
        rows=400,
        seed=1,
        series=Series(tables=(CLEAN, CLEAN, CLEAN)),
        tell=lambda what, share: None,
    )
    assert judged.audit["copies.exact"].verdict is Verdict.NOT_MET
    assert [s["certified"] for s in steps] == [False]  # stops at the first
    assert setting == {"slack": 0.5}
