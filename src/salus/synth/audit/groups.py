"""Name the subgroups in which utility and privacy are compared.

A levelled column with the role ``group`` gives one subgroup a level, a numeric one its quarters. The
cuts come from the real people alone and stay the same for every table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["FEWEST", "Subgroups"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEWEST = 20  # people that a subgroup needs to be compared
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")


@dataclass(frozen=True)
class Subgroups:
    """Tell the rows of each declared subgroup.

    A level that fewer than 20 people hold is none: naming it would point at them.

    Parameters
    ----------
    columns : tuple of Column
        With the role ``group``.
    cuts : mapping of str to array
        Of each numeric one: its quartiles, fewer where they coincide.
    levels : mapping of str to tuple of int
        Of each levelled one: the levels that enough people hold.
    """

    columns: tuple[Column, ...]
    cuts: Mapping[str, Floats]
    levels: Mapping[str, tuple[int, ...]]

    @classmethod
    def fit(cls, real: Table) -> Subgroups:
        """Take the declared columns and, of numeric ones, the real people's quartiles."""
        cuts, levels = {}, {}
        for column in real.schema.groups:
            if not column.is_numeric:
                held = real.values[column.name].astype(np.intp)
                pairs = np.unique(np.column_stack([held, real.people])[held >= 0], axis=0)
                count = np.bincount(pairs[:, 0], minlength=len(column.levels))
                levels[column.name] = tuple(int(k) for k in np.flatnonzero(count >= FEWEST))
            else:
                value = real.values[column.name][real.states[column.name] == PRESENT].astype(float)
                edges = np.quantile(value, [0.25, 0.5, 0.75]) if len(value) else np.zeros(0)
                cuts[column.name] = np.unique(edges)
        return cls(real.schema.groups, cuts, levels)

    def masks(self, table: Table) -> dict[str, Bools]:
        """Return which rows belong to each subgroup; rows without the value belong to none."""
        out: dict[str, Bools] = {}
        for column in self.columns:
            here = table.states[column.name] == PRESENT
            value = table.values[column.name].astype(float)
            if not column.is_numeric:
                for k in self.levels[column.name]:
                    out[f"{column.name} = {column.levels[k]}"] = here & (value == k)
                continue
            edges = self.cuts[column.name]
            band = np.searchsorted(edges, np.nan_to_num(value), side="left")
            names = QUARTERS if len(edges) == 3 else tuple(f"band {k + 1}" for k in range(4))
            for k in range(len(edges) + 1):
                out[f"{column.name}: {names[k]}"] = here & (band == k)
        return out
