"""Who may be seen by whom: parts, halves and folds of the people of a table.

All rows of a person fall on one side. Each class of the outcome is shared out like the whole, so
that a rare class is neither lost nor gathered in one part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Parts", "folds", "halves", "split"]

_FEWEST = 2  # people in any part
_BINS = 4  # strata of a numeric outcome


@dataclass(frozen=True, eq=False)
class Parts:
    """Hold the four parts of a table; no person stands in two of them.

    Parameters
    ----------
    train : Table
        What a generator learns.
    reference : Table
        People like the training people whom the constraint compares them with.
    calibration : Table
        People on whom the setting is chosen.
    audit : Table
        People on whom the release is judged, once.
    """

    train: Table
    reference: Table
    calibration: Table
    audit: Table


def split(table: Table, *, seed: int, shares: Sequence[float] = (0.55, 0.15, 0.15, 0.15)) -> Parts:
    """Split a table by person, stratified by the outcome.

    Parameters
    ----------
    table : Table
        Rows of one person share a number in ``table.people``.
    seed : int
        The same seed gives the same parts.
    shares : sequence of four floats
        Shares of the people in train, reference, calibration and audit; a share of 0 leaves a part
        empty.

    Raises
    ------
    OptionError
        If the shares aren't four numbers from 0 to 1 with the sum 1.
    TooFewPeople
        If a part would hold fewer than two people.
    """
    wanted = np.asarray(shares, dtype=np.float64)
    fits = wanted.shape == (4,) and bool((wanted >= 0).all()) and math.isclose(wanted.sum(), 1)
    if not fits:
        raise OptionError(
            "shares must be four numbers of at least 0 with the sum 1.",
            remedy="The default is (0.55, 0.15, 0.15, 0.15).",
        )
    _check_size(table, wanted)
    part = _deal(table, wanted, seed)
    return Parts(*(table.take(np.flatnonzero(part == k)) for k in range(4)))


def halves(table: Table, *, seed: int) -> NDArray[np.bool_]:
    """Return for each row (n,) whether its person is in a random half of the people.

    Which half gets the odd person is left to chance, so that each person is in it with
    probability one half.
    """
    _check_size(table, np.array([0.5, 0.5]))
    return np.asarray(_deal(table, np.array([0.5, 0.5]), seed) == 0)


def folds(table: Table, k: int, *, seed: int) -> NDArray[np.int64]:
    """Return for each row (n,) the fold, 0 to k - 1, of its person."""
    if k < 2:
        raise OptionError(f"k is {k}; folds need at least 2.")
    if table.n_people < k:
        raise TooFewPeople(
            f"{table.n_people} people can't fill {k} folds.",
            remedy=f"Use at least {k} people or fewer folds.",
        )
    return _deal(table, np.full(k, 1 / k), seed)


def _check_size(table: Table, shares: NDArray[np.float64]) -> None:
    needed = math.ceil(_FEWEST / shares[shares > 0].min() - 1e-9)
    if table.n_people < needed:
        raise TooFewPeople(
            f"the table holds {table.n_people} people; this split needs at least {needed}, "
            f"so that each part holds {_FEWEST}.",
            remedy="Add people, or use fewer or larger parts.",
        )


def _deal(table: Table, shares: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Return the part (n,) of each row: whole people, class by class."""
    rng = np.random.default_rng(seed)
    _, person = np.unique(table.people, return_inverse=True)
    strata = _strata(table, person)  # (people,)
    labels, sizes = np.unique(strata, return_counts=True)
    used = int((shares > 0).sum())
    # Classes too small to reach every part are shared out together, as one class.
    pooled = np.isin(strata, labels[sizes < used])
    groups = [np.flatnonzero(pooled)] if pooled.any() else []
    by_size = sorted(labels[sizes >= used].tolist(), key=lambda s: (strata == s).sum())
    groups += [np.flatnonzero(strata == label) for label in by_size]
    part = np.empty(len(strata), dtype=np.int64)
    owed = np.zeros(len(shares))  # what rounding has kept from each part so far
    for group in groups:
        counts = _seats(len(group), shares, owed, rng)
        owed += len(group) * shares - counts
        part[rng.permutation(group)] = np.repeat(np.arange(len(shares)), counts)
    rows: NDArray[np.int64] = part[person]
    return rows


def _seats(
    size: int, shares: NDArray[np.float64], owed: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return how many people of a class each part gets.

    Whole quotas first, one at least where the class can reach every part; each seat that is left
    is drawn in proportion to what the parts are owed over this and the earlier classes, so that a
    class of one person isn't always the largest part's.
    """
    quota = size * shares
    counts = np.floor(quota + 1e-9).astype(np.int64)
    if size >= (shares > 0).sum():
        counts = np.maximum(counts, shares > 0)
    while counts.sum() > size:
        over = np.where(counts > 1, counts - quota + 1e-6 * rng.random(len(shares)), -np.inf)
        counts[np.argmax(over)] -= 1
    while counts.sum() < size:
        due = np.where((shares > 0) & (counts - quota < 1), quota - counts + owed, -np.inf)
        weight = np.maximum(due, 1e-9) * np.isfinite(due)
        if due.max() >= 1:  # a whole seat is owed: no more waiting
            weight = np.where(due >= 1, weight, 0.0)
        counts[rng.choice(len(shares), p=weight / weight.sum())] += 1
    return counts


def _strata(table: Table, person: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the class (people,) of each person: the outcome's most frequent level."""
    outcome = table.schema.outcome
    people = int(person.max()) + 1 if len(person) else 0
    if outcome is None or not outcome.is_modelled:
        return np.zeros(people, dtype=np.int64)
    level = _levels(table, outcome)
    _, level = np.unique(level, return_inverse=True)
    width = int(level.max()) + 1
    pairs, counts = np.unique(person * width + level, return_counts=True)
    # The last of each person's pairs, ordered by count, is the most frequent level.
    order = np.lexsort((-pairs, counts, pairs // width))
    owner = pairs[order] // width
    last = np.append(np.flatnonzero(np.diff(owner)), len(owner) - 1)
    strata: NDArray[np.int64] = pairs[order][last] % width
    return strata


def _levels(table: Table, outcome: Column) -> NDArray[np.int64]:
    """Return a class (n,) of each row: level or quarter of the outcome, or its missing state."""
    values, states = table.values[outcome.name], table.states[outcome.name].astype(np.int64)
    if outcome.is_levelled:
        classes = values.astype(np.int64)
    else:
        present = values[states == PRESENT].astype(np.float64)
        inner = np.linspace(0, 1, _BINS + 1)[1:-1]
        edges = np.quantile(present, inner) if len(present) else np.zeros(0)
        classes = np.searchsorted(edges, values.astype(np.float64), side="left").astype(np.int64)
    out: NDArray[np.int64] = np.where(states == PRESENT, classes, -states)
    return out
