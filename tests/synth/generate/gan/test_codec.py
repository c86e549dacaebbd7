"""Tables to cells and places and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.generate.gan.codec import Codec, NumberCoder
from salus.synth.generate.margins import GROUP
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table
from tests.synth.generate.tables import TABLES, make, mixed


def both_ways(table: Table, seed: int = 0) -> tuple[Codec, Table]:
    codec = Codec.fit(table, np.random.default_rng(seed))
    return codec, codec.decode(codec.encode(table, np.random.default_rng(seed + 1)))


def number(codec: Codec, name: str) -> NumberCoder:
    coder = codec.coders[codec.names.index(name)]
    assert isinstance(coder, NumberCoder)
    return coder


@pytest.mark.parametrize("name", list(TABLES))
def test_levels_and_states_come_back(name: str) -> None:
    table = TABLES[name]()
    codec, back = both_ways(table)
    for coder in codec.coders:
        column = coder.column
        states, values = table.states[column.name], table.values[column.name]
        shown = np.isin(PRESENT, states) and not (
            column.is_numeric
            and isinstance(coder, NumberCoder)
            and coder.modes == 0
            and not len(coder.atoms)
        )
        if shown:  # all but columns whose values too few have
            assert np.array_equal(back.states[column.name], states)
        if column.is_levelled:
            assert np.array_equal(back.values[column.name], values)


def test_values_come_back_nearly() -> None:
    table = mixed(400)
    _, back = both_ways(table)
    for name in ("age", "lab", "seen"):
        x, y = table.values[name], back.values[name]
        there = ~np.isnan(x)
        ranks = np.argsort(np.argsort(x[there])), np.argsort(np.argsort(y[there]))
        assert np.corrcoef(*ranks)[0, 1] > 0.995
        inner = (x > np.nanquantile(x, 0.05)) & (x < np.nanquantile(x, 0.95))
        assert np.abs(y - x)[inner].max() < 0.15 * np.nanstd(x)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e5, 1e5, allow_subnormal=False), min_size=1, max_size=60),
    st.integers(0, 3),
    st.lists(st.integers(0, 2), min_size=60, max_size=60),
)
def test_what_many_share_comes_back_exactly(
    values: list[float], decimals: int, states: list[int]
) -> None:
    """Every value is held by GROUP people, so none of them needs to be blurred."""
    x = np.repeat(np.round(np.array(values), decimals), GROUP)
    state = np.repeat(np.array(states[: len(values)]), GROUP).astype(np.int8)
    column = Column(name="x", kind="continuous", decimals=decimals, missing_codes=("-9",))
    table = make([column], {"x": np.where(state == 0, x, np.nan)}, x=state)
    codec, back = both_ways(table)
    assert np.array_equal(back.states["x"], state)
    coder = number(codec, "x")
    if coder.by_score:
        assert np.array_equal(back.values["x"], table.values["x"], equal_nan=True)
    else:  # modes of the values reach four deviations
        coded = codec.encode(table, np.random.default_rng(1))
        inside = (state == 0) & (np.abs(coded.place[:, 0]) < 1)
        assert np.allclose(back.values["x"][inside], x[inside], atol=10.0**-decimals)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e5, 1e5, allow_subnormal=False), min_size=GROUP, max_size=80),
    st.integers(0, 3),
)
def test_values_stay_in_range_and_order(values: list[float], decimals: int) -> None:
    x = np.round(np.array(values), decimals)
    low, high = float(x.min()), float(x.max())
    column = Column(name="x", kind="continuous", decimals=decimals, low=low, high=high)
    codec, back = both_ways(make([column], {"x": x}))
    y = back.values["x"]
    assert y.min() >= low - 1e-9 and y.max() <= high + 1e-9
    assert np.allclose(y, np.round(y, decimals), atol=1e-9)
    # on one scale the order stays, up to the draws within heaps and between modes
    if number(codec, "x").by_score:
        order = np.argsort(x, kind="stable")
        assert (np.diff(y[order]) >= -1e-9).all()


def test_zeros_have_a_cell_and_heaps_an_interval() -> None:
    codec, back = both_ways(TABLES["heaped"]())
    assert number(codec, "drinks").atoms.tolist() == [0.0]
    assert len(number(codec, "bp").atoms) == 0 and number(codec, "bp").by_score
    table = TABLES["heaped"]()
    zero = table.values["drinks"] == 0
    assert np.array_equal(back.values["drinks"] == 0, zero)
    assert (
        back.values["bp"] % 5 == 0
    ).mean() > 0.85  # those that fewer than five share are not kept


def test_long_tails_are_put_on_scores() -> None:
    rng = np.random.default_rng(0)
    columns = [Column(name=c, kind="continuous") for c in ("tail", "peaks")]
    peaks = np.concatenate([rng.normal(-3, 1, 150), rng.normal(3, 1, 150)])
    table = make(columns, {"tail": rng.lognormal(0, 1.5, 300), "peaks": peaks})
    codec, _ = both_ways(table)
    assert number(codec, "tail").by_score and number(codec, "tail").modes == 1
    assert not number(codec, "peaks").by_score and number(codec, "peaks").modes >= 2


def test_values_that_few_have_get_no_cell() -> None:
    codec, back = both_ways(TABLES["odd"]())
    assert number(codec, "rare").size == 1  # two of 120 have one
    assert (back.states["rare"] != PRESENT).all()


def test_a_cell_that_nobody_had_is_told() -> None:
    codec, _ = both_ways(mixed())
    other = mixed().replace("site", np.full(160, -1), np.full(160, 1, np.int8))
    trained = mixed().take(np.flatnonzero(mixed().states["site"] == PRESENT))
    codec = Codec.fit(trained, np.random.default_rng(0))
    coder = codec.coders[codec.names.index("site")]
    assert (coder.encode(other, np.random.default_rng(0))[0] == -1).all()
    assert (codec.encode(other, np.random.default_rng(0)).cell >= 0).all()


@pytest.mark.parametrize("name", list(TABLES))
def test_the_codec_is_plain(name: str) -> None:
    codec, back = both_ways(TABLES[name]())
    plain, arrays = codec.to_dict()
    again = Codec.from_dict(json.loads(json.dumps(plain)), arrays)
    coded = again.encode(TABLES[name](), np.random.default_rng(1))
    for key, values in again.decode(coded).values.items():
        assert np.array_equal(values, back.values[key], equal_nan=True)


@pytest.mark.parametrize("name", ["mixed", "numbers", "lonely values", "odd"])
def test_nothing_of_a_single_person_is_kept(name: str) -> None:
    table = TABLES[name]()
    _, arrays = both_ways(table)[0].to_dict()
    kept = np.concatenate([a.ravel() for a in arrays.values() if a.dtype.kind == "f"])
    for column in table.schema.modelled:
        if column.is_numeric:
            value = table.values[column.name]
            unique, count = np.unique(value[~np.isnan(value)], return_counts=True)
            single = unique[(count < GROUP) & (np.abs(unique * 1000 % 1) > 1e-6)]
            assert not np.isin(single, kept).any()
