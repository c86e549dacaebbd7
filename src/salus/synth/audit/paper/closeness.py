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

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.copies import record_keys
from salus.synth.audit.paper.halves import over_repeats, some_rows, split
from salus.synth.audit.paper.settings import PaperSettings
from salus.synth.measure.distance import Encoder, Placed, nearest
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table

__all__ = ["SPACES", "Closeness", "Pool", "above_real", "closeness", "pools", "quantile_difference"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]
SPACES = ("all columns", "one column left out", "own ranks")
CELLS = 1 << 20  # distances that are held twice over while a matrix is filled
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
    whole, left = _matrix(place[0], place[2], left_out=True)
    return Pool(
        to_train=dict(
            zip(SPACES, (near.all[:, 0], near.left_out[:, 0], near_rank.all[:, 0]), strict=True)
        ),
        from_train=dict(
            zip(SPACES, (whole, left, _matrix(rank[0], rank[2], left_out=False)[0]), strict=True)
        ),
        copied=copied[rows],
        people=kept.people,
    )


def _matrix(rows: Placed, columns: Placed, *, left_out: bool) -> tuple[Singles, Singles]:
    """Return all distances with and, if asked, without the column that differs most, (n, m)."""
    whole = np.empty((len(rows), len(columns)), np.float32)
    left = np.empty_like(whole) if left_out else whole
    step = max(1, CELLS // max(len(columns), 1))
    for begin in range(0, len(rows), step):
        some = slice(begin, min(begin + step, len(rows)))
        taken = rows.take(np.arange(some.start, some.stop))
        near = nearest(taken, columns, k=len(columns), left_out=left_out)
        np.put_along_axis(whole[some], near.who_all, near.all.astype(np.float32), 1)
        if left_out:
            np.put_along_axis(left[some], near.who_left_out, near.left_out.astype(np.float32), 1)
    return whole, left


@dataclass(frozen=True)
class _Drawn:
    """Hold one sample of n0 rows of a pool in one space."""

    mean: float  # m: mean distance to the closest training row
    copied: float  # i: share of exact copies
    pooled: Floats  # distances from the rows to T, and from T to the rows

    @classmethod
    def of(cls, pool: Pool, rows: Ints, space: str) -> _Drawn:
        there = pool.to_train[space][rows]
        back = pool.from_train[space][rows].min(0).astype(float)
        return cls(
            float(there.mean()), float(pool.copied[rows].mean()), np.concatenate([there, back])
        )


def closeness(
    released: Pool | None,
    held: Pool,
    copies: Pool,
    settings: PaperSettings,
    rng: np.random.Generator,
) -> Closeness:
    """Return P of a release.

    Parameters
    ----------
    released : Pool or None
        The release; without one, a third part of the people held out takes its place.
    held, copies : Pool
        People held out, and copies of training people.
    """
    n_parts, other = (3, held) if released is None else (2, released)
    seen: dict[str, list[tuple[float, ...]]] = {s: [] for s in SPACES}
    for _ in range(settings.repeats):
        parts = split(held.people, n_parts, rng)
        mine = parts[2] if n_parts == 3 else some_rows(other.people, len(other.people), rng)
        theirs = some_rows(copies.people, len(copies.people), rng)
        n = min(len(parts[0]), len(parts[1]), len(mine), len(theirs))
        for space in SPACES:
            a, b = (_Drawn.of(held, p[:n], space) for p in parts[:2])
            s, c = _Drawn.of(other, mine[:n], space), _Drawn.of(copies, theirs[:n], space)
            steps = [quantile_difference(x.pooled, a.pooled, settings) for x in (s, b, c)]
            seen[space].append(
                (s.mean, b.mean, c.mean, *steps, s.copied, b.copied, a.mean, a.copied)
            )
    people = len(np.unique(held.people))
    spaces = {k: _in_space(np.array(v), settings, people) for k, v in seen.items()}
    return _worst({k: v[0] for k, v in spaces.items()}, {k: v[1] for k, v in spaces.items()})


def _in_space(
    seen: Floats, settings: PaperSettings, people: int
) -> tuple[Estimate | CannotJudge, dict[str, float]]:
    """Return P in one space from the statistics of the repeats, (repeats, 10), and its parts."""
    if not _told_apart(seen, settings.noise):
        return CannotJudge(_TOO_ALIKE), {}
    parts = _parts(seen.mean(0))
    weights = (settings.closeness, settings.quantiles, settings.copies)
    value = sum(w * p for w, p in zip(weights, parts, strict=True))
    each = np.array([sum(w * p for w, p in zip(weights, _parts(row))) for row in seen])
    estimate = over_repeats(each - each.mean() + value, n=people)
    named = ("distance to closest record, s", "1 - r_Q", "1 - r_I")
    return estimate, dict(zip(named, parts, strict=True))


def _parts(row: Floats) -> tuple[float, float, float]:
    """Return s, 1 - r_Q and 1 - r_I of mean statistics."""
    s, b, c, made, fresh, copied, i_s, i_b = row[:8]
    near = np.clip((s - c) / max(b - c, 1e-12), 0, 1)
    step = np.clip((made - fresh) / max(copied - fresh, 1e-12), 0, 1)
    same = np.clip((i_s - i_b) / max(1 - i_b, 1e-12), 0, 1)
    return float(near), float(1 - step), float(1 - same)


def _told_apart(seen: Floats, noise: float) -> bool:
    """Tell whether each anchor's gap is beyond the noise between halves of the same people."""
    b, c, fresh, copied, i_b, a, i_a = (seen[:, k] for k in (1, 2, 4, 5, 7, 8, 9))
    gaps = (b - c, copied - fresh, 1 - i_b)
    spread = ((a - b).std(), fresh.std(), (i_a - i_b).std())
    return all(bool(g.mean() > max(noise * s, 1e-9)) for g, s in zip(gaps, spread, strict=True))


def _worst(
    spaces: Mapping[str, Estimate | CannotJudge], parts: Mapping[str, Mapping[str, float]]
) -> Closeness:
    """Return the space with the lowest P; where all columns can't be judged, nothing can."""
    first = spaces[SPACES[0]]
    if isinstance(first, CannotJudge):
        return Closeness(first, SPACES[0], spaces, {})
    known = {k: v for k, v in spaces.items() if isinstance(v, Estimate)}
    worst = min(known, key=lambda k: known[k].value)
    return Closeness(known[worst], worst, spaces, parts[worst])


def quantile_difference(pooled: Floats, reference: Floats, settings: PaperSettings) -> float:
    """Return Qd: how far the distances' distribution lies above the reference's in its low tail.

    The mean over quantiles q from 0 to 0.05 of F(v_q) - q, with v_q the reference's q-quantile:
    above 0 where distances are shorter, at most 0.975 where all are 0.

    Parameters
    ----------
    pooled, reference : arrays
        Distances of a table, and of fresh people.
    """
    q = np.linspace(0, settings.grid_end, settings.grid)
    at = np.quantile(reference, q)
    below = np.searchsorted(np.sort(pooled), at, side="right") / len(pooled)
    return float((below - q).mean())


def above_real(
    released: Pool, held: Pool, settings: PaperSettings, rng: np.random.Generator
) -> dict[str, float | bool]:
    """Judge Qd of a release by random halves of the people held out, over all columns.

    Returns
    -------
    dict
        ``Qd``, its mean over halves; ``95 % of real halves``, the quantile of real people; and
        ``above``, whether the first exceeds the second (REaLTabFormer's test of overfitting).
    """
    real: list[float] = []
    made: list[float] = []
    space = SPACES[0]
    for _ in range(settings.halvings):
        one, other = split(held.people, 2, rng)
        mine = some_rows(released.people, len(released.people), rng)
        n = min(len(one), len(other), len(mine))
        reference = _Drawn.of(held, one[:n], space).pooled
        for out, pool, rows in ((real, held, other), (made, released, mine)):
            out.append(
                quantile_difference(_Drawn.of(pool, rows[:n], space).pooled, reference, settings)
            )
    limit = float(np.quantile(real, 0.95))
    value = float(np.mean(made))
    return {"Qd": value, "95 % of real halves": limit, "above": value > limit}
