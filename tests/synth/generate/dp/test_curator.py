from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from salus.synth.errors import Infeasible
from salus.synth.generate.dp.accounting import gaussian_sigma
from salus.synth.generate.dp.claim import Account
from salus.synth.generate.dp.curator import Curator, kept_levels, some_rows
from salus.synth.generate.dp.domain import public_cells
from salus.synth.generate.dp.noise import Seeded
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

COLUMNS = [
    Column(name="a", kind="integer", low=0, high=5),
    Column(name="b", kind="categorical", levels=("x", "y"), missing_codes=("?",)),
    Column(name="c", kind="continuous", low=-1.0, high=1.0),
]
CLIQUES = [c for k in (1, 2, 3) for c in combinations(range(3), k)]


@st.composite
def people(draw: st.DrawFn) -> tuple[Table, int]:
    """Return a table of several rows a person, and how many of each are used."""
    n = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    b = rng.integers(-1, 2, n)
    values = {
        "a": rng.integers(0, 6, n).astype(float),
        "b": b,
        "c": rng.uniform(-2, 2, n),  # some beyond the range
    }
    states = {
        "a": np.zeros(n, np.int8),
        "b": np.where(b < 0, rng.integers(1, 3, n), 0).astype(np.int8),
        "c": np.zeros(n, np.int8),
    }
    who = rng.integers(0, max(1, n // 3), n)
    return Table(Schema(COLUMNS), values, states, who), draw(st.integers(1, 3))


def curator_of(table: Table, most: int, epsilon: float = 1.0) -> Curator:
    cells = public_cells(table.schema)
    codes = np.column_stack([c.encode(table) for c in cells])
    account = Account(epsilon, 1e-6, rows_per_person=most)
    return Curator(codes, [c.size for c in cells], account, Seeded(0))


def limited(table: Table, most: int) -> Table:
    """Return the first rows of each person: a choice that depends on nobody else."""
    kept = [np.flatnonzero(table.people == p)[:most] for p in np.unique(table.people)]
    return table.take(np.sort(np.concatenate(kept)))


@settings(max_examples=60, deadline=None)
@given(people())
def test_one_person_changes_each_table_by_at_most_the_sensitivity(case: tuple[Table, int]) -> None:
    table, most = case
    whole = limited(table, most)
    a = curator_of(whole, most)
    for person in np.unique(table.people)[:4]:
        rest = whole.take(whole.people != person)
        b = curator_of(rest, most)
        for clique in CLIQUES:
            change = a._exact(clique) - b._exact(clique)
            assert np.abs(change).sum() <= a.sensitivity
            assert np.linalg.norm(change) <= a.sensitivity + 1e-12


@settings(max_examples=40, deadline=None)
@given(people())
def test_at_most_so_many_rows_of_each_person(case: tuple[Table, int]) -> None:
    table, most = case
    used = some_rows(table, most, Seeded(1))
    _, each = np.unique(used.people, return_counts=True)
    _, before = np.unique(table.people, return_counts=True)
    assert np.array_equal(each, np.minimum(before, most))


def test_each_row_of_a_person_is_as_likely_whoever_else_is_there() -> None:
    columns = [Column(name="a", kind="integer", low=0, high=9)]
    alone = Table(Schema(columns), {"a": np.arange(4.0)}, people=np.zeros(4, int))
    many = Table(Schema(columns), {"a": np.arange(10.0) % 10}, people=np.repeat([0, 1], [4, 6]))
    source = Seeded(3)
    for table in (alone, many):
        picked = [int(some_rows(table, 1, source).values["a"][0]) for _ in range(1500)]
        assert chisquare(np.bincount(picked, minlength=4)).pvalue > 0.001


def test_noise_has_the_deviation_that_was_paid_for() -> None:
    table = Table(Schema(COLUMNS[:1]), {"a": np.zeros(50)})
    curator = curator_of(table, 2, epsilon=50.0)
    sigma = 12.0
    before = curator.account.spent
    off = np.concatenate([curator.measure((0,), sigma) - curator._exact((0,)) for _ in range(300)])
    # 300 times k^2 / (2 sigma^2) with k = 2
    assert curator.account.spent - before == pytest.approx(300 * 4 / (2 * 144))
    assert off.std() == pytest.approx(sigma, rel=0.06) and abs(off.mean()) < 1.0


def test_a_question_beyond_the_budget_is_not_answered() -> None:
    curator = curator_of(Table(Schema(COLUMNS[:1]), {"a": np.zeros(5)}), 1)
    with pytest.raises(Infeasible):
        curator.measure((0,), gaussian_sigma(1, 1.01 * curator.account.rho))


@settings(max_examples=40, deadline=None)
@given(people(), st.integers(0, 2**32))
def test_one_person_changes_a_score_by_at_most_its_weight(
    case: tuple[Table, int], seed: int
) -> None:
    table, most = case
    whole = limited(table, most)
    rest = whole.take(whole.people != whole.people[0])
    rng = np.random.default_rng(seed)
    for clique in CLIQUES:
        a, b = (curator_of(t, most)._exact(clique) for t in (whole, rest))
        expected = rng.uniform(0, 5, a.shape)
        change = np.abs(a - expected).sum() - np.abs(b - expected).sum()
        assert abs(change) <= most + 1e-9


def test_a_choice_pays_for_its_sensitivity_and_finds_the_worst() -> None:
    n = 400
    a = np.arange(n) % 6
    columns = [Column(name=c, kind="integer", low=0, high=5) for c in "ab"]
    table = Table(Schema(columns), {"a": a.astype(float), "b": a.astype(float)})
    curator = curator_of(table, 1, epsilon=5.0)
    flat = np.full((7, 7), n / 49)
    expected = {(0,): curator._exact((0,)), (0, 1): flat}
    assert curator.pick(expected, [1.0, 2.0], [0.0, 0.0], 1.0) == 1
    assert curator.account.spent == pytest.approx(1 / 8, rel=1e-6)
    detail = curator.account.claim().to_dict()["claim"]["spent"][0]["each"][0]
    assert detail["sensitivity"] == 2.0


def test_rows_without_a_cell_are_left_out_of_a_column_only() -> None:
    table = Table(Schema(COLUMNS), {"a": [0.0, 1.0], "b": [0, 1], "c": [0.0, 0.5]})
    curator = curator_of(table, 1)
    sizes = curator.sizes
    maps = [np.arange(s) for s in sizes]
    maps[1] = np.array([0, -1, -1, -1])
    coarse = curator.recoded(maps)
    assert coarse.sizes[1] == 1
    assert coarse._exact((0,)).sum() == 2 and coarse._exact((0, 1)).sum() == 1


def test_a_level_of_one_person_stays_hidden() -> None:
    """Its noisy count passes the threshold with a probability below delta, here never."""
    counts = np.array([500.0, 1.0, 0.0, 80.0])
    told = np.zeros(4)
    threshold = []
    for seed in range(200):
        account = Account(None, 1e-3, set_aside=5e-4)
        kept = kept_levels(counts, 10.0, 2e-4, account=account, source=Seeded(seed), column="x")
        told += kept
        (spend,) = account.claim().to_dict()["claim"]["spent"]
        threshold.append(spend["each"][0]["threshold"])
    # 1 + 1 + 10 z with P(N > z) = 2e-4: z = 3.540
    assert threshold[0] == pytest.approx(2 + 10 * 3.540, abs=0.01)
    assert told[0] == 200 and told[1] == 0 and told[2] == 0 and told[3] > 190


def test_the_threshold_holds_delta() -> None:
    """One person more than nothing is told less often than delta, and not far below it."""
    told, runs = 0, 2_500
    source = Seeded(9)
    for _ in range(runs):
        account = Account(None, 0.2, set_aside=0.1)
        told += int(
            kept_levels(np.array([1.0]), 3.0, 0.05, account=account, source=source, column="x")[0]
        )
    assert told <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)
    assert told > 0.01 * runs
