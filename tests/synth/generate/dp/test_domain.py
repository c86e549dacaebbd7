from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import SchemaError
from salus.synth.generate.dp.domain import FINE, Cells, public_cells, require_public
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.generate.tables import make

AGE = Column(name="age", kind="integer", low=0, high=110)
DOSE = Column(name="dose", kind="continuous", low=-3.0, high=50.0)
LAB = Column(name="lab", kind="continuous", decimals=1, low=0, high=900, missing_codes=("-9", "x"))
SEEN = Column(name="seen", kind="date", low=10_957, high=20_000)
STAGE = Column(name="stage", kind="ordinal", levels=("1", "2", "3"), missing_codes=("unk",))
COLUMNS = [AGE, DOSE, LAB, SEEN, STAGE]
FLAT = Column(name="flat", kind="continuous", low=2.0, high=2.0)


def of(column: Column, pieces: int = FINE) -> Cells:
    return public_cells(Schema([column]), pieces=pieces)[0]


@pytest.mark.parametrize("column", [*COLUMNS, FLAT], ids=lambda c: c.name)
@pytest.mark.parametrize("pieces", [8, 37, FINE])
def test_every_cell_comes_back(column: Column, pieces: int) -> None:
    cells = of(column, pieces)
    each = np.repeat(np.arange(cells.size), 20)
    values, states = cells.decode(each, np.random.default_rng(0))
    table = Table(Schema([column]), {column.name: values}, {column.name: states})
    assert np.array_equal(cells.encode(table), each)
    if column.is_numeric:
        there = values[states == 0]
        assert column.low is not None and column.high is not None
        assert there.min() >= column.low and there.max() <= column.high
        assert cells.n_values <= pieces + 4


@settings(max_examples=60)
@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e7),
    decimals=st.sampled_from([None, 0, 1, 3]),
    pieces=st.integers(8, FINE),
)
def test_cells_cover_the_range_once(
    low: float, width: float, decimals: int | None, pieces: int
) -> None:
    column = Column(name="v", kind="continuous", decimals=decimals, low=low, high=low + width)
    cells = of(column, pieces)
    assert np.all(cells.low <= cells.high)
    gap = cells.low[1:] - cells.high[:-1]
    assert np.allclose(gap, cells.unit, atol=1e-9 * (abs(low) + width))
    reach = cells.unit + 1e-9 * (abs(low) + width)
    assert abs(cells.low[0] - low) <= reach and abs(cells.high[-1] - column.high) <= reach


def test_zero_is_a_cell_of_its_own() -> None:
    for column in (AGE, DOSE, LAB):
        cells = of(column)
        assert ((cells.low == 0) & (cells.high == 0)).sum() == 1


def test_whole_numbers_have_cells_of_their_own_where_there_are_few() -> None:
    cells = of(AGE)
    assert np.array_equal(cells.low, np.arange(111)) and np.array_equal(cells.low, cells.high)


def test_wide_ranges_are_finer_near_zero() -> None:
    cells = of(LAB)
    assert np.sum(cells.high < 9) > FINE / 10  # a hundredth of the range has a tenth of the cells


def test_all_missing_states_are_cells_whether_they_occur_or_not() -> None:
    table = make([LAB], {"lab": np.array([1.0, 2.0])})
    cells = public_cells(table.schema)[0]
    assert cells.size == cells.n_values + 3
    assert np.all(cells.encode(table) < cells.n_values)


def test_values_beyond_the_range_belong_to_its_ends() -> None:
    cells = public_cells(Schema([DOSE]), {"dose": (0.0, 10.0)})[0]
    table = make([DOSE], {"dose": np.array([-3.0, 40.0])})
    assert list(cells.encode(table)) == [0, cells.n_values - 1]


def test_a_column_without_a_range_has_missing_cells_only() -> None:
    cells = public_cells(Schema([LAB]), {"lab": None})[0]
    assert (cells.n_values, cells.size) == (0, 3)
    table = make([LAB], {"lab": np.array([1.0, np.nan])})
    assert list(cells.encode(table)) == [-1, 0]


def test_levels_that_the_cells_do_not_know_are_left_out() -> None:
    fewer = Schema([STAGE]).with_column("stage", levels=("3", "1"))
    cells = public_cells(fewer)[0]
    table = make([STAGE], {"stage": np.array([0, 1, 2, -1])})
    assert list(cells.encode(table)) == [1, -1, 0, 2]


def test_cells_depend_on_the_schema_alone() -> None:
    a, b = public_cells(Schema(COLUMNS)), public_cells(Schema(COLUMNS))
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x.low, y.low) and np.array_equal(x.high, y.high)


def test_an_open_range_is_refused_by_name() -> None:
    schema = Schema([AGE, Column(name="bili", kind="continuous", low=0)])
    with pytest.raises(SchemaError, match=r"'bili'.*low and high.*bounds='paid'"):
        require_public(schema, declared=True)


def test_levels_that_nobody_declared_are_refused_by_name() -> None:
    with pytest.raises(SchemaError, match=r"'stage'.*declared=True.*bounds='paid'"):
        require_public(Schema([AGE, STAGE]), declared=False)
    require_public(Schema([AGE, STAGE]), declared=True)


def test_levels_cannot_be_paid_for_with_declared_bounds() -> None:
    with pytest.raises(SchemaError, match="'stage'"):
        require_public(Schema([AGE, STAGE]), declared=True, paid_levels=("stage",))
