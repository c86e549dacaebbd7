"""Who learns from whom: people each sub-model learns from, others it is judged by, and teachers.

Without a reference the people are cut into folds; sub-model k leaves out fold k, who are its others.
What is expected of a person by a model that hasn't learnt from them comes from a *teacher* of the
sub-model's: one that left out their group and, so that the sub-model stays a stranger to its
others even by way of its teachers, all of its others, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.chained import people_of
from salus.synth.generate.net.plan import Plan
from salus.synth.table.table import Table

__all__ = ["Side", "Sides"]

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Side:
    """Say whom a sub-model learns from, who judges it, and who its teachers are.

    Parameters
    ----------
    inside, others : int arrays
        Rows of the table of people.
    teacher : int array (people,)
        Which teacher speaks of each person learnt from; -1 elsewhere.
    """

    inside: Ints
    others: Ints
    teacher: Ints


@dataclass(frozen=True)
class Sides:
    """Hold all sub-models' sides and their teachers.

    Parameters
    ----------
    sides : tuple of Side
    taught : tuple of int arrays
        Whom each teacher learns from.
    unseen : tuple of int arrays
        The group that each teacher left out and speaks of: they also tell when it is done.
    paired : bool
        Whether everybody who judges one sub-model is learnt from by the others.
    """

    sides: tuple[Side, ...]
    taught: tuple[Ints, ...]
    unseen: tuple[Ints, ...]
    paired: bool

    @classmethod
    def by_folds(cls, table: Table, plan: Plan, rng: np.random.Generator) -> Sides:
        """Cut the people into folds; sub-models judge each other's."""
        fold = people_of(table, plan.parts, rng)
        members = min(plan.members, int(fold.max()) + 1)
        if members == 1:
            inside = np.flatnonzero(fold != 0)
            return cls._of_one(table, inside, np.flatnonzero(fold == 0), 1, plan, rng)
        pairs: dict[tuple[int, int], int] = {}
        sides = []
        for k in range(members):
            teacher = np.full(len(table), -1, np.intp)
            for j in sorted(set(fold.tolist()) - {k}):
                pair = (min(j, k), max(j, k))
                teacher[fold == j] = pairs.setdefault(pair, len(pairs))
            sides.append(Side(np.flatnonzero(fold != k), np.flatnonzero(fold == k), teacher))
        out = [np.isin(fold, pair) for pair in pairs]
        return cls(
            tuple(sides),
            tuple(np.flatnonzero(~left) for left in out),
            tuple(np.flatnonzero(left) for left in out),
            True,
        )

    @classmethod
    def by_reference(cls, people: Table, n: int, plan: Plan, rng: np.random.Generator) -> Sides:
        """Let the rows from ``n`` on judge every sub-model; all learn from those before."""
        inside, others = np.arange(n), np.arange(n, len(people))
        return cls._of_one(people, inside, others, plan.members, plan, rng)

    @classmethod
    def _of_one(
        cls,
        people: Table,
        inside: Ints,
        others: Ints,
        members: int,
        plan: Plan,
        rng: np.random.Generator,
    ) -> Sides:
        group = people_of(people.take(inside), plan.groups, rng)
        teacher = np.full(len(people), -1, np.intp)
        teacher[inside] = group
        groups = range(int(group.max()) + 1)
        return cls(
            (Side(inside, others, teacher),) * members,
            tuple(inside[group != g] for g in groups),
            tuple(inside[group == g] for g in groups),
            False,
        )
