"""Single people out by conditions read off the synthetic table (Cohen & Nissim; Giomi et al.).

The attacker holds nothing but the synthetic table. They write down conditions that one synthetic
row alone meets, and hope that one real person alone meets them too (arXiv:1904.06009,
arXiv:2211.10459; written from the papers):

* univariate: a value or missing state that one row alone holds; a number at or beyond the smallest
  or largest;
* multivariate: what several random columns of a random row say: their level or missing state, or a
  number at least (at most) as far from the middle as the row's.

A condition succeeds in a group of people if exactly one of them meets it. One of the right weight
does so in any group, in 37 of 100 cases, members or not (arXiv:1904.06009, section 2); so conditions
are tried on members and on equally many people who were not in the data, and only the difference
counts.

A value that one person alone holds singles them out wherever it is published, in a row that is
invented otherwise as well. So the univariate attacker accuses every generator that hands on real
values of a fine-grained column, even one that draws each column by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.copies import Groups, Shares
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["ATTACKERS", "singled_out"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
ATTACKERS = ("univariate", "multivariate")
ANY, SAME, MOST, LEAST = range(4)  # what a condition asks of a column: nothing, =, <=, >=
MOST_COLUMNS = 8  # of one condition
ROUNDS = 10  # batches drawn until enough conditions hold for one synthetic row alone
FEWEST = 100  # conditions that a rate is taken of, at least
CELLS = 1 << 22  # of one block of conditions x rows


@dataclass(frozen=True)
class Cells:
    """Hold rows as d columns in the order of their names: number (d, n), state (d, n).

    ``number`` is a value at the column's decimals or the index of a level, 0 where missing.
    """

    number: Floats
    state: Ints
    numeric: Bools  # (d,)

    @classmethod
    def of(cls, table: Table, columns: Sequence[Column]) -> Cells:
        number, state = [], []
        for column in columns:
            held = table.states[column.name].astype(np.intp)
            value = np.where(held == PRESENT, table.values[column.name].astype(float), 0.0)
            if column.decimals is not None:
                value = np.round(value, column.decimals)
            number.append(value)
            state.append(held)
        return cls(np.array(number), np.array(state), np.array([c.is_numeric for c in columns]))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of columns and of rows."""
        return self.number.shape[0], self.number.shape[1]

    def in_order(self) -> Cells:
        """Return the rows sorted by what they hold, so that their order in a file is forgotten."""
        order = np.lexsort(np.concatenate([self.number, self.state]))
        return Cells(self.number[:, order], self.state[:, order], self.numeric)


