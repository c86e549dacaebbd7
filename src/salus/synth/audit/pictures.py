"""Make what a report draws of two tables, with no single person in it.

No cell stands for one to four real people: bins are merged, levels grouped, and so that nothing can
be found by subtraction the group takes in the next rarest level too. Ends of the outer bins are
rounded quantiles, nobody's own value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["FEWEST", "column_pictures"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
FEWEST = 5  # real people in a cell
BINS, LEVELS = 15, 20


def column_pictures(synthetic: Table, real: Table) -> list[dict[str, Any]]:
    """Return the shares of both tables by bin or level, for each column that can be shown.

    Parameters
    ----------
    synthetic, real : Table
        People are counted once a cell, whatever their number of rows.

    Returns
    -------
    list of dict
        ``name``, ``kind``, ``unit``; ``edges`` (one more than the shares) or ``labels``; ``real``
        and ``synthetic``, shares of the rows with a value; ``missing``, both shares, where they
        don't point at one to four people.
    """
    out = []
    for c in real.schema.modelled:
        shown = _bars(synthetic, real, c) if c.is_levelled else _steps(synthetic, real, c)
        if shown is None:
            continue
        entry: dict[str, Any] = {"name": c.name, "kind": c.kind, "unit": c.unit}
        gone = real.states[c.name] != PRESENT
        counts = _people(gone.astype(np.intp), real.people, 2)
        if ((counts == 0) | (counts >= FEWEST)).all():
            entry["missing"] = {
                "real": float(gone.mean()),
                "synthetic": _share(synthetic.states[c.name] != PRESENT),
            }
        out.append(entry | shown)
    return out


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else 0.0


def _present(table: Table, c: Column) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    here = table.states[c.name] == PRESENT
    return table.values[c.name][here], table.people[here]


def _people(cells: Ints, people: NDArray[np.int64], k: int) -> Ints:
    """Return the number of different people in each cell, (k,)."""
    pairs = np.unique(np.column_stack([cells, people]), axis=0)
    return np.bincount(pairs[:, 0].astype(np.intp), minlength=k)


def _shares(cells: Ints, k: int) -> Floats:
    return np.asarray(np.bincount(cells, minlength=k) / max(len(cells), 1))


def _bars(synthetic: Table, real: Table, c: Column) -> dict[str, Any] | None:
    k = len(c.levels)
    value, people = _present(real, c)
    cells, made = value.astype(np.intp), _present(synthetic, c)[0].astype(np.intp)
    count = _people(cells, people, k)
    if count.sum() < FEWEST:
        return None
    kept = np.argsort(-count, kind="stable")[:LEVELS]
    kept = kept[count[kept] >= FEWEST]
    rest = np.setdiff1d(np.arange(k), kept)
    while 0 < count[rest].sum() < FEWEST and len(kept):
        kept, rest = kept[:-1], np.append(rest, kept[-1])
    if c.kind == "ordinal":
        kept = np.sort(kept)
    p, q = _shares(cells, k), _shares(made, k)
    labels: list[str] = [c.levels[i] for i in kept]
    shares: list[Sequence[float]] = [p[kept].tolist(), q[kept].tolist()]
    if p[rest].sum() or q[rest].sum():
        labels.append("other" if "other" not in labels else "other levels")
        shares = [[*s, float(x[rest].sum())] for s, x in zip(shares, (p, q), strict=True)]
    return {"labels": labels, "real": list(shares[0]), "synthetic": list(shares[1])}


def _steps(synthetic: Table, real: Table, c: Column) -> dict[str, Any] | None:
    value, people = _present(real, c)
    x, y = value.astype(float), _present(synthetic, c)[0].astype(float)
    if len(np.unique(people)) < 2 * FEWEST:
        return None
    low, high = np.quantile(x, [0.02, 0.98])
    edges = _merged(x, people, _rounded(np.linspace(low, high, BINS + 1)))
    if len(edges) < 2:
        return _one_value(x, y, people)
    return {
        "edges": edges.tolist(),
        "real": _shares(_bin(x, edges), len(edges) - 1).tolist(),
        "synthetic": _shares(_bin(y, edges), len(edges) - 1).tolist(),
    }


def _bin(x: Floats, edges: Floats) -> Ints:
    """Return the bin of each value; what lies beyond the ends belongs to the outer bins."""
    return np.asarray(np.searchsorted(edges[1:-1], x, side="right"))


def _merged(x: Floats, people: NDArray[np.int64], edges: Floats) -> Floats:
    """Take out edges until every bin stands for nobody or at least five people."""
    while len(edges) > 2:
        count = _people(_bin(x, edges), people, len(edges) - 1)
        thin = np.flatnonzero((count > 0) & (count < FEWEST))
        if not len(thin):
            break
        k = int(thin[0])
        edges = np.delete(edges, k if k == len(edges) - 2 else k + 1)
    return edges


def _rounded(edges: Floats) -> Floats:
    """Return the edges to three significant digits of their span, without repeats."""
    span = float(edges[-1] - edges[0])
    if not span > 0:
        return edges[:1]
    return np.unique(np.round(edges, 2 - int(np.floor(np.log10(span)))))


def _one_value(x: Floats, y: Floats, people: NDArray[np.int64]) -> dict[str, Any] | None:
    """Return two bars for a column that nearly always has one value."""
    middle = float(np.median(x))
    count = _people((x != middle).astype(np.intp), people, 2)
    if count[0] < FEWEST or 0 < count[1] < FEWEST:
        return None
    p, q = float((x == middle).mean()), _share(y == middle)
    return {
        "labels": [f"{middle:g}", "other"],
        "real": [p, 1 - p],
        "synthetic": [q, 1 - q] if len(y) else [0.0, 0.0],
    }
