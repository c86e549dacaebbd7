"""Link the two halves of a person's record through the synthetic table (Giomi et al. 2022).

The attacker holds the synthetic table and two lists of the same people: one with some of their
columns, one with the others (a hospital's and a registry's). For each person they look up the k
nearest synthetic rows in either set of columns, and take the halves for one person's if a row stands
in both (arXiv:2211.10459, written from the paper). Halves can be linked of people who were not in
the data too, where the columns are related; only what members show beyond that is a risk.

Ties are many where columns are few or hold levels: often hundreds of rows are equally near. An
attacker who needs k of them draws among those at the last distance, for each half by itself. Here
the chance of that draw is counted, not one draw, so a success doesn't hang on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from salus.synth.measure.distance import Encoder, Gaps, Placed
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["ATTACKERS", "person_success", "splits"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Bools = NDArray[np.bool_]
Split = tuple[tuple[str, ...], tuple[str, ...]]
NEIGHBOURS = (1, 5)
SPLITS = 3
CELLS = 1 << 18  # of one block of distances

ATTACKERS = {
    k: f"{k} nearest row{'s' * (k > 1)}"  # how many are looked up for each half
    for k in NEIGHBOURS
}


def splits(schema: Schema, *, seed: int, columns: Sequence[str] | None = None) -> tuple[Split, ...]:
    """Return the sets of columns that are linked: what is known and the rest, else random halves.

    Blind to the people. Names are sorted before halves are drawn, so the order of the columns is
    of no matter.

    Parameters
    ----------
    schema : Schema
        Where columns are marked ``known``, there is one split: these and all others.
    seed : int
        Of the halves, up to three different ones.
    columns : sequence of str, optional
        Those to be used; all modelled ones by default.
    """
    used = [c for c in schema.modelled if columns is None or c.name in columns]
    known = tuple(sorted(c.name for c in used if "known" in c.roles))
    rest = tuple(sorted(c.name for c in used if "known" not in c.roles))
    if known and rest:
        return ((known, rest),)
    names = np.array(sorted(c.name for c in used))
    if len(names) < 2:
        return ()
    rng = np.random.default_rng(seed)
    found: dict[frozenset[tuple[str, ...]], Split] = {}
    for _ in range(10 * SPLITS):
        order, half = rng.permutation(len(names)), (len(names) + 1) // 2
        one, two = (tuple(names[np.sort(part)].tolist()) for part in (order[:half], order[half:]))
        found.setdefault(frozenset((one, two)), (one, two))
        if len(found) == SPLITS:
            break
    return tuple(found.values())


def person_success(
    people: Table, synthetic: Table, *, seed: int, columns: Sequence[str] | None = None
) -> dict[str, Floats]:
    """Return the chance that the halves of each row are linked, (n,), for each of ``ATTACKERS``.

    Averaged over the splits. Empty if there are fewer than two columns or no synthetic rows.

    Parameters
    ----------
    people : Table
        Members and others, mixed; nothing here depends on who is which.
    synthetic : Table
    seed : int
        Of the splits.
    columns : sequence of str, optional
        Those to be used; all modelled ones by default.
    """
    halves = splits(people.schema, seed=seed, columns=columns)
    if not halves or not len(synthetic) or not len(people):
        return {}
    encoder = Encoder.fit([people])
    mine, made = encoder.place(people), encoder.place(synthetic)
    index = {c.name: j for j, c in enumerate(encoder.columns)}
    total = np.zeros((len(NEIGHBOURS), len(people)))
    for split in halves:
        sides = [[index[name] for name in side] for side in split]
        total += _linked([(_columns(mine, side), _columns(made, side)) for side in sides])
    return dict(zip(ATTACKERS.values(), total / len(halves), strict=True))


def _columns(placed: Placed, which: list[int]) -> Placed:
    return Placed(placed.position[:, which], placed.code[:, which], placed.people)


def _linked(sides: list[tuple[Placed, Placed]]) -> Floats:
    """Return the chance of a shared row for each number of neighbours and person, (len(k), n)."""
    n, m = len(sides[0][0]), len(sides[0][1])
    gaps = [Gaps(mine, made) for mine, made in sides]
    out = np.empty((len(NEIGHBOURS), n))
    step = max(1, CELLS // m)
    for begin in range(0, n, step):
        rows = slice(begin, min(n, begin + step))
        one, two = (g.block(rows, worst=False)[0] for g in gaps)
        least = [_smallest(d, min(max(NEIGHBOURS), m)) for d in (one, two)]
        for at, k in enumerate(NEIGHBOURS):
            out[at, rows] = _chance(one, two, least[0], least[1], min(k, m))
    return out


def _smallest(distance: Singles, k: int) -> Singles:
    """Return the k smallest distances of each row, in order."""
    if k == distance.shape[1]:
        return np.sort(distance, axis=1)
    return np.sort(np.partition(distance, k - 1, axis=1)[:, :k], axis=1)


def _chance(one: Singles, two: Singles, least: Singles, least_two: Singles, k: int) -> Floats:
    """Return the chance that k nearest rows by either distance, (n, m), have one in common.

    Rows nearer than the k-th are certain to be taken; of those as far as it, tied, as many as are
    still needed are drawn, by each side by itself.
    """
    cut, cut_two = least[:, k - 1], least_two[:, k - 1]
    within, within_two = one <= cut[:, None], two <= cut_two[:, None]
    sure, sure_two = (
        (least[:, :k] < cut[:, None]).sum(1),
        (least_two[:, :k] < cut_two[:, None]).sum(1),
    )
    tied, tied_two = within.sum(1) - sure, within_two.sum(1) - sure_two
    who, row = np.nonzero(within & within_two)
    tie, tie_two = one[who, row] == cut[who], two[who, row] == cut_two[who]

    def count(which: Bools) -> NDArray[np.intp]:
        return np.bincount(who[which], minlength=len(cut))

    both_sure = count(~tie & ~tie_two)
    mine, theirs, both = count(~tie & tie_two), count(tie & ~tie_two), count(tie & tie_two)
    drawn, drawn_two = k - sure, k - sure_two
    apart = np.zeros(len(cut))  # chance that no row is shared
    for j in range(k + 1):  # of the rows tied on both sides, those that the first side drew
        first = comb(both, j) * comb(tied - theirs - both, np.maximum(drawn - j, 0))
        first = np.where(j <= drawn, first, 0.0) / comb(tied, drawn)
        apart += (
            first * comb(np.maximum(tied_two - mine - j, 0), drawn_two) / comb(tied_two, drawn_two)
        )
    return np.where(both_sure > 0, 1.0, np.clip(1 - apart, 0.0, 1.0))
