"""A fitted marginal model as rows of a table: draws, conditions, likelihood, file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from salus.synth.generate.dp.domain import Cells
from salus.synth.generate.dp.joint import Distribution
from salus.synth.generate.dp.merging import Groups
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["Found", "Model", "Plan"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

NEVER = float(np.log(1e-300))  # log probability of what the model never draws


@dataclass(frozen=True)
class Plan:
    """Say what a generator may spend, and what is known before it learns.

    Parameters
    ----------
    alone : float
        zCDP for single columns.
    total : float
        Rows, from a noisy count.
    outcome : int or None
        Its column, where one is modelled.
    seed : int
        Public: of what isn't secret.
    """

    alone: float
    total: float
    outcome: int | None
    seed: int


@dataclass(frozen=True)
class Found:
    """Hold each column's groups, the distribution over them, and what the card tells of it."""

    groups: tuple[Groups, ...]
    joint: Distribution
    account: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """Hold each column's cells and groups, and the distribution over the groups.

    Parameters
    ----------
    schema : Schema
        With nothing in it that the table told for free.
    cells : tuple of Cells
    groups : tuple of Groups
    joint : Distribution
    """

    schema: Schema
    cells: tuple[Cells, ...]
    groups: tuple[Groups, ...]
    joint: Distribution

    def draw(self, n: int, rng: np.random.Generator) -> Table:
        """Return n rows."""
        return self._decoded(self.joint.draw(n, rng), rng)

    def evidence(self, one: Table, names: tuple[str, ...]) -> dict[int, int] | None:
        """Return the groups of some columns in a table of one row, or None if one is never drawn."""
        found = {}
        for j, (cells, groups) in enumerate(zip(self.cells, self.groups, strict=True)):
            if cells.column.name in names:
                cell = int(cells.encode(one)[0])
                group = -1 if cell < 0 else int(groups.of_cell[cell])
                if group < 0:
                    return None
                found[j] = group
        return found

    def draw_given(
        self,
        given: Distribution,
        one: Table,
        names: tuple[str, ...],
        n: int,
        rng: np.random.Generator,
    ) -> Table:
        """Return n rows that hold the values of ``one`` in some columns.

        ``given`` is the distribution given the groups of these values; within its group a value tells
        nothing more of the other columns.
        """
        rows = given.draw(n, rng)
        for j, cells in enumerate(self.cells):
            if cells.column.name in names:
                rows[:, j] = self.groups[j].of_cell[cells.encode(one)[0]]
        table = self._decoded(rows, rng)
        held = one.take(np.zeros(n, int))
        for name in names:
            table = table.replace(name, held.values[name], held.states[name])
        return table

    def _decoded(self, rows: Ints, rng: np.random.Generator) -> Table:
        values, states = {}, {}
        for j, (cells, groups) in enumerate(zip(self.cells, self.groups, strict=True)):
            name = cells.column.name
            values[name], states[name] = cells.decode(groups.draw(rows[:, j], rng), rng)
        return Table(self.schema, values, states)

    def log_prob(self, table: Table) -> Floats:
        """Return each row's log density, (n,), numbers on their normal scores' scale.

        A level, a state or a value that has a cell of its own counts by its probability. What the
        model never draws has hardly any.
        """
        codes = np.zeros((len(table), len(self.cells)), np.intp)
        inside = np.zeros(len(table))
        never = np.zeros(len(table), bool)
        for j, (cells, groups) in enumerate(zip(self.cells, self.groups, strict=True)):
            cell = cells.encode(table)
            group = np.where(cell < 0, -1, groups.of_cell[cell])
            never |= group < 0
            codes[:, j] = np.maximum(group, 0)
            inside += self._inside(j, table, np.maximum(cell, 0))
        out = self.joint.log_prob(codes) + inside
        return np.where(never, NEVER, np.maximum(out, NEVER))

    def _inside(self, j: int, table: Table, cell: Ints) -> Floats:
        """Return the log density of each row's cell, or place in it, given its group, (n,)."""
        cells, groups = self.cells[j], self.groups[j]
        with np.errstate(divide="ignore"):
            weight = np.log(groups.weight)
            chance = np.log(self.joint.marginal(j))
        out = weight[cell]
        stretch = ~cells.is_point()[cell] & (groups.of_cell[cell] >= 0)
        if not stretch.any():
            return np.maximum(out, NEVER)
        # the column's own distribution function, over the cells that hold values
        k = cells.n_values
        kept = groups.of_cell >= 0
        mass = np.where(kept, np.exp(chance)[groups.of_cell] * groups.weight, 0.0)[:k]
        present = mass.sum()
        below = np.cumsum(mass) - mass
        at = cell[stretch]
        u = (below[at] + cells.share_below(table, cell)[stretch] * mass[at]) / present
        z = ndtri(np.clip(u, 1e-9, 1 - 1e-9))
        normal = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
        out[stretch] = normal + np.log(present) - chance[groups.of_cell[at]]
        return np.maximum(out, NEVER)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return JSON values and arrays."""
        arrays: dict[str, NDArray[Any]] = {}
        columns = []
        for j, (cells, groups) in enumerate(zip(self.cells, self.groups, strict=True)):
            plain, mine = cells.to_dict()
            columns.append(plain)
            mine |= {"group": groups.of_cell, "weight": groups.weight}
            arrays |= {f"column{j}.{k}": v for k, v in mine.items()}
        plain, own = self.joint.to_dict()
        return {"schema": self.schema.to_dict(), "cells": columns, **plain}, {**arrays, **own}

    @classmethod
    def from_dict(
        cls,
        plain: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        joint: Callable[[Mapping[str, Any], Mapping[str, NDArray[Any]]], Distribution],
    ) -> Self:
        """Rebuild from ``to_dict``'s form; ``joint`` rebuilds the distribution from the same."""
        schema = Schema.from_dict(plain["schema"])
        cells, groups = [], []
        for j, one in enumerate(plain["cells"]):
            at = f"column{j}."
            mine = {k[len(at) :]: v for k, v in arrays.items() if k.startswith(at)}
            cells.append(Cells.from_dict(schema, one, mine))
            groups.append(Groups(mine["group"], mine["weight"]))
        return cls(schema, tuple(cells), tuple(groups), joint(plain, arrays))
