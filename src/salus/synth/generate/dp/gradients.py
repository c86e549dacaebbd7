"""Noisy gradients of random batches: the one mechanism by which a network may learn of people.

Each step takes every person with the same probability, adds up the gradients of a person's rows,
shortens the sum to the clipping norm, adds these up over the people and adds Gaussian noise (DP-SGD,
Abadi et al. 2016, arXiv:1607.00133). So one person more or less moves the sum by at most the clipping
norm, however many rows they have.

Sums of floating-point numbers depend on their order, and textbook noise leaks through its lowest bits
(Mironov 2012, doi:10.1145/2382196.2382264). Here every person's gradient is rounded to whole
multiples of ``1 / GRID`` clipping norms, such that its length in whole numbers keeps the limit; these
are added without rounding, and the noise is a Gaussian rounded to a whole number. A rounded sum
of a whole number and a Gaussian is what the textbook mechanism gives, only told less precisely, so
its accounting holds as it is. One thing is assumed, as by all such implementations: that the gradient
of a row doesn't depend on the rows computed beside it. In 32-bit arithmetic its last bits may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import Infeasible
from salus.synth.generate.dp.claim import Account, Training
from salus.synth.generate.dp.noise import Source, happens, rounded_gaussian

__all__ = ["GRID", "NoisyGradients", "clipped"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Slopes = NDArray[np.float32]

GRID = 2**24  # parts of a clipping norm: the largest whole numbers that 32-bit floats hold
ROWS = 256  # whose gradients are held at once, if no person has more


class NoisyGradients:
    """Answer with noisy sums of gradients, as often as was recorded and no more.

    Parameters
    ----------
    codes : int array (n, d)
        Cell of each row in each column, -1 where none is known.
    people : array (n,)
        Whose row it is.
    account : Account
    source : Source
        Of the batches and of the noise.
    training : Training
        Recorded in the account before the first step.
    clip : float
        C, the longest gradient of a person.
    """

    def __init__(
        self,
        codes: Ints,
        people: NDArray[np.generic],
        account: Account,
        source: Source,
        *,
        training: Training,
        clip: float,
    ) -> None:
        account.train(training)
        order = np.argsort(people, kind="stable")
        _, self._begin = np.unique(people[order], return_index=True)
        self._end = np.append(self._begin[1:], len(people))
        self._codes, self._source = codes[order], source
        self.training, self.clip, self.left = training, clip, training.steps

    def step(self, slopes: Callable[[Ints], Slopes], size: int) -> Floats:
        """Return the noisy sum of a new batch's clipped gradients, (size,).

        Parameters
        ----------
        slopes : callable
            Of rows of cells, (r, d), their gradients, (r, size). It must treat every row on its own.
        size : int

        Raises
        ------
        Infeasible
            After the last step that was recorded.
        """
        if self.left <= 0:
            raise Infeasible("all steps that were recorded are taken.")
        self.left -= 1
        batch = np.flatnonzero(happens(self._source, self.training.rate, len(self._begin)))
        total = np.zeros(size)
        for people in self._pieces(batch):
            rows = [np.arange(self._begin[i], self._end[i]) for i in people]
            slope = slopes(self._codes[np.concatenate(rows)])
            if len(slope) > len(people):
                first = np.cumsum([0, *(len(r) for r in rows[:-1])])
                slope = np.add.reduceat(slope, first, axis=0)
            total += clipped(slope, self.clip)
        noise = rounded_gaussian(self._source, self.training.noise_multiplier * GRID, size)
        return np.asarray((total + noise) * (self.clip / GRID))

    def _pieces(self, batch: Ints) -> Iterator[Ints]:
        """Return the batch in parts of few rows."""
        held = np.cumsum(self._end[batch] - self._begin[batch])
        part = np.maximum(held - 1, 0) // ROWS
        for number in np.unique(part):
            yield batch[part == number]


def clipped(slopes: Slopes, clip: float) -> Floats:
    """Return the sum of gradients (b, p), each of length ``clip`` at most, in whole parts of it, (p,).

    Every summand is a vector of whole numbers no longer than ``GRID``; one that isn't finite
    counts nothing.
    """
    length = np.sqrt(np.einsum("bp,bp->b", slopes, slopes, dtype=np.float64))
    # rounding lengthens a vector by half a root of its size at most, 32-bit products by less than 3
    most = GRID - 0.5 * np.sqrt(slopes.shape[1]) - 3.0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scale = np.minimum(GRID / clip, most / length)
    good = np.isfinite(length) & np.isfinite(scale)
    if not good.all():
        slopes, scale = slopes[good], scale[good]
    whole = slopes * scale[:, None].astype(np.float32)
    np.rint(whole, out=whole)
    # squares of whole numbers up to GRID add up exactly in 64 bits, so this test can't err
    short = np.einsum("bp,bp->b", whole, whole, dtype=np.float64) <= float(GRID) ** 2
    return np.asarray(whole[short].sum(0, dtype=np.float64))
