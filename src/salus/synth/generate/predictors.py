"""What earlier columns offer to the model of a later one: scores, level indicators, missing states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.margins import GROUP, Margin
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Predictors"]

Floats = NDArray[np.float64]
INDICATORS = 12  # levels of a column that get an indicator of their own


@dataclass(frozen=True)
class Predictors:
    """Turn one column into predictors.

    Parameters
    ----------
    column : Column
    margin : Margin or None
        Of a numeric column that has values.
    states : tuple of int
        The states that occur, in order; more than one means that missingness is informative.
    cells : tuple of int
        Cells (level, or level count + state for a missing one) that get an indicator.
    codes : array (levels + states,)
        The order of each cell, if ordinal; else zeros.
    """

    column: Column
    margin: Margin | None
    states: tuple[int, ...]
    cells: tuple[int, ...]
    codes: Floats

    @classmethod
    def fit(cls, table: Table, column: Column) -> Predictors:
        """Learn one column's predictors."""
        state = table.states[column.name]
        states = tuple(int(s) for s in np.unique(state))
        if column.is_numeric:
            there = state == PRESENT
            people = table.people[there]
            if len(np.unique(people)) < GROUP and len(states) > 1:  # too few to show any
                there, states = there & False, tuple(s for s in states if s != PRESENT)
            margin = (
                Margin.fit(
                    table.values[column.name][there].astype(float),
                    people=people,
                    decimals=column.decimals,
                    low=column.low,
                    high=column.high,
                )
                if there.any()
                else None
            )
            return cls(column, margin, states, (), np.zeros(0))
        cell = level_cells(table, column)
        n_cells = n_level_cells(column)
        count = np.bincount(cell, minlength=n_cells)
        common = np.argsort(-count, kind="stable")[:INDICATORS]
        cells = tuple(int(c) for c in common if count[c] > 0)
        if len(cells) == np.sum(count > 0):
            cells = cells[1:]  # the commonest level is the one without an indicator
        codes = np.arange(n_cells, dtype=float)
        if column.kind == "ordinal":
            codes = (codes - codes.mean()) / max(codes.std(), 1e-9)
            codes[len(column.levels) :] = 0.0
        else:
            codes = np.zeros(n_cells)
        return cls(column, None, states, cells, codes)

    @property
    def width(self) -> int:
        """Number of predictor columns."""
        if self.column.is_numeric:
            return (self.margin is not None) + max(len(self.states) - 1, 0)
        return len(self.cells) + self._coded

    @property
    def _coded(self) -> bool:
        return len(self.codes) > 2 and self.column.kind == "ordinal"

    def transform(self, table: Table) -> Floats:
        """Return the predictors of each row, (n, width)."""
        state = table.states[self.column.name]
        parts: list[Floats] = []
        if self.column.is_numeric:
            if self.margin is not None:
                z = np.zeros(len(table))
                present = state == PRESENT
                z[present] = self.margin.encode(
                    table.values[self.column.name][present].astype(float)
                )
                parts.append(z)
            parts += [(state == s).astype(float) for s in self.states[1:]]
        else:
            cell = level_cells(table, self.column)
            parts += [(cell == c).astype(float) for c in self.cells]
            if self._coded:
                parts.append(self.codes[cell])
        return np.column_stack(parts) if parts else np.zeros((len(table), 0))

    def to_dict(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """Return the predictors as JSON values and arrays."""
        plain: dict[str, Any] = {"states": list(self.states), "cells": list(self.cells)}
        arrays: dict[str, Floats] = {"codes": self.codes}
        if self.margin is not None:
            plain["margin"], margin = self.margin.to_dict()
            arrays |= {f"margin.{k}": v for k, v in margin.items()}
        return plain, arrays

    @classmethod
    def from_dict(
        cls, column: Column, plain: Mapping[str, Any], arrays: Mapping[str, Floats]
    ) -> Predictors:
        """Rebuild the predictors from ``to_dict``'s form."""
        margin = None
        if "margin" in plain:
            inner = {k[7:]: v for k, v in arrays.items() if k.startswith("margin.")}
            margin = Margin.from_dict(plain["margin"], inner)
        return cls(column, margin, tuple(plain["states"]), tuple(plain["cells"]), arrays["codes"])


def n_level_cells(column: Column) -> int:
    """Return the number of cells of a levelled column: its levels, empty, and its codes."""
    return len(column.levels) + 1 + len(column.missing_codes)


def level_cells(table: Table, column: Column) -> NDArray[np.intp]:
    """Return the cell of each row, (n,): the level, or the level count + state - 1 if missing."""
    state = table.states[column.name].astype(np.intp)
    value = table.values[column.name].astype(np.intp)
    return np.where(state == PRESENT, value, len(column.levels) + state - 1)


def from_cells(
    cells: NDArray[np.integer], column: Column
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Return values and states of a levelled column from its cells, (n,) each."""
    k = len(column.levels)
    values = np.where(cells < k, cells, -1).astype(np.int32)
    states = np.where(cells < k, PRESENT, cells - k + 1).astype(np.int8)
    return values, states
