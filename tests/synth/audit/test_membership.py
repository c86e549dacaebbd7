"""Attacks on membership: blind to labels, exchangeable without a leak, sharp with one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from salus.synth.audit.attacks import REGISTRY
from salus.synth.audit.membership import ATTACKS, person_scores
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

N = 150
POOL = simulated(4 * N, seed=8)
PEOPLE = POOL.take(np.arange(2 * N))
FRESH = POOL.take(np.arange(2 * N, 3 * N))
REFERENCE = POOL.take(np.arange(3 * N, 4 * N))
MEMBER = np.arange(2 * N) < N


def areas(synthetic: Table, reference: Table | None = None) -> dict[str, float]:
    scores = person_scores(PEOPLE, synthetic, reference=reference)
    assert set(scores) == set(ATTACKS)
    return {k: float(roc_auc_score(MEMBER, v)) for k, v in scores.items()}


@pytest.mark.parametrize("reference", [None, REFERENCE])
def test_a_copy_is_seen_by_every_attack_but_the_hole(reference: Table | None) -> None:
    found = areas(PEOPLE.take(MEMBER), reference)
    assert found.pop("hole") < 0.05
    assert found.pop("data plagiarism index") > 0.6  # a copy is one row in twenty
    assert min(found.values()) > 0.95


def test_a_monotone_disguise_is_seen_by_own_ranks() -> None:
    made = PEOPLE.take(MEMBER)
    for name in ("age", "weight", "hours", "gain"):
        made = made.replace(name, 5000 + 3 * made.values[name].astype(float), made.states[name])
    found = areas(made)
    assert found["nearest distance, own ranks"] > 0.99 > found["nearest distance"]


def test_a_hole_is_seen() -> None:
    pool = simulated(2000, seed=9)
    distance = -person_scores(pool, PEOPLE.take(MEMBER))["nearest distance"]
    made = pool.take(np.argsort(-distance)[:N])
    assert areas(made)["hole"] > 0.55


def test_scores_do_not_depend_on_the_order_of_people_or_on_units() -> None:
    order = np.random.default_rng(0).permutation(2 * N)
    turned = Schema(PEOPLE.schema.columns[::-1])

    def changed(table: Table) -> Table:
        out = table.replace("weight", table.values["weight"] * 18.016, table.states["weight"])
        return Table(turned, out.values, out.states, out.people)

    here = person_scores(PEOPLE, FRESH)
    there = person_scores(changed(PEOPLE.take(order)), changed(FRESH))
    for attack in REGISTRY:
        if attack.unit_free:
            np.testing.assert_allclose(here[attack.name][order], there[attack.name], atol=1e-9)


def test_every_attack_is_described_with_its_source() -> None:
    assert list(ATTACKS) == [a.name for a in REGISTRY]
    assert ATTACKS["density ratio"].endswith("(van Breugel et al. 2023, arXiv:2302.12580)")


def test_the_seed_moves_only_the_attacks_that_draw() -> None:
    one, two = (person_scores(PEOPLE, FRESH, seed=s) for s in (0, 1))
    moved = {k for k in one if not np.array_equal(one[k], two[k])}
    assert moved <= {"classifier", "edit distance"}


def test_nobody_is_their_own_reference() -> None:
    calibrated = person_scores(PEOPLE, PEOPLE)["calibrated distance"]
    assert (calibrated >= 0).all()  # own synthetic twin at 0, the nearest other person beyond it
    assert calibrated.max() > 0


def test_few_rows_are_scored() -> None:
    scores = person_scores(PEOPLE.take([0, 1, 2]), FRESH.take([0, 1]))
    assert all(np.isfinite(v).all() for v in scores.values())
