"""A table as numbers for a classifier: standardised values, level indicators, missing states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Features"]

Floats = NDArray[np.float64]
MOST_LEVELS = 50  # commonest levels that get an indicator


@dataclass(frozen=True)
class Features:
    """Turn tables of one schema into features, frozen once fitted.

    Numbers are standardised, with the median where no value is there and an indicator for each
    missing state seen; levels and their missing states become indicators.

    Parameters
    ----------
    columns : tuple of Column
    scales : tuple of (median, mean, deviation)
        For numeric columns; zeros for the others.
    states : tuple of tuple of int
        Missing states seen, by column.
    levels : tuple of tuple of int
        Levels with an indicator, by column.
    """

    columns: tuple[Column, ...]
    scales: tuple[tuple[float, float, float], ...]
    states: tuple[tuple[int, ...], ...]
    levels: tuple[tuple[int, ...], ...]

    @classmethod
    def fit(cls, table: Table, *, without: str | None = None) -> Features:
        """Learn from a table, leaving out the column ``without``."""
        columns = tuple(c for c in table.schema.modelled if c.name != without)
        scales: list[tuple[float, float, float]] = []
        states: list[tuple[int, ...]] = []
        levels: list[tuple[int, ...]] = []
        for column in columns:
            state = table.states[column.name]
            here = table.values[column.name][state == PRESENT].astype(float)
            states.append(tuple(int(s) for s in np.unique(state) if s != PRESENT))
            if column.is_numeric:
                middle = float(np.median(here)) if len(here) else 0.0
                filled = np.concatenate([here, np.full(len(state) - len(here), middle)])
                spread = float(filled.std()) if len(filled) else 1.0
                scales.append((middle, float(filled.mean()) if len(filled) else 0.0, spread or 1.0))
                levels.append(())
            else:
                found, count = np.unique(here.astype(int), return_counts=True)
                common = found[np.argsort(-count, kind="stable")][:MOST_LEVELS]
                scales.append((0.0, 0.0, 1.0))
                levels.append(tuple(int(k) for k in np.sort(common)))
        return cls(columns, tuple(scales), tuple(states), tuple(levels))

    def transform(self, table: Table) -> Floats:
        """Return the features of each row, (n, p)."""
        parts: list[Floats] = [np.zeros((len(table), 0))]
        for column, scale, states, levels in zip(
            self.columns, self.scales, self.states, self.levels, strict=True
        ):
            state, value = table.states[column.name], table.values[column.name]
            if column.is_numeric:
                filled = np.where(state == PRESENT, value.astype(float), scale[0])
                parts.append(((filled - scale[1]) / scale[2])[:, None])
            elif levels:
                parts.append((value[:, None] == np.array(levels)).astype(float))
            if states:
                parts.append((state[:, None] == np.array(states)).astype(float))
        return np.hstack(parts)
