"""Tell who was in the data: attacks that score each person from the synthetic table alone.

The attacker holds the synthetic table, the record of the person in question, and records of other
people of the same kind, among whom members are neither marked nor excluded. They know neither the
model nor who was a member. Every attack is run on members and on people who were not in the data,
and only the difference counts. How well a classifier tells real from synthetic rows is fidelity and
never stands here; the attack with a classifier compares its scores of members with those of others.

Nothing here depends on who is a member, so members and others are exchangeable if the release
doesn't depend on who was in the data: no gain can then be found but by chance.

The attacks themselves are in ``attacks/``, one small module each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks import REGISTRY, Attack, Scene, blind_encoder
from salus.synth.measure.distance import Encoder
from salus.synth.table.table import Table

__all__ = ["ATTACKS", "blind_encoder", "person_scores"]


def _line(attack: Attack) -> str:
    return f"{attack.says} ({attack.source})" if attack.source else attack.says


ATTACKS = {a.name: _line(a) for a in REGISTRY}


def person_scores(
    people: Table,
    synthetic: Table,
    *,
    reference: Table | None = None,
    encoder: Encoder | None = None,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Score every row, higher meaning a member, (n,) for each of ``ATTACKS``.

    The attacker knows the synthetic table, the person's record, and other people's records.

    Parameters
    ----------
    people : Table
        Members and others, mixed.
    synthetic : Table
        At least one row.
    reference : Table, optional
        People of the same kind, neither members nor judged. Without it each person is compared
        with all other people judged, members or not; never with themselves, which would show a
        distance of 0 and drown the ratio.
    encoder : Encoder, optional
        As ``blind_encoder`` makes it.
    seed : int
        For the attacks that draw.
    """
    scene = Scene.of(people, synthetic, reference=reference, encoder=encoder, seed=seed)
    return {attack.name: attack.score(scene) for attack in REGISTRY}
