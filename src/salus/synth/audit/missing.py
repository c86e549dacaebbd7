"""Measure how far missing values differ: how many, with what they go, and which come together.

Which columns are missing together in one row is its pattern. A pattern that fewer than five real
people have is never told apart from the other rare ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.samples import Measured, Sample, values_of
from salus.synth.measure.association import associations
from salus.synth.measure.divergence import bin_edges, grouped_shares, total_variation
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.table import PRESENT, Table

__all__ = ["missing_patterns", "missingness"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
FEW = 5  # real people below whom a pattern is one of the rare ones
SHOWN = 10  # patterns named
NONE, RARE = "nothing missing", "all other patterns"


def missingness(a: Sample, b: Sample) -> Measured:
    """Return the gap of the missing shares, averaged over columns with any, in 0 to 1."""
    names = _names(a.table, b.table)
    if not names:
        return Measured(CannotJudge("no value is missing in either table"), {})
    gone = [_gone(s.table, names) for s in (a, b)]
    rates = [
        np.array([grouped_shares(x[:, k], s.groups, 2)[:, 1] for k in range(len(names))])
        for x, s in zip(gone, (a, b), strict=True)
    ]  # (columns, 21) each
    gaps = np.abs(rates[0] - rates[1])
    depends = [_dependence(s, gone_s, names, b.table) for s, gone_s in zip((a, b), gone)]
    detail = {
        "columns": {n: float(g) for n, g in zip(names, gaps[:, 0], strict=True)},
        "dependence of missing values on other columns, mean gap": float(
            np.abs(depends[0] - depends[1]).mean()
        ),
        "missing together, mean gap of correlations": _together(gone[0], gone[1]),
    }
    return Measured(gaps.mean(0), detail)


def missing_patterns(a: Sample, b: Sample) -> Measured:
    """Return the total variation of the patterns of missing columns, 0 to 1.

    Each pattern that at least five real people have is a cell, and all others are one cell.
    """
    names = sorted(_names(a.table, b.table))
    if not names:
        return Measured(CannotJudge("no value is missing in either table"), {})
    both = np.vstack([_gone(s.table, names) for s in (a, b)])
    kinds, code = np.unique(both, axis=0, return_inverse=True)
    code = code.ravel()
    people = _people(code[len(a.table) :], b.table.people, len(kinds))
    place, kept = _kept(people)
    cells, k = place[code], len(kept) + 1
    p = grouped_shares(cells[: len(a.table)], a.groups, k)
    q = grouped_shares(cells[len(a.table) :], b.groups, k)
    detail = {
        "patterns": [
            {"missing": m, "real": r, "synthetic": s}
            for m, r, s in _shown(kinds[kept], names, q, p)
        ],
        "patterns that real people share": len(kept),
    }
    return Measured(total_variation(p, q), detail)


def _names(a: Table, b: Table) -> list[str]:
    """Return the columns of which a value is missing in either table."""
    columns = b.schema.modelled
    return [c.name for c in columns if any((t.states[c.name] != PRESENT).any() for t in (a, b))]


def _gone(table: Table, names: list[str]) -> Ints:
    """Return whether each value is missing, (n, columns)."""
    return np.column_stack([(table.states[n] != PRESENT).astype(np.intp) for n in names])


def _people(code: Ints, people: NDArray[np.int64], k: int) -> Ints:
    pairs = np.unique(np.column_stack([code, people]), axis=0)
    return np.bincount(pairs[:, 0].astype(np.intp), minlength=k)


def _kept(people: Ints) -> tuple[Ints, Ints]:
    """Return the cell of each pattern and the patterns with a cell of their own, commonest first.

    Where the rest holds one to four real people, the rarest kept pattern joins it: else they could
    be found by subtraction.
    """
    order = np.argsort(-people, kind="stable")
    kept = order[people[order] >= FEW]
    while len(kept) and 0 < people.sum() - people[kept].sum() < FEW:
        kept = kept[:-1]
    place = np.full(len(people), len(kept))
    place[kept] = np.arange(len(kept))
    return place, kept


def _shown(
    kinds: Ints, names: list[str], real: Floats, made: Floats
) -> list[tuple[str, float, float]]:
    """Return name, real and synthetic share of the commonest patterns, and of all the rest."""
    out = []
    for k, kind in enumerate(kinds[:SHOWN]):
        name = ", ".join(n for n, gone in zip(names, kind, strict=True) if gone) or NONE
        out.append((name, float(real[0, k]), float(made[0, k])))
    rest = 1 - sum(r for _, r, _ in out), 1 - sum(m for _, _, m in out)
    return [*out, (RARE, max(0.0, rest[0]), max(0.0, rest[1]))]


def _dependence(sample: Sample, gone: Ints, names: list[str], real: Table) -> Floats:
    """Return how strongly each column's missingness goes with each other column's content."""
    columns = real.schema.modelled
    cells, sizes = [], []
    for c in columns:
        value, pool = values_of(sample.table, c), values_of(real, c)
        edges = bin_edges(pool[~np.isnan(pool)], 5)
        inside = np.searchsorted(edges, np.nan_to_num(value), side="right")
        cells.append(np.where(np.isnan(value), len(edges) + 1, inside))
        sizes.append(len(edges) + 2)
    d, m = len(columns), len(names)
    every = associations(
        np.zeros((len(gone), d + m)),
        np.column_stack([*cells, gone]),
        np.array([*sizes, *[2] * m]),
        np.zeros(d + m, bool),
        sample.groups,
    )[0]
    strength = every[d:, :d]
    own = np.array([[c.name == n for c in columns] for n in names])
    return np.asarray(np.where(own, 0.0, strength))


def _together(a: Ints, b: Ints) -> float:
    """Return the mean gap of the correlations of missing indicators, over pairs of columns."""
    off = np.triu_indices(a.shape[1], 1)
    if not len(off[0]):
        return 0.0
    r = []
    for x in (a.astype(float), b.astype(float)):
        z = x - x.mean(0)
        sd = np.sqrt((z * z).mean(0))
        z = np.divide(z, sd, out=np.zeros_like(z), where=sd > 0)
        r.append((z.T @ z / len(z))[off])
    return float(np.abs(r[0] - r[1]).mean())
