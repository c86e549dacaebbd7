"""Three columns together: what pairs can't see, what chance does, and what doesn't count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.likeness import pairs
from salus.synth.audit.samples import Sample, sample_of
from salus.synth.audit.triples import chosen_triples, triples
from salus.synth.measure.estimate import CannotJudge
from salus.synth.measure.jackknife import GROUPS
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.audit.test_fidelity import changed
from tests.synth.simulate import simulated

BITS = Schema([Column(name=x, kind="boolean", levels=("n", "y")) for x in "abc"])


def sample(table: Table) -> Sample:
    return sample_of(table, len(table), np.random.default_rng(0))


def parity(n: int, seed: int, *, odd: bool) -> Table:
    """Three coins of which each two are independent, and all three are not."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2, n), rng.integers(0, 2, n)
    return Table(BITS, {"a": a, "b": b, "c": (a ^ b) if odd else rng.integers(0, 2, n)})


def figure(a: Table, b: Table) -> float:
    values = triples(sample(a), sample(b)).values
    assert not isinstance(values, CannotJudge)
    return float(values[0])


def test_a_table_is_like_itself() -> None:
    table = simulated(200, seed=1)
    values = triples(sample(table), sample(table)).values
    assert not isinstance(values, CannotJudge)
    assert values.shape == (GROUPS + 1,)
    assert values[0] == 1


def test_what_no_pair_can_see_is_seen() -> None:
    real, made = parity(4000, 1, odd=True), parity(4000, 2, odd=False)
    of_pairs = pairs(sample(made), sample(real)).values
    assert not isinstance(of_pairs, CannotJudge)
    assert of_pairs[0] > 0.97
    assert figure(made, real) == pytest.approx(0.5, abs=0.04)


def test_independent_columns_are_further_than_fresh_people() -> None:
    held, fresh = simulated(1000, seed=1), simulated(1000, seed=2)
    loose = independent_columns(fresh, np.random.default_rng(0))
    assert figure(loose, held) < figure(fresh, held) - 0.01


@pytest.mark.parametrize(("n", "floor"), [(60, 0.78), (300, 0.87), (2000, 0.92)])
def test_cells_are_not_so_thin_that_people_are_unlike_each_other(n: int, floor: float) -> None:
    assert figure(simulated(n, seed=2), simulated(n, seed=1)) > floor


def test_missing_values_are_cells() -> None:
    table = simulated(300, seed=1, missing=0.0)
    gone = table.replace("weight", np.full(300, np.nan))
    each = triples(sample(gone), sample(table)).detail["triples"]
    for name, alike in each.items():
        assert alike == pytest.approx(0.0 if "weight" in name else 1.0)


def test_a_column_that_is_nearly_always_zero_is_not_one_cell() -> None:
    table = simulated(2000, seed=1)
    zero = table.replace("gain", np.zeros(2000))
    each = triples(sample(zero), sample(table)).detail["triples"]
    assert all(v < 0.94 for k, v in each.items() if "gain" in k)


def test_units_names_and_order_do_not_count() -> None:
    rng = np.random.default_rng(0)
    a, b = simulated(300, seed=1), simulated(300, seed=2)
    columns = rng.permutation(len(a.schema.modelled))
    other = [changed(t, rng.permutation(300), columns) for t in (a, b)]
    assert figure(*other) == pytest.approx(figure(a, b), abs=1e-9)


def test_of_many_columns_some_triples_are_taken_half_of_them_with_the_outcome() -> None:
    columns = [Column(name=f"x{k}", kind="boolean", levels=("n", "y")) for k in range(20)]
    columns[3] = replace(columns[3], roles=frozenset({"outcome"}))
    table = Table(Schema(columns), {c.name: np.zeros(4, int) for c in columns})
    chosen = chosen_triples(table)
    assert len(chosen) == len({frozenset(t) for t in chosen}) == 200
    assert sum(3 in t for t in chosen) == 100
    backwards = Table(Schema(columns[::-1]), table.values)
    names = [{frozenset(t.schema.modelled[j].name for j in x) for x in chosen_triples(t)}
             for t in (table, backwards)]  # fmt: skip
    assert names[0] == names[1]
    few = Table(Schema(columns[:5]), {c.name: np.zeros(4, int) for c in columns[:5]})
    assert len(chosen_triples(few)) == 10


def test_two_columns_make_no_triple() -> None:
    schema = Schema([Column(name="x", kind="continuous"), Column(name="y", kind="continuous")])
    table = sample(Table(schema, {"x": np.arange(50.0), "y": np.arange(50.0)}))
    assert isinstance(triples(table, table).values, CannotJudge)
