"""How large a network is and how long it learns, by the number of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Plan", "plan_for"]

PARTS = 5  # folds of the people, of which each sub-model leaves one out
ROUNDS = 20  # of a training; each ends with a full estimate
PATIENCE = 6  # rounds without a better iterate after which a free training ends


@dataclass(frozen=True)
class Plan:
    """Say how sub-models are trained.

    Parameters
    ----------
    members : int
        Sub-models.
    parts : int
        Folds of the people; sub-model k leaves out fold k where nobody else is there to judge it.
    groups : int
        Groups of the people a sub-model learns from, each of whom another model is left without,
        where folds don't serve for that.
    width, layers, heads : int
    dropout, weight_decay : float
    batch, steps : int
        People of a minibatch, and minibatches of a training.
    rounds : int
        Parts of a training, each ended by a full estimate.
    rate : float
        Of AdamW at its highest.
    bins : int
        Tokens of a number, at most.
    precision : {"float32", "bfloat16"}
        Of the passes through the network.
    """

    members: int
    parts: int
    groups: int
    width: int
    layers: int
    heads: int
    dropout: float
    weight_decay: float
    batch: int
    steps: int
    rounds: int
    rate: float
    bins: int
    precision: str = "float32"

    @property
    def round_length(self) -> int:
        """Minibatches of a round."""
        return max(1, round(self.steps / self.rounds))


def plan_for(
    people: int, *, reference: bool, epochs: float | None = None, batch: int | None = None
) -> Plan:
    """Return the defaults for a number of people.

    Parameters
    ----------
    people : int
    reference : bool
        Whether others are there to judge the sub-models by.
    epochs : float, optional
        How often each person is seen; by default 60 times, less often where people are many.
    batch : int, optional

    Notes
    -----
    Few people: more sub-models, more dropout, small minibatches. Many: one sub-model and a few
    passes; what it costs grows with the root of the number of people.
    """
    few, some = people < 500, people < 5_000
    members = 3 if few else 2 if some else 1
    if reference:
        members = min(members, 2)
    if batch is None:
        batch = 32 if people < 300 else 64 if people < 1_000 else 128 if people < 20_000 else 256
    seen = min(60.0 * people, 2_500.0 * np.sqrt(people)) if epochs is None else epochs * people
    return Plan(
        members=members,
        parts=PARTS if members > 2 else 4 if members == 2 else 8,
        groups=3 if people < 20_000 else 2,
        width=32 if people < 500 else 64,
        layers=1,
        heads=4,
        dropout=0.3 if people < 500 else 0.2 if people < 1_000 else 0.15 if some else 0.1,
        weight_decay=0.05,
        batch=batch,
        steps=max(ROUNDS, round(seen / batch)),
        rounds=ROUNDS,
        rate=1e-2 if 500 <= people <= 20_000 else 5e-3,
        bins=32 if people < 5_000 else 64,
    )
