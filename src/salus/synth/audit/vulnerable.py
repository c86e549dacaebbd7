"""Find the people whom a synthetic table can least hide: those who stand apart from all others.

A generator smooths over those who have neighbours; somebody without any either leaves a trace of
their own or none at all. The mean distance to the 5 nearest other real people tells who they are
better than density or being an outlier in a column does ("Achilles' heels", Meeus et al. 2023,
arXiv:2306.10308). Who was a member plays no part in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Encoder, nearest
from salus.synth.table.table import Table

__all__ = ["isolation", "most_isolated"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NEIGHBOURS = 5
SHARE = 0.1


def isolation(people: Table, reference: Table | None, encoder: Encoder) -> Floats:
    """Return each row's mean distance to its 5 nearest rows of other real people, (n,), 0 to 1.

    Parameters
    ----------
    people : Table
        Members and others, mixed.
    reference : Table or None
        People of the same kind who are not among ``people``; without it the others among
        ``people`` are looked at.
    encoder : Encoder
        As ``membership.blind_encoder`` makes it.

    Returns
    -------
    array (n,)
        1, the largest distance there is, for somebody without any other person to compare with.
    """
    if not len(people):
        return np.zeros(0)
    placed = encoder.place(people)
    alone = reference is None or not len(reference)
    others = placed if alone or reference is None else encoder.place(reference)
    near = nearest(placed, others, k=NEIGHBOURS, skip_same=alone, left_out=False).all
    here = np.isfinite(near)
    count = here.sum(1)
    total = np.where(here, near, 0.0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), 1.0)


def most_isolated(isolation: Floats, share: float = SHARE) -> Bools:
    """Tell the given share of rows that stand apart most, (n,).

    Where ties at the border would make them twice as many, only those beyond the border are told;
    nobody if all stand equally apart.

    Examples
    --------
    >>> most_isolated(np.array([0.1, 0.2, 0.9, 0.1, 0.1]), share=0.2)
    array([False, False,  True, False, False])
    """
    if not len(isolation):
        return np.zeros(0, bool)
    count = max(1, round(share * len(isolation)))
    cut = np.sort(isolation)[-count]
    mask = isolation >= cut
    return np.asarray(isolation > cut if mask.sum() > 2 * count else mask)
