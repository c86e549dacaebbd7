"""What all attacks of one audit share: the tables, and the searches that cost time, done once.

The attacker's knowledge never includes who was a member. Positions, embeddings and widths are
learnt from the reference people, else from all people judged, whoever they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.embedding import Embedding
from salus.synth.measure.distance import Encoder, Near, Placed, nearest
from salus.synth.table.table import Table

__all__ = ["NEIGHBOURS", "Scene", "blind_encoder"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
NEIGHBOURS = 20  # of each person, among the synthetic rows and among other people
FARTHEST = 1.0  # the distance to a neighbour that isn't there


def blind_encoder(people: Table, reference: Table | None = None) -> Encoder:
    """Fit the positions on the reference people, else on all people judged, whoever they are."""
    return Encoder.fit([people if reference is None else reference])


@dataclass(frozen=True, eq=False)
class Scene:
    """Hold what an attacker has, and compute on first use what several attacks need.

    Parameters
    ----------
    people : Table
        n rows: members and others, mixed and not told apart.
    synthetic : Table
        m rows.
    reference : Table or None
        r people of the same kind, neither members nor judged. Without them everybody judged is a
        reference for everybody else, never for themselves.
    encoder : Encoder
        As ``blind_encoder`` makes it.
    seed : int
        For the attacks that draw: the classifier and the search for similar strings.
    """

    people: Table
    synthetic: Table
    reference: Table | None
    encoder: Encoder
    seed: int = 0

    @classmethod
    def of(
        cls,
        people: Table,
        synthetic: Table,
        *,
        reference: Table | None = None,
        encoder: Encoder | None = None,
        seed: int = 0,
    ) -> Scene:
        """Set the scene, with a blind encoder unless one is given."""
        encoder = blind_encoder(people, reference) if encoder is None else encoder
        return cls(people, synthetic, reference, encoder, seed)

    @cached_property
    def placed(self) -> Placed:
        """The people's positions (n, d)."""
        return self.encoder.place(self.people)

    @cached_property
    def made(self) -> Placed:
        """The synthetic rows' positions (m, d)."""
        return self.encoder.place(self.synthetic)

    @cached_property
    def real(self) -> Placed:
        """Positions of the people who are compared with: the reference, else all people judged."""
        return self.placed if self.reference is None else self.encoder.place(self.reference)

    @cached_property
    def to_made(self) -> Near:
        """The nearest synthetic rows of each person, (n, at most ``NEIGHBOURS``)."""
        return nearest(self.placed, self.made, k=NEIGHBOURS)

    @cached_property
    def to_real(self) -> Near:
        """The nearest other people of each person; ``FARTHEST`` where there are too few."""
        near = nearest(self.placed, self.real, k=NEIGHBOURS, skip_same=self.reference is None)
        return replace(near, all=_finite(near.all), left_out=_finite(near.left_out))

    @cached_property
    def own_ranks(self) -> Floats:
        """Distance to the nearest synthetic row, placed by the ranks of its own table, (n,)."""
        own = self.encoder.place_by_own_rank(self.synthetic)
        return nearest(self.placed, own, left_out=False).all[:, 0]

    @cached_property
    def embedding(self) -> Embedding:
        """A map to few dimensions, learnt from the people who are compared with."""
        return Embedding.fit(self.real, self.encoder)

    @cached_property
    def points(self) -> tuple[Floats, Floats, Floats]:
        """Embedded people (n, k), synthetic rows (m, k), and everybody known (n or n + r, k).

        Everybody known is the people judged, in their order, and the reference. Kernel densities
        need them all: they are too rough with a reference alone.
        """
        people = self.embedding.transform(self.placed)
        known = [people]
        if self.reference is not None:
            known.append(self.embedding.transform(self.real))
        return people, self.embedding.transform(self.made), np.vstack(known)

    def own_rows(self) -> Iterator[tuple[Ints, NDArray[np.bool_]]]:
        """Yield the rows of each row's own person, itself included, one for each at a time.

        Each item is an index (n,) and whether there is such a row (n,).
        """
        _, who, count = np.unique(self.people.people, return_inverse=True, return_counts=True)
        order = np.argsort(who.ravel(), kind="stable")
        first = np.cumsum(count) - count
        for t in range(int(count.max(initial=0))):
            there = (t < count)[who.ravel()]
            yield order[np.minimum(first[who.ravel()] + t, len(order) - 1)], there


def _finite(distance: Floats) -> Floats:
    return np.where(np.isfinite(distance), distance, FARTHEST)
