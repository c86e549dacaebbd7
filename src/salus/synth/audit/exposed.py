"""List the real people whom a synthetic table exposes most, each with the reason.

For the steward of the data alone: every line points at a real person. The membership attacks and the
search for exact copies are run on the people who were in the data and on strangers (held-out people,
whom the maker never saw). A person's evidence is the smallest share of strangers that an attack
finds as conspicuous, over all attacks. The smallest of several is small by chance too, so it is
compared with what strangers reach in the same way, each ranked as if they were the member in
question. The share of those who reach as much is the exposure: a p-value that holds exactly for a
member whom the table doesn't expose, over all attacks at once (conformal; Vovk et al. 2005,
doi:10.1007/b106715). It isn't corrected for the number of people. The list tells instead how many
people would be as exposed by chance, if as many strangers stood in the place of the members.

Names of columns are told, values never; people are told by their row.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.copies import record_keys
from salus.synth.audit.membership import blind_encoder, person_scores
from salus.synth.audit.vulnerable import isolation, most_isolated
from salus.synth.errors import OptionError, TableError, TooFewPeople
from salus.synth.measure.distance import Encoder, Placed, nearest
from salus.synth.table.files import write_text_atomic
from salus.synth.table.table import Table

__all__ = ["Exposed", "exposed", "write_exposed"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
COPY = "exact copy"
FEWEST = 20  # held-out people
SURE = 0.05  # people whom more strangers match aren't listed
AT_ONCE = 3_000  # people of the data, and strangers, judged at once
MOST_ROWS = 20_000  # synthetic rows that distances are taken to
NAMED = 3  # columns named in a reason


@dataclass(frozen=True)
class Exposed:
    """Point at one person of the training table.

    Parameters
    ----------
    rank : int
        From 1, the most exposed.
    row : int
        The person's most conspicuous row of the training table, counted from 1 below the header.
    person : int
        The first row of that person: the same as ``row`` where each row is a person.
    exposure : float
        Share of strangers who are as conspicuous, over all attacks; 1 / (strangers + 1) or more.
    by_chance : float
        How many people would be as exposed if the table exposed nobody: ``exposure`` times the
        number of people. As long as it stays well below the rank, the list is no work of chance.
    reason : str
        In words, without any value.
    attack : str
        The attack that shows it best.
    """

    rank: int
    row: int
    person: int
    exposure: float
    by_chance: float
    reason: str
    attack: str


def exposed(
    synthetic: Table,
    train: Table,
    holdout: Table,
    *,
    reference: Table | None = None,
    seed: int = 0,
    most: int = 20,
) -> tuple[Exposed, ...]:
    """Return the most exposed people of the training table, at most so many, in order.

    Parameters
    ----------
    synthetic, train, holdout : Table
        Of one schema. Nobody stands in both train and holdout.
    reference : Table, optional
        Further people of the same kind, for the attacks that compare with other people.
    seed : int
        Of the attacks that draw, and of the parts of large tables: distances are taken to 20,000
        synthetic rows and compared with 3,000 strangers. Exact copies are looked for among all.
    most : int

    Returns
    -------
    tuple of Exposed
        Only people whom at most 5 % of strangers match, so it may be short or empty.

    Raises
    ------
    OptionError
        If ``most`` is below 1.
    TableError
        If there are no synthetic rows.
    TooFewPeople
        With fewer than 20 held-out people, or nobody in the training table.
    """
    if most < 1:
        raise OptionError("at least one person has to be asked for.")
    if not len(synthetic):
        raise TableError("the synthetic table has no rows to judge.")
    if holdout.n_people < FEWEST or not len(train):
        raise TooFewPeople(
            f"{holdout.n_people} held-out people can't tell who of {train.n_people} stands out.",
            remedy=f"At least {FEWEST} are needed; some hundred tell more.",
        )
    rng = np.random.default_rng(seed)
    mine, theirs, made = record_keys([train, holdout, synthetic])
    strangers = next(_parts(holdout, AT_ONCE, rng))
    some = np.sort(rng.permutation(len(synthetic))[:MOST_ROWS])
    if reference is not None:
        reference = reference.take(next(_parts(reference, AT_ONCE, rng)))
    found: list[Exposed] = []
    for rows in _parts(train, AT_ONCE, rng):
        scene = _Scene.of(
            train.take(rows), holdout.take(strangers), synthetic.take(some), reference, seed
        )
        copied = np.isin(np.concatenate([mine[rows], theirs[strangers]]), made)
        found += _listed(scene, rows, copied, people=train.n_people, most=most)
    # exposures of several parts are alike; within a part the order is already finer than these
    found.sort(key=lambda e: (e.exposure, e.attack != COPY))
    first = _first_rows(train)
    return tuple(
        replace(e, rank=k + 1, person=int(first[e.row - 1]) + 1) for k, e in enumerate(found[:most])
    )


def write_exposed(people: Sequence[Exposed], path: str | Path) -> None:
    """Write the list as CSV, whole or not at all, readable by nobody but its owner.

    Raises
    ------
    BadInput
        If the file can't be written.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    names = [f.name for f in fields(Exposed)]
    writer.writerow(names)
    for one in people:
        written = {"exposure": f"{one.exposure:.6f}", "by_chance": f"{one.by_chance:.2f}"}
        writer.writerow([written.get(name, getattr(one, name)) for name in names])
    before = os.umask(0o077)  # mode 0600 from the first byte on
    try:
        write_text_atomic(path, buffer.getvalue())
    finally:
        os.umask(before)


