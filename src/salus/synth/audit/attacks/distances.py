"""Membership by distance to the nearest synthetic row, plain and calibrated.

Knowledge: the synthetic table and the record in question; for the calibrated distance also records
of other people, not marked as members or others.

Score: minus the distance to the nearest synthetic row. Left out, it is blind to a change in any one
column; by own ranks, to any monotone change of any number of columns. The reversed sign finds
members by the gap around them, as a generator leaves that rejects rows near its people. The
calibrated distance is the nearest other person's distance minus that of the nearest synthetic row:
a person in a dense region has near rows anyway.

Source: the baseline of all audits; the calibrated form after Chen et al. 2020, "GAN-Leaks",
doi:10.1145/3372297.3417238, whose reference generator is replaced by the reference people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.scene import Scene

__all__ = ["calibrated", "hole", "nearest_row", "nearest_row_by_own_ranks", "nearest_row_left_out"]

Floats = NDArray[np.float64]


def nearest_row(scene: Scene) -> Floats:
    """Return minus the distance to the nearest synthetic row, (n,)."""
    return -scene.to_made.all[:, 0]


def nearest_row_left_out(scene: Scene) -> Floats:
    """Return the same with the column that differs most left out of each pair, (n,)."""
    return -scene.to_made.left_out[:, 0]


def nearest_row_by_own_ranks(scene: Scene) -> Floats:
    """Return the same with the synthetic rows placed by their own ranks, (n,)."""
    return -scene.own_ranks


def hole(scene: Scene) -> Floats:
    """Return the distance to the nearest synthetic row, (n,)."""
    return +scene.to_made.all[:, 0]


def calibrated(scene: Scene) -> Floats:
    """Return the nearest other person's distance minus that of the nearest synthetic row, (n,)."""
    return scene.to_real.all[:, 0] - scene.to_made.all[:, 0]
