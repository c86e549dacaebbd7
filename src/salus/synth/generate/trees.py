"""Trees whose nodes hold counts over cells, and whose leaves are pulled toward their ancestors.

Every node's distribution is its own counts shrunk toward its parent's distribution,

    q(node) = (counts(node) + kappa q(parent)) / (people(node) + kappa),

so one continuous ``kappa`` moves each conditional from its leaf (0) over all its ancestors to the
root (infinity). This is hierarchical shrinkage (Agarwal et al. 2022, arXiv:2202.00858) in the form
of a chain of Dirichlet priors; it is smooth in ``kappa``, which lets a solver choose it.
Structures are grown by scikit-learn on random parts of the people; counts come from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.tree import DecisionTreeRegressor

__all__ = ["Trees", "grow"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
CELLS = 4_000_000  # of one block of a matrix people x cells
GRID = 64.0  # tree inputs are rounded to 1/GRID, so no threshold shows a person's exact value


@dataclass(frozen=True)
class Trees:
    """Hold several trees as one set of arrays over all their nodes.

    Parameters
    ----------
    feature, left, right, parent : int32 arrays (N,)
        Split column (-1 in a leaf), children and parent (-1 at a root) of each node.
    threshold : float32 array (N,)
        Rows with a value at or below it go left.
    depth : int32 array (N,)
        Distance from the root.
    roots : int32 array (T,)
        The root of each tree.
    counts : float32 array (N, B)
        People of each node by cell.
    expected : float32 array (N, B), or (N, 0)
        People that a base model expects of each node by cell.
    """

    feature: Ints
    threshold: NDArray[np.float32]
    left: Ints
    right: Ints
    parent: Ints
    depth: Ints
    roots: Ints
    counts: NDArray[np.float32]
    expected: NDArray[np.float32]

    def leaves(self, x: NDArray[np.float32], trees: NDArray[np.integer]) -> Ints:
        """Return the leaf that each row of (n, p) reaches in the tree named for it, (n,)."""
        node = self.roots[trees]
        rows = np.arange(len(x))
        while True:
            inner = self.feature[node] >= 0
            if not inner.any():
                return np.asarray(node)
            at, who = node[inner], rows[inner]
            goes_left = x[who, self.feature[at]] <= self.threshold[at]
            node[inner] = np.where(goes_left, self.left[at], self.right[at])

    def all_leaves(self, x: NDArray[np.float32]) -> Ints:
        """Return the leaf of each row in each tree, (n, T)."""
        n, t = len(x), len(self.roots)
        rows = np.repeat(np.arange(n), t)
        trees = np.tile(np.arange(t), n)
        node = self.roots[trees]
        active = np.flatnonzero(self.feature[node] >= 0)
        while len(active):
            at = node[active]
            goes_left = x[rows[active], self.feature[at]] <= self.threshold[at]
            node[active] = np.where(goes_left, self.left[at], self.right[at])
            active = active[self.feature[node[active]] >= 0]
        return node.reshape(n, t)

    def shares(self, kappa: float) -> tuple[Floats, Floats]:
        """Return each node's distribution over the cells and its slope by ``kappa``, (N, B) each.

        A root is shrunk toward equal shares.
        """
        q = np.empty(self.counts.shape)
        slope = np.empty(self.counts.shape)
        for level, parent, counts, people in self._levels:
            total = people + kappa
            above: float | Floats = 1 / counts.shape[1] if parent is None else q[parent]
            steep: float | Floats = 0.0 if parent is None else slope[parent]
            q[level] = mine = (counts + kappa * above) / total
            slope[level] = (above + kappa * steep - mine) / total
        return q, slope

    def ratios(self, frequency: Floats, kappa: float) -> tuple[Floats, Floats]:
        """Return what a base model's probabilities are multiplied by, and the slope by ``kappa``.

        r(node) = (counts + kappa f r(parent)) / (expected + kappa f), with f the cells' frequencies
        (B,) and 1 above the root: observed over expected people, shrunk toward the parent's.
        """
        r = np.empty(self.counts.shape)
        slope = np.empty(self.counts.shape)
        f = np.maximum(frequency, 1e-9)
        for level, parent, counts, _ in self._levels:
            total = self.expected[level] + kappa * f
            above: float | Floats = 1.0 if parent is None else r[parent]
            steep: float | Floats = 0.0 if parent is None else slope[parent]
            r[level] = mine = (counts + kappa * f * above) / total
            slope[level] = f * (above + kappa * steep - mine) / total
        return r, slope

    @cached_property
    def _levels(self) -> list[tuple[NDArray[np.intp], Ints | None, Floats, Floats]]:
        """Nodes by depth with their parents and counts: what the recursions walk along."""
        order = np.argsort(self.depth, kind="stable")
        cuts = np.flatnonzero(np.diff(self.depth[order])) + 1
        out = []
        for level in np.split(order, cuts):
            parent = None if self.parent[level[0]] < 0 else self.parent[level]
            counts = self.counts[level].astype(float)
            out.append((level, parent, counts, counts.sum(1, keepdims=True)))
        return out

    @staticmethod
    def join(parts: Sequence[Trees]) -> Trees:
        """Return one set that holds the trees of all parts, in order."""
        offset = np.cumsum([0] + [len(p.feature) for p in parts[:-1]]).astype(np.int32)

        def moved(name: str) -> Ints:
            arrays = [getattr(p, name) for p in parts]
            return np.concatenate(
                [np.where(a >= 0, a + o, a) for a, o in zip(arrays, offset, strict=True)]
            ).astype(np.int32)

        def stacked(name: str) -> NDArray[np.generic]:
            return np.concatenate([getattr(p, name) for p in parts])

        return Trees(
            feature=stacked("feature").astype(np.int32),
            threshold=stacked("threshold").astype(np.float32),
            left=moved("left"),
            right=moved("right"),
            parent=moved("parent"),
            depth=stacked("depth").astype(np.int32),
            roots=moved("roots"),
            counts=stacked("counts").astype(np.float32),
            expected=stacked("expected").astype(np.float32),
        )

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays by name."""
        return {k: getattr(self, k) for k in self.__dataclass_fields__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Trees:
        """Rebuild the trees from ``to_arrays``'s form."""
        return cls(**{k: arrays[k] for k in cls.__dataclass_fields__})  # type: ignore[arg-type]


def on_grid(x: Floats) -> NDArray[np.float32]:
    """Return tree inputs (n, p) rounded to the grid on which thresholds lie."""
    return np.round(x * GRID).astype(np.float32) / np.float32(GRID)


def grow(
    x: NDArray[np.float32],
    target: Floats,
    cells: NDArray[np.integer],
    n_cells: int,
    *,
    base: Callable[[slice], Floats] | None = None,
    trees: int,
    min_leaf: int,
    max_features: float,
    sample: int,
    rng: np.random.Generator,
) -> Trees:
    """Grow trees and count all people in them.

    Parameters
    ----------
    x : float32 array (n, p)
        Inputs, rounded to the grid.
    target : array (n, m)
        What the splits separate: residuals of a linear predictor.
    cells : int array (n,)
        The cell (residual bin or level) of each person.
    n_cells : int
        Number of cells, B.
    base : callable, optional
        Returns a base model's probabilities (k, B) for a slice of the people, to be summed.
    sample : int
        People, drawn without replacement, that each structure is grown on.
    """
    n, p = x.shape
    grown = []
    for _ in range(trees):
        chosen = rng.permutation(n)[:sample]
        seed = int(rng.integers(2**31 - 1))
        if p == 0 or target.shape[1] == 0 or len(chosen) < 2 * min_leaf:
            grown.append(_counted(None, x, cells, n_cells, base))
            continue
        tree = DecisionTreeRegressor(
            min_samples_leaf=min_leaf, max_features=max_features, random_state=seed
        )
        tree.fit(x[chosen], target[chosen])
        grown.append(_counted(tree.tree_, x, cells, n_cells, base))
    return Trees.join(grown)


def _counted(
    tree: Any,
    x: NDArray[np.float32],
    cells: NDArray[np.integer],
    b: int,
    base: Callable[[slice], Floats] | None,
) -> Trees:
    """Return one tree (a lone root if ``None``) with everyone counted in every node they pass."""
    if tree is None:
        left = right = np.array([-1], np.int32)
        feature, threshold = left, np.zeros(1, np.float32)
        leaf = np.zeros(len(x), np.int64)
    else:
        left = np.asarray(tree.children_left, np.int32)
        right = np.asarray(tree.children_right, np.int32)
        feature = np.where(left >= 0, tree.feature, -1).astype(np.int32)
        threshold = np.asarray(tree.threshold, np.float32)
        leaf = tree.apply(x).astype(np.int64)
    n_nodes = len(left)
    parent = np.full(n_nodes, -1, np.int32)
    inner = np.flatnonzero(left >= 0)
    parent[left[inner]] = inner
    parent[right[inner]] = inner
    depth = np.zeros(n_nodes, np.int32)
    for node in range(1, n_nodes):  # parents come before children
        depth[node] = depth[parent[node]] + 1
    counts = np.bincount(leaf * b + cells, minlength=n_nodes * b).reshape(n_nodes, b).astype(float)
    expected = np.zeros((n_nodes, 0 if base is None else b))
    if base is not None:
        step = max(1, CELLS // b)
        for begin in range(0, len(x), step):
            rows = slice(begin, min(len(x), begin + step))
            here = leaf[rows]
            place = csr_array(
                (np.ones(len(here)), (here, np.arange(len(here)))), (n_nodes, len(here))
            )
            expected += np.asarray(place @ base(rows))
    for node in range(n_nodes - 1, 0, -1):
        counts[parent[node]] += counts[node]
        expected[parent[node]] += expected[node]
    return Trees(
        feature=feature,
        threshold=threshold,
        left=left,
        right=right,
        parent=parent,
        depth=depth,
        roots=np.array([0], np.int32),
        counts=counts.astype(np.float32),
        expected=expected.astype(np.float32),
    )
