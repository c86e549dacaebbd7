"""Where each column's part lies in the vector of a row.

A row is a vector of P places, one for each number with modes, then C cells: a one-hot part for each
column that has at least two. A condition is a vector of the C cells with a single one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.gan.codec import Codec, Coded

__all__ = ["Layout"]

Ints = NDArray[np.intp]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Hold the sizes of the columns' parts.

    Parameters
    ----------
    cells : tuple of int
        Cells of each column.
    modes : tuple of int
        How many of them have a place.
    """

    cells: tuple[int, ...]
    modes: tuple[int, ...]

    @classmethod
    def of(cls, codec: Codec) -> Layout:
        """Return the layout of a codec's rows."""
        return cls(tuple(c.size for c in codec.coders), tuple(c.modes for c in codec.coders))

    @cached_property
    def numbers(self) -> list[int]:
        """Columns that have a place, in the order of their places."""
        return [j for j, m in enumerate(self.modes) if m]

    @cached_property
    def choices(self) -> list[int]:
        """Columns with at least two cells, in the order of their parts."""
        return [j for j, c in enumerate(self.cells) if c > 1]

    @cached_property
    def starts(self) -> dict[int, int]:
        """Where each choice's cells begin, counted from the first cell."""
        ends = np.cumsum([0, *(self.cells[j] for j in self.choices)])
        return {j: int(e) for j, e in zip(self.choices, ends[:-1], strict=True)}

    @property
    def n_places(self) -> int:
        """P."""
        return len(self.numbers)

    @property
    def n_cells(self) -> int:
        """C."""
        return sum(self.cells[j] for j in self.choices)

    @property
    def width(self) -> int:
        """P + C, the length of a row's vector."""
        return self.n_places + self.n_cells

    @property
    def n_raw(self) -> int:
        """What a generator emits: a place for each mode of each number, then the cells' logits."""
        return sum(self.modes) + self.n_cells

    def part(self, j: int) -> slice:
        """Return where column j's cells lie in a row's vector."""
        begin = self.n_places + self.starts[j]
        return slice(begin, begin + self.cells[j])

    def vectors(self, coded: Coded) -> Singles:
        """Return the rows' vectors, (n, P + C)."""
        out = np.zeros((len(coded), self.width), np.float32)
        for i, j in enumerate(self.numbers):
            out[:, i] = coded.place[:, j]
        rows = np.arange(len(coded))
        for j in self.choices:
            out[rows, self.n_places + self.starts[j] + coded.cell[:, j]] = 1.0
        return out

    def groups(self) -> list[tuple[list[int], int]]:
        """Return the choices in groups of like size, with the largest size of each."""
        out: dict[int, list[int]] = {}
        for j in self.choices:
            out.setdefault(int(self.cells[j] - 1).bit_length() // 2, []).append(j)
        return [(js, max(self.cells[j] for j in js)) for _, js in sorted(out.items())]