@dataclass(frozen=True)
class Conditions:
    """Hold c conjunctions over d columns: asked (c, d), and the number and state it is asked of."""

    asked: Ints
    number: Floats
    state: Ints

    def __len__(self) -> int:
        return len(self.asked)

    def take(self, which: NDArray[np.integer] | Bools) -> Conditions:
        """Return some of them."""
        return Conditions(self.asked[which], self.number[which], self.state[which])

    def met(self, rows: Cells) -> Bools:
        """Return whether each row meets each condition, (c, n)."""
        out = np.ones((len(self), rows.shape[1]), bool)
        for j in range(rows.shape[0]):
            held, here = rows.number[j], rows.state[j] == PRESENT
            for kind in (SAME, MOST, LEAST):
                which = np.flatnonzero(self.asked[:, j] == kind)
                value, state = self.number[which, j, None], self.state[which, j, None]
                if kind == SAME:
                    out[which] &= (rows.state[j] == state) & (held == value)
                elif kind == MOST:
                    out[which] &= here & (held <= value)
                else:
                    out[which] &= here & (held >= value)
        return out

    def only(self, rows: Cells) -> Ints:
        """Return the row that alone meets each condition, or -1, (c,)."""
        out = np.full(len(self), -1, np.intp)
        step = max(1, CELLS // max(rows.shape[1], 1))
        for begin in range(0, len(self), step):
            block = np.arange(begin, min(len(self), begin + step))
            met = self.take(block).met(rows)
            alone = met.sum(1) == 1
            out[block[alone]] = met[alone].argmax(1)
        return out


def singled_out(
    people: Table, synthetic: Table, groups: Groups, *, seed: int, conditions: int = 500
) -> dict[str, Shares]:
    """Return each person's share of the conditions that single out this very person.

    The members' sum is the mean over the chunks of members of the share of conditions that single
    out one of them, the others' sum the mean over their windows: rates in [0, 1] at equal group
    size. An attacker who finds fewer than 100 conditions is reckoned with 100, of which the others
    fail, so that a handful of conditions doesn't make a large rate.

    Parameters
    ----------
    people : Table
        Members and others, mixed; only ``groups`` tells who is which.
    synthetic : Table
    groups : Groups
        As ``copies.make_groups`` makes them.
    seed : int
        Of the conditions.
    conditions : int
        At most, for each of ``ATTACKERS``.

    Returns
    -------
    dict of str to Shares
        ``sole`` equals ``share``: whoever is singled out is so alone.
    """
    columns = sorted(people.schema.modelled, key=lambda c: c.name)
    if not columns or not len(synthetic):
        return {}
    rng = np.random.default_rng(seed)
    made, real = Cells.of(synthetic, columns).in_order(), Cells.of(people, columns)
    tried = {"univariate": _univariate(made, conditions, rng)}
    if len(columns) > 1:
        tried["multivariate"] = _multivariate(made, conditions, rng)
    return {name: _shares(asked, real, groups, len(people)) for name, asked in tried.items()}


def _shares(asked: Conditions, real: Cells, groups: Groups, n: int) -> Shares:
    share = np.zeros(n)
    for side in (groups.chunks, groups.windows):
        for here in side:
            rows = Cells(real.number[:, here], real.state[:, here], real.numeric)
            who = asked.only(rows) if len(here) else np.full(len(asked), -1)
            count = np.bincount(who[who >= 0], minlength=len(here))
            share[here] += count / (max(len(asked), FEWEST) * len(side))
    return Shares(share, share)


def _univariate(made: Cells, most: int, rng: np.random.Generator) -> Conditions:
    """Return conditions on one column that one synthetic row alone meets."""
    d = made.shape[0]
    found: list[tuple[int, int, float, int]] = []  # column, what is asked, number, state
    for j in range(d):
        state, held = made.state[j], made.number[j][made.state[j] == PRESENT]
        value, count = np.unique(held, return_counts=True)
        found += [(j, SAME, float(v), PRESENT) for v in value[count == 1]]
        kinds, count = np.unique(state[state != PRESENT], return_counts=True)
        found += [(j, SAME, 0.0, int(s)) for s in kinds[count == 1]]
        if made.numeric[j] and len(value) > 1:
            found += [(j, MOST, float(value[0]), PRESENT), (j, LEAST, float(value[-1]), PRESENT)]
    chosen = [found[i] for i in np.sort(rng.permutation(len(found))[:most])]
    out = Conditions(
        np.zeros((len(chosen), d), np.intp),
        np.zeros((len(chosen), d)),
        np.zeros((len(chosen), d), np.intp),
    )
    for c, (j, kind, number, held_state) in enumerate(chosen):
        out.asked[c, j], out.number[c, j], out.state[c, j] = kind, number, held_state
    return out


def _multivariate(made: Cells, most: int, rng: np.random.Generator) -> Conditions:
    """Return conjunctions over 2 to 8 columns that one synthetic row alone meets."""
    d, n = made.shape
    middle = [_median(made.number[j][made.state[j] == PRESENT]) for j in range(d)]
    above = (made.number >= np.array(middle)[:, None]).T  # (n, d)
    asks = np.where(above, LEAST, MOST)
    asks = np.where(made.numeric & (made.state.T == PRESENT), asks, SAME)
    kept: list[Conditions] = []
    for _ in range(ROUNDS):
        row = rng.integers(0, n, most)
        width = rng.integers(2, min(d, MOST_COLUMNS) + 1, most)
        rank = np.argsort(np.argsort(rng.random((most, d)), axis=1), axis=1)
        asked = np.where(rank < width[:, None], asks[row], ANY)
        drawn = Conditions(asked, made.number.T[row], made.state.T[row])
        kept.append(drawn.take(drawn.only(made) >= 0))
        if sum(map(len, kept)) >= most:
            break
    whole = Conditions(
        np.concatenate([k.asked for k in kept]),
        np.concatenate([k.number for k in kept]),
        np.concatenate([k.state for k in kept]),
    )
    return whole.take(np.arange(min(len(whole), most)))


def _median(held: Floats) -> float:
    return float(np.median(held)) if len(held) else 0.0
