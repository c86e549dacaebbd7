"""A table as tokens: one position a column, one token a level, missing state, heap or quantile bin.

A number's normal score u = Phi(z) (``margins.py``) is cut into bins of about equal probability. A
value that many share (zeros, codes, heaps) owns an interval of u: a heavy one is a token of its own,
lighter ones lie whole within a bin. Decoding draws u uniformly within the token's interval and asks
the margin for the value behind it, so no digit strings and no single person's value are stored, and
atoms come back exactly. The density of a number is then

    p(z) = p(token) phi(z) / (Phi(high) - Phi(low))    for z between the token's edges,

on the scale of normal scores, as all other generators report it; a heaped value has its probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from salus.synth.generate.margins import Margin
from salus.synth.generate.predictors import (
    Predictors,
    from_cells,
    level_cells,
    n_level_cells,
)
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["Codec", "Coder"]

Floats = NDArray[np.float64]
Tokens = NDArray[np.int64]
PEOPLE_A_BIN = 8  # the fewest values behind a bin, on average
UNSEEN = 0.5  # people whose share all cells never seen have together
WAVES = 6  # cosines over the ranks that describe a number or an ordered level
RESOLUTION = 0.15  # of the free part of a token's description, beside the smooth one


@dataclass(frozen=True)
class Coder:
    """Turn one column into tokens and back.

    Parameters
    ----------
    predictor : Predictors
        The column's margin and the states that occur.
    cells : int array (c,)
        Cells of a levelled column that occur, in order: their places are the tokens.
    edges : array (b + 1,)
        Cuts of u between the bins of a number, increasing; empty without one.
    counts : array (V,)
        Rows behind each token.

    Notes
    -----
    The tokens of a number are its bins, then its missing states. A cell that nobody had is token
    V: models give it the constant chance ``unseen``, and it is never drawn.
    """

    predictor: Predictors
    cells: NDArray[np.int64]
    edges: Floats
    counts: Floats

    @classmethod
    def fit(cls, table: Table, column: Column, *, bins: int) -> Coder:
        """Learn one column's tokens; numbers get about ``bins`` of them, fewer for few values."""
        predictor = Predictors.fit(table, column)
        cells, edges = np.zeros(0, np.int64), np.zeros(0)
        if column.is_levelled:
            cells = np.unique(level_cells(table, column)).astype(np.int64)
        elif predictor.margin is not None:
            there = int((table.states[column.name] == PRESENT).sum())
            edges = _cuts(predictor.margin, max(1, min(bins, there // PEOPLE_A_BIN)))
        coder = cls(predictor, cells, edges, np.zeros(0))
        token, _ = coder.encode(table)
        counts = np.bincount(token, minlength=coder.size + 1)[: coder.size].astype(float)
        return cls(predictor, cells, edges, counts)

    @property
    def column(self) -> Column:
        """The column."""
        return self.predictor.column

    @property
    def bins(self) -> int:
        """Number of bins of a number."""
        return max(len(self.edges) - 1, 0)

    @property
    def missing(self) -> list[int]:
        """The missing states of a number that occur."""
        return [s for s in self.predictor.states if s != PRESENT]

    @property
    def size(self) -> int:
        """V, the number of tokens that can be drawn."""
        if self.column.is_levelled:
            return len(self.cells)
        return self.bins + len(self.missing)

    @property
    def unseen(self) -> float:
        """Log probability of the token V: of a cell that nobody had, 0 if there is none."""
        others = self._others
        if not others:
            return -np.inf
        return float(np.log(self._stray / others))

    @property
    def seen(self) -> float:
        """Log probability that a cell is one of those seen."""
        return float(np.log1p(-self._stray)) if self._others else 0.0

    @property
    def _others(self) -> int:
        """Number of cells that nobody had."""
        if self.column.is_levelled:
            return n_level_cells(self.column) - len(self.cells)
        known = 2 + len(self.column.missing_codes)
        return known - len(self.missing) - (self.bins > 0)

    @property
    def _stray(self) -> float:
        return UNSEEN / (float(self.counts.sum()) + 1.0)

    def encode(self, table: Table) -> tuple[Tokens, Floats]:
        """Return each row's token, (n,), and the log density of the value given its token, (n,)."""
        column = self.column
        if column.is_levelled:
            cell = level_cells(table, column)
            place = np.searchsorted(self.cells, cell).clip(0, max(len(self.cells) - 1, 0))
            known = self.cells[place] == cell
            return np.where(known, place, self.size).astype(np.int64), np.zeros(len(table))
        state = table.states[column.name]
        token = np.full(len(table), self.size, np.int64)
        within = np.zeros(len(table))
        for i, s in enumerate(self.missing):
            token[state == s] = self.bins + i
        rows = np.flatnonzero(state == PRESENT)
        margin = self.predictor.margin
        if margin is not None and len(rows):
            low, high = _interval(margin, table.values[column.name][rows].astype(float))
            a, b = ndtr(low), ndtr(high)
            bin_ = np.searchsorted(self.edges, (a + b) / 2, side="right") - 1
            bin_ = bin_.clip(0, self.bins - 1)
            width = np.diff(self.edges)[bin_]
            mass = np.where(high > low, np.minimum(b - a, width), _phi(low))
            token[rows], within[rows] = bin_, np.log(mass / width)
        return token, within

    def decode(
        self, token: Tokens, rng: np.random.Generator
    ) -> tuple[NDArray[np.generic], NDArray[np.int8]]:
        """Return values and states, (n,) each; a number is drawn within its bin."""
        if self.column.is_levelled:
            return from_cells(self.cells[token], self.column)
        state = np.array([PRESENT] * self.bins + self.missing, np.int8)[token]
        value = np.full(len(token), np.nan)
        rows = np.flatnonzero(token < self.bins)
        place = rng.random(len(token))[rows]
        margin = self.predictor.margin
        if margin is not None and len(rows):
            low, width = self.edges[token[rows]], np.diff(self.edges)[token[rows]]
            value[rows] = margin.decode(ndtri(low + place * width))
        return value, state

    def inconceivable(self, table: Table) -> NDArray[np.bool_]:
        """Return the rows (n,) whose cell or number the column never takes in a model of it."""
        token, _ = self.encode(table)
        out = np.asarray(token == self.size)
        margin = self.predictor.margin
        if margin is not None:
            ends = margin.decode(ndtri(self.edges[[0, -1]]))
            value = table.values[self.column.name].astype(float)
            here = table.states[self.column.name] == PRESENT
            out[here] |= (value[here] < ends[0]) | (value[here] > ends[1])
        return out

    def frequency(self) -> Floats:
        """Return the smoothed frequency of each token, (V,)."""
        smoothed = self.counts + 0.5 * (1.0 + self.counts) / (1.0 + self.counts.max(initial=0.0))
        return np.asarray(smoothed / smoothed.sum())

    def description(self) -> Floats:
        """Return what a model is told of each token, (V + 1, f).

        A number's bin and an ordered level are described smoothly: by normal score, its square and
        cosines over the ranks. Every token also has an indicator, whose weight is learnt more
        slowly where there is a smooth part. Row V, of cells never seen, is zero.
        """
        size = self.size
        ordered = self.bins or (self.column.kind == "ordinal" and size > 2)
        free = np.vstack([np.eye(size), np.zeros((1, size))])
        if not ordered:
            return free
        m = self.bins or int(np.sum(self.cells < len(self.column.levels)))
        if self.bins:
            edges = self.edges
        else:
            edges = np.concatenate([[0.0], np.cumsum(self.frequency()[:m])])
            edges = edges / edges[-1]
        smooth = np.zeros((size + 1, 2 + WAVES))
        middle = (edges[1:] + edges[:-1]) / 2
        with np.errstate(divide="ignore"):
            cut = ndtri(edges.clip(0.0, 1.0))
        z = (_phi(cut[:-1]) - _phi(cut[1:])) / np.maximum(np.diff(edges), 1e-12)
        smooth[:m, 0], smooth[:m, 1] = z, (z * z - 1) / np.sqrt(2)
        for k in range(1, WAVES + 1):
            smooth[:m, 1 + k] = np.cos(np.pi * (k + 1) * middle)
        scale = np.ones(size)
        scale[:m] = RESOLUTION
        return np.hstack([smooth, free * scale])

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the coder as JSON values and arrays."""
        plain, arrays = self.predictor.to_dict()
        own = {"cells": self.cells, "edges": self.edges, "counts": self.counts}
        return plain, {**arrays, **own}

    @classmethod
    def from_dict(
        cls, column: Column, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Coder:
        """Rebuild the coder from ``to_dict``'s form."""
        mine = {k: v for k, v in arrays.items() if k not in ("cells", "edges", "counts")}
        predictor = Predictors.from_dict(column, plain, mine)
        return cls(predictor, arrays["cells"], arrays["edges"], arrays["counts"])


@dataclass(frozen=True)
class Codec:
    """Turn a table into tokens and back, all columns in the order of the schema.

    Parameters
    ----------
    schema : Schema
    coders : tuple of Coder
    """

    schema: Schema
    coders: tuple[Coder, ...]

    @classmethod
    def fit(cls, table: Table, *, bins: int = 32) -> Codec:
        """Learn the tokens of every modelled column."""
        columns = table.schema.modelled
        return cls(table.schema, tuple(Coder.fit(table, c, bins=bins) for c in columns))

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [c.column.name for c in self.coders]

    def encode(self, table: Table) -> tuple[Tokens, Floats]:
        """Return tokens (n, d) and the log density of each row's values given these, (n, d)."""
        parts = [c.encode(table) for c in self.coders]
        tokens = np.column_stack([t for t, _ in parts])
        return tokens, np.column_stack([w for _, w in parts])

    def constants(self, tokens: Tokens) -> Floats:
        """Return the log probability of a cell's being seen or not, (n, d): no model changes it."""
        parts = [
            np.where(tokens[:, j] == c.size, c.unseen, c.seen) for j, c in enumerate(self.coders)
        ]
        return np.column_stack(parts)

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> Table:
        """Return the rows behind tokens (n, d)."""
        values: dict[str, NDArray[np.generic]] = {}
        states: dict[str, NDArray[np.int8]] = {}
        for j, coder in enumerate(self.coders):
            name = coder.column.name
            values[name], states[name] = coder.decode(tokens[:, j], rng)
        return Table(self.schema, values, states)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the codec as JSON values and arrays."""
        arrays: dict[str, NDArray[Any]] = {}
        plain = []
        for j, coder in enumerate(self.coders):
            mine, own = coder.to_dict()
            plain.append({"column": coder.column.name, **mine})
            arrays |= {f"column{j}.{k}": v for k, v in own.items()}
        return {"schema": self.schema.to_dict(), "columns": plain}, arrays

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Codec:
        """Rebuild the codec from ``to_dict``'s form."""
        schema = Schema.from_dict(plain["schema"])
        coders = []
        for j, one in enumerate(plain["columns"]):
            at = f"column{j}."
            mine = {k[len(at) :]: v for k, v in arrays.items() if k.startswith(at)}
            coders.append(Coder.from_dict(schema[one["column"]], one, mine))
        return cls(schema, tuple(coders))


def _interval(margin: Margin, x: Floats) -> tuple[Floats, Floats]:
    """Return the scores between which each value lies, (n,) each; a point is outside every atom's.

    A margin's curve leads through the middle of an atom's interval, so values just beside an atom would
    count as the atom.
    """
    low, high = margin.interval(x)
    if len(margin.atoms):
        point = ~np.isin(x, margin.atoms)
        k = np.searchsorted(margin.atoms, x[point])
        after = ndtr(np.concatenate([[-np.inf], margin.atom_high])[k])
        before = ndtr(np.concatenate([margin.atom_low, [np.inf]])[k])
        edge = np.minimum(1e-7, (before - after).clip(0.0) / 4)  # so that a cut there parts them
        z = ndtri(ndtr(low[point]).clip(after + edge, before - edge))
        low[point] = high[point] = z.clip(-margin.reach, margin.reach)
    return low, high


def _cuts(margin: Margin, bins: int) -> Floats:
    """Return the edges of about ``bins`` bins of u; none of them cuts through an atom."""
    ends = ndtr(np.array([-margin.reach, margin.reach]))
    low, high = ndtr(margin.atom_low), ndtr(margin.atom_high)
    heavy = high - low >= 0.5 / bins
    fixed = np.unique(np.concatenate([ends, low[heavy], high[heavy]]).clip(*ends))
    cuts = list(fixed)
    for a, b in pairwise(fixed):
        if not np.any(heavy & (low <= a + 1e-12) & (high >= b - 1e-12)):
            parts = max(1, round((b - a) * bins))
            cuts += list(np.linspace(a, b, parts + 1)[1:-1])
    return _snapped(np.array(cuts), low[~heavy], high[~heavy])


def _snapped(cuts: Floats, low: Floats, high: Floats) -> Floats:
    """Move each cut that lies inside an atom's interval to the nearer end of it."""
    if len(low):
        k = np.searchsorted(low, cuts, side="right") - 1
        k = k.clip(0, len(low) - 1)
        inside = (cuts > low[k]) & (cuts < high[k])
        nearer = np.where(cuts - low[k] < high[k] - cuts, low[k], high[k])
        cuts = np.where(inside, nearer, cuts)
    cuts = np.unique(cuts)
    keep = np.concatenate([[True], np.diff(cuts) > 1e-9])
    return np.asarray(cuts[keep])


def _phi(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
