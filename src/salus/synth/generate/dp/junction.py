"""Junction trees over columns of cells: exact sums of a product of tables.

A distribution over many columns that is a product of small tables is summed exactly by passing
messages between the cliques of a tree (Lauritzen & Spiegelhalter 1988; Jensen et al. 1990). Tables
are logarithms, their axes the clique's columns in increasing order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.curator import Clique

__all__ = ["JunctionTree", "cells_needed", "log_sum_exp"]

Floats = NDArray[np.float64]

TINY = 1e-250  # far above what floats round to zero, 1e-308


def log_sum_exp(x: Floats, axes: tuple[int, ...]) -> Floats:
    """Return the logarithm of the sum of exp(x) over some axes, which are dropped."""
    if not axes:
        return x
    top = x.max(axis=axes, keepdims=True)
    return np.asarray(np.log(np.exp(x - top).sum(axis=axes)) + top.squeeze(axis=axes))


@dataclass(frozen=True)
class _Edge:
    """How a clique and its parent share columns: axes to sum out, and shapes to spread over."""

    child: int
    parent: int
    separator: Clique
    out_of_child: tuple[int, ...]
    in_child: tuple[int, ...]
    out_of_parent: tuple[int, ...]
    in_parent: tuple[int, ...]


@dataclass(frozen=True)
class JunctionTree:
    """Hold the cliques of a tree, each after its parent.

    Parameters
    ----------
    sizes : tuple of int
        Cells of each column.
    cliques : tuple of Clique
        Together they hold every column; the first is the root.
    parents : tuple of int
        Number of each clique's parent, -1 for the root. What a clique shares with all cliques
        before it lies in its parent.
    """

    sizes: tuple[int, ...]
    cliques: tuple[Clique, ...]
    parents: tuple[int, ...]

    @classmethod
    def build(cls, sizes: Sequence[int], cliques: Sequence[Clique]) -> JunctionTree:
        """Return a tree of which each of the given cliques lies within a clique.

        Columns are eliminated greedily, that with the smallest resulting table first.
        """
        found = [tuple(_bits(mask)) for mask in _eliminated(sizes, cliques)]
        kept, parents = _joined(sorted(found, key=lambda c: (-len(c), c)))
        return cls(tuple(sizes), tuple(kept), tuple(parents))

    @property
    def cells(self) -> int:
        """Cells of all tables together."""
        return sum(math.prod(self.shape(c)) for c in self.cliques)

    def shape(self, clique: Clique) -> tuple[int, ...]:
        """Return the shape of a clique's table."""
        return tuple(self.sizes[j] for j in clique)

    def home(self, columns: Clique) -> int | None:
        """Return the smallest clique that holds all these columns, if there is one."""
        wanted = set(columns)
        able = [i for i, c in enumerate(self.cliques) if wanted <= set(c)]
        return min(able, key=lambda i: math.prod(self.shape(self.cliques[i]))) if able else None

    @cached_property
    def edges(self) -> tuple[_Edge, ...]:
        """The edges, each after that of its parent."""
        out = []
        for child, parent in enumerate(self.parents):
            if parent < 0:
                continue
            a, b = self.cliques[child], self.cliques[parent]
            both = tuple(j for j in a if j in b)
            out.append(
                _Edge(
                    child,
                    parent,
                    both,
                    tuple(i for i, j in enumerate(a) if j not in both),
                    tuple(self.sizes[j] if j in both else 1 for j in a),
                    tuple(i for i, j in enumerate(b) if j not in both),
                    tuple(self.sizes[j] if j in both else 1 for j in b),
                )
            )
        return tuple(out)

    def assemble(self, potentials: Mapping[Clique, Floats]) -> list[Floats]:
        """Return the sum of the potentials that belong to each clique, as new tables."""
        tables = [np.zeros(self.shape(c)) for c in self.cliques]
        for clique, table in potentials.items():
            home = self.home(clique)
            assert home is not None
            shape = tuple(self.sizes[j] if j in clique else 1 for j in self.cliques[home])
            tables[home] += table.reshape(shape)
        return tables

    def calibrate(self, tables: list[Floats]) -> list[Floats]:
        """Return the log probabilities of each clique's cells from the factors in ``tables``.

        The tables are overwritten.
        """
        up: dict[int, Floats] = {}
        for edge in reversed(self.edges):
            message = log_sum_exp(tables[edge.child], edge.out_of_child)
            up[edge.child] = message
            tables[edge.parent] += message.reshape(edge.in_parent)
        root = tables[0]
        root -= log_sum_exp(root, tuple(range(root.ndim)))
        for edge in self.edges:
            message = log_sum_exp(tables[edge.parent], edge.out_of_parent) - up[edge.child]
            tables[edge.child] += message.reshape(edge.in_child)
        return tables

    def chances(self, potentials: Mapping[Clique, Floats]) -> list[Floats]:
        """Return the probabilities of each clique's cells.

        Sums of probabilities are three times faster than those of logarithms, which are used where
        the former leave the range of floats.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            fast = self._multiplied(self.assemble(potentials))
        if fast is not None and all(math.isfinite(float(t.sum())) for t in fast):
            return fast
        return [np.exp(b) for b in self.calibrate(self.assemble(potentials))]

    def _multiplied(self, tables: list[Floats]) -> list[Floats] | None:
        """Pass messages by products; None where so much was rounded to zero that it may count."""
        for table in tables:
            table -= table.max()
            np.exp(table, out=table)
        for edge in reversed(self.edges):
            message = tables[edge.child].sum(axis=edge.out_of_child)
            most = float(message.max())
            if not most > TINY:
                return None
            message /= most
            tables[edge.parent] *= message.reshape(edge.in_parent)
        whole = float(tables[0].sum())
        if not whole > TINY:
            return None
        tables[0] /= whole
        for edge in self.edges:
            message = tables[edge.parent].sum(axis=edge.out_of_parent)
            own = tables[edge.child].sum(axis=edge.out_of_child)
            message = np.divide(message, own, out=np.zeros_like(own), where=own > 0)
            tables[edge.child] *= message.reshape(edge.in_child)
        return tables

    def marginal(self, beliefs: Sequence[Floats], columns: Clique) -> Floats:
        """Return the probabilities of some columns' cells, which one clique must hold."""
        home = self.home(columns)
        if home is None:
            raise KeyError(columns)
        clique = self.cliques[home]
        out = tuple(i for i, j in enumerate(clique) if j not in columns)
        return np.asarray(np.exp(beliefs[home]).sum(axis=out))

    def pairs(self, beliefs: Sequence[Floats]) -> dict[Clique, Floats]:
        """Return the probabilities of every pair of columns, whether a clique holds it or not."""
        return _Pairs(self, beliefs).all()


