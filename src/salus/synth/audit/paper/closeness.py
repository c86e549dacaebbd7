"""The privacy P of PSyGenTAB (2026, arXiv:2606.18518), corrected by anchors.

P = w1 s + w2 (1 - r_Q) + w3 (1 - r_I), 0 to 1. Each part stands where it lies between two anchors
of the same number of rows: fresh real people (H_b, half of the people held out) and copies (C,
drawn from the training people T).

* s: mean distance to the closest training row, (m(S) - m(C)) / (m(H_b) - m(C));
* r_Q: (Qd(S) - Qd(H_b)) / (Qd(C) - Qd(H_b)), with Qd as in REaLTabFormer (Solatorio & Dupriez 2023,
  arXiv:2302.02041), pooled over distances from a table to T and from T to it;
* r_I: share of exact copies beyond that of fresh people.

All are taken in three spaces (``measure/distance.py``), and the worst one counts. Fresh people have
about 1 and a verbatim copy 0, so 1 - P is about the share of copied rows. That is coarse: P gives
no verdict here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.copies import record_keys
from salus.synth.audit.paper.halves import over_repeats, some_rows, split
from salus.synth.audit.paper.settings import PaperSettings
from salus.synth.measure.distance import Encoder, nearest
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table

__all__ = ["SPACES", "Closeness", "Pool", "closeness", "above_real", "pools", "quantile_difference"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]
SPACES = ("all columns", "one column left out", "own ranks")
_TOO_ALIKE = (
    "fresh people and copies of training people are not told apart by their distances: the table "
    "has too few people or columns"
)


@dataclass(frozen=True)
class Pool:
    """Hold what is known of each row of a table beside the training people.

    Parameters
    ----------
    to_train : mapping of space to array (n,)
        Distance to the closest training row.
    from_train : mapping of space to float32 array (n, m)
        Distances from training rows, some of them if there are many.
    copied : bool array (n,)
        Whether the whole record is also a training record.
    people : int array (n,)
    """

    to_train: Mapping[str, Floats]
    from_train: Mapping[str, Singles]
    copied: NDArray[np.bool_]
    people: NDArray[np.int64]


@dataclass(frozen=True)
class Closeness:
    """Hold P in each space, its parts in the worst one, and how far the anchors are apart."""

    result: Estimate | CannotJudge
    worst: str
    spaces: Mapping[str, Estimate | CannotJudge]
    parts: Mapping[str, float]


def pools(
    train: Table,
    tables: Mapping[str, Table],
    encoder: Encoder,
    settings: PaperSettings,
    rng: np.random.Generator,
) -> dict[str, Pool]:
    """Measure tables, and copies of training people, against the training people.

    Returns
    -------
    dict
        One pool for each table, and ``copies``.
    """
    most = int(np.clip(settings.most_pairs // max(len(train), 1), 200, settings.most_rows))
    asked = train.take(some_rows(train.people, most, rng))
    copies = train.take(some_rows(train.people, most, rng))
    every = {**tables, "copies": copies}
    *keys, theirs = record_keys([*every.values(), train])
    out = {}
    for (name, table), key in zip(every.items(), keys, strict=True):
        # ranks of a table's own are those of all its rows; copies have the training people's
        rows = some_rows(table.people, most, rng)
        ranks = train if name == "copies" else table
        out[name] = _pool(table, ranks, rows, np.isin(key, theirs), train, asked, encoder)
    return out


def _pool(
    table: Table,
    ranks: Table,
    rows: Ints,
    copied: NDArray[np.bool_],
    train: Table,
    asked: Table,
    encoder: Encoder,
) -> Pool:
    own = Encoder.fit([ranks])
    at_train = Encoder.fit([train])
    kept = table.take(rows)
    place = encoder.place(kept), encoder.place(train), encoder.place(asked)
    rank = own.place(kept), at_train.place(train), at_train.place(asked)
    near, near_rank = nearest(*place[:2]), nearest(*rank[:2], left_out=False)
    whole, left = _matrix(place[0], place[2])
    return Pool(
        to_train=dict(
            zip(SPACES, (near.all[:, 0], near.left_out[:, 0], near_rank.all[:, 0]), strict=True)
        ),
        from_train=dict(zip(SPACES, (whole, left, _matrix(rank[0], rank[2])[0]), strict=True)),
        copied=copied[rows],
        people=kept.people,
    )