@dataclass(frozen=True)
class _Scene:
    """Hold what one part of the people is judged with: members first, then strangers."""

    people: Table
    members: int
    made: Table
    reference: Table | None
    encoder: Encoder
    scores: dict[str, Floats]

    @classmethod
    def of(
        cls, train: Table, holdout: Table, made: Table, reference: Table | None, seed: int
    ) -> _Scene:
        shift = int(train.people.max(initial=0)) + 1 - int(holdout.people.min(initial=0))
        apart = Table(train.schema, holdout.values, holdout.states, holdout.people + shift)
        people = Table.concat([train, apart])
        encoder = blind_encoder(people, reference)
        scores = person_scores(people, made, reference=reference, encoder=encoder, seed=seed)
        return cls(people, len(train), made, reference, encoder, scores)


def _parts(table: Table, size: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Give the rows of so many people at a time, in random parts; all rows of a person together."""
    everyone = np.unique(table.people)
    count = max(1, -(-len(everyone) // size))
    part = np.empty(len(everyone), np.intp)
    part[rng.permutation(len(everyone))] = np.arange(len(everyone)) % count
    of_row = part[np.searchsorted(everyone, table.people)]
    for k in range(count):
        yield np.flatnonzero(of_row == k)


def _first_rows(table: Table) -> Ints:
    """Return the first row of each row's person, (n,)."""
    _, first, owner = np.unique(table.people, return_index=True, return_inverse=True)
    return np.asarray(first[owner.ravel()])


def _listed(scene: _Scene, rows: Ints, copied: Bools, *, people: int, most: int) -> list[Exposed]:
    """Return the most exposed people of a part, in order; ranks and persons are set later."""
    names = [COPY, *scene.scores]
    score = np.array([copied.astype(float), *scene.scores.values()])  # (attacks, rows)
    _, first, owner = np.unique(scene.people.people, return_index=True, return_inverse=True)
    by_person = np.full((len(names), len(first)), -np.inf)
    for a, row in enumerate(score):
        np.maximum.at(by_person[a], owner.ravel(), row)
    inside = first < scene.members
    judged = _Ranked.of(by_person[:, inside], by_person[:, ~inside])
    words = _Reasons.of(scene, copied)
    out = []
    for i in judged.order[:most]:
        who = np.flatnonzero(owner.ravel() == np.flatnonzero(inside)[i])
        attack = int(judged.best[i])
        exposure = float((judged.matched[i] + 1) / (judged.strangers + 1))
        at = int(who[score[attack, who].argmax()])
        out.append(
            Exposed(
                rank=0,
                row=int(rows[at]) + 1,
                person=0,
                exposure=exposure,
                by_chance=exposure * people,
                reason=words.of_row(at, names[attack], judged.before(attack, i)),
                attack=names[attack],
            )
        )
    return out


@dataclass(frozen=True)
class _Ranked:
    """Hold how members stand among strangers, over all attacks.

    at_least (a, n): strangers whose score is as high; best (n,): the attack with the fewest;
    matched (n,): strangers as conspicuous over all attacks; order: listed members, first to last.
    """

    at_least: Ints
    best: Ints
    matched: Ints
    order: Ints
    strangers: int

    @classmethod
    def of(cls, mine: Floats, theirs: Floats) -> _Ranked:
        m = theirs.shape[1]
        ordered = np.sort(theirs, axis=1)

        def count(scores: Floats) -> Ints:
            """Return how many strangers score as high, (a, n)."""
            pairs = zip(ordered, scores, strict=True)
            return np.array([m - np.searchsorted(o, s, side="left") for o, s in pairs])

        at_least, among = count(mine) + 1, count(theirs)  # each counts the person too
        matched = np.full(mine.shape[1], m, np.intp)
        key = np.empty((2, mine.shape[1]))
        logs = np.log(np.arange(1, m + 3))
        for i in range(mine.shape[1]):
            least, total = at_least[:, i].min(), logs[at_least[:, i] - 1].sum()
            key[:, i] = least, total
            if least > SURE * (m + 1):
                continue
            # every stranger among the other strangers and this member
            rank = among + (mine[:, i, None] >= theirs)
            their_least, their_total = rank.min(0), logs[rank - 1].sum(0)
            tie = (their_least == least) & (their_total <= total + 1e-9)
            matched[i] = ((their_least < least) | tie).sum()
        order = np.lexsort((key[1], key[0], matched))
        order = order[matched[order] + 1 <= SURE * (m + 1)]
        return cls(at_least - 1, at_least.argmin(0), matched, order, m)

    def before(self, attack: int, i: int) -> str:
        """Say before how many strangers an attack puts this member."""
        count = int(self.at_least[attack, i])
        if not count:
            return f"all {self.strangers} strangers"
        digits = 1 if self.strangers < 1_000 else 2
        return f"{100 * (1 - count / self.strangers):.{digits}f} % of strangers"


@dataclass(frozen=True)
class _Reasons:
    """Say in words why a row is listed: names of columns, never values."""

    scene: _Scene
    placed: Placed
    made: Placed
    others: Placed
    apart: Bools
    copied: Bools

    @classmethod
    def of(cls, scene: _Scene, copied: Bools) -> _Reasons:
        placed, made = scene.encoder.place(scene.people), scene.encoder.place(scene.made)
        others = placed if scene.reference is None else scene.encoder.place(scene.reference)
        apart = most_isolated(isolation(scene.people, scene.reference, scene.encoder))
        return cls(scene, placed, made, others, apart, copied)

    def of_row(self, row: int, attack: str, before: str) -> str:
        """Return the reason for one row that an attack puts before so many strangers."""
        here = self.placed.take(np.array([row]))
        near = nearest(here, self.made)
        left_out = "left out" in attack
        who = near.who_left_out if left_out else near.who_all
        differ = self._differing(_gaps(here, self.made.take(who[0])))
        if self.copied[row]:
            said = "a synthetic row equals this record"
            said += f", unlike those of {before}" if attack == COPY else ", and some strangers'"
        elif attack == "hole":
            said = f"the nearest synthetic row is farther than that of {before}"
        elif attack.startswith("nearest distance"):
            but = "but for one column, " if left_out else ""
            said = f"{but}the nearest synthetic row is closer than that of {before} ({differ})"
        else:
            said = f"{attack}: higher than that of {before} (in the nearest row {differ})"
        return said + self._apart(row, here)

    def _apart(self, row: int, here: Placed) -> str:
        if not self.apart[row]:
            return ""
        near = nearest(here, self.others, skip_same=self.scene.reference is None, left_out=False)
        if not np.isfinite(near.all[0, 0]):
            return ""
        gap = _gaps(here, self.others.take(near.who_all[0]))
        names = self._names(np.argsort(-gap, kind="stable")[: min(2, int((gap > 0).sum()))])
        return f"; stands apart from everybody: nearest other person differs most in {names}"

    def _differing(self, gap: Floats) -> str:
        count = int((gap > 0).sum())
        if not count:
            return "no column differs but in decimals"
        largest = self._names(np.argsort(-gap, kind="stable")[: min(count, NAMED)])
        if count == 1:
            return f"one column differs: {largest}"
        most = ", most" if count > NAMED else ""
        return f"{count} of {len(gap)} columns differ{most}: {largest}"

    def _names(self, which: Ints) -> str:
        return ", ".join(self.scene.encoder.columns[int(j)].name for j in which)


def _gaps(one: Placed, other: Placed) -> Floats:
    """Return the distance of two rows in each column, (d,)."""
    gap = np.minimum(np.abs(one.position[0] - other.position[0]).astype(float), 1.0)
    return np.where(one.code[0] != other.code[0], 1.0, gap)