class _Pairs:
    """Carry one column's cells through the tree, from its home outward.

    With a the column, S what two neighbouring cliques share and x what the farther one adds,
    P(a, x) = sum over S of P(a, S) P(x | S).
    """

    def __init__(self, tree: JunctionTree, beliefs: Sequence[Floats]) -> None:
        self.tree = tree
        self.chance = [np.exp(b) for b in beliefs]
        self.neighbours: list[list[tuple[int, Clique]]] = [[] for _ in tree.cliques]
        for edge in tree.edges:
            self.neighbours[edge.child].append((edge.parent, edge.separator))
            self.neighbours[edge.parent].append((edge.child, edge.separator))
        self._known: dict[tuple[int, Clique], Floats] = {}

    def all(self) -> dict[Clique, Floats]:
        out: dict[Clique, Floats] = {}
        for a in range(len(self.tree.sizes)):
            for b, table in self._with(a).items():
                if a < b:
                    out[(a, b)] = table
        return out

    def _with(self, a: int) -> dict[int, Floats]:
        home = self.tree.home((a,))
        assert home is not None
        found: dict[int, Floats] = {}
        stack: list[tuple[int, int, Clique, Floats | None]] = [(home, -1, (), None)]
        while stack:
            here, came, shared, carried = stack.pop()
            clique = self.tree.cliques[here]
            for b in clique:
                if b != a and b not in found:
                    found[b] = self._table(a, here, shared, carried, (b,))
            for there, separator in self.neighbours[here]:
                if there != came:
                    table = (
                        None if a in separator else self._table(a, here, shared, carried, separator)
                    )
                    stack.append((there, here, separator, table))
        return found

    def _table(
        self, a: int, here: int, shared: Clique, carried: Floats | None, wanted: Clique
    ) -> Floats:
        """Return P(a, wanted) with a first; ``carried`` is P(a, shared) if a lies elsewhere."""
        if carried is None:
            columns = tuple(sorted({a, *wanted}))
            table = self._marginal(here, columns)
            return np.moveaxis(table, columns.index(a), 0)
        new = tuple(j for j in wanted if j not in shared)
        both = tuple(sorted({*shared, *new}))
        joint = self._marginal(here, both)
        joint = np.moveaxis(joint, [both.index(j) for j in shared], range(len(shared)))
        part = self._marginal(here, shared)
        part = part.reshape(part.shape + (1,) * len(new))
        given = np.divide(joint, part, out=np.zeros_like(joint), where=part > 0)
        kept = [j for j in shared if j in wanted]
        letters = {j: chr(98 + i) for i, j in enumerate(both)}
        left = "a" + "".join(letters[j] for j in shared)
        right = "".join(letters[j] for j in (*shared, *new))
        out = "a" + "".join(letters[j] for j in wanted)
        assert set(wanted) == {*kept, *new}
        return np.asarray(np.einsum(f"{left},{right}->{out}", carried, given))

    def _marginal(self, here: int, columns: Clique) -> Floats:
        key = (here, columns)
        if key not in self._known:
            clique = self.tree.cliques[here]
            out = tuple(i for i, j in enumerate(clique) if j not in columns)
            self._known[key] = self.chance[here].sum(axis=out)
        return self._known[key]


