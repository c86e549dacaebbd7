"""Measure how alike the joint distribution of each three columns is.

Pairs can all be right and a patient still impossible: what two columns do together may depend on a
third. Numbers and ordered levels are cut into few bins of like mass of the real people, other
levels are pooled to the commonest, and missing states are cells of their own. The figure is the
total variation of the cells of three columns.

Where cells are thin, two samples of the same people are apart by chance alone, so the number of
bins follows the number of rows, and the figure says something only beside its floor at the same
number of rows.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.samples import Measured, Sample, cells_of, values_of
from salus.synth.measure.divergence import grouped_shares, mass_edges, total_variation
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["chosen_triples", "triples"]

Ints = NDArray[np.intp]
MOST = 200  # triples that are compared, half of them with the outcome
FEWEST_BINS, MOST_BINS = 2, 5
ROWS_A_CELL = 10  # expected in the cells of three columns, on average
WORST = 10  # triples named
Triple = tuple[int, int, int]


def triples(a: Sample, b: Sample) -> Measured:
    """Return 1 minus the total variation of three columns' cells, averaged, in 0 to 1.

    Triples with the outcome weigh one half, as in ``likeness.pairs``. Both samples should have the
    same size, and so should those that the floor is made of.
    """
    columns = b.table.schema.modelled
    if len(columns) < 3:
        return Measured(CannotJudge("the table has fewer than three columns"), {})
    bins = _bins(min(len(a.table), len(b.table)))
    cells = [_cells(a.table, b.table, c, bins) for c in columns]
    chosen = chosen_triples(b.table)
    outcome = b.table.schema.outcome
    alike = np.array([1 - _apart(a, b, [cells[j] for j in t]) for t in chosen])  # (triples, 21)
    told = np.array([any(columns[j] == outcome for j in t) for t in chosen])
    parts = {
        "between features": alike[~told].mean(0) if not told.all() else None,
        "with the outcome": alike[told].mean(0) if told.any() else None,
    }
    known = {k: v for k, v in parts.items() if v is not None}
    names = [" × ".join(sorted(columns[j].name for j in t)) for t in chosen]
    detail: dict[str, Any] = {k: float(v[0]) for k, v in known.items()}
    worst = np.argsort(alike[:, 0], kind="stable")[:WORST]
    detail |= {
        "triples": {names[k]: float(alike[k, 0]) for k in range(len(chosen))},
        "least alike": [{"triple": names[k], "synthetic": float(alike[k, 0])} for k in worst],
        "number of triples": len(chosen),
        "bins of a number": bins,
        "rows of each table": min(len(a.table), len(b.table)),
    }
    return Measured(np.mean(list(known.values()), axis=0), detail)


def chosen_triples(table: Table) -> list[Triple]:
    """Return the triples of modelled columns that are compared, always the same for a schema.

    All of them where there are at most 200; else a random 100 with the outcome (all, where there
    are fewer) and random ones without. The order of the columns makes no difference.
    """
    columns = table.schema.modelled
    order = sorted(range(len(columns)), key=lambda j: columns[j].name)
    outcome = table.schema.outcome
    told = [j for j in order if columns[j] == outcome]
    rest = [j for j in order if columns[j] != outcome]
    rng = np.random.default_rng(0)
    with_outcome: list[Triple] = [(i, j, t) for t in told for i, j in combinations(rest, 2)]
    without: list[Triple] = list(combinations(rest, 3))
    if len(with_outcome) + len(without) <= MOST:
        return with_outcome + without
    first = _some(with_outcome, max(MOST // 2, MOST - len(without)), rng)
    return first + _some(without, MOST - len(first), rng)


def _some(every: list[Triple], count: int, rng: np.random.Generator) -> list[Triple]:
    return [every[k] for k in np.sort(rng.permutation(len(every))[:count])]


def _bins(n: int) -> int:
    """Return how many bins leave so many rows a cell of three columns."""
    return int(np.clip((n / ROWS_A_CELL) ** (1 / 3) + 1e-9, FEWEST_BINS, MOST_BINS))


def _cells(a: Table, b: Table, column: Column, bins: int) -> tuple[Ints, Ints, int]:
    """Return each row's cell in both tables, by bins and levels of the second, and their number."""
    if column.is_numeric or column.kind == "ordinal":
        pool = values_of(b, column)
        edges = mass_edges(pool[~np.isnan(pool)], bins)
        k = len(edges) + 1
        both = []
        for t in (a, b):
            state = t.states[column.name].astype(np.intp)
            inside = np.searchsorted(edges, np.nan_to_num(values_of(t, column)), side="right")
            both.append(np.where(state == PRESENT, inside, k + state - 1))
        return both[0], both[1], k + 1 + len(column.missing_codes)
    (mine, k), (real, _) = cells_of(a, column), cells_of(b, column)
    levels = len(column.levels)
    count = np.bincount(real, minlength=k)[:levels]
    kept = _commonest(count, bins)
    place = np.full(k, len(kept))
    place[kept] = np.arange(len(kept))
    place[levels:] = len(kept) + 1 + np.arange(k - levels)
    return place[mine], place[real], len(kept) + 1 + k - levels


def _commonest(count: Ints, most: int) -> Ints:
    """Return at most so many levels; those that tie for the last place are pooled, all of them."""
    order = np.argsort(-count, kind="stable")
    if len(order) <= most:
        return order
    clear = order[count[order] > count[order[most]]]
    # eight levels that are all alike: some are kept, whichever come first
    return clear if len(clear) else order[:most]


def _apart(a: Sample, b: Sample, cells: list[tuple[Ints, Ints, int]]) -> NDArray[np.float64]:
    """Return the total variation over the joint cells, and without each group of people, (21,)."""
    size = 1
    mine, real = np.zeros(len(a.table), np.intp), np.zeros(len(b.table), np.intp)
    for x, y, k in cells:
        mine, real, size = mine * k + x, real * k + y, size * k
    return total_variation(
        grouped_shares(mine, a.groups, size), grouped_shares(real, b.groups, size)
    )
