"""The space in which rows are near or far, for soft rows that gradients pass through.

It mirrors ``measure/distance.py``: a number or ordinal level is its position in the people's
distribution, levels and missing states are equal or not, and the distance of two rows is the mean
over columns. A generator's soft row has a probability for each cell, so a mismatch becomes the
probability of one, and a position the mean over cells; for a hard row both distances agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from salus.synth.generate.gan.codec import Codec, Coded
from salus.synth.generate.gan.layout import Layout
from salus.synth.measure.distance import Encoder, Placed

__all__ = ["Seats", "Space"]

GRID = 33  # points of a mode's places at which positions are known
MIDDLE = 0.5  # where a position is put that isn't there


@dataclass(frozen=True)
class Seats:
    """Hold rows in the space.

    Parameters
    ----------
    position : tensor (..., n, g)
        Of numbers and ordinal levels, 0 to 1.
    present : tensor (..., n, g)
        Probability that these are there.
    match : tensor (..., n, M)
        Probability of each state: of a column without positions its cells, else present or not.
    """

    position: Tensor
    present: Tensor
    match: Tensor

    def take(self, rows: Tensor) -> Seats:
        """Return some rows of unbatched seats; (K, m) rows give seats of K batches."""
        return Seats(self.position[rows], self.present[rows], self.match[rows])

    def keep(self, graded: Tensor, states: Tensor) -> Seats:
        """Return the seats in some of the columns."""
        return Seats(self.position[..., graded], self.present[..., graded], self.match[..., states])


class Space:
    """Place soft rows and people, and measure how far they are apart.

    Parameters
    ----------
    codec : Codec
    layout : Layout
    encoder : Encoder
        Fitted on the people; nothing of it is kept in a model.
    device : torch.device
    """

    def __init__(
        self, codec: Codec, layout: Layout, encoder: Encoder, device: torch.device
    ) -> None:
        self.device, self.layout, self.names = device, layout, codec.names
        graded = [j for j, c in enumerate(encoder.columns) if c.name in encoder.curves]
        self.graded = {j: i for i, j in enumerate(graded)}
        self.states: list[tuple[int, int]] = []  # column and code behind each part of a match
        placed, at = _grid(codec, encoder)
        wide = layout.n_cells + 1  # the last cell is always there
        match = torch.zeros(wide, sum(c.size for c in codec.coders))
        present, fixed = torch.zeros(wide, len(graded)), torch.zeros(wide, len(graded))
        curves: list[Tensor] = []
        modes: list[tuple[int, int]] = []  # place and cell of each mode
        onto = torch.zeros(sum(layout.modes), len(graded))  # the graded column of each mode
        for j, c in [(j, c) for j, coder in enumerate(codec.coders) for c in range(coder.size)]:
            cell = layout.starts[j] + c if layout.cells[j] > 1 else layout.n_cells
            row = at[j, c]
            state = (j, int(placed.code[row, j]))
            if state not in self.states:
                self.states.append(state)
            match[cell, self.states.index(state)] = 1.0
            if j not in self.graded or state[1]:
                continue
            present[cell, self.graded[j]] = 1.0
            along = torch.from_numpy(placed.position[row : row + GRID, j].clip(0, 1))
            if c < layout.modes[j]:
                onto[len(modes), self.graded[j]] = 1.0
                curves.append(along)
                modes.append((layout.numbers.index(j), cell))
            else:
                fixed[cell, self.graded[j]] = along[0]
        self.match_of = match[:, : len(self.states)].to(device)
        self.present_of, self.fixed_of, self.onto = (t.to(device) for t in (present, fixed, onto))
        self.curves = (torch.stack(curves) if curves else torch.zeros(0, GRID)).to(device)
        self.mode_place = self._index([p for p, _ in modes])
        self.mode_cell = self._index([c for _, c in modes])

    @property
    def columns(self) -> int:
        """Number of columns, d."""
        return len(self.names)

    def seats(self, rows: Tensor) -> Seats:
        """Return the seats of soft rows (..., n, P + C)."""
        p = self.layout.n_places
        cells = functional.pad(rows[..., p:], (0, 1), value=1.0)
        present = cells @ self.present_of
        position = cells @ self.fixed_of
        if len(self.curves):
            place = rows[..., self.mode_place].clamp(-1.0, 1.0)
            where = (place + 1.0) * (0.5 * (GRID - 1))
            left = where.detach().floor().clamp(0, GRID - 2)
            index = left.long().flatten(0, -2)
            mode = torch.arange(len(self.curves), device=self.device)
            a = self.curves[mode, index].reshape(place.shape)
            b = self.curves[mode, index + 1].reshape(place.shape)
            height = a + (where - left) * (b - a)
            position = position + (cells[..., self.mode_cell] * height) @ self.onto
        position = position / present.clamp_min(1e-6)
        return Seats(position, present, cells @ self.match_of)

    def people(self, placed: Placed) -> Seats:
        """Return people's seats, (n, ...)."""
        graded = list(self.graded)
        position = torch.from_numpy(placed.position[:, graded].clip(0, 1))
        present = torch.from_numpy((placed.code[:, graded] == 0).astype(np.float32))
        columns = [j for j, _ in self.states]
        codes = np.array([c for _, c in self.states], np.int32)
        match = torch.from_numpy((placed.code[:, columns] == codes).astype(np.float32))
        return Seats(*(t.to(self.device) for t in (position, present, match)))

    def columns_at(self, columns: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return the graded columns and the states that belong to some columns."""
        mine = set(columns)
        graded = [i for j, i in self.graded.items() if j in mine]
        states = [i for i, (j, _) in enumerate(self.states) if j in mine]
        return self._index(graded), self._index(states)

    def _index(self, places: Sequence[int]) -> Tensor:
        return torch.tensor(places, dtype=torch.long, device=self.device)


def distances(a: Seats, b: Seats, columns: int) -> Tensor:
    """Return the distance of each row of ``a`` to each of ``b``, (..., n, m), 0 to 1.

    Parameters
    ----------
    a, b : Seats
        In the same columns and batches.
    columns : int
        How many columns these are.
    """
    apart = columns - a.match @ b.match.transpose(-1, -2)
    if a.position.shape[-1]:
        # where a value is absent its position counts as the middle, which is taken out again below
        off_a, off_b = a.present * (a.position - MIDDLE), b.present * (b.position - MIDDLE)
        gap = torch.cdist(off_a.contiguous(), off_b.contiguous(), p=1.0)
        gap = gap - off_a.abs() @ (1 - b.present).transpose(-1, -2)
        gap = gap - (1 - a.present) @ off_b.abs().transpose(-1, -2)
        apart = apart + gap
    return apart / columns


def _grid(codec: Codec, encoder: Encoder) -> tuple[Placed, dict[tuple[int, int], int]]:
    """Return the positions of every cell, along its places, and the row at which each begins."""
    at: dict[tuple[int, int], int] = {}
    cells, places = [], []
    for j, coder in enumerate(codec.coders):
        cell: list[int] = []
        place: list[float] = []
        for c in range(coder.size):
            at[j, c] = len(cell)
            along = np.linspace(-1, 1, GRID).tolist() if c < coder.modes else [0.0]
            cell += [c] * len(along)
            place += along
        cells.append(cell)
        places.append(place)
    longest = max(len(c) for c in cells)
    coded = Coded(
        np.column_stack([np.pad(np.array(c, np.intp), (0, longest - len(c))) for c in cells]),
        np.column_stack([np.pad(np.array(p, float), (0, longest - len(p))) for p in places]),
    )
    return encoder.place(codec.decode(coded)), at
