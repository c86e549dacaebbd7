"""Run every attack once on one synthetic table, and keep one number a person.

What the numbers mean together (gains, bounds, verdicts) is ``privacy.py``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit import attribute, copies, linkage, membership, singling, vulnerable
from salus.synth.audit.groups import FEWEST, Subgroups
from salus.synth.errors import TableError
from salus.synth.measure.distance import Encoder
from salus.synth.table.table import PRESENT, Table

__all__ = ["APART", "MOST_PEOPLE", "Observation", "observe"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
MOST_PEOPLE = 3_000  # members, and others, judged by distance
LEAST_PEOPLE = 1_000  # of each, however many synthetic rows there are
PAIRS = 1_200_000_000  # of a person and a synthetic row, beyond which fewer people are judged
NEAR_ROWS = 4_000  # synthetic rows searched for near copies, where not all people are judged
NEAR_SAMPLE = 1_000  # people whose nearest neighbour then tells what is near
MOST_REFERENCE = 5_000  # further people that calibrated attacks compare with
MOST_LINKED = 1_000  # members, and others, whose halves are linked
APART = "the tenth that stands apart most"


@dataclass(frozen=True)
class Observation:
    """Hold what one synthetic table gave away, one number for each of n rows of people.

    A person with several rows is held in the first of them; the others are not ``seen``.

    Parameters
    ----------
    member, seen : bool arrays (n,)
    membership, exact, near, success : mappings of str to array (n,)
        Attack scores (a person's largest); shares of the synthetic rows that copy or nearly copy
        the person; chances of guessing each target, keyed ``column / attacker``.
    chunks : int
        Into how many groups the members were cut to be compared with others at equal size.
    rows : int
        Synthetic rows.
    whole : bool
        Whether all members were judged.
    sole : mapping of str to array (n,)
        For ``exact``, ``near`` and ``singled``: the part of the share that hangs on this person.
    people : int
        Number of people, judged by distance or not.
    linked, singled : mappings of str to array (n,)
        Whether the person's halves were linked, from 0 to 1; the share of the attacker's conditions
        that single out this person.
    paired : bool array (n,)
        Who was judged by linkage: a part of those ``seen``.
    searched : int or None
        Synthetic rows that near copies were looked for among, where not all.
    differs : mapping of str to bool array (n,)
        For each target of ``success``: whose value isn't the commonest.
    groups : mapping of str to bool array (n,)
        Declared subgroups, the outcome's rarest class and the tenth that stands apart most.
    """

    member: Bools
    seen: Bools
    membership: Mapping[str, Floats]
    exact: Mapping[str, Floats]
    near: Mapping[str, Floats]
    success: Mapping[str, Floats]
    chunks: int
    rows: int
    whole: bool
    sole: Mapping[str, Floats] = field(default_factory=dict)
    people: int = 0
    linked: Mapping[str, Floats] = field(default_factory=dict)
    singled: Mapping[str, Floats] = field(default_factory=dict)
    paired: Bools | None = None
    searched: int | None = None
    differs: Mapping[str, Bools] = field(default_factory=dict)
    groups: Mapping[str, Bools] = field(default_factory=dict)

    def among(self, here: Bools) -> Observation:
        """Return the same of a larger number of rows, of which these are the ones ``here``.

        Rows elsewhere are neither members nor seen.
        """

        def spread(value: NDArray[Any]) -> NDArray[Any]:
            out = np.zeros(len(here), value.dtype)
            out[here] = value
            return out

        changed: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                changed[item.name] = spread(value)
            elif isinstance(value, Mapping):
                changed[item.name] = {name: spread(array) for name, array in value.items()}
        return replace(self, **changed)


def observe(
    synthetic: Table,
    people: Table,
    member: Bools,
    *,
    reference: Table | None = None,
    seed: int,
    most: int = MOST_PEOPLE,
) -> Observation:
    """Run every attack on one synthetic table.

    Parameters
    ----------
    synthetic : Table
        At least one row.
    people : Table
        n rows: members, and others who were not in the data. No person is both.
    member : bool array (n,)
    reference : Table, optional
        People who are neither; see ``membership.person_scores``.
    seed : int
    most : int
        Members, and others, judged by distance; a random part of them if there are more, fewer still
        beside very many synthetic rows. Each is compared with every synthetic row, so the cost grows
        with the number of rows; what the choice of people leaves open is in the intervals. Exact
        copies are counted among all, near ones of all people among some of the rows.

    Raises
    ------
    TableError
        If there are no synthetic rows, members or others, or the columns differ.
    """
    _check(synthetic, people, member)
    rng = np.random.default_rng(seed)
    made = synthetic  # every row: a copy that is left out of the search would not be found
    most = min(most, max(LEAST_PEOPLE, PAIRS // (2 * len(synthetic))))
    reference = None if reference is None else _some(reference, MOST_REFERENCE, rng)
    judged = _Judged.choose(people, member, most, rng)
    few, inside = people.take(judged.rows), member[judged.rows]
    encoder = membership.blind_encoder(few, reference)
    scores = membership.person_scores(few, made, reference=reference, encoder=encoder, seed=seed)
    groups = copies.make_groups(people, member, rng)
    exact = {"exact": copies.exact_copies(people, synthetic, groups)}
    few_groups = copies.make_groups(few, inside, rng)
    near, searched = _near(people, synthetic, judged, groups, encoder, rng)
    paired = _Judged.choose(people, member, min(most, MOST_LINKED), rng)
    singled = singling.singled_out(few, made, few_groups, seed=seed)
    linked = linkage.person_success(people.take(paired.rows), made, seed=seed)
    everyone = np.arange(len(people))
    sole = {k: judged.sum(v.sole, everyone) for k, v in exact.items()}
    sole |= {k: judged.sum(v.sole, everyone) for k, v in near.items()}
    sole |= {k: judged.sum(v.sole, judged.rows) for k, v in singled.items()}
    return Observation(
        member=member,
        seen=judged.seen,
        membership={k: judged.largest(v) for k, v in scores.items()},
        exact={k: judged.sum(v.share, everyone) for k, v in exact.items()},
        near={k: judged.sum(v.share, everyone) for k, v in near.items()},
        success=_success(few, made, judged, seed),
        chunks=len(groups.chunks),
        rows=len(synthetic),
        whole=bool(judged.chosen[member[judged.first]].all()),
        sole=sole,
        people=len(judged.first),
        linked={k: paired.mean(v) for k, v in linked.items()},
        singled={k: judged.sum(v.share, judged.rows) for k, v in singled.items()},
        paired=paired.seen,
        searched=searched,
        differs={
            c.name: judged.largest(attribute.differs(few, c).astype(float)) > 0
            for c in attribute.targets(few.schema)
        },
        groups=_groups(people, judged, reference, encoder),
    )


def _near(
    people: Table,
    synthetic: Table,
    judged: _Judged,
    groups: copies.Groups,
    encoder: Encoder,
    rng: np.random.Generator,
) -> tuple[dict[str, copies.Shares], int | None]:
    """Count near copies of everybody, among all rows or, where people are many, a part of them.

    A share of rows is told by some of the rows; one person whom many rows copy is missed by some of
    the people.
    """
    if judged.chosen.all():
        return copies.near_copies(people, synthetic, groups, encoder=encoder), None
    rows = _some(synthetic, NEAR_ROWS, rng)
    sample = np.sort(rng.permutation(judged.rows)[:NEAR_SAMPLE])
    near = copies.near_copies(people, rows, groups, encoder=encoder, sample=sample)
    return near, len(rows) if len(rows) < len(synthetic) else None


@dataclass(frozen=True)
class _Judged:
    """Hold which people are judged, and put what was found of their rows together by person.

    first (persons,): each person's first row; owner (n,): the person of each row; chosen (persons,).
    """

    first: Ints
    owner: Ints
    chosen: Bools

    @classmethod
    def choose(cls, people: Table, member: Bools, most: int, rng: np.random.Generator) -> _Judged:
        _, first, owner = np.unique(people.people, return_index=True, return_inverse=True)
        chosen = np.zeros(len(first), bool)
        for side in (np.flatnonzero(member[first]), np.flatnonzero(~member[first])):
            chosen[rng.permutation(side)[:most]] = True
        return cls(first, owner.ravel(), chosen)

    @property
    def rows(self) -> Ints:
        """All rows of the people chosen."""
        return np.flatnonzero(self.chosen[self.owner])

    @property
    def seen(self) -> Bools:
        """The first rows of the people chosen, as a mask (n,)."""
        out = np.zeros(len(self.owner), bool)
        out[self.first[self.chosen]] = True
        return out

    def sum(self, values: Floats, rows: Ints) -> Floats:
        """Add up what was found of these rows, by person."""
        return self._by_person(values, rows, np.add, 0.0)

    def mean(self, values: Floats) -> Floats:
        """Average over the rows of each person chosen."""
        rows = self.rows
        return self.sum(values / np.bincount(self.owner)[self.owner[rows]], rows)

    def largest(self, values: Floats) -> Floats:
        """Return the largest value of each person chosen."""
        return self._by_person(values, self.rows, np.maximum, -np.inf)

    def _by_person(self, values: Floats, rows: Ints, how: np.ufunc, start: float) -> Floats:
        by_person = np.full(len(self.first), start)
        how.at(by_person, self.owner[rows], values)
        out = np.zeros(len(self.owner))
        out[self.first] = np.where(np.isfinite(by_person), by_person, 0.0)
        return out


def _success(few: Table, made: Table, judged: _Judged, seed: int) -> dict[str, Floats]:
    return {
        f"{target.name} / {name}": judged.mean(value)
        for target in attribute.targets(few.schema)
        for name, value in attribute.person_success(few, made, target, seed=seed).items()
    }


def _groups(
    people: Table, judged: _Judged, reference: Table | None, encoder: Encoder
) -> dict[str, Bools]:
    """Return the groups whose risk is looked at by itself, blind to who is a member."""
    out = dict(Subgroups.fit(people).masks(people))
    outcome = people.schema.outcome
    if outcome is not None and outcome.is_modelled and outcome.is_levelled:
        held = people.values[outcome.name][judged.first].astype(np.intp)
        here = people.states[outcome.name][judged.first] == PRESENT
        count = np.bincount(held[here], minlength=len(outcome.levels))
        common = np.flatnonzero(count >= FEWEST)
        if len(common) > 1:
            rare = int(common[count[common].argmin()])
            out[f"rarest class ({outcome.name} = {outcome.levels[rare]})"] = (
                people.states[outcome.name] == PRESENT
            ) & (people.values[outcome.name].astype(np.intp) == rare)
    rows = vulnerable.isolation(people.take(judged.rows), reference, encoder)
    apart = judged.largest(rows)[judged.seen]  # a person by the row that stands apart most
    alone = np.zeros(len(people), bool)
    alone[judged.seen] = vulnerable.most_isolated(apart)
    out[APART] = alone
    return out


def _check(synthetic: Table, people: Table, member: Bools) -> None:
    if not len(synthetic):
        raise TableError("the synthetic table has no rows to judge.")
    if member.all() or not member.any():
        raise TableError("an audit needs people who were in the data and people who were not.")
    theirs = {c.name: c.levels for c in synthetic.schema.modelled}
    for column in people.schema.modelled:
        if theirs.pop(column.name, None) != column.levels:
            raise TableError(
                "the synthetic table has no such column, or other levels in it.",
                column=column.name,
                remedy="Read it with the schema of the real table.",
            )
    if theirs:
        raise TableError(
            "the real table has no such column.",
            column=next(iter(theirs)),
            remedy="Read the synthetic table with the schema of the real one.",
        )


def _some(table: Table, most: int, rng: np.random.Generator) -> Table:
    if len(table) <= most:
        return table
    return table.take(np.sort(rng.permutation(len(table))[:most]))
