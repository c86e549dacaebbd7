from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.generate.dp.junction import JunctionTree, cells_needed, log_sum_exp

SIZES = (2, 3, 4, 2, 3, 2)


@st.composite
def factors(draw: st.DrawFn) -> dict[tuple[int, ...], np.ndarray]:
    """Return random tables over a few columns of six."""
    cliques = draw(
        st.lists(
            st.sets(st.integers(0, 5), min_size=1, max_size=3).map(lambda s: tuple(sorted(s))),
            min_size=1,
            max_size=7,
            unique=True,
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([0.5, 3.0, 30.0]))
    return {c: spread * rng.normal(size=[SIZES[j] for j in c]) for c in cliques}


def whole(potentials: dict[tuple[int, ...], np.ndarray]) -> np.ndarray:
    """Return the full table of probabilities, by brute force."""
    out = np.zeros(SIZES)
    for clique, table in potentials.items():
        out = out + table.reshape([s if j in clique else 1 for j, s in enumerate(SIZES)])
    out = np.exp(out - out.max())
    return np.asarray(out / out.sum())


def part(table: np.ndarray, columns: tuple[int, ...]) -> np.ndarray:
    return np.asarray(table.sum(axis=tuple(j for j in range(6) if j not in columns)))


@settings(max_examples=120, deadline=None)
@given(factors())
def test_messages_equal_brute_force(potentials: dict[tuple[int, ...], np.ndarray]) -> None:
    tree = JunctionTree.build(SIZES, list(potentials))
    beliefs = tree.calibrate(tree.assemble(potentials))
    truth = whole(potentials)
    fast = tree.chances(potentials)
    for clique, belief, chance in zip(tree.cliques, beliefs, fast, strict=True):
        assert np.allclose(np.exp(belief), part(truth, clique), atol=1e-9)
        assert np.allclose(chance, part(truth, clique), atol=1e-9)
    pairs = tree.pairs(beliefs)
    assert len(pairs) == 15
    for columns, table in pairs.items():
        assert np.allclose(table, part(truth, columns), atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(factors())
def test_the_tree_is_one(potentials: dict[tuple[int, ...], np.ndarray]) -> None:
    tree = JunctionTree.build(SIZES, list(potentials))
    assert {j for c in tree.cliques for j in c} == set(range(6))
    for clique in potentials:
        home = tree.home(clique)
        assert home is not None and set(clique) <= set(tree.cliques[home])
    for i, (clique, parent) in enumerate(zip(tree.cliques, tree.parents, strict=True)):
        before = {j for c in tree.cliques[:i] for j in c}
        assert parent < i
        # what a clique shares with all before it lies in its parent
        assert i == 0 or set(clique) & before <= set(tree.cliques[parent])
    assert tree.cells == sum(math.prod(SIZES[j] for j in c) for c in tree.cliques)
    assert tree.cells == cells_needed(SIZES, potentials)
    for i, clique in enumerate(tree.cliques):
        assert not any(set(clique) <= set(c) for k, c in enumerate(tree.cliques) if k != i)


def test_a_chain_needs_no_larger_tables() -> None:
    tree = JunctionTree.build([10] * 8, [(i, i + 1) for i in range(7)])
    assert sorted(tree.cliques) == [(i, i + 1) for i in range(7)]


def test_a_ring_is_filled_in() -> None:
    tree = JunctionTree.build([2, 2, 2, 2], [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert sorted(len(c) for c in tree.cliques) == [3, 3]


@pytest.mark.parametrize("far", [300.0, 720.0, 5_000.0])
def test_numbers_beyond_floats_fall_back_to_logarithms(far: float) -> None:
    """Two tables that each rule out what the other wants: only their difference counts."""
    potentials = {
        (0, 1): np.array([[far, 0.0, -far], [far, 0.3, -far]]),
        (1, 2): np.array([[0.0] * 4, [far + 0.1] * 4, [-far] * 4]),
        (2, 3): np.array([[far, 0.0]] * 4),
    }
    tree = JunctionTree.build(SIZES, list(potentials))
    truth = whole(potentials)
    for clique, chance in zip(tree.cliques, tree.chances(potentials), strict=True):
        assert np.allclose(chance, part(truth, clique), atol=1e-9)


def test_log_sum_exp() -> None:
    x = np.log(np.array([[1.0, 2.0], [3.0, 4.0]])) + 1000
    assert np.allclose(log_sum_exp(x, (1,)) - 1000, np.log([3.0, 7.0]))
    assert log_sum_exp(x, ()) is x
