"""Pool the cells of a picture that hold too few people, so that no picture shows single people.

The usual threshold of statistical disclosure control is five: a cell that describes one to four
real people is merged with a neighbour (bins) or into a rest (levels). Cells of nobody may stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["AT_LEAST", "pool_column", "pool_pictures"]

AT_LEAST = 5


def pool_pictures(
    pictures: Mapping[str, Any], people: float | None, at_least: int = AT_LEAST
) -> dict[str, Any]:
    """Pool the small cells of every column's picture.

    Parameters
    ----------
    pictures : mapping
        With a list ``columns``, as in the report's dictionary; the rest is kept as it is.
    people : float, optional
        Number of real people (or rows) behind the shares; unknown, nothing can be pooled.
    at_least : int
        The fewest real people that a cell may show.
    """
    out = dict(pictures)
    if people and "columns" in out:
        out["columns"] = [pool_column(c, people, at_least) for c in out["columns"]]
    return out


def pool_column(column: Mapping[str, Any], people: float, at_least: int) -> dict[str, Any]:
    """Pool the small cells of one column: bins with neighbours, levels into a rest."""
    real, synthetic = list(column.get("real") or ()), list(column.get("synthetic") or ())
    missing = (column.get("missing") or {}).get("real", 0.0)
    present = people * (1.0 - missing)
    small = [0 < share * present < at_least - 0.5 for share in real]
    if not any(small):
        return dict(column)
    if column.get("edges"):
        return {**column, **_merged_bins(column["edges"], real, synthetic, present, at_least)}
    return {**column, **_pooled_levels(column["labels"], real, synthetic, small, present, at_least)}


def _merged_bins(
    edges: Sequence[float],
    real: Sequence[float],
    synthetic: Sequence[float],
    people: float,
    at_least: int,
) -> dict[str, list[float]]:
    """Merge each small bin with bins to its right, the last one to its left."""
    ends: list[float] = [edges[0]]
    out_real: list[float] = []
    out_synthetic: list[float] = []
    held_real = held_synthetic = 0.0
    for k, (r, s) in enumerate(zip(real, synthetic, strict=True)):
        held_real, held_synthetic = held_real + r, held_synthetic + s
        if 0 < held_real * people < at_least - 0.5:
            continue
        out_real.append(held_real)
        out_synthetic.append(held_synthetic)
        ends.append(edges[k + 1])
        held_real = held_synthetic = 0.0
    if ends[-1] != edges[-1]:  # a small rest at the right end joins the last filled bin
        while out_real and 0 < held_real * people < at_least - 0.5:
            held_real += out_real.pop()
            held_synthetic += out_synthetic.pop()
            ends.pop()
        out_real.append(held_real)
        out_synthetic.append(held_synthetic)
        ends.append(edges[-1])
    return {"edges": ends, "real": out_real, "synthetic": out_synthetic}


def _pooled_levels(
    labels: Sequence[str],
    real: Sequence[float],
    synthetic: Sequence[float],
    small: Sequence[bool],
    people: float,
    at_least: int,
) -> dict[str, list[Any]]:
    """Pool the small levels; where they are still too few, with the smallest of the others."""
    pooled = {k for k, is_small in enumerate(small) if is_small}
    by_size = sorted((k for k in range(len(real)) if real[k] > 0), key=lambda k: (real[k], k))
    for k in by_size:
        if len(pooled) > 1 and sum(real[j] for j in pooled) * people >= at_least - 0.5:
            break
        pooled.add(k)
    kept = [k for k in range(len(labels)) if k not in pooled]
    rest = f"{len(pooled)} rare levels"
    return {
        "labels": [*(labels[k] for k in kept), rest],
        "real": [*(real[k] for k in kept), sum(real[k] for k in pooled)],
        "synthetic": [*(synthetic[k] for k in kept), sum(synthetic[k] for k in pooled)],
    }
