"""A fitted distribution over groups of cells: rows from it, exact conditions, exact likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.curator import Clique
from salus.synth.generate.dp.junction import JunctionTree, log_sum_exp

__all__ = ["Distribution", "Joint"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class Distribution(Protocol):
    """A distribution over groups of cells."""

    def marginal(self, column: int) -> Floats:
        """Return the probabilities of a column's cells, (size,)."""
        ...

    def given(self, evidence: Mapping[int, int]) -> Self:
        """Return the distribution of all columns given some columns' cells."""
        ...

    def log_prob(self, cells: Ints) -> Floats:
        """Return the log probability of rows of cells, (n, d) to (n,)."""
        ...

    def draw(self, n: int, rng: np.random.Generator) -> Ints:
        """Return rows of cells, (n, d); those of columns that are given don't matter."""
        ...

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return JSON values and arrays."""
        ...


@dataclass(frozen=True)
class Joint:
    """Hold the log probabilities of each clique's cells, which agree where cliques overlap.

    Parameters
    ----------
    tree : JunctionTree
    beliefs : tuple of arrays
    """

    tree: JunctionTree
    beliefs: tuple[Floats, ...]

    def marginal(self, column: int) -> Floats:
        """Return the probabilities of a column's cells, (size,)."""
        return self.tree.marginal(self.beliefs, (column,))

    def pairs(self) -> dict[Clique, Floats]:
        """Return the probabilities of every pair of columns' cells."""
        return self.tree.pairs(self.beliefs)

    def factors(self) -> list[Floats]:
        """Return tables whose product is the distribution: each clique given what came before."""
        out = [np.array(b) for b in self.beliefs]
        for edge in self.tree.edges:
            shared = log_sum_exp(self.beliefs[edge.child], edge.out_of_child)
            out[edge.child] -= shared.reshape(edge.in_child)
        return out

    def given(self, evidence: Mapping[int, int]) -> Joint:
        """Return the distribution of all columns given some columns' cells.

        A column that is given keeps one cell, which stands for that value.
        """
        tables = []
        for clique, table in zip(self.tree.cliques, self.factors(), strict=True):
            at = tuple(
                slice(evidence[j], evidence[j] + 1) if j in evidence else slice(None)
                for j in clique
            )
            tables.append(np.array(table[at]))
        sizes = tuple(1 if j in evidence else s for j, s in enumerate(self.tree.sizes))
        tree = replace(self.tree, sizes=sizes)
        return Joint(tree, tuple(tree.calibrate(tables)))

    def log_prob(self, cells: Ints) -> Floats:
        """Return the log probability of rows of cells, (n, d) to (n,)."""
        out = np.zeros(len(cells))
        for clique, table in zip(self.tree.cliques, self.factors(), strict=True):
            out += table[tuple(cells[:, j] for j in clique)]
        return out

    def draw(self, n: int, rng: np.random.Generator) -> Ints:
        """Return rows of cells, (n, d).

        Each row follows the distribution; among the rows that agree so far the cells of the next
        columns are spread as evenly as whole numbers allow (systematic sampling), so that counts
        vary less than in independent draws.
        """
        out = np.zeros((n, len(self.tree.sizes)), np.intp)
        shared: Sequence[Clique] = [(), *(e.separator for e in self.tree.edges)]
        for clique, parents, belief in zip(self.tree.cliques, shared, self.beliefs, strict=True):
            new = tuple(j for j in clique if j not in parents)
            order = [clique.index(j) for j in (*parents, *new)]
            sizes = self.tree.shape(parents)
            table = np.exp(belief).transpose(order).reshape(math.prod(sizes), -1)
            group = (
                np.ravel_multi_index(tuple(out[:, j] for j in parents), sizes)
                if parents
                else np.zeros(n, np.intp)
            )
            cell = _spread(table, group, rng)
            for j, value in zip(new, np.unravel_index(cell, self.tree.shape(new)), strict=True):
                out[:, j] = value
        return out

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return JSON values and arrays."""
        plain = {
            "sizes": list(self.tree.sizes),
            "cliques": [list(c) for c in self.tree.cliques],
            "parents": list(self.tree.parents),
        }
        return {"tree": plain}, {f"belief{i}": b for i, b in enumerate(self.beliefs)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Joint:
        """Rebuild from ``to_dict``'s form."""
        tree = JunctionTree(
            tuple(plain["tree"]["sizes"]),
            tuple(tuple(c) for c in plain["tree"]["cliques"]),
            tuple(plain["tree"]["parents"]),
        )
        return cls(tree, tuple(arrays[f"belief{i}"] for i in range(len(tree.cliques))))


def _spread(table: Floats, group: Ints, rng: np.random.Generator) -> Ints:
    """Return a cell for each row by its group's probabilities in ``table`` (groups, cells)."""
    n, width = len(group), table.shape[1]
    order = np.lexsort((rng.random(n), group))
    count = np.bincount(group, minlength=len(table))
    rank = np.arange(n) - np.repeat(np.cumsum(count) - count, count)
    u = np.empty(n)
    u[order] = (rank + rng.random(n)) / count[group[order]]
    used, place = np.unique(group, return_inverse=True)
    ends = np.cumsum(table[used], axis=1)
    ends /= ends[:, -1:]
    flat = (ends + np.arange(len(used))[:, None]).ravel()
    at = np.searchsorted(flat, place + u, side="right") - place * width
    return np.asarray(np.clip(at, 0, width - 1), np.intp)
