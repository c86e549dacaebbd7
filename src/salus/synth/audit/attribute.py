"""Guess a person's outcome or sensitive value: better for having been in the data, or not.

The attacker holds the synthetic table and the other columns of the person (those declared known, or
all that are not sensitive), learns from the synthetic rows and guesses. What is general knowledge
helps with members and others alike; only the difference is a risk.

A success is the probability that the attacker gives to the truth: to the true level (or missing
state), or to numbers within 5 % of the column's ranks of the true one. The tolerance is fixed in
advance and depends on the truth, not on the guess. A probability says more than a guess that is
right or wrong, so fewer people decide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from salus.synth.measure.distance import Encoder, Placed, nearest
from salus.synth.measure.features import Features
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table

__all__ = ["ATTACKERS", "differs", "person_success", "targets"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
CLOSE = 0.05  # a guessed number succeeds within this share of the column's ranks
TREES = 40
NEIGHBOURS = 5
NUGGET = 0.01  # distance below which neighbours count alike
MOST_ROWS = 5_000  # synthetic rows drawn at random that the forest learns from, beside those near

ATTACKERS = ("random forest", "nearest neighbours")


def targets(schema: Schema) -> tuple[Column, ...]:
    """Return the columns to be guessed: the outcome and all that are declared sensitive."""
    outcome = schema.outcome
    first = (outcome,) if outcome is not None and outcome.is_modelled else ()
    return (*first, *(c for c in schema.sensitive if c not in first))


def differs(people: Table, target: Column) -> Bools:
    """Return whose value or missing state isn't the commonest, (n,): all there is to infer."""
    state, value = people.states[target.name], people.values[target.name].astype(float)
    cells = np.column_stack([state, np.where(state == PRESENT, value, 0.0)])
    _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(cell.ravel() != count.argmax())


def person_success(
    people: Table, synthetic: Table, target: Column, *, seed: int
) -> dict[str, Floats]:
    """Return the probability that each attacker gives to the row's true value, (n,).

    Empty if no other column is known.

    Parameters
    ----------
    people : Table
        Members and others, mixed; nothing here depends on who is which.
    synthetic : Table
    target : Column
    seed : int
    """
    known = Schema([c for c in people.schema.known if c.name != target.name])
    if not known.columns or not len(synthetic):
        return {}
    mine, made = _only(people, known), _only(synthetic, known)
    answer = Schema([target])
    curve = Encoder.fit([_only(people, answer)])
    truth, answers = curve.place(_only(people, answer)), curve.place(_only(synthetic, answer))
    near, nearby = _by_neighbours(mine, made, truth, answers)
    rows = _learnt_from(len(made), nearby, seed)
    forest = _by_forest(mine, made.take(rows), truth, answers.take(rows), target, seed)
    return {"random forest": forest, "nearest neighbours": near}


def _learnt_from(n: int, nearby: Ints, seed: int) -> Ints:
    """Return all rows where they are few, else the nearest row of each person and some at random.

    A random part alone would miss most of the rows that give a person away.
    """
    if n <= MOST_ROWS:
        return np.arange(n)
    # a stream of its own: the same draw as that of the people judged would favour rows in their order
    some = np.random.default_rng([seed, n]).permutation(n)[:MOST_ROWS]
    return np.union1d(some, nearby[:, 0])


def _by_forest(
    mine: Table, made: Table, truth: Placed, answers: Placed, target: Column, seed: int
) -> Floats:
    features = Features.fit(mine)
    x, x_made = features.transform(mine), features.transform(made)
    if not target.is_numeric and target.kind != "ordinal":
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=1)
        forest.fit(x_made, answers.code[:, 0])
        at = np.searchsorted(forest.classes_, truth.code[:, 0])
        known = np.isin(truth.code[:, 0], forest.classes_)
        chance = forest.predict_proba(x)[
            np.arange(len(x)), np.minimum(at, len(forest.classes_) - 1)
        ]
        return np.asarray(np.where(known, chance, 0.0))
    here = answers.code[:, 0] == 0
    if not here.any():
        return np.asarray((truth.code[:, 0] != 0).astype(float))
    regressor = RandomForestRegressor(TREES, random_state=seed, n_jobs=1, max_features=1 / 3)
    regressor.fit(x_made[here], answers.position[here, 0])
    x32 = x.astype(np.float32)
    guess = np.array([tree.predict(x32) for tree in regressor.estimators_])  # (trees, n)
    close = np.abs(guess - truth.position[None, :, 0]) <= CLOSE
    return np.asarray(np.where(truth.code[:, 0] == 0, close.mean(0), 0.0))


def _by_neighbours(mine: Table, made: Table, truth: Placed, answers: Placed) -> tuple[Floats, Ints]:
    """Weigh the nearest of all rows by inverse distance: a copy outweighs them. Return these, too."""
    encoder = Encoder.fit([mine])
    near = nearest(encoder.place(mine), encoder.place(made), k=NEIGHBOURS, left_out=False)
    weight = 1 / (near.all + NUGGET)
    right = (answers.code[near.who_all, 0] == truth.code[:, 0, None]) & (
        np.abs(answers.position[near.who_all, 0] - truth.position[:, 0, None]) <= CLOSE
    )
    return np.asarray((weight * right).sum(1) / weight.sum(1)), near.who_all


def _only(table: Table, schema: Schema) -> Table:
    names = [c.name for c in schema.modelled]
    return Table(
        schema,
        {n: table.values[n] for n in names},
        {n: table.states[n] for n in names},
        table.people,
    )
