"""Membership by how much the record helps to explain the synthetic rows near it.

Knowledge: the synthetic table, the record in question, and records of other people, not marked as
members or others.

Score: the sum over the 20 synthetic rows s nearest the record x of log p(s | R and x) - log p(s | R),
where R are other people and p a Gaussian kernel density in at most 12 principal components, with half
of Scott's width: a local question needs a local kernel. If synthetic rows lie where other people
don't but x does, x was probably in the data.

Source: Ward, Wang and Cheng 2025, "Gen-LRA", as in the testbed Synth-MIA, arXiv:2509.18014.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.embedding import broad, kernel, kernel_sum, scott
from salus.synth.audit.attacks.scene import Scene

__all__ = ["likelihood_gain"]

Floats = NDArray[np.float64]
NARROWED = 0.5


def likelihood_gain(scene: Scene) -> Floats:
    """Return the gain in log likelihood of the nearest synthetic rows by adding the record, (n,)."""
    people, made, real = scene.points
    dimensions = people.shape[1]
    width = NARROWED * scott(len(real), dimensions)
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
    without = np.maximum(without, 0) + broad(at)[place]
    with_record = without + reach(np.arange(len(people)))
    gain = np.log(with_record / (count + 2)) - np.log(without / (count + 1))
    return np.asarray(gain.sum(1))
