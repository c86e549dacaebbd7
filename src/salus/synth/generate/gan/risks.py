r"""What a generator without a likelihood gives away, estimated on rows as they would be released.

A sub-model learnt from *members* and not from *others*. Members are cut into parts as large as the
others (or these, where they are more). With d the distance of ``measure/distance.py`` and the density
p_A(s) = mean over a in A of exp(-d(s, a) / tau), the ratio of a synthetic row s for a part T of the
members and a part H of the others is

.. math:: r(s) = \log (k + p_T(s)) - \log (k + p_H(s)),

a density ratio as attackers use it (DOMIAS, arXiv:2302.12580; GAN-Leaks, doi:10.1145/3372297.3417238),
but taken at the rows, so that gradients reach them. The background k is the median density around
people, so that a row far from everybody counts neither way. A generator that knows no more of T than
of H makes T and H exchangeable, whatever its rows are: the mean of r is then 0, without a correction
for the bias that kernels on few people have. Verbatim copies of members have the mean *ceiling*. If
a share x of a release were copies and the rest gave nothing away, its mean would be x times that. So

* ``membership ratio``: mean r / ceiling, the equivalent share of copies. Who sees a table in which a
  share x of the members is copied finds these and no others, an advantage of x: the limit is the
  budget's ``membership``, times ``slack``.
* ``membership ratio, tail``: the same for max(0, r - c) - max(0, -r - c), with c the 99 % quantile of
  r among strangers; it, too, is 0 where nothing is given away. Finding a share x at 1 % false
  positives is a true-positive rate t = x + (1 - x) / 100, so the limit is (t - 0.01) / 0.99, times
  ``slack``.
* ``near copies``: share of rows within reach of a part of the members, summed over the parts, less as
  much of the others. Reach is the distance to the nearest other person that 1 % of people have. The
  limit is the budget's.
* ``attribute NAME``: (a_T - a_H) / (1 - a_H), with a the probability that rows near by the other
  columns, weighted by exp(-d / tau), give to a person's true value. The limit is the budget's.
* ``missed minority``: 1 - recall of the outcome's rarest class among the others, at 90 % specificity,
  of a logistic regression learnt from synthetic rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Gaps, Placed
from salus.synth.table.schema import Column

__all__ = [
    "MINORITY",
    "NEAR",
    "RATIO",
    "TAIL",
    "Anchors",
    "Bank",
    "anchors_of",
    "attribute_name",
    "far",
    "near_excess",
    "ratios",
    "success",
    "tail",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Singles = NDArray[np.float32]

RATIO, TAIL, NEAR, MINORITY = (
    "membership ratio",
    "membership ratio, tail",
    "near copies",
    "missed minority",
)
WIDTH = 0.25  # tau, in median distances of people to their nearest
LEAST_WIDTH = 0.01  # of tau
CLOSEST = 0.01  # share of people whose nearest neighbour is within reach
RARE = 0.01  # share of strangers above the tail's threshold
CLOSE = 0.05  # ranks within which a guessed number is right
TELLING = 0.5  # ceiling of a single part below which copies can't be told from strangers
CELLS = 1 << 21  # of a distance matrix that is held at once


@dataclass(frozen=True)
class Bank:
    """Hold the people that one sub-model is judged by: those it learnt from and others."""

    members: Placed
    others: Placed

    @property
    def parts(self) -> tuple[int, int]:
        """Parts that members and others are cut into, all of one size."""
        n, m = len(self.members), max(len(self.others), 1)
        return max(1, round(n / m)), max(1, m // max(n, 1))

    @property
    def size(self) -> int:
        """People of a part."""
        mine, theirs = self.parts
        return min(len(self.members) // mine, len(self.others) // theirs)

    @property
    def groups(self) -> float:
        """How many parts the members are worth."""
        return len(self.members) / max(self.size, 1)


@dataclass(frozen=True)
class Anchors:
    """Hold what the risks' units are read off.

    Parameters
    ----------
    tau : float
        Width of the kernels, in units of distance.
    background : float
        The density k.
    start : float
        Ratio from which the tail counts.
    ceiling, tail_ceiling : float
        Mean ratio, and mean of the tail, of copies of members.
    reach, usual : float
        Distance to the nearest other person that 1 % of people have, and the median one.
    telling, tail_telling : bool
        Whether copies can be told from strangers by these.
    """

    tau: float
    background: float
    start: float
    ceiling: float
    tail_ceiling: float
    reach: float
    usual: float
    telling: bool
    tail_telling: bool


def anchors_of(banks: Sequence[Bank]) -> Anchors:
    """Return the anchors of the sub-models' banks, pooled over these."""
    among = [far(b.others, b.others, skip_same=True) for b in banks]
    across = [far(b.members, b.others) for b in banks]
    inside = [far(b.members, b.members) for b in banks]
    nearest = np.concatenate(
        [np.minimum(a.min(1), c.min(0)) for a, c in zip(among, across, strict=True)]
    ).astype(float)
    nearest = nearest[np.isfinite(nearest)]
    apart = nearest[nearest > 0]
    usual = float(np.median(apart)) if len(apart) else 0.0
    tau = max(WIDTH * usual, LEAST_WIDTH)
    lonely = np.concatenate([densities(a, tau, 1, len(a)).ravel() for a in among])
    background = max(float(np.median(lonely)), 1e-9)
    strangers, copies = [], []
    for bank, a, c, i in zip(banks, among, across, inside, strict=True):
        strangers.append(ratios(bank, c.T, a, tau, background).ravel())
        copies.append(ratios(bank, i, c, tau, background))
    start = float(np.quantile(np.concatenate(strangers), 1 - RARE))
    ceiling = float(np.mean([r.mean() for r in copies]))
    tail_ceiling = float(np.mean([tail(r, start) for r in copies]))
    groups = float(np.mean([b.groups for b in banks]))
    return Anchors(
        tau=tau,
        background=background,
        start=start,
        ceiling=ceiling,
        tail_ceiling=tail_ceiling,
        reach=float(np.quantile(nearest, CLOSEST)) if len(nearest) else 0.0,
        usual=usual,
        telling=groups * ceiling > TELLING,
        tail_telling=groups * tail_ceiling > TELLING,
    )


