"""Correlated latent normals: learn them from what cells show, weigh them, draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats.qmc import Sobol

from salus.synth.generate.latents import EDGE, Latent, decode
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["Joint", "Positions", "Spectrum", "dequantise", "fit_correlations", "spectrum"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
DRAWS = 64  # positions within intervals that a likelihood is averaged over; a power of two
LARGEST = 10_000  # scores of one row; more columns get fewer positions
TERMS = 12  # of the Hermite series
MOST = 0.98  # a larger correlation is not told from it


@dataclass(frozen=True)
class Joint:
    """Hold the latents, one correlation matrix a sub-model, and how far it is shrunk.

    Parameters
    ----------
    schema : Schema
    latents : tuple of Latent
    matrices : array (K, d, d)
    shrinkage : float
        s in (1 - s) R + s I.
    """

    schema: Schema
    latents: tuple[Latent, ...]
    matrices: Floats
    shrinkage: float

    def shrunk(self, part: int) -> Floats:
        """Return a sub-model's shrunken matrix, (d, d)."""
        s, r = self.shrinkage, self.matrices[part]
        return np.asarray((1 - s) * r + s * np.eye(len(r)))

    def draw(self, n: int, rng: np.random.Generator) -> Table:
        """Draw n rows, the sub-models in equal parts."""
        part = rng.permutation(np.arange(n) % len(self.matrices))
        d = len(self.latents)
        return self.draw_given(np.zeros((n, d)), np.zeros(d, bool), part, rng)

    def draw_given(
        self, z: Floats, held: NDArray[np.bool_], part: Ints, rng: np.random.Generator
    ) -> Table:
        """Draw the latents that aren't held, given those of ``z`` (n, d) that are."""
        noise = rng.standard_normal(z.shape)
        out = z.copy()
        for k in range(len(self.matrices)):
            rows = np.flatnonzero(part == k)
            if not len(rows) or held.all():
                continue
            sigma = self.shrunk(k)
            slope = np.linalg.solve(sigma[np.ix_(held, held)], sigma[np.ix_(held, ~held)])
            left = sigma[np.ix_(~held, ~held)] - sigma[np.ix_(~held, held)] @ slope
            values, vectors = np.linalg.eigh(left)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            free = z[np.ix_(rows, held)] @ slope + noise[np.ix_(rows, ~held)] @ root.T
            out[np.ix_(rows, ~held)] = free
        return Table(self.schema, *decode(self.latents, out))


@dataclass(frozen=True)
class Spectrum:
    """Hold each person's scores along the eigenvectors of what is seen of them.

    Parameters
    ----------
    values : array (n, d)
        Eigenvalues of the correlations between the latents seen; 1 beyond their number.
    squares : array (n, d)
        Squared scores along the eigenvectors; 0 beyond.
    own : array (n,)
        Sum of the squared scores.
    """

    values: Floats
    squares: Floats
    own: Floats

    def log_ratio(self, s: float) -> tuple[Floats, Floats]:
        """Return log [N(z; 0, (1 - s) R + s I) / N(z; 0, I)], (n,), and its derivative by s."""
        v = (1 - s) * self.values + s
        turn = 1 - self.values
        ratio = 0.5 * (self.own - (np.log(v) + self.squares / v).sum(1))
        return ratio, -0.5 * (turn / v - self.squares * turn / v**2).sum(1)


@dataclass(frozen=True)
class Positions:
    """Hold people's spectra at several positions within their intervals, to average over.

    One position alone would favour matrices that are too weak, since its place within an interval
    is independent of the other latents' (Jensen's inequality on the log of a mean).

    Parameters
    ----------
    seen : Spectrum
        Of draws x n scores, draw by draw.
    draws : int
    """

    seen: Spectrum
    draws: int

    @classmethod
    def of(cls, matrices: Floats, part: Ints, low: Floats, high: Floats) -> Positions:
        """Place people with these intervals (n, d) under their sub-models (n,).

        Positions are a Sobol sequence, the same for everyone, so a row's figure is its own.
        """
        n, d = low.shape
        draws = DRAWS
        while draws > 8 and draws * d > LARGEST:
            draws //= 2
        u = Sobol(d, seed=0).random(draws)[:, None]
        z = dequantise(low, high, u).reshape(draws * n, d)
        return cls(spectrum(matrices, np.tile(part, draws), z), draws)

    def log_ratio(self, s: float) -> tuple[Floats, Floats]:
        """Return the log of the positions' mean ratio, (n,), and its derivative by s."""
        ratio, slope = (a.reshape(self.draws, -1) for a in self.seen.log_ratio(s))
        total = logsumexp(ratio, axis=0)
        slope = (np.exp(ratio - total) * slope).sum(0)
        return np.asarray(total - np.log(self.draws)), np.asarray(slope)


