"""Rows that come near the people learnt from: their excess over strangers, and to whom they came near.

A row is near a person within the distance to the nearest other that only 1 % of people have. People
learnt from are compared with equally many left out, in groups of one size, so a model that likes a
crowded corner isn't accused; the excess is zero in expectation where nobody is copied. It is taken in
two spaces, all columns and the worst one left out, and the larger counts (``measure/distance.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Encoder, Placed, nearest
from salus.synth.table.table import Table

__all__ = ["CLOSEST", "Copying", "Near"]

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
CLOSEST = 0.01  # share of people whose nearest neighbour is within reach
PEOPLE = 2_000  # asked for their nearest neighbour, and most people in a group
GROUPS = 4  # of people learnt from that are looked at in one estimate


@dataclass(frozen=True)
class Near:
    """Hold the excess of near copies among some rows, and to whom they came near.

    Parameters
    ----------
    excess : float
        Share of rows near people learnt from beyond what as many strangers would show.
    people : int array
        Those learnt from and looked at to whom a row came near.
    error : float
        Standard error of the excess, by the number of rows.
    """

    excess: float
    people: Ints
    error: float = 0.0


@dataclass(frozen=True)
class Copying:
    """Judge rows by their distance to people; holds the people's positions during a fit only.

    Parameters
    ----------
    encoder : Encoder
    people : Placed
        All people, learnt from or not.
    reach : pair of float
        The distances that count as near in the two spaces.
    """

    encoder: Encoder
    people: Placed
    reach: tuple[float, float]

    @classmethod
    def fit(cls, people: Table, rng: np.random.Generator) -> Copying:
        """Learn positions and reach from all people of a fit."""
        encoder = Encoder.fit([people])
        placed = encoder.place(people)
        some = rng.permutation(len(people))
        others = nearest(
            placed.take(some[:PEOPLE]), placed.take(some[: 5 * PEOPLE]), skip_same=True
        )
        return cls(encoder, placed, (_reach(others.all), _reach(others.left_out)))

    def judge(self, made: Table, inside: Ints, outside: Ints, rng: np.random.Generator) -> Near:
        """Return the excess of rows near the people ``inside`` over those ``outside``."""
        size = min(len(outside), len(inside), PEOPLE)
        if not size or not len(made):
            return Near(0.0, np.zeros(0, np.intp))
        groups = min(max(1, len(inside) // size), GROUPS)
        mixed = rng.permutation(inside)
        chunks = [mixed[g * size : (g + 1) * size] for g in range(groups)]
        placed = self.encoder.place(made)
        found = [self._within(placed, chunk).mean(0) for chunk in chunks]
        strange = self._within(placed, rng.permutation(outside)[:size]).mean(0)
        beyond = np.mean(found, axis=0) - strange  # (2,)
        worst = int(np.argmax(beyond))
        share = np.mean(found, axis=0)[worst]
        chance = share * (1 - share) / len(chunks) + strange[worst] * (1 - strange[worst])
        scale = len(inside) / size
        excess, error = float(beyond[worst]) * scale, float(np.sqrt(chance / len(made))) * scale
        people = [c[self._approached(placed, c)[:, worst]] for c in chunks]
        return Near(excess, np.concatenate(people), error)

    def _within(self, made: Placed, here: Ints) -> Bools:
        """Return which rows are within reach of someone, in either space, (m, 2)."""
        near = nearest(made, self.people.take(here))
        reach = self.reach
        return np.column_stack([near.all[:, 0] <= reach[0], near.left_out[:, 0] <= reach[1]])

    def _approached(self, made: Placed, here: Ints) -> Bools:
        """Return which people have a row within reach, in either space, (n, 2)."""
        near = nearest(self.people.take(here), made)
        reach = self.reach
        return np.column_stack([near.all[:, 0] <= reach[0], near.left_out[:, 0] <= reach[1]])


def _reach(distance: NDArray[np.float64]) -> float:
    reach = float(np.quantile(distance[:, 0], CLOSEST, method="lower"))
    return reach if np.isfinite(reach) else 0.0