def far(queries: Placed, targets: Placed, *, skip_same: bool = False) -> Singles:
    """Return the distance of each query to each target, (n, m); infinite for a person's own rows."""
    gaps = Gaps(queries, targets)
    columns = max(queries.position.shape[1], 1)
    out = np.empty((len(queries), len(targets)), np.float32)
    step = max(1, CELLS // max(len(targets), 1))
    for begin in range(0, len(queries), step):
        rows = slice(begin, min(len(queries), begin + step))
        out[rows] = gaps.block(rows, worst=False)[0] / columns
    if skip_same:
        out[queries.people[:, None] == targets.people[None, :]] = np.inf
    return out


def densities(distance: Singles, tau: float, parts: int, size: int) -> Floats:
    """Return the density of each row in each part of the people, (n, parts), from (n, m)."""
    kernel = np.exp(-distance[:, : parts * size] / np.float32(tau))
    sums = kernel.reshape(len(distance), parts, size).sum(2, dtype=np.float64)
    return np.asarray(sums / max(size, 1))


def ratios(
    bank: Bank, to_members: Singles, to_others: Singles, tau: float, background: float
) -> Floats:
    """Return r(s) of each row for each pair of parts, (n, pairs).

    Parameters
    ----------
    bank : Bank
    to_members, to_others : arrays (n, members), (n, others)
        Distances of the rows.
    tau, background : float
    """
    (mine, theirs), size = bank.parts, bank.size
    a = np.log(background + densities(to_members, tau, mine, size))
    b = np.log(background + densities(to_others, tau, theirs, size))
    return (a[:, :, None] - b[:, None, :]).reshape(len(a), mine * theirs)


def tail(r: Floats, start: float) -> float:
    """Return the mean of what ratios exceed ``start`` by, less as much of the reversed ratios."""
    return float(np.maximum(r - start, 0).mean() - np.maximum(-r - start, 0).mean())


def near_excess(bank: Bank, to_members: Singles, to_others: Singles, reach: float) -> float:
    """Return the near copies of members in excess, from distances (n, members), (n, others)."""
    (mine, theirs), size = bank.parts, bank.size

    def within(distance: Singles, parts: int) -> float:
        near = distance[:, : parts * size].reshape(len(distance), parts, size).min(2) <= reach
        return float(near.mean())

    return bank.groups * (within(to_members, mine) - within(to_others, theirs))


def success(distance: Singles, tau: float, truth: Placed, answers: Placed) -> Floats:
    """Return the probability that rows near by give to each person's true value, (n,).

    Parameters
    ----------
    distance : array (n, m)
        Of people to synthetic rows, by what is known of them.
    tau : float
        Width of the kernels that rows are weighted by.
    truth, answers : Placed
        The column to be guessed, of people (n, 1) and rows (m, 1).
    """
    weight = np.exp(-(distance - distance.min(1, keepdims=True)) / np.float32(tau))
    right = (truth.code == answers.code.T) & (np.abs(truth.position - answers.position.T) <= CLOSE)
    return np.asarray((weight * right).sum(1, dtype=np.float64) / weight.sum(1, dtype=np.float64))


def attribute_name(column: Column) -> str:
    """Return the name of the risk that a column is guessed."""
    return f"attribute {column.name}"
