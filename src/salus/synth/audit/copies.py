"""Count people's records, and near ones, in the synthetic table beyond what chance would bring.

The attacker knows nothing and only reads the table. A row counts as a copy if every column equals a
person's, by value, missing states included; as a near copy if its distance to the nearest person is
within the distance to their nearest neighbour that only 1 % of people have. Both are counted for
members and for equally many people who were not in the data: where few columns make strangers
alike, both counts rise and the excess stays at zero.

A release holds its copies as a fact: sampling error sits in the strangers' count alone. If no row
equals a member, nothing was copied, and the excess is 0 without an interval above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from salus.synth.measure.distance import Encoder, nearest
from salus.synth.table.table import PRESENT, Table

__all__ = [
    "CLOSEST",
    "Groups",
    "Shares",
    "chance_p",
    "exact_copies",
    "make_groups",
    "near_copies",
    "record_keys",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
Count = Callable[[Ints], tuple[Floats, Floats]]  # of the rows of a group: share and sole share
CLOSEST = 0.01  # share of people whose nearest neighbour is within reach
UNEVEN = 0.1  # members may outnumber a group of strangers by this share before they are cut up


@dataclass(frozen=True)
class Groups:
    """Hold how members and others are compared, at equal size.

    Members are cut at random into chunks no larger than the others, so a release that concentrates
    on few modes isn't accused for the size of the group that it is compared with.

    Parameters
    ----------
    chunks, windows : tuples of int arrays
        Rows of the members of each chunk; rows of each group of others, of the size of a chunk.
    scale : float
        What the mean over windows is multiplied by to be compared with the sum over chunks.
    """

    chunks: tuple[Ints, ...]
    windows: tuple[Ints, ...]
    scale: float


@dataclass(frozen=True)
class Shares:
    """Hold each row's share of the synthetic table, (n,); the excess is members' minus others' sum.

    Parameters
    ----------
    share : array (n,)
        Share of the synthetic rows that copy the row's person; one that copies several people of a
        group is divided among them.
    sole : array (n,)
        Share that would copy nobody of the group without this person: what the sum owes to them.
    """

    share: Floats
    sole: Floats


def make_groups(people: Table, member: Bools, rng: np.random.Generator) -> Groups:
    """Cut people into chunks of members and windows of others, all rows of a person together."""
    inside, outside = np.unique(people.people[member]), np.unique(people.people[~member])
    count = max(1, int(np.ceil(len(inside) / max(len(outside), 1) - UNEVEN)))
    size = min(len(inside) // count, len(outside))
    inside, outside = rng.permutation(inside), rng.permutation(outside)
    starts = range(0, len(outside), max(1, size)) if size < len(outside) else range(1)
    around = np.concatenate([outside, outside])
    windows = [around[s : s + size] for s in starts]

    def rows(who: NDArray[np.int64], side: Bools) -> Ints:
        return np.flatnonzero(side & np.isin(people.people, who))

    return Groups(
        chunks=tuple(rows(inside[c::count], member) for c in range(count)),
        windows=tuple(rows(w, ~member) for w in windows),
        scale=len(inside) / max(size, 1),
    )


def record_keys(tables: Sequence[Table]) -> list[Ints]:
    """Return a number for each row of each table, equal where the whole records are equal.

    Numbers are compared by value at the column's decimals, levels by level, missing cells by their
    state.
    """
    n = sum(len(t) for t in tables)
    key = np.zeros(n, np.int64)
    for column in tables[0].schema.modelled:
        state = np.concatenate([t.states[column.name] for t in tables]).astype(np.int64)
        value = np.concatenate([t.values[column.name].astype(float) for t in tables])
        value = np.where(state == PRESENT, value, 0.0)
        if column.decimals is not None:
            value = np.round(value, column.decimals)
        _, code = np.unique(value, return_inverse=True)
        _, cell = np.unique(code.ravel() * 256 + state, return_inverse=True)
        _, key = np.unique(key * (int(cell.max(initial=0)) + 1) + cell.ravel(), return_inverse=True)
        key = key.ravel()
    return list(np.split(key.astype(np.intp), np.cumsum([len(t) for t in tables])[:-1]))


def exact_copies(people: Table, synthetic: Table, groups: Groups) -> Shares:
    """Count synthetic rows that equal a person's row in every column."""
    mine, made = record_keys([people, synthetic])
    top = int(max(mine.max(initial=0), made.max(initial=0))) + 1
    rows = np.bincount(made, minlength=top) / max(len(synthetic), 1)

    def one(here: Ints) -> tuple[Floats, Floats]:
        same = np.bincount(mine[here], minlength=top)[mine[here]]
        share = rows[mine[here]] / same
        return share, np.where(same == 1, share, 0.0)

    return _collect(len(people), groups, one)


def near_copies(
    people: Table,
    synthetic: Table,
    groups: Groups,
    *,
    encoder: Encoder,
    sample: Ints | None = None,
) -> dict[str, Shares]:
    """Count synthetic rows within reach of a person, each for the nearest person of a group.

    Returns one ``Shares`` for each space: all columns, and the worst column left out. Reach is the
    distance to the nearest other person that 1 % of all people have (of those in ``sample``, where
    given), whoever is a member.
    """
    placed, made = encoder.place(people), encoder.place(synthetic)
    asked = placed if sample is None else placed.take(sample)
    others = nearest(asked, placed, skip_same=True)
    reach = [_reach(others.all), _reach(others.left_out)]
    found: dict[int, list[tuple[Floats, Floats]]] = {}
    for here in (*groups.chunks, *groups.windows):
        if not len(here):
            continue
        near = nearest(made, placed.take(here), k=2)
        found[id(here)] = [
            _claims(near.all, near.who_all[:, 0], reach[0], len(here)),
            _claims(near.left_out, near.who_left_out[:, 0], reach[1], len(here)),
        ]
    return {
        "all columns": _collect(len(people), groups, lambda here: found[id(here)][0]),
        "one column left out": _collect(len(people), groups, lambda here: found[id(here)][1]),
    }


def _reach(distance: Floats) -> float:
    reach = float(np.quantile(distance[:, 0], CLOSEST, method="lower"))
    return reach if np.isfinite(reach) else 0.0


def _claims(gap: Floats, who: Ints, reach: float, n: int) -> tuple[Floats, Floats]:
    """Return the share and the sole share of each row of a group."""
    within = gap[:, 0] <= reach
    alone = within & ((gap[:, 1] > reach) if gap.shape[1] > 1 else True)
    rows = max(len(gap), 1)
    share = np.bincount(who[within], minlength=n) / rows
    return share, np.bincount(who[alone], minlength=n) / rows


def chance_p(matches: int, rows: int, rate: float) -> float:
    """Return the chance of this many copies or more, if each row is one with a chance of ``rate``.

    Examples
    --------
    >>> round(chance_p(2, 142, 0.001), 4)
    0.0091
    """
    return float(binom.sf(matches - 1, rows, rate))


def _collect(n: int, groups: Groups, one: Count) -> Shares:
    share, sole = np.zeros(n), np.zeros(n)
    factor = groups.scale / max(len(groups.windows), 1)
    for here, weight in (
        *((c, 1.0) for c in groups.chunks),
        *((w, factor) for w in groups.windows),
    ):
        if len(here):
            a, b = one(here)
            share[here] += weight * a
            sole[here] += weight * b
    return Shares(share, sole)
