"""Tables to tokens and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from salus.synth.generate.margins import GROUP
from salus.synth.generate.net.codec import Codec, Coder
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import TABLES, make, mixed

Z = np.linspace(-4.5, 4.5, 200_001)


def coder_of(codec: Codec, name: str) -> Coder:
    return codec.coders[codec.names.index(name)]


def same(a: Table, b: Table) -> bool:
    return all(
        np.array_equal(a.values[c], b.values[c], equal_nan=True)
        and np.array_equal(a.states[c], b.states[c])
        for c in a.values
    )


@pytest.mark.parametrize("bins", [4, 32])
@pytest.mark.parametrize("name", list(TABLES))
def test_rows_come_back_in_their_tokens(name: str, bins: int) -> None:
    """Levels, states and atoms come back exactly, numbers within their bin."""
    table = TABLES[name]()
    codec = Codec.fit(table, bins=bins)
    tokens, within = codec.encode(table)
    assert np.isfinite(within).all()
    known = np.array([c.size for c in codec.coders]) > tokens
    tokens = np.where(known, tokens, 0)  # too few had a number to be drawn again
    back = codec.decode(tokens, np.random.default_rng(1))
    again = codec.encode(back)[0]
    for j, coder in enumerate(codec.coders):
        column, rows = coder.column, known[:, j]
        here, there = table.values[column.name][rows], back.values[column.name][rows]
        assert np.array_equal(table.states[column.name][rows], back.states[column.name][rows])
        if column.is_levelled:
            assert np.array_equal(here, there) and rows.all()
        elif coder.predictor.margin is not None:
            alone = heavy_atoms(coder)
            assert np.array_equal(here[np.isin(here, alone)], there[np.isin(here, alone)])
        moved = again[rows, j] != tokens[rows, j]
        if column.is_levelled or column.decimals is None:
            # only fewer people than may be shown a number of their own
            assert (coder.counts[tokens[rows, j][moved]] < GROUP).all()
        else:  # rounding may carry a number over a cut
            assert np.abs(again[rows, j] - tokens[rows, j]).max() <= 1


def test_a_number_beside_a_heap_is_not_the_heap() -> None:
    """A drink now and then isn't none, and a value between two heaps is neither."""
    rng = np.random.default_rng(0)
    column = Column(name="drinks", kind="continuous", low=0)
    table = make([column], {"drinks": np.where(rng.random(200) < 0.6, 0, rng.random(200))})
    coder = Codec.fit(table, bins=8).coders[0]
    token, none = coder.encode(table)[0], table.values["drinks"] == 0
    assert (token[none] == 0).all() and (token[~none] > 0).all()
    table = TABLES["lonely values"]()
    coder = coder_of(Codec.fit(table, bins=8), "dose")
    dose, token = table.values["dose"], coder.encode(table)[0]
    assert len({*token[dose == 0], *token[(dose > 0) & (dose < 7)], *token[dose == 7]}) == 3
    assert not set(token[~np.isin(dose, [0, 7])]) & set(token[np.isin(dose, [0, 7])])


def heavy_atoms(coder: Coder) -> np.ndarray:
    """Return the atoms that are tokens of their own."""
    margin = coder.predictor.margin
    assert margin is not None
    low, high = ndtr(margin.atom_low), ndtr(margin.atom_high)
    ends = coder.edges[[0, -1]]
    hit = [
        any(np.allclose(pair, bin_, atol=1e-9) for bin_ in zip(coder.edges, coder.edges[1:]))
        for pair in zip(low.clip(*ends), high.clip(*ends), strict=True)
    ]
    return margin.atoms[np.array(hit, bool)]


@st.composite
def numbers_with_heaps(draw: st.DrawFn) -> Table:
    """Return one number: heaps of any weight, a continuous rest, empty cells and codes."""
    heaps = draw(st.lists(st.integers(-3, 3), min_size=0, max_size=4, unique=True))
    weights = draw(st.lists(st.integers(1, 60), min_size=len(heaps), max_size=len(heaps)))
    rest = draw(st.integers(0 if sum(weights) >= 5 else 12, 60))
    rng = np.random.default_rng(draw(st.integers(0, 1_000)))
    x = np.concatenate([np.repeat(heaps, weights).astype(float), rng.normal(size=rest)])
    state = rng.choice([0, 1, 2], len(x), p=draw(st.sampled_from([[1, 0, 0], [0.7, 0.2, 0.1]])))
    assume((state == 0).sum() >= GROUP)  # of fewer, a margin says nothing
    column = Column(name="x", kind="continuous", missing_codes=("-9",))
    return make([column], {"x": np.where(state > 0, np.nan, x)}, x=state.astype(np.int8))


