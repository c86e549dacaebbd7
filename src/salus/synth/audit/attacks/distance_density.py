"""Membership by how much commoner a person's distance is than it would be without a leak.

Knowledge: the synthetic table, the record in question, and records of other people, not marked as
members or others.

Score: log p(d) - log q(d), where d is the log distance to the nearest synthetic row, p the kernel
density of that distance over all people judged, and q the kernel density of the same people's
distance to the nearest other person. Among people judged p = s p_in + (1 - s) p_out for some unknown
share s of members; q stands for p_out. So the score rises with the posterior chance to be a member,
1 - (1 - s) p_out(d) / p(d). As synthetic rows and people may differ in number, q is moved so that
the upper quartiles agree. It finds a heap of people at any distance that others don't have, not
only at the nearest.

Source: Pathak and Jana 2026, arXiv:2603.10937, whose densities are learnt from labelled members and
others, or from a generator fitted on auxiliary people. Here no label and no second generator is
used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.scene import Scene

__all__ = ["distance_posterior"]

Floats = NDArray[np.float64]
LEAST = 1e-4  # added to each distance
POINTS = 512  # of the grid on which densities are computed
NARROWEST = 0.05  # width of a kernel, in log distance


def distance_posterior(scene: Scene) -> Floats:
    """Return the log ratio of the two densities of log distance, (n,)."""
    seen = np.log(scene.to_made.all[:, 0] + LEAST)
    usual = np.log(scene.to_real.all[:, 0] + LEAST)
    usual = usual + np.quantile(seen, 0.75) - np.quantile(usual, 0.75)
    return _log_density(seen, seen) - _log_density(seen, usual)


def _log_density(at: Floats, values: Floats) -> Floats:
    """Return the log density of values at points, by Gaussian kernels of Silverman's width."""
    low, high = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(high - low) / 1.349) or float(values.std())
    width = max(0.9 * spread * len(values) ** -0.2, NARROWEST)
    ends = np.concatenate([at, values])
    grid = np.linspace(ends.min() - width, ends.max() + width, POINTS)
    heap = np.zeros(POINTS)
    step = grid[1] - grid[0]
    cell = (values - grid[0]) / step
    left = np.minimum(cell.astype(np.intp), POINTS - 2)
    np.add.at(heap, left, 1 - (cell - left))
    np.add.at(heap, left + 1, cell - left)
    reach = (np.arange(2 * POINTS - 1) - (POINTS - 1)) * step / width
    density = np.convolve(heap, np.exp(-0.5 * reach**2), mode="valid")
    floor = 1.0  # as if one more person were there at every distance
    return np.asarray(np.log((np.interp(at, grid, density) + floor) / (len(values) * width)))
