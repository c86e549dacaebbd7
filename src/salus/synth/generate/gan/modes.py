"""A mixture of normals for one column's values: mode-specific normalisation.

A value becomes a mode k and its place within it, a = (x - mean_k) / (4 sd_k), so that a column with
several peaks shows a network one peak at a time (Xu et al. 2019, arXiv:1907.00503, section 4.2). The
number of modes is found by a Bayesian mixture whose prior empties those it doesn't need.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.margins import GROUP

__all__ = ["Modes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
SPREADS = 4.0  # standard deviations between the middle of a mode and the end of its places
MOST_MODES = 8
MOST_ROWS = 4_000  # learnt from; more change no mode
PEOPLE_A_MODE = 20  # on average, at the start
LEAST_SHARE = 0.02  # of the values; smaller modes are merged into the others


@dataclass(frozen=True)
class Modes:
    """Hold the mixture of a column's values.

    Parameters
    ----------
    center, spread : float
        Values are taken as (x - center) / spread.
    share, mean, sd : arrays (m,)
        Weight, mean and standard deviation of each mode, of values so taken.
    """

    center: float
    spread: float
    share: Floats
    mean: Floats
    sd: Floats

    @classmethod
    def fit(cls, x: Floats, people: NDArray[np.int64], rng: np.random.Generator) -> Self:
        """Learn the modes of values (n,), of at least five people each.

        Parameters
        ----------
        x : array (n,)
        people : int array (n,)
            Rows of one person count as one where it is asked whether enough are behind a mode.
        rng : numpy.random.Generator
        """
        center, spread = float(x.mean()), float(x.std()) or 1.0
        s = (x - center) / spread
        some = np.sort(rng.permutation(len(s))[:MOST_ROWS])
        most = min(MOST_MODES, len(np.unique(people)) // PEOPLE_A_MODE)
        one = cls(center, spread, np.ones(1), np.array([s.mean()]), np.array([_wide(s.std())]))
        if most < 2:
            return one
        mixture = _mixture(s[some], most, int(rng.integers(2**31)))
        found = cls(
            center,
            spread,
            mixture.weights_,
            mixture.means_[:, 0],
            np.sqrt(mixture.covariances_[:, 0, 0]),
        )
        mode = found.chances(x).argmax(1)
        enough = [
            len(np.unique(people[mode == k])) >= max(GROUP, LEAST_SHARE * len(x))
            for k in range(most)
        ]
        if not any(enough):
            return one
        order = np.flatnonzero(enough)[np.argsort(found.mean[enough])]
        share = found.share[order] / found.share[order].sum()
        return cls(center, spread, share, found.mean[order], _wide(found.sd[order]))

    @property
    def size(self) -> int:
        """Number of modes, m."""
        return len(self.mean)

    def chances(self, x: Floats) -> Floats:
        """Return the probability of each mode given the value, (n, m)."""
        z = ((x - self.center) / self.spread)[:, None] - self.mean
        log = np.log(self.share / self.sd) - 0.5 * (z / self.sd) ** 2
        log -= log.max(1, keepdims=True)
        chance = np.exp(log)
        return np.asarray(chance / chance.sum(1, keepdims=True))

    def encode(self, x: Floats, u: Floats) -> tuple[Ints, Floats]:
        """Return mode and place, in [-1, 1], of each value (n,).

        The mode is drawn by its probability, by uniforms (n,).
        """
        total = np.cumsum(self.chances(x), axis=1)
        mode = (total[:, :-1] <= u[:, None]).sum(1)
        s = (x - self.center) / self.spread
        place = (s - self.mean[mode]) / (SPREADS * self.sd[mode])
        return mode, place.clip(-1.0, 1.0)

    def decode(self, mode: Ints, place: Floats) -> Floats:
        """Return the values at places of modes, (n,)."""
        s = self.mean[mode] + SPREADS * self.sd[mode] * place
        return np.asarray(self.center + self.spread * s)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """Return the modes as JSON values and arrays."""
        plain = {"center": self.center, "spread": self.spread}
        return plain, {k: getattr(self, k) for k in ("share", "mean", "sd")}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Self:
        """Rebuild the modes from ``to_dict``'s form."""
        return cls(plain["center"], plain["spread"], **arrays)


def _mixture(s: Floats, most: int, seed: int) -> Any:
    """Return scikit-learn's mixture of values (n,)."""
    # loaded here: who only draws rows needs none of it
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    mixture = BayesianGaussianMixture(
        n_components=most, weight_concentration_prior=1e-3, max_iter=100, random_state=seed
    )
    with warnings.catch_warnings():
        # a mixture that still moves a little is as good a scale as any
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(s[:, None])


def _wide(sd: Any) -> Any:
    """Return standard deviations that nothing is divided by zero with."""
    return np.maximum(sd, 1e-3)