def cells_needed(sizes: Sequence[int], cliques: Iterable[Clique]) -> int:
    """Return the cells of all tables of the tree that ``JunctionTree.build`` would make."""
    return sum(math.prod(sizes[j] for j in _bits(m)) for m in _eliminated(sizes, cliques))


def _eliminated(sizes: Sequence[int], cliques: Iterable[Clique]) -> list[int]:
    """Return the maximal cliques that greedy elimination makes, as sets of bits."""
    near = [0] * len(sizes)
    for clique in cliques:
        mask = sum(1 << j for j in clique)
        for j in clique:
            near[j] |= mask & ~(1 << j)
    size = [math.log(max(s, 1)) for s in sizes]
    cost = [size[j] + sum(size[i] for i in _bits(near[j])) for j in range(len(sizes))]
    left = list(range(len(sizes)))
    out: list[int] = []
    while left:
        j = min(left, key=cost.__getitem__)
        left.remove(j)
        around = near[j]
        clique_mask = around | 1 << j
        # a later clique may lie within an earlier one, never the other way round
        if not any(clique_mask & ~other == 0 for other in out):
            out.append(clique_mask)
        for i in _bits(around):
            new = around & ~near[i] & ~(1 << i)
            near[i] = (near[i] | new) & ~(1 << j)
            cost[i] -= size[j]
            if new:
                cost[i] += sum(size[m] for m in _bits(new))
    return out


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _joined(cliques: Sequence[Clique]) -> tuple[list[Clique], list[int]]:
    """Return the cliques in an order and their parents: a spanning tree of largest overlaps.

    Cliques that share nothing with any other hang on the root by an empty overlap.
    """
    kept, parents = [cliques[0]], [-1]
    rest = list(cliques[1:])
    # for each clique left: its largest overlap with those in the tree, and with which
    best = [(len(set(c) & set(kept[0])), 0) for c in rest]
    while rest:
        i = max(range(len(rest)), key=lambda k: (best[k][0], -k))
        kept.append(rest.pop(i))
        parents.append(best.pop(i)[1])
        at = len(kept) - 1
        for k, clique in enumerate(rest):
            overlap = len(set(clique) & set(kept[at]))
            if overlap > best[k][0]:
                best[k] = (overlap, at)
    return kept, parents
