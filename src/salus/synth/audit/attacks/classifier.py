"""Membership by a classifier that tells synthetic rows from other people.

Knowledge: the synthetic table, the record in question, and records of other people, not marked as
members or others (auxiliary data).

Score: the share of votes for "synthetic" at the record, of extremely randomised trees that learnt to
tell the synthetic rows from other people. Each tree learns from all synthetic rows and a random half
of the people; a person judged is scored only by trees that did not see them. Trees are grown to the
end, so that a copy has a leaf of its own.

How well such a classifier tells synthetic from real rows is fidelity and says nothing about
membership. It's an attack only because its scores of members are compared with those of others.

Source: Hayes, Melis, Danezis and De Cristofaro 2019, "LOGAN", arXiv:1705.07663, with auxiliary data
in place of the discriminator; trees after Geurts, Ernst and Wehenkel 2006,
doi:10.1007/s10994-006-6226-1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import ExtraTreeClassifier

from salus.synth.audit.attacks.embedding import columns_by_name
from salus.synth.audit.attacks.scene import Scene
from salus.synth.measure.distance import Placed

__all__ = ["votes"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TREES = 32
MOST_ROWS = 20_000  # synthetic rows that a tree learns from


def votes(scene: Scene) -> Floats:
    """Return the share of trees' votes for "synthetic", of trees that didn't see the person, (n,)."""
    columns = columns_by_name(scene.encoder)
    people, made = _features(scene.placed, columns), _features(scene.made, columns)
    real = people if scene.reference is None else _features(scene.real, columns)
    rng = np.random.default_rng([scene.seed, 7])
    group = _by_content(scene.real.people, real)
    total, count = np.zeros(len(people)), np.zeros(len(people))
    for taken in _halves(group, rng):
        learnt = np.vstack([made, real[taken]])
        label = np.arange(len(learnt)) < len(made)
        # whole numbers as weights: their sums are exact, whatever the order of rows
        weight = np.ones(len(learnt))
        weight[~label] = max(1, round(len(made) / max(int(taken.sum()), 1)))
        tree = ExtraTreeClassifier(max_features="sqrt", random_state=int(rng.integers(2**31)))
        tree.fit(learnt, label, sample_weight=weight)
        judged = ~taken if scene.reference is None else np.ones(len(people), bool)
        if judged.any():
            chance = tree.predict_proba(people[judged])
            total[judged] += chance[:, list(tree.classes_).index(True)]
            count[judged] += 1
    return np.where(count > 0, total / np.maximum(count, 1), 0.5)


def _halves(group: NDArray[np.intp], rng: np.random.Generator) -> list[Bools]:
    """Return masks of random halves of the people, each with its complement."""
    people = int(group.max(initial=-1)) + 1
    out = []
    for _ in range(TREES // 2):
        chosen = np.zeros(people, bool)
        chosen[rng.permutation(people)[: people // 2]] = True
        out += [chosen[group], ~chosen[group]]
    return out


def _by_content(people: NDArray[np.int64], features: Floats) -> NDArray[np.intp]:
    """Return whose each row is, people numbered by content: the order of rows changes nothing."""
    order = np.lexsort(features.T[::-1]) if features.shape[1] else np.arange(len(people))
    rank = np.empty(len(people), np.intp)
    rank[order] = np.arange(len(people))
    _, who = np.unique(people, return_inverse=True)
    first = np.full(int(who.max(initial=-1)) + 1, len(people))
    np.minimum.at(first, who.ravel(), rank)
    return np.asarray(np.argsort(np.argsort(first))[who.ravel()], np.intp)


def _features(placed: Placed, columns: Sequence[int]) -> Floats:
    """Return positions, and codes where there are any: trees cut both, (rows, p)."""
    parts = []
    for j in columns:
        parts += [placed.position[:, j].astype(np.float64), placed.code[:, j].astype(np.float64)]
    return np.column_stack(parts) if parts else np.zeros((len(placed), 1))
