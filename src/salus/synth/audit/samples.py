"""Hold rows that are compared, with the groups of people that intervals leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.estimate import CannotJudge
from salus.synth.measure.jackknife import people_groups
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Measured", "Sample", "cells_of", "sample_of", "values_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Hold rows to be compared and the group of people of each."""

    table: Table
    groups: Ints


@dataclass(frozen=True)
class Measured:
    """Hold a figure with its replicates, and what it is made of."""

    values: Floats | CannotJudge
    detail: Mapping[str, Any]


def sample_of(table: Table, n: int, rng: np.random.Generator) -> Sample:
    """Return at most n rows at random, in their order."""
    if len(table) > n:
        table = table.take(np.sort(rng.permutation(len(table))[:n]))
    return Sample(table, people_groups(table.people, rng))


def cells_of(table: Table, column: Column) -> tuple[Ints, int]:
    """Return each row's cell, levels before missing states, and their number."""
    state = table.states[column.name].astype(np.intp)
    k = len(column.levels) if column.is_levelled else 1
    value = table.values[column.name].astype(np.intp) if column.is_levelled else 0 * state
    return np.where(state == PRESENT, value, k + state - 1), k + 1 + len(column.missing_codes)


def values_of(table: Table, column: Column) -> Floats:
    """Return numbers or positions of levels, NaN where missing."""
    here = table.states[column.name] == PRESENT
    return np.where(here, table.values[column.name].astype(float), np.nan)
