"""Releases of known quality of two tables, for the published scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_breast_cancer

from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = ["disguised", "plant", "wdbc"]

Change = Callable[[np.ndarray], np.ndarray]


def wdbc() -> Table:
    """Return the 569 x 31 breast cancer table that ships with scikit-learn."""
    data = load_breast_cancer()
    names = [str(x) for x in data.feature_names]
    columns = [Column(name=x, kind="continuous") for x in names]
    outcome = Column(
        name="diagnosis",
        kind="boolean",
        levels=("malignant", "benign"),
        roles=frozenset({"outcome"}),
    )
    values = {x: data.data[:, k] for k, x in enumerate(names)}
    return Table(Schema([*columns, outcome]), {**values, "diagnosis": data.target})


def disguised(table: Table, rng: np.random.Generator) -> dict[str, Table]:
    """Return copies with one column, or all numbers, shifted, and one with a little noise."""
    numbers = [c.name for c in table.schema.modelled if c.is_numeric]

    def by(names: list[str], change: Change) -> Table:
        out = table
        for name in names:
            value = out.values[name].astype(float)
            out = out.replace(name, change(value), out.states[name])
        return out

    def jitter(value: np.ndarray) -> np.ndarray:
        moved = value + rng.normal(0, np.nanstd(value) / 1000, len(value))
        return np.clip(moved, np.nanmin(value), np.nanmax(value))

    return {
        "one column + 1": by(numbers[:1], lambda v: v + 1),
        "one column + 0.01": by(numbers[:1], lambda v: v + 0.01),
        "all numbers + 1e-5": by(numbers, lambda v: v + 1e-5),
        "one column + 1,000 sd": by(numbers[:1], lambda v: v + 1000 * np.nanstd(v)),
        "all numbers + 1,000 sd": by(numbers, lambda v: v + 1000 * np.nanstd(v)),
        "noise of sd / 1,000": by(numbers, jitter),
    }


def plant(fresh: Table, train: Table, share: float, rng: np.random.Generator) -> Table:
    """Return the fresh people with a share of them replaced by training people."""
    count = round(share * len(fresh))
    parts = [
        fresh.take(rng.permutation(len(fresh))[count:]),
        train.take(rng.permutation(len(train))[:count]),
    ]
    both = Table.concat(parts)
    return Table(both.schema, both.values, both.states)
