"""Membership by how much the record helps to explain the synthetic rows near it.

Knowledge: the synthetic table, the record in question, and records of other people, not marked as
members or others.

Score: the sum over the 20 synthetic rows s nearest the record x of log p(s | R and x) - log p(s | R),
where R are all other people known and p a Gaussian kernel density in at most 12 principal
components, with half of Scott's width. If synthetic rows lie where other people don't but x does, x
was probably in the data. A row's weight falls with its distance to 0 at the 20th, so that nothing
depends on which of several equally distant rows is taken for it.

Source: Ward, Wang and Cheng 2025, Gen-LRA, as described in the testbed Synth-MIA, arXiv:2509.18014,
with the weights ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.embedding import broad, kernel, kernel_sum, local_width
from salus.synth.audit.attacks.scene import NEIGHBOURS, Scene

__all__ = ["likelihood_gain"]

Floats = NDArray[np.float64]


def likelihood_gain(scene: Scene) -> Floats:
    """Return the gain in log likelihood of the nearest synthetic rows by adding the record, (n,)."""
    people, made, real = scene.points
    dimensions = people.shape[1]
    width = local_width(len(real), dimensions)
    rows, place = np.unique(scene.to_made.who_all, return_inverse=True)
    place = place.reshape(scene.to_made.who_all.shape)
    at = made[rows]
    without = kernel_sum(at, real, width)[place]
    count = np.full(place.shape, float(len(real)))

    def reach(who: NDArray[np.intp]) -> Floats:
        return kernel(((at[place] - people[who][:, None]) ** 2).sum(2), width, dimensions)

    for own, there in scene.own_rows():
        without -= there[:, None] * reach(own)
        count -= there[:, None]
    without = np.maximum(without, 0) + broad(at, width)[place]
    with_record = without + reach(np.arange(len(people)))
    gain = np.log(with_record / (count + 2)) - np.log(without / (count + 1))
    return np.asarray((gain * _closeness(scene.to_made.all)).sum(1))


def _closeness(distance: Floats) -> Floats:
    """Return weights that fall from 1 to 0 at the farthest row, so that ties there don't matter."""
    if distance.shape[1] < NEIGHBOURS:
        return np.ones(distance.shape)
    farthest = distance[:, -1:]
    return np.where(farthest > 0, 1 - distance / np.where(farthest > 0, farthest, 1), 1.0)