@settings(max_examples=100, deadline=None)
@given(numbers_with_heaps(), st.integers(1, 40), st.integers(0, 99))
def test_numbers_come_back(table: Table, bins: int, seed: int) -> None:
    codec = Codec.fit(table, bins=bins)
    coder = codec.coders[0]
    tokens, within = codec.encode(table)
    assert tokens.min() >= 0 and tokens.max() < coder.size and np.isfinite(within).all()
    back = codec.decode(tokens, np.random.default_rng(seed))
    assert np.array_equal(back.states["x"], table.states["x"])
    margin = coder.predictor.margin
    assert margin is not None
    moved = codec.encode(back)[0] != tokens
    assert (coder.counts[tokens[moved]] < GROUP).all()
    heavy = np.isin(table.values["x"], heavy_atoms(coder))
    assert np.array_equal(back.values["x"][heavy], table.values["x"][heavy])
    # no cut goes through an atom
    low, high = ndtr(margin.atom_low), ndtr(margin.atom_high)
    for cut in coder.edges[1:-1]:
        assert not np.any((cut > low + 1e-9) & (cut < high - 1e-9))
    assert (np.diff(coder.edges) > 0).all()
    assert coder.counts.sum() == len(table)
    assert coder.frequency().sum() == pytest.approx(1)


def totals(table: Table, coder: Coder) -> np.ndarray:
    """Return the integral of the density within each bin, (bins,), over points and atoms."""
    margin = coder.predictor.margin
    assert margin is not None
    free = np.ones(len(Z), bool)
    for low, high in zip(margin.atom_low, margin.atom_high, strict=True):
        free &= ~((low <= Z) & (high >= Z))
    edges = coder.edges
    middle = (Z[1:] + Z[:-1]) / 2
    free = free[1:] & free[:-1]
    place = (np.searchsorted(edges, ndtr(middle), side="right") - 1).clip(0, coder.bins - 1)
    phi = np.exp(-0.5 * middle**2) / np.sqrt(2 * np.pi)
    inside = (ndtr(middle) > edges[0]) & (ndtr(middle) < edges[-1])
    mass = np.where(free & inside, phi / np.diff(edges)[place], 0.0) * np.diff(Z)
    total = np.bincount(place, mass, minlength=coder.bins)
    if len(margin.atoms):
        name = coder.column.name
        atoms = make([coder.column], {name: margin.atoms})
        token, within = coder.encode(atoms)
        np.add.at(total, token, np.exp(within))
    return total


@pytest.mark.parametrize(
    ("name", "column"),
    [("mixed", "lab"), ("mixed", "age"), ("numbers", "x"), ("heaped", "drinks"), ("heaped", "bp")],
)
def test_the_density_within_a_bin_integrates_to_one(name: str, column: str) -> None:
    """Over the scores between atoms, and over the atoms' probabilities."""
    table = TABLES[name]()
    coder = coder_of(Codec.fit(table, bins=8), column)
    found = totals(table, coder)
    assert found == pytest.approx(np.ones(coder.bins), abs=0.01)
    # with the tokens' chances and the missing states the column adds up to one
    chance = coder.frequency()
    assert chance[: coder.bins] @ found + chance[coder.bins :].sum() == pytest.approx(1, abs=0.01)


def test_the_log_density_of_a_point_is_that_of_a_normal_in_its_bin() -> None:
    table = TABLES["numbers"]()
    coder = coder_of(Codec.fit(table, bins=8), "x")
    token, within = coder.encode(table)
    margin = coder.predictor.margin
    assert margin is not None
    z = margin.encode(table.values["x"])
    width = np.diff(coder.edges)[token]
    assert np.allclose(within, -0.5 * z * z - 0.5 * np.log(2 * np.pi) - np.log(width))


def test_cells_that_nobody_had_share_a_small_chance() -> None:
    train, other = mixed(120), mixed(120)
    site = train.values["site"].copy()
    state = train.states["site"].copy()
    site[site == 1], state[state == 2] = 2, 1  # neither b nor the code
    train = train.replace("site", np.where(state > 0, -1, site), state)
    coder = coder_of(Codec.fit(train, bins=8), "site")
    assert coder.size == 3  # a, c, empty
    token, _ = coder.encode(other)
    unseen = (other.values["site"] == 1) | (other.states["site"] == 2)
    assert unseen.any() and np.array_equal(token == coder.size, unseen)
    assert np.exp(coder.seen) + 2 * np.exp(coder.unseen) == pytest.approx(1)
    assert np.exp(coder.unseen) < 0.01
    codec = Codec.fit(train, bins=8)
    tokens, _ = codec.encode(other)
    j = codec.names.index("site")
    assert np.array_equal(codec.constants(tokens)[:, j] == coder.unseen, unseen)


