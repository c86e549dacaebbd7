"""Membership by how many of a person's nearest neighbours are synthetic.

Knowledge: the synthetic table, the record in question, and records of other people, not marked as
members or others.

Score: the number of synthetic rows among the 20 nearest of the record, in the synthetic rows and
other people together. Where the two differ in number, each row of the larger table counts less, as
if a random part of equal size had been taken. Equal counts are put in order by the distances: the
nearer the 5 nearest synthetic rows against the 5 nearest people, the higher. No saturating
transform is applied, as only the order matters.

Source: Ward, Wang and Cheng 2024, "Data plagiarism index", arXiv:2406.13012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.density import by_neighbours
from salus.synth.audit.attacks.scene import NEIGHBOURS, Scene

__all__ = ["plagiarism_index"]

Floats = NDArray[np.float64]


def plagiarism_index(scene: Scene) -> Floats:
    """Return the number of synthetic rows among the 20 nearest, ties in order of distance, (n,)."""
    made, real = scene.to_made.all, scene.to_real.all
    both = np.hstack([made, real])
    synthetic = np.arange(both.shape[1]) < made.shape[1]
    # between equal distances people come first: a copy that others equal too shows nothing
    order = np.lexsort((np.broadcast_to(synthetic, both.shape), both), axis=1)
    taken = synthetic[order[:, :NEIGHBOURS]]
    size = min(len(scene.synthetic), len(scene.real))
    weight = taken * (size / len(scene.synthetic)) + ~taken * (size / len(scene.real))
    count = NEIGHBOURS * (weight * taken).sum(1) / weight.sum(1)
    ratio = by_neighbours(scene)
    return np.asarray(count + 1e-6 * np.tanh(ratio / 4))
