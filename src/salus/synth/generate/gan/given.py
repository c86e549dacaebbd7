"""Rows under a condition: many candidates, of which one is picked by what is given.

A level or missing state that is given is told to the networks as their condition. For each row many
candidates are emitted. A candidate's weight is the probability of the given cells, which is exact
since cells are drawn apart given the noise, times a kernel of how far its numbers lie from the given
ones, in normal scores. One is picked by its weight, the other columns are drawn from it, and the given
ones are set (sampling importance resampling, Rubin 1988). Where no candidate comes near, nobody is
made: the condition is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.gan.calibrate import Calibration
from salus.synth.generate.gan.codec import NumberCoder
from salus.synth.generate.gan.draw import Drawer
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.table.table import Table

__all__ = ["Given"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
CANDIDATES = 100  # for each row
BLOCK = 100_000  # candidates emitted at once
NEAR = 0.15  # width of the kernel, in normal scores
FARTHEST = 1.0  # score by which the number of a candidate that is picked may be off
RAREST = 1e-7  # probability of the given cells that a candidate has at least


@dataclass
class Given:
    """Draw rows with some columns as in ``one``, a table of one row.

    Parameters
    ----------
    drawer : Drawer
    calibration : Calibration
    one : Table
    fixed : tuple of str
        The columns that are given.
    temperature, top_p : float
    """

    drawer: Drawer
    calibration: Calibration
    one: Table
    fixed: tuple[str, ...]
    temperature: float
    top_p: float
    missed: int = field(default=0, init=False)  # rows for which no candidate came near

    def __post_init__(self) -> None:
        coders = self.drawer.codec.coders
        self.columns = [j for j, c in enumerate(coders) if c.column.name in self.fixed]
        self.cells = {j: self._cells_of(j) for j in self.columns}
        self.bounds = {j: self._bounds_of(j) for j in self.columns if self._is_number(j)}

    def _is_number(self, j: int) -> bool:
        """Whether a mode's value is given for column j."""
        coder, cells = self.drawer.codec.coders[j], self.cells[j]
        return isinstance(coder, NumberCoder) and len(cells) > 0 and cells[0] < coder.modes

    def _cells_of(self, j: int) -> Ints:
        """Return the cells that hold what is given: none if nobody has it."""
        coder = self.drawer.codec.coders[j]
        cell = int(coder.encode(self.one, np.random.default_rng(0))[0][0])
        if cell < 0:
            return np.zeros(0, np.intp)
        return np.arange(coder.modes) if cell < coder.modes else np.array([cell])

    def _bounds_of(self, j: int) -> tuple[float, float]:
        """Return the normal scores between which a given number lies."""
        coder = self.drawer.codec.coders[j]
        assert isinstance(coder, NumberCoder)
        assert coder.margin is not None
        low, high = coder.margin.interval(self.one.values[coder.column.name].astype(float))
        return float(low[0]), float(high[0])

    @property
    def inconceivable(self) -> bool:
        """Whether a given value is one that the model never makes."""
        return any(not len(c) for c in self.cells.values()) or any(
            self._is_out(j) for j in self.bounds
        )

    def _is_out(self, j: int) -> bool:
        coder = self.drawer.codec.coders[j]
        assert isinstance(coder, NumberCoder)
        margin = coder.margin
        assert margin is not None
        ends = margin.decode(np.array([-margin.reach, margin.reach]))
        value = float(self.one.values[coder.column.name][0])
        return not ends[0] <= value <= ends[1]

    def nobody(self, n: int) -> Sampled:
        """Return no rows, and that the condition is why."""
        names = ", ".join(self.fixed)
        short = Shortfall(
            n, 0, f"the condition on {names}", 0.0, "No such person is conceivable here."
        )
        return Sampled(self.one.take(np.zeros(0, int)), short)

    def draw(self, n: int, rng: np.random.Generator) -> Table:
        """Return n rows; those that nothing came near are counted in ``missed``."""
        members = self.drawer.size.members
        each = -(-n // members)
        step = max(1, BLOCK // (CANDIDATES * members))
        parts = [
            table
            for begin in range(0, each, step)
            for table in self._block(min(step, each - begin), rng)
        ]
        rows = Table.concat(parts).take(rng.permutation(each * members)[:n])
        values, states = dict(rows.values), dict(rows.states)
        for name in self.fixed:
            values[name] = np.repeat(self.one.values[name], n)
            states[name] = np.repeat(self.one.states[name], n)
        return Table(rows.schema, values, states)

    def _block(self, n: int, rng: np.random.Generator) -> list[Table]:
        """Return n rows of each sub-model."""
        drawer, m = self.drawer, n * CANDIDATES
        emitted = drawer.emit(self._conditions(m, rng), rng)
        chances = drawer.chances(emitted, self.calibration, self.temperature)
        tables = []
        for k in range(drawer.size.members):
            weight, conceivable = self._weights(k, emitted.places[k], chances[k])
            weight = np.where(conceivable, weight, -np.inf).reshape(n, CANDIDATES)
            best = weight.max(1, keepdims=True)
            none = ~np.isfinite(best[:, 0])
            self.missed += int(none.sum())
            share = np.where(none[:, None], 1.0, np.exp(weight - np.where(none[:, None], 0, best)))
            total = np.cumsum(share, axis=1)
            place = (total <= rng.random((n, 1)) * total[:, -1:]).sum(1)
            rows = np.arange(n) * CANDIDATES + np.minimum(place, CANDIDATES - 1)
            cell = drawer.choose(chances[k, rows], rng, self.top_p)
            tables.append(
                drawer.table(
                    k, cell, emitted.places[k, rows], self.calibration, rng, self.temperature
                )
            )
        return tables

    def _conditions(self, m: int, rng: np.random.Generator) -> Ints:
        """Return conditions (K, m): given cells where there are any, else as among people."""
        drawer = self.drawer
        told = [
            drawer.layout.starts[j] + int(cells[0])
            for j, cells in self.cells.items()
            if j in drawer.layout.starts and len(cells) == 1
        ]
        if not told:
            return drawer.cells(m, rng)
        return np.array(told)[rng.integers(0, len(told), (drawer.size.members, m))]

    def _weights(
        self, k: int, places: NDArray[np.float32], chances: Floats
    ) -> tuple[Floats, Bools]:
        """Return a sub-model's candidates' log weights (m,), and which of them may be picked."""
        layout = self.drawer.layout
        weight, may = np.zeros(len(chances)), np.ones(len(chances), bool)
        for j in self.columns:
            cells = self.cells[j]
            log = np.zeros((len(chances), len(cells)))
            if j in layout.starts:
                log = chances[:, layout.starts[j] + cells]
                may &= np.exp(log).sum(1) >= RAREST
            if j in self.bounds:
                low, high = self.bounds[j]
                z = self._scores_of(k, j, places)
                off = np.maximum(np.maximum(low - z, z - high), 0.0)
                may &= off.min(1) <= FARTHEST
                log = log - 0.5 * (off / NEAR) ** 2
            top = log.max(1)
            weight += top + np.log(np.exp(log - top[:, None]).sum(1))
        return weight, may

    def _scores_of(self, k: int, j: int, places: NDArray[np.float32]) -> Floats:
        """Return the normal scores of column j's number in each of its modes, (m, modes)."""
        layout, coder = self.drawer.layout, self.drawer.codec.coders[j]
        assert isinstance(coder, NumberCoder)
        i = layout.numbers.index(j)
        at = sum(layout.modes[:j])
        levels = [
            self.calibration.scores(
                k,
                i,
                coder.level_of(np.full(len(places), mode), places[:, at + mode].astype(float)),
            )
            for mode in range(coder.modes)
        ]
        return np.column_stack(levels)
