"""One column's distribution: values to normal scores and back, without keeping single values.

A numeric column becomes a latent standard normal score. Values that at least ``ATOM`` people share
(heaps, zeros, integers) are *atoms*: each owns an interval of scores and comes back exactly. The
stretches between atoms keep only means of groups of at least ``GROUP`` people, joined by straight
lines, so that no single person's value is a knot; beyond the outermost knots the line of the last
two is continued on the normal scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = ["Margin"]

ATOM = 5  # people who share a value before it may be reproduced exactly
GROUP = 5  # people behind each knot of a continuous stretch
MAX_KNOTS = 400

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Margin:
    """Map one numeric column to normal scores and back.

    Parameters
    ----------
    scores : array (m,)
        Increasing normal scores of the knots.
    values : array (m,)
        Non-decreasing column values at the knots.
    atoms : array (a,)
        Values reproduced exactly.
    atom_low, atom_high : array (a,)
        The interval of scores that belongs to each atom.
    reach : float
        Scores are kept within plus or minus this.
    decimals : int or None
        Digits that decoded values are rounded to.
    low, high : float
        Declared range, or infinite.
    """

    scores: Floats
    values: Floats
    atoms: Floats
    atom_low: Floats
    atom_high: Floats
    reach: float
    decimals: int | None
    low: float
    high: float

    @classmethod
    def fit(
        cls,
        x: Floats,
        *,
        people: NDArray[np.int64] | None = None,
        decimals: int | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> Self:
        """Learn the distribution of the values that are present, (n,).

        Rows of one person, a number of ``people`` (n,), count as one where it is asked whether
        enough people share a value or a knot; by default each row is a person.
        """
        x = np.asarray(x, float)
        order = np.argsort(x, kind="stable")
        x, who = x[order], np.arange(len(x)) if people is None else np.asarray(people)[order]
        n = len(x)
        if n == 0:
            raise ValueError("a margin needs at least one value")
        reach = float(ndtri(1 - 0.5 / (n + 1))) + 0.25
        unique, count = np.unique(x, return_counts=True)
        place = np.unique(np.column_stack([np.searchsorted(unique, x), who]), axis=0)[:, 0]
        sharing = np.bincount(place, minlength=len(unique))  # different people of each value
        # a table of very few people has no shared values: then its mean is all that is kept
        is_atom = sharing >= min(ATOM, len(np.unique(who)))
        end = np.cumsum(count)
        begin = end - count
        knots_u, knots_x = _stretches(x, who, begin, end, is_atom)
        with np.errstate(divide="ignore"):
            a_low = np.clip(ndtri(begin[is_atom] / n), -9.0, 9.0)
            a_high = np.clip(ndtri(end[is_atom] / n), -9.0, 9.0)
        z = np.concatenate([ndtri(knots_u / n), np.clip(a_low, -reach, reach)])
        z = np.concatenate([z, np.clip(a_high, -reach, reach)])
        v = np.concatenate([knots_x, unique[is_atom], unique[is_atom]])
        order = np.lexsort((v, z))
        z, v = z[order], np.maximum.accumulate(v[order])
        z, v = _tails(z, v, reach, bool(is_atom[0]), bool(is_atom[-1]))
        return cls(
            scores=z,
            values=v,
            atoms=unique[is_atom],
            atom_low=a_low,
            atom_high=a_high,
            reach=reach,
            decimals=decimals,
            low=-np.inf if low is None else low,
            high=np.inf if high is None else high,
        )

    def interval(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the scores between which each value lies, (n,) each; equal for a point."""
        z = self._curve(x)
        low, high = z.copy(), z.copy()
        if len(self.atoms):
            k = np.clip(np.searchsorted(self.atoms, x), 0, len(self.atoms) - 1)
            hit = self.atoms[k] == x
            low[hit], high[hit] = self.atom_low[k[hit]], self.atom_high[k[hit]]
        return low, high

    def encode(self, x: Floats) -> Floats:
        """Return one score a value, (n,): for an atom the mean of a normal within its interval."""
        low, high = self.interval(x)
        wide = high > low
        z = low
        mass = ndtr(high[wide]) - ndtr(low[wide])
        z[wide] = (_phi(low[wide]) - _phi(high[wide])) / np.maximum(mass, 1e-12)
        return np.clip(z, -self.reach, self.reach)

    def dequantise(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Return scores drawn within each atom's interval, (n,): the latent score behind a heap."""
        low, high = self.interval(x)
        wide = high > low
        u = ndtr(low[wide]) + rng.random(wide.sum()) * (ndtr(high[wide]) - ndtr(low[wide]))
        z = low
        z[wide] = ndtri(np.clip(u, 1e-9, 1 - 1e-9))
        return np.clip(z, -self.reach, self.reach)

    def decode(self, z: Floats) -> Floats:
        """Return the value behind each score, (n,), rounded and within the declared range."""
        z = np.clip(z, -self.reach, self.reach)
        x = np.interp(z, self.scores, self.values)
        x = np.clip(x, self.low, self.high)
        if self.decimals is not None:
            x = np.round(x, self.decimals)
        if len(self.atoms):  # within an atom's interval the value is the atom, exactly
            k = np.clip(np.searchsorted(self.atom_low, z, side="right") - 1, 0, len(self.atoms) - 1)
            hit = (z >= self.atom_low[k]) & (z < self.atom_high[k])
            x[hit] = self.atoms[k[hit]]
        return x

    def _curve(self, x: Floats) -> Floats:
        values, first = np.unique(self.values, return_index=True)
        last = len(self.values) - 1 - np.unique(self.values[::-1], return_index=True)[1]
        z = (self.scores[first] + self.scores[last]) / 2
        return np.interp(x, values, z)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """Return the margin as JSON values and arrays."""
        plain = {
            "reach": self.reach,
            "decimals": self.decimals,
            "low": None if np.isinf(self.low) else self.low,
            "high": None if np.isinf(self.high) else self.high,
        }
        names = ("scores", "values", "atoms", "atom_low", "atom_high")
        return plain, {k: getattr(self, k) for k in names}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Self:
        """Rebuild a margin from ``to_dict``'s form."""
        return cls(
            **arrays,
            reach=plain["reach"],
            decimals=plain["decimals"],
            low=-np.inf if plain["low"] is None else plain["low"],
            high=np.inf if plain["high"] is None else plain["high"],
        )


def _stretches(
    x: Floats,
    who: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    is_atom: NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """Return the knots of the stretches between atoms: middle rank and mean of each group."""
    ranks: list[float] = []
    means: list[float] = []
    rows_each = int(np.ceil(len(x) / len(np.unique(who))))
    group = max(GROUP * rows_each, int(np.ceil(len(x) / MAX_KNOTS)))
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_atom, [True]]).astype(int)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        a, b = int(begin[first]), int(end[last - 1])
        cuts = np.linspace(a, b, max(1, (b - a) // group) + 1).round().astype(int)
        for i, j in pairwise(cuts):
            if len(np.unique(who[i:j])) >= GROUP:  # fewer people show no knot of their own
                ranks.append((i + j) / 2)
                means.append(float(x[i:j].mean()))
    if not ranks and not is_atom.any():
        ranks, means = [len(x) / 2], [float(x.mean())]
    return np.array(ranks, float), np.array(means, float)


def _tails(
    z: Floats, v: Floats, reach: float, low_atom: bool, high_atom: bool
) -> tuple[Floats, Floats]:
    """Continue the line of the last two knots to the reach, unless an atom ends the column."""
    if len(z) >= 2:
        if not low_atom and z[0] > -reach:
            slope = (v[1] - v[0]) / max(z[1] - z[0], 1e-6)
            end = v[0] - slope * (z[0] + reach)
            if v[0] >= 0:  # a column without negative values gets none
                end = max(end, v[0] * v[0] / max(v[1], 1e-300) if v[1] > 0 else 0.0, 0.0)
            z, v = np.concatenate([[-reach], z]), np.concatenate([[min(end, v[0])], v])
        if not high_atom and z[-1] < reach:
            slope = (v[-1] - v[-2]) / max(z[-1] - z[-2], 1e-6)
            z = np.concatenate([z, [reach]])
            v = np.concatenate([v, [v[-1] + slope * (reach - z[-2])]])
    return z, v


def _phi(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