def spectrum(matrices: Floats, part: Ints, z: Floats) -> Spectrum:
    """Return the people's spectra: latents (n, d), NaN where not seen, under sub-models (n,)."""
    n, d = z.shape
    values, squares = np.ones((n, d)), np.zeros((n, d))
    seen = ~np.isnan(z)
    key = np.column_stack([part, seen])
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        here = np.flatnonzero(seen[rows[0]]) if len(rows) else np.zeros(0, int)
        if not len(here):
            continue
        w, vectors = np.linalg.eigh(matrices[part[rows[0]]][np.ix_(here, here)])
        values[np.ix_(rows, np.arange(len(here)))] = np.maximum(w, 0.0)
        squares[np.ix_(rows, np.arange(len(here)))] = (z[np.ix_(rows, here)] @ vectors) ** 2
    return Spectrum(values, squares, np.nansum(z**2, axis=1))


def dequantise(low: Floats, high: Floats, u: Floats) -> Floats:
    """Return the scores at shares ``u`` of intervals' masses, all (..., n, d); NaN stays."""
    a = ndtr(low)
    z = ndtri(np.clip(a + u * (ndtr(high) - a), 1e-9, 1 - 1e-9))
    return np.asarray(np.where(high > low, np.clip(z, -EDGE, EDGE), low))


def fit_correlations(latents: Sequence[Latent], low: Floats, high: Floats) -> Floats:
    """Return the latents' correlation matrix, (d, d), from the intervals (n, d) that people show.

    Means within intervals correlate less than the latents do. With a_k the Hermite coefficients of
    a latent's mean given its interval, cov = sum_k rho^k a_ik a_jk (Mehler 1866); it is inverted
    for each pair. Pairs are seen by those people who have both. The nearest correlation matrix by
    clipped eigenvalues is returned.
    """
    d = len(latents)
    mean = _interval_means(low, high)
    coarse = np.array([latent.coarse() for latent in latents])
    hermite = _hermite(ndtri((np.arange(coarse.shape[1]) + 0.5) / coarse.shape[1]))
    a = coarse @ hermite.T / coarse.shape[1]  # (d, TERMS)
    size = np.sqrt((coarse**2).mean(1))
    observed = _pairwise(mean)
    grid = np.linspace(-MOST, MOST, 99)
    power = grid[:, None] ** np.arange(1, TERMS + 1)
    out = np.eye(d)
    for i in range(d):
        for j in range(i):
            if latents[i].column.name == latents[j].column.name:
                continue  # a value is never seen together with its absence
            curve = np.maximum.accumulate(power @ (a[i] * a[j]))
            rho = np.interp(observed[i, j] * size[i] * size[j], curve, grid)
            out[i, j] = out[j, i] = 0.0 if curve[-1] - curve[0] < 1e-9 else rho
    return _nearest(out)


def _interval_means(low: Floats, high: Floats) -> Floats:
    density = (np.exp(-0.5 * low**2) - np.exp(-0.5 * high**2)) / np.sqrt(2 * np.pi)
    mass = np.maximum(ndtr(high) - ndtr(low), 1e-12)
    return np.asarray(np.where(high > low, density / mass, low))


def _hermite(z: Floats) -> Floats:
    """Return the orthonormal Hermite polynomials 1..TERMS at z (g,), (TERMS, g)."""
    rows = [np.ones_like(z), z]
    for k in range(1, TERMS):
        rows.append((z * rows[k] - np.sqrt(k) * rows[k - 1]) / np.sqrt(k + 1))
    return np.array(rows[1:])


def _pairwise(x: Floats) -> Floats:
    """Return Pearson correlations over the rows in which both columns of (n, d) are seen."""
    seen = (~np.isnan(x)).astype(float)
    x = np.nan_to_num(x - np.nanmean(np.where(seen.any(0), x, 0.0), axis=0))
    n = np.maximum(seen.T @ seen, 1.0)
    mean = (x.T @ seen) / n  # of i where j is seen
    cov = (x.T @ x) / n - mean * mean.T
    var = ((x * x).T @ seen) / n - mean**2
    scale = np.sqrt(np.maximum(var * var.T, 0.0))
    few = (seen.T @ seen) < 5
    return np.asarray(np.where((scale < 1e-9) | few, 0.0, cov / np.maximum(scale, 1e-9)))


def _nearest(r: Floats) -> Floats:
    values, vectors = np.linalg.eigh(r)
    if values[0] > 1e-6:
        return r
    fixed = (vectors * np.maximum(values, 1e-4)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    return np.asarray(fixed / np.outer(scale, scale))
