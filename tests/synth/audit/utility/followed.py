"""Simulated people who were followed until an event: age and marker hasten it, centre does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = ["SCHEMA", "followed", "named"]

SCHEMA = Schema(
    [
        Column(name="days", kind="continuous", decimals=1, low=0, roles=frozenset({"time"})),
        Column(name="status", kind="boolean", levels=("0", "1"), roles=frozenset({"outcome"})),
        Column(name="age", kind="continuous", decimals=1),
        Column(name="marker", kind="continuous", decimals=3),
        Column(
            name="centre",
            kind="categorical",
            levels=("north", "south", "west"),
            roles=frozenset({"group"}),
        ),
    ]
)


def followed(n: int, *, seed: int, effect: float = 1.0) -> Table:
    """Return n people; ``effect`` is the log hazard ratio of a standard deviation of the marker."""
    rng = np.random.default_rng(seed)
    age, marker = rng.normal(60, 10, n), rng.normal(size=n)
    death = rng.exponential(300 * np.exp(-effect * marker - 0.03 * (age - 60)))
    last = rng.uniform(50, 600, n)
    values = {
        "days": np.round(np.minimum(death, last), 1),
        "status": (death <= last).astype(int),
        "age": np.round(age, 1),
        "marker": np.round(marker, 3),
        "centre": rng.choice(3, n, p=[0.55, 0.4, 0.05]),
    }
    return Table(SCHEMA, values)


def named(table: Table, name: str, **changes: Any) -> Table:
    """Return the table with another description of one column."""
    columns = [replace(c, **changes) if c.name == name else c for c in table.schema.columns]
    return Table(Schema(columns), table.values, table.states, table.people)