def test_all_cells_seen_leave_nothing_for_others() -> None:
    coder = coder_of(Codec.fit(mixed(160), bins=8), "site")
    assert coder.seen == 0.0 and coder.unseen == -np.inf


def test_numbers_in_states_that_nobody_had() -> None:
    column = Column(name="x", kind="continuous", missing_codes=("-9",))
    full = make([column], {"x": np.linspace(0, 1, 40)})
    empty = make([column], {"x": np.full(3, np.nan)}, x=np.array([1, 2, 1], np.int8))
    coder = Codec.fit(full, bins=4).coders[0]
    assert coder.missing == [] and (coder.encode(empty)[0] == coder.size).all()
    assert np.exp(coder.seen) + 2 * np.exp(coder.unseen) == pytest.approx(1)
    nothing = make([column], {"x": np.full(40, np.nan)})
    coder = Codec.fit(nothing, bins=4).coders[0]
    assert coder.size == 1 and coder.bins == 0
    token, within = coder.encode(full)
    assert (token == coder.size).all() and (within == 0).all()
    value, state = coder.decode(np.zeros(5, np.int64), np.random.default_rng(0))
    assert np.isnan(value).all() and (state == 1).all()
    assert np.exp(coder.seen) + 2 * np.exp(coder.unseen) == pytest.approx(1)


def test_a_column_with_one_level_has_one_token() -> None:
    codec = Codec.fit(TABLES["odd"](), bins=8)
    for name in ("one", "blank", "never", "same"):
        coder = coder_of(codec, name)
        assert coder.size == 1 and coder.frequency() == pytest.approx([1.0])
    value, _ = coder_of(codec, "same").decode(np.zeros(7, np.int64), np.random.default_rng(0))
    assert (value == 4.5).all()


def test_wide_levels_keep_only_those_that_occur() -> None:
    table = TABLES["many levels"]()
    coder = coder_of(Codec.fit(table, bins=8), "code")
    assert coder.size == len(np.unique(table.values["code"])) < 200
    assert n_others(coder) == 1_001 - coder.size
    assert np.exp(coder.seen) + n_others(coder) * np.exp(coder.unseen) == pytest.approx(1)


def n_others(coder: Coder) -> int:
    return len(coder.column.levels) + 1 + len(coder.column.missing_codes) - coder.size


def test_few_values_make_few_bins() -> None:
    column = Column(name="x", kind="continuous")
    rng = np.random.default_rng(0)
    for n, most in ((12, 1), (40, 5), (4_000, 32)):
        coder = Codec.fit(make([column], {"x": rng.normal(size=n)}), bins=32).coders[0]
        assert coder.bins == most


@pytest.mark.parametrize("name", list(TABLES))
def test_descriptions_tell_tokens_apart(name: str) -> None:
    for coder in Codec.fit(TABLES[name](), bins=16).coders:
        told = coder.description()
        assert told.shape[0] == coder.size + 1 and np.isfinite(told).all()
        assert (told[-1] == 0).all()
        assert len(np.unique(told, axis=0)) == coder.size + 1


def test_neighbouring_bins_are_described_alike() -> None:
    told = coder_of(Codec.fit(TABLES["numbers"](), bins=16), "x").description()[:-1]
    near = np.linalg.norm(told[1:] - told[:-1], axis=1)
    far = np.linalg.norm(told[8:] - told[:-8], axis=1)
    assert near.mean() < 0.6 * far.mean()  # 1 for indicators alone


def test_what_a_model_never_draws_is_inconceivable() -> None:
    table = TABLES["numbers"](200)
    coder = coder_of(Codec.fit(table, bins=8), "x")
    out = coder.inconceivable(table.take(np.arange(3)).replace("x", np.array([0.0, 1e6, -1e6])))
    assert out.tolist() == [False, True, True]


@pytest.mark.parametrize("name", list(TABLES))
def test_a_codec_is_the_same_from_its_dict(name: str) -> None:
    table = TABLES[name]()
    codec = Codec.fit(table, bins=16)
    plain, arrays = codec.to_dict()
    again = Codec.from_dict(json.loads(json.dumps(plain)), arrays)
    assert again.names == codec.names
    for a, b in zip(codec.encode(table), again.encode(table), strict=True):
        assert np.array_equal(a, b)
    tokens = np.minimum(codec.encode(table)[0], [c.size - 1 for c in codec.coders])
    drawn = [c.decode(tokens, np.random.default_rng(2)) for c in (codec, again)]
    assert same(*drawn)
    for a, b in zip(codec.coders, again.coders, strict=True):
        assert np.array_equal(a.frequency(), b.frequency())
        assert np.array_equal(a.description(), b.description())
