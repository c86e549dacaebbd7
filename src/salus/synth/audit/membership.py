"""Tell who was in the data: attacks that score each person from the synthetic table alone.

The attacker holds the synthetic table, the record of the person in question, and records of other
people of the same kind, among whom members are neither marked nor excluded. They know neither the
model nor who was a member. Every attack is run on members and on people who were not in the data,
and only the difference counts. No classifier of real against synthetic rows is among these: that
measures fidelity.

Nothing here depends on who is a member, so members and others are exchangeable if the release
doesn't depend on who was in the data: no gain can then be found but by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Encoder, nearest
from salus.synth.table.table import Table

__all__ = ["ATTACKS", "blind_encoder", "person_scores"]

Floats = NDArray[np.float64]
NEIGHBOURS = 5

ATTACKS = {
    "nearest distance": "minus the distance to the nearest synthetic row",
    "nearest distance, one column left out": "the same, blind to a change in any one column",
    "nearest distance, own ranks": "the same, blind to any monotone change of the columns",
    "calibrated distance": "nearest other person's distance minus that of the nearest synthetic "
    "row (Chen et al. 2020, doi:10.1145/3372297.3417238)",
    "density ratio": "log density under the synthetic rows over that under other people, by the "
    "distance to the 5 nearest (van Breugel et al. 2023, arXiv:2302.12580)",
    "density ratio, one column left out": "the same, blind to a change in any one column",
    "hole": "the distance to the nearest synthetic row: members surrounded by a gap",
}


def blind_encoder(people: Table, reference: Table | None = None) -> Encoder:
    """Fit the positions on the reference people, else on all people judged, whoever they are."""
    return Encoder.fit([people if reference is None else reference])


def person_scores(
    people: Table,
    synthetic: Table,
    *,
    reference: Table | None = None,
    encoder: Encoder | None = None,
) -> dict[str, Floats]:
    """Score every row, higher meaning a member, (n,) for each of ``ATTACKS``.

    The attacker knows the synthetic table, the person's record, and other people's records.

    Parameters
    ----------
    people : Table
        Members and others, mixed.
    synthetic : Table
    reference : Table, optional
        People of the same kind, neither members nor judged. Without it each person is compared
        with all other people judged, members or not; never with themselves, which would show a
        distance of 0 and drown the ratio.
    encoder : Encoder, optional
        As ``blind_encoder`` makes it.
    """
    encoder = blind_encoder(people, reference) if encoder is None else encoder
    placed, made = encoder.place(people), encoder.place(synthetic)
    real = placed if reference is None else encoder.place(reference)
    to_made = nearest(placed, made, k=NEIGHBOURS)
    to_real = nearest(placed, real, k=NEIGHBOURS, skip_same=reference is None)
    own = nearest(placed, encoder.place_by_own_rank(synthetic), left_out=False)
    return {
        "nearest distance": -to_made.all[:, 0],
        "nearest distance, one column left out": -to_made.left_out[:, 0],
        "nearest distance, own ranks": -own.all[:, 0],
        "calibrated distance": _finite(to_real.all)[:, 0] - to_made.all[:, 0],
        "density ratio": _log(to_real.all) - _log(to_made.all),
        "density ratio, one column left out": _log(to_real.left_out) - _log(to_made.left_out),
        "hole": to_made.all[:, 0],
    }


def _finite(distance: Floats) -> Floats:
    return np.where(np.isfinite(distance), distance, 1.0)


def _log(distance: Floats) -> Floats:
    return np.asarray(np.log(_finite(distance).mean(1) + 1e-4))
