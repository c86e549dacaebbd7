"""A table's columns as latent normals: numbers by normal scores, cells as intervals.

A levelled column is one latent whose intervals are its cells, missing ones included. A numeric
column has a latent for its value and, where anything is ever missing, one for its state. Every
latent is standard normal on its own, so only their correlations are left to model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from salus.synth.generate.margins import GROUP, Margin
from salus.synth.generate.predictors import Predictors, from_cells, level_cells, n_level_cells
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Latent", "cells_of", "decode", "fit_latents", "intervals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
EDGE = 6.0  # a score beyond this is never drawn
_GRID = 2000  # quantiles on which a latent's mean within its interval is known


@dataclass(frozen=True)
class Latent:
    """Hold one latent normal.

    Parameters
    ----------
    predictor : Predictors
        Its column, margin and states.
    kind : {"cell", "number"}
    order : int array (B,)
        Cells from the lowest scores to the highest; empty for a number.
    edges : array (B + 1,)
        Scores between them, -EDGE and EDGE at the ends; empty for a number.
    """

    predictor: Predictors
    kind: Literal["cell", "number"]
    order: Ints
    edges: Floats

    @property
    def column(self) -> Column:
        """The column it belongs to."""
        return self.predictor.column

    @property
    def margin(self) -> Margin:
        """The margin of a number."""
        assert self.predictor.margin is not None
        return self.predictor.margin

    def cell_interval(self, cells: Ints) -> tuple[Floats, Floats]:
        """Return the scores between which each cell lies, (n,) each."""
        place = np.argsort(self.order)[cells]
        return self.edges[place], self.edges[place + 1]

    def cell_at(self, z: Floats) -> Ints:
        """Return the cell behind each score, (n,)."""
        place = np.searchsorted(self.edges[1:-1], z, side="right")
        return np.asarray(self.order[place], np.intp)

    def coarse(self) -> Floats:
        """Return the latent's mean given what a table shows of it, at even quantiles, (_GRID,)."""
        z = ndtri((np.arange(_GRID) + 0.5) / _GRID)
        if self.kind == "number":
            group = np.arange(_GRID)  # a point shows the score itself, an atom just its interval
            for k, (low, high) in enumerate(
                zip(self.margin.atom_low, self.margin.atom_high, strict=True)
            ):
                group[(z >= low) & (z < high)] = _GRID + k
        else:
            group = np.searchsorted(self.edges[1:-1], z, side="right")
        _, group = np.unique(group, return_inverse=True)
        return np.asarray((np.bincount(group, z) / np.bincount(group))[group])


def fit_latents(table: Table, columns: Sequence[Column], outcome_score: Floats) -> list[Latent]:
    """Return the columns' latents; unordered cells lie by their mean ``outcome_score`` (n,)."""
    out: list[Latent] = []
    for column in columns:
        predictor = Predictors.fit(table, column)
        if column.is_levelled or len(predictor.states) > 1 or predictor.margin is None:
            cells, n_cells = cells_of(table, predictor)
            count = np.bincount(cells, minlength=n_cells)
            if column.kind in ("ordinal", "boolean"):
                order = np.arange(n_cells)
            else:
                total = np.bincount(cells, outcome_score, n_cells)
                # the order is the same in all sub-models, so it may not show single people
                mean = np.where(count >= GROUP, total / np.maximum(count, 1), 0.0)
                order = np.argsort(mean, kind="stable")
            edges = np.concatenate([[0.0], np.cumsum(count[order]) / count.sum()])
            with np.errstate(divide="ignore"):
                edges = np.clip(ndtri(np.minimum(edges, 1.0)), -EDGE, EDGE)
            out.append(Latent(predictor, "cell", order.astype(np.intp), edges))
        if predictor.margin is not None:
            out.append(Latent(predictor, "number", np.zeros(0, np.intp), np.zeros(0)))
    return out


def cells_of(table: Table, predictor: Predictors) -> tuple[Ints, int]:
    """Return the cell of each row, (n,), and the number of cells: levels, or a number's states."""
    column = predictor.column
    if column.is_levelled:
        return level_cells(table, column), n_level_cells(column)
    place = np.zeros(3 + len(column.missing_codes), np.intp)
    for i, s in enumerate(predictor.states):
        place[s] = i
    return place[table.states[column.name]], len(predictor.states)


def intervals(latents: Sequence[Latent], table: Table) -> tuple[Floats, Floats, Floats]:
    """Return the scores that mean what the table shows, and their log probability.

    Returns
    -------
    low, high : arrays (n, d)
        Equal for a point; NaN where a latent isn't seen (the value of a missing number).
    chance : array (n, d)
        Log mass of the interval or log density of the point; 0 where not seen.
    """
    n, d = len(table), len(latents)
    low, high = np.full((n, d), np.nan), np.full((n, d), np.nan)
    for j, latent in enumerate(latents):
        name = latent.column.name
        if latent.kind == "cell":
            low[:, j], high[:, j] = latent.cell_interval(cells_of(table, latent.predictor)[0])
        else:
            rows = np.flatnonzero(table.states[name] == PRESENT)
            a, b = latent.margin.interval(table.values[name][rows].astype(float))
            low[rows, j], high[rows, j] = np.clip(a, -EDGE, EDGE), np.clip(b, -EDGE, EDGE)
    return low, high, _chance(latents, low, high)


def _chance(latents: Sequence[Latent], low: Floats, high: Floats) -> Floats:
    """Return log mass or log density, (n, d); a cell that nobody is in has hardly any mass."""
    chance = np.where(np.isnan(low), 0.0, -0.5 * low**2 - 0.5 * np.log(2 * np.pi))
    wide = high > low
    chance[wide] = np.log(np.maximum(ndtr(high[wide]) - ndtr(low[wide]), 1e-300))
    cell = np.array([latent.kind == "cell" for latent in latents])
    chance[~wide & cell] = np.log(1e-300)
    return chance


def decode(
    latents: Sequence[Latent], z: Floats
) -> tuple[dict[str, NDArray[np.generic]], dict[str, NDArray[np.int8]]]:
    """Return values and states of each column from scores (n, d)."""
    values: dict[str, NDArray[np.generic]] = {}
    states: dict[str, NDArray[np.int8]] = {}
    for latent, score in zip(latents, z.T, strict=True):
        name = latent.column.name
        if latent.column.is_levelled:
            values[name], states[name] = from_cells(latent.cell_at(score), latent.column)
            continue
        known = np.array(latent.predictor.states, np.int8)
        if latent.kind == "cell":
            states[name] = known[latent.cell_at(score)]
            values[name] = np.full(len(z), np.nan)
        else:
            states.setdefault(name, np.full(len(z), PRESENT, np.int8))
            there = states[name] == PRESENT
            value = np.full(len(z), np.nan)
            value[there] = latent.margin.decode(score[there])
            values[name] = value
    return values, states
