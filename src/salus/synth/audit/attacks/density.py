"""Membership by the ratio of two densities at the record.

Knowledge: the synthetic table, the record in question, and records of other people, not marked as
members or others.

Score: log density under the synthetic rows minus log density under other people. A generator that
overfits puts more mass on its members than the population has there.

* By neighbours: a density falls with the distance to the neighbours, so its log is taken as minus
  the mean log distance to the 5 nearest; with one column left out, the same in that space.
* By kernels: Gaussian kernels in at most 12 principal components, half of Scott's width. Other
  people are all that are known, judged or in the reference; nobody is their own neighbour.

Source: van Breugel, Sun, Qian and van der Schaar 2023, "Membership inference attacks against
synthetic data through overfitting detection" (DOMIAS), arXiv:2302.12580.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.embedding import local_width, log_density
from salus.synth.audit.attacks.scene import Scene

__all__ = ["by_kernels", "by_neighbours", "by_neighbours_left_out"]

Floats = NDArray[np.float64]
NEAREST = 5
LEAST = 1e-4  # added to each distance: an exact copy is very near, not infinitely so


def by_neighbours(scene: Scene) -> Floats:
    """Return the log density ratio by the distances to the 5 nearest, (n,)."""
    return _log(scene.to_real.all) - _log(scene.to_made.all)


def by_neighbours_left_out(scene: Scene) -> Floats:
    """Return the same in the space with one column left out, (n,)."""
    return _log(scene.to_real.left_out) - _log(scene.to_made.left_out)


def by_kernels(scene: Scene) -> Floats:
    """Return the log density ratio by Gaussian kernels in few dimensions, (n,)."""
    people, made, real = scene.points
    width = local_width(len(real), people.shape[1])
    usual = log_density(people, real, width, own=tuple(scene.own_rows()))
    return log_density(people, made, width) - usual


def _log(distance: Floats) -> Floats:
    return np.asarray(np.log(distance[:, :NEAREST] + LEAST).mean(1))
