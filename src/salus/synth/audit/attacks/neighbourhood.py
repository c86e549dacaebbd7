"""Membership by the share of synthetic rows in a person's neighbourhood.

Knowledge: the synthetic table and the record in question, and those of all people judged, not
marked as members or others: they set the radius.

Score: share of the synthetic rows within a radius of the record, which is the median over people of
the distance to the nearest synthetic row. As only the 20 nearest rows are known, more than 20 count
as 20 and a part: the nearer the 20th, the larger.

Source: Hilprecht, Härterich and Bernau 2019, "Monte Carlo and reconstruction membership inference
attacks against generative models", doi:10.2478/popets-2019-0067 (PoPETs 2019/4), with its median
heuristic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.scene import Scene

__all__ = ["share_within"]


def share_within(scene: Scene) -> NDArray[np.float64]:
    """Return the share of synthetic rows within the median nearest distance, (n,)."""
    near = scene.to_made.all
    radius = float(np.median(near[:, 0])) if len(near) else 0.0
    inside = (near <= radius).sum(1).astype(np.float64)
    if radius > 0:
        inside += np.maximum(1 - near[:, -1] / radius, 0)
    return np.asarray(inside / len(scene.synthetic))
