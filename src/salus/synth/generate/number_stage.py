"""A number given the predictors before it: a linear predictor and the residuals of the leaf reached.

The density of a normal score z is a mixture over the sub-model's trees of the reached leaf's
distribution over residual bins, each bin a normal kernel,

    p(z | x) = (1 - w) mean_trees sum_b q_leaf(b) N(z; linear(x) + c_b, (h s)^2) + w N(z; 0, 1),

with q shrunk toward ancestors by kappa, c_b the bins' mean residuals and s the residual's standard
deviation. A heaped value, which owns an interval of scores, has its probability.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from salus.synth.generate.linear import Ridge
from salus.synth.generate.stage import Growth, Seen, Shrinkage, reach_of
from salus.synth.generate.trees import Trees, grow, on_grid

__all__ = ["NumberPart", "NumberStage"]

Floats = NDArray[np.float64]
_ROOT_2PI = float(np.sqrt(2 * np.pi))


@dataclass(frozen=True)
class NumberPart:
    """Hold what one part of the people taught: linear predictor, residual bins, trees."""

    ridge: Ridge | None
    trees: Trees
    centers: Floats  # (B,)
    spread: float

    @classmethod
    def fit(
        cls, x: Floats, z: Floats, *, growth: Growth, bins: int, rng: np.random.Generator
    ) -> NumberPart:
        """Learn from predictors (n, p) and latent scores (n,)."""
        ridge, loo = None, np.zeros((len(x), 1))
        if growth.linear:
            ridge, loo = Ridge.fit(x, z[:, None])
        residual = z - loo[:, 0]
        spread = max(float(residual.std()), 1e-3)
        order = np.argsort(residual, kind="stable")
        cell = np.empty(len(z), np.intp)
        cell[order] = np.arange(len(z)) * bins // len(z)
        centers = np.bincount(cell, residual, bins) / np.maximum(
            np.bincount(cell, minlength=bins), 1
        )
        scaled = residual / spread
        target = np.column_stack([scaled, 0.7 * np.abs(scaled)])  # splits see location and spread
        trees = grow(
            on_grid(np.hstack([x, loo])), target, cell, bins, rng=rng, **growth.options(len(x))
        )
        return cls(ridge, trees, centers, spread)

    def inputs(self, x: Floats) -> tuple[NDArray[np.float32], Floats]:
        """Return tree inputs (n, p + 1) and the location (n,)."""
        linear = np.zeros((len(x), 1)) if self.ridge is None else self.ridge.predict(x)
        return on_grid(np.hstack([x, linear])), linear[:, 0]


@dataclass(frozen=True)
class NumberStage:
    """Draw a normal score given the predictors before it."""

    parts: tuple[NumberPart, ...]
    shrinkage: Shrinkage = field(default_factory=Shrinkage)
    numeric = True

    def with_shrinkage(self, shrinkage: Shrinkage) -> NumberStage:
        """Return the stage with other parameters."""
        return replace(self, shrinkage=shrinkage)

    def draw(self, x: Floats, part: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw scores for predictors (n, p), each row from the sub-model named for it, (n,)."""
        n, s = len(x), self.shrinkage
        pick, place, stray = rng.random((3, n))
        noise = rng.standard_normal(n)
        out = noise.copy()
        for k, p in enumerate(self.parts):
            rows = np.flatnonzero((part == k) & (stray >= s.weight))
            if not len(rows):
                continue
            inputs, location = p.inputs(x[rows])
            t = len(p.trees.roots)
            leaf = p.trees.leaves(inputs, np.minimum((pick[rows] * t).astype(int), t - 1))
            cumulative = np.cumsum(p.trees.shares(s.kappa)[0], axis=1)
            u = place[rows] * cumulative[leaf, -1]
            cell = np.minimum((cumulative[leaf] <= u[:, None]).sum(1), cumulative.shape[1] - 1)
            out[rows] = location + p.centers[cell] + s.bandwidth * p.spread * noise[rows]
        return out

    def seen(self, x: Floats, part: NDArray[np.intp], low: Floats, high: Floats) -> Seen:
        """Prepare people with these predictors and intervals of scores for ``log_prob``."""
        location, leaves = np.zeros(len(x)), []
        for k, p in enumerate(self.parts):
            rows = np.flatnonzero(part == k)
            inputs, location[rows] = p.inputs(x[rows])
            leaves.append((rows, p.trees.all_leaves(inputs)))
        reach = reach_of(leaves, [len(p.trees.feature) for p in self.parts])
        return Seen(Trees.join([p.trees for p in self.parts]), reach, part, location, low, high)

    def tabulate(self, seen: Seen) -> Seen:
        """Prepare people for many evaluations at different shrinkage."""
        return seen.tabulated(seen.trees.shares)

    def log_prob(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return log densities (n,) and their derivatives by ``to_vector``, (n, 3)."""
        s, w = self.shrinkage, self.shrinkage.weight
        q, q_slope = seen.averages(s.kappa, seen.trees.shares)  # (n, B)
        centers = np.array([p.centers for p in self.parts])[seen.part] + seen.base[:, None]
        width = s.bandwidth * np.array([p.spread for p in self.parts])[seen.part][:, None]
        kernel, kernel_slope, chance = _kernel(seen.low, seen.high, centers, width)
        inside = (q * kernel).sum(1)
        total = np.maximum((1 - w) * inside + w * chance, 1e-300)
        slopes = [
            (1 - w) * (q_slope * kernel).sum(1),
            (chance - inside) * w * (1 - w),
            (1 - w) * (q * kernel_slope).sum(1),
        ]
        return np.log(total), np.column_stack(slopes) / total[:, None]


def _kernel(low: Floats, high: Floats, centers: Floats, width: Floats) -> tuple[Floats, ...]:
    """Return the kernel's mass by bin (n, B), its slope by log width, and the marginal's mass (n,)."""
    a = (low[:, None] - centers) / width
    phi_a = np.exp(-0.5 * a * a) / _ROOT_2PI
    kernel = phi_a / width
    slope = kernel * (a * a - 1)
    chance = np.exp(-0.5 * low**2) / _ROOT_2PI
    heap = high > low
    if heap.any():
        b = (high[heap, None] - centers[heap]) / width[heap]
        phi_b = np.exp(-0.5 * b * b) / _ROOT_2PI
        kernel[heap] = ndtr(b) - ndtr(a[heap])
        slope[heap] = phi_a[heap] * a[heap] - phi_b * b
        chance[heap] = ndtr(high[heap]) - ndtr(low[heap])
    return kernel, slope, chance
