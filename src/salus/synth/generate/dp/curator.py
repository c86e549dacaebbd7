"""The one place where the patients are counted: every answer carries noise and is paid for.

Algorithms see a ``Curator``, never the rows. Of each person at most ``rows_per_person`` rows are used,
picked by the secret source, so that adding or removing a person adds or removes at most k rows: each
table of counts changes by at most k, both in sum and in Euclidean length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from salus.synth.generate.dp.accounting import choice_rho, gaussian_rho
from salus.synth.generate.dp.claim import Account, Spend, Training
from salus.synth.generate.dp.gradients import NoisyGradients
from salus.synth.generate.dp.noise import (
    SLACK,
    Source,
    choose,
    discrete_gaussian,
    rational_variance,
    shuffled,
)
from salus.synth.table.table import Table

__all__ = ["Clique", "Curator", "kept_levels", "noisy_counts", "some_rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
KEPT = 10_000  # cells of a table that is counted once and kept, since choices ask again
Clique = tuple[int, ...]
"""Columns by their number, increasing."""


class Curator:
    """Answer questions about cells with noise, and record what each costs.

    Parameters
    ----------
    codes : int array (n, d)
        Cell of each row in each column; -1 leaves the row out of the tables of that column.
    sizes : sequence of int
        Cells of each column.
    account : Account
    source : Source
        Of the noise.
    people : array (n,), optional
        Whose row it is; by default every row is a person.
    """

    def __init__(
        self,
        codes: Ints,
        sizes: Sequence[int],
        account: Account,
        source: Source,
        people: NDArray[np.generic] | None = None,
    ) -> None:
        self._codes = codes
        self._source = source
        self._people = np.arange(len(codes)) if people is None else people
        self.sizes = tuple(sizes)
        self.account = account
        self._known: dict[Clique, Floats] = {}

    @property
    def sensitivity(self) -> int:
        """Rows by which two tables of which one person differs may differ."""
        return self.account.rows_per_person

    def recoded(self, maps: Sequence[Ints]) -> Curator:
        """Return a curator of coarser cells: ``maps[j][cell]`` is the new one, or -1."""
        columns = []
        for j, new in enumerate(maps):
            cell = self._codes[:, j]
            columns.append(np.where(cell < 0, -1, new[cell]))
        codes = np.column_stack(columns).astype(np.intp)
        sizes = [int(new.max(initial=-1)) + 1 for new in maps]
        return Curator(codes, sizes, self.account, self._source, self._people)

    def measure(self, clique: Clique, sigma: float, *, step: str = "measurements") -> Floats:
        """Return the clique's table of counts with discrete Gaussian noise, of its shape."""
        shape = tuple(self.sizes[j] for j in clique)
        return noisy_counts(
            self._exact(clique).ravel(),
            sigma,
            account=self.account,
            source=self._source,
            step=step,
            what={"columns": list(clique)},
        ).reshape(shape)

    def pick(
        self,
        expected: Mapping[Clique, Floats],
        weights: Sequence[float],
        penalties: Sequence[float],
        epsilon: float,
    ) -> int:
        """Return privately the number of a clique that the expected counts describe badly.

        By the exponential mechanism on weight * (sum of abs(counts - expected) - penalty), which one
        person changes by at most weight * k: the penalty and the expected counts don't depend on
        the table otherwise than through earlier answers.
        """
        error = [float(np.abs(self._exact(c) - mean).sum()) for c, mean in expected.items()]
        weight = np.asarray(weights, float)
        score = weight * (np.array(error) - np.asarray(penalties, float))
        reach = float(weight.max()) * self.sensitivity
        self.account.spend(
            Spend(
                step="selection",
                mechanism="exponential mechanism",
                rho=choice_rho(epsilon + SLACK),
                detail={"epsilon": epsilon, "sensitivity": reach, "candidates": len(error)},
            )
        )
        return choose(self._source, score, epsilon / (2 * reach))

    def gradients(self, training: Training, clip: float) -> NoisyGradients:
        """Record a training and return what answers its steps."""
        return NoisyGradients(
            self._codes,
            self._people,
            self.account,
            self._source,
            training=training,
            clip=clip,
        )

    def _exact(self, clique: Clique) -> Floats:
        """Return the counts without noise: for this class alone, and not to be changed."""
        if clique in self._known:
            return self._known[clique]
        shape = tuple(self.sizes[j] for j in clique)
        part = self._codes[:, list(clique)]
        part = part[(part >= 0).all(1)]
        flat = np.ravel_multi_index(tuple(part.T), shape)
        counts = np.bincount(flat, minlength=math.prod(shape)).reshape(shape).astype(float)
        if counts.size <= KEPT:
            self._known[clique] = counts
        return counts


def noisy_counts(
    counts: Floats,
    sigma: float,
    *,
    account: Account,
    source: Source,
    step: str,
    what: Mapping[str, object],
) -> Floats:
    """Return counts of disjoint cells with discrete Gaussian noise, (m,), and pay for them."""
    variance = rational_variance(sigma)
    reach = account.rows_per_person
    # the variance is rounded up, so this is a little more than what is spent
    rho = gaussian_rho(reach, sigma)
    detail = {**what, "sigma": float(sigma), "sensitivity": reach}
    account.spend(Spend(step=step, mechanism="discrete Gaussian", rho=rho, detail=detail))
    return counts + discrete_gaussian(source, variance, len(counts))


def kept_levels(
    counts: Floats, sigma: float, delta: float, *, account: Account, source: Source, column: str
) -> NDArray[np.bool_]:
    """Return which of the levels that occur are told, (m,): a stability histogram.

    A level that only one person has is one that the table without them doesn't show, so it must stay
    hidden but with probability delta. A level is told if its noisy count passes
    k + 1 + sigma z, with z the upper quantile of a normal at delta / k: one person's rows bring at
    most k new levels, of at most k rows each, and a discrete Gaussian reaches m + 1 with a lower
    probability than a normal reaches m (Canonne, Kamath & Steinke 2020, arXiv:2004.00010,
    proposition 25). Stability: Bun, Nissim & Stemmer 2016, arXiv:1511.08552.
    """
    k = account.rows_per_person
    variance = rational_variance(sigma)
    threshold = k + 1 + math.sqrt(variance) * float(-ndtri(delta / k))
    account.spend(
        Spend(
            step="categories",
            mechanism="stability histogram",
            rho=gaussian_rho(k, sigma),
            delta=delta,
            detail={"column": column, "sigma": float(sigma), "threshold": threshold},
        )
    )
    noise = discrete_gaussian(source, variance, len(counts))
    return np.asarray((counts > 0) & (counts + noise >= threshold))


def some_rows(table: Table, most: int, source: Source) -> Table:
    """Return at most ``most`` rows of each person, picked at random and apart from other people."""
    order = shuffled(source, len(table))
    _, person = np.unique(table.people[order], return_inverse=True)
    by_person = np.argsort(person, kind="stable")
    sorted_ = person[by_person]
    begin = np.searchsorted(sorted_, sorted_)
    rank = np.arange(len(sorted_)) - begin
    return table.take(np.sort(order[by_person[rank < most]]))
