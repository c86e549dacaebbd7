"""MST: noisy counts of every column and of a spanning tree of pairs.

McKenna, Miklau & Sheldon 2021, arXiv:2108.04978 (the winner of NIST's 2018 contest, made general).
A third of the budget counts each column; a third picks, by exponential mechanisms, the pairs that
independence describes worst, as long as they form a tree; a third counts these pairs. Of all
distributions that are products over the tree, the nearest to all counts is kept.

Different from the paper: a number is counted in many cells first and joined to as many groups as the
noise allows, instead of being cut beforehand; and counts carry discrete Gaussian noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.dp.accounting import choice_epsilon, gaussian_sigma
from salus.synth.generate.dp.curator import Clique, Curator
from salus.synth.generate.dp.domain import Cells
from salus.synth.generate.dp.estimate import Estimate, Measured, estimate
from salus.synth.generate.dp.merging import Groups, merge
from salus.synth.generate.dp.noise import SLACK

__all__ = ["Columns", "Learnt", "columns_alone", "groups_wanted", "learn_tree"]

Floats = NDArray[np.float64]

LEAST = 4  # groups of a number, however strong the noise
LOUD = 1.6  # noise that a pair of numbers may hold: see ``groups_wanted``


@dataclass(frozen=True)
class Learnt:
    """Hold what was learnt: groups of cells, and the distribution over them.

    Parameters
    ----------
    groups : tuple of Groups
        Of each column.
    estimate : Estimate
    chosen : tuple of Clique
        What was measured beyond single columns, in order.
    """

    groups: tuple[Groups, ...]
    estimate: Estimate
    chosen: tuple[Clique, ...]


@dataclass(frozen=True)
class Columns:
    """Hold the first look at each column alone: groups and their counts."""

    groups: tuple[Groups, ...]
    measured: tuple[Measured, ...]
    curator: Curator


def learn_tree(
    curator: Curator, cells: Sequence[Cells], *, alone: float, total: float, bins: int
) -> Learnt:
    """Learn a spanning tree of pairs, spending all that is left.

    Parameters
    ----------
    curator : Curator
        Of the columns' finest cells.
    cells : sequence of Cells
    alone : float
        zCDP for single columns; what else is left is halved between picking and counting pairs.
    total : float
        Rows, from a noisy count.
    bins : int
        Groups of a number, at most.
    """
    half, reach = (curator.account.left - alone) / 2, curator.sensitivity
    pairs_sigma = gaussian_sigma(reach, half / max(len(cells) - 1, 1)) if half > 0 else 1.0
    first = columns_alone(curator, cells, alone, total, pairs_sigma=pairs_sigma, bins=bins)
    sizes = first.curator.sizes
    apart_fit = estimate(sizes, first.measured, total)
    apart = [j for j, size in enumerate(sizes) if size > 1]  # one cell tells nothing
    if len(apart) < 2:
        return Learnt(first.groups, apart_fit, ())
    share = half / (len(apart) - 1)
    independent = apart_fit.tree.pairs(apart_fit.beliefs)
    expected = {c: total * p for c, p in independent.items()}
    chosen = _spanning_tree(first.curator, expected, apart, choice_epsilon(share) - SLACK)
    sigma = gaussian_sigma(reach, share)
    measured = [*first.measured]
    for clique in chosen:
        counts = first.curator.measure(clique, sigma)
        measured.append(Measured(clique, counts, np.full(counts.shape, sigma**2)))
    fitted = estimate(sizes, measured, total, start=apart_fit.potentials)
    return Learnt(first.groups, fitted, tuple(chosen))


def columns_alone(
    curator: Curator,
    cells: Sequence[Cells],
    rho: float,
    total: float,
    *,
    pairs_sigma: float,
    bins: int,
) -> Columns:
    """Count every column's cells for ``rho`` in all, and group them."""
    sigma = gaussian_sigma(curator.sensitivity, rho / len(cells))
    noisy = [curator.measure((j,), sigma) for j in range(len(cells))]
    most = groups_wanted(total, pairs_sigma, bins)
    groups = [
        merge(c, y, sigma, total=total, most=bins if c.column.is_levelled else most)
        for c, y in zip(cells, noisy, strict=True)
    ]
    measured = [
        Measured((j,), g.total(y), sigma**2 * g.cells.astype(float))
        for j, (g, y) in enumerate(zip(groups, noisy, strict=True))
    ]
    coarse = curator.recoded([g.of_cell for g in groups])
    return Columns(tuple(groups), tuple(measured), coarse)


def groups_wanted(total: float, sigma: float, most: int) -> int:
    """Return into how many groups a number is worth being cut.

    A table of b x b cells holds about 0.8 b^2 sigma of noise in sum; b is chosen such that it is
    about half the rows.
    """
    b = math.sqrt(total / (LOUD * sigma))
    return int(np.clip(round(b), min(LEAST, most), most))


def _spanning_tree(
    curator: Curator, expected: dict[Clique, Floats], columns: Sequence[int], epsilon: float
) -> list[Clique]:
    """Pick pairs one by one that join columns not joined yet (Kruskal's algorithm, privately)."""
    part = {j: j for j in columns}
    chosen: list[Clique] = []
    while len(chosen) < len(columns) - 1:
        open_ = {
            c: mean
            for c, mean in expected.items()
            if c[0] in part and c[1] in part and part[c[0]] != part[c[1]]
        }
        even = [1.0] * len(open_)
        clique = list(open_)[curator.pick(open_, even, [0.0] * len(open_), epsilon)]
        chosen.append(clique)
        old, new = part[clique[1]], part[clique[0]]
        part = {j: new if p == old else p for j, p in part.items()}
    return chosen
