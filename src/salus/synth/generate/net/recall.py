"""What recall of a rare class can be had at most, from the people themselves."""

from __future__ import annotations

import math
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from salus.synth.generate.chained import people_of
from salus.synth.generate.net.estimates import recall_at
from salus.synth.measure.features import Features
from salus.synth.table.table import PRESENT, Table

__all__ = ["attainable_recall"]

FOLDS = 5
ALMOST = 0.1  # by which a better model than the one tried here might beat it


def attainable_recall(table: Table, rng: np.random.Generator) -> float:
    """Return a generous upper bound on the rarest class's recall at 90 % specificity.

    Each person is judged by a logistic regression learnt from the others; two standard errors and
    0.1 are added, as another model may be better.
    """
    outcome = table.schema.outcome
    assert outcome is not None
    there = table.take(np.flatnonzero(table.states[outcome.name] == PRESENT))
    value = there.values[outcome.name].astype(int)
    count = np.bincount(value).astype(float)
    rare = value == int(np.where(count > 0, count, np.inf).argmin())
    fold = people_of(there, FOLDS, rng)
    score = np.zeros(len(there))
    for k in range(int(fold.max()) + 1):
        out = fold == k
        if rare[~out].all() or not rare[~out].any():
            return 1.0
        features = Features.fit(there.take(np.flatnonzero(~out)), without=outcome.name)
        model = LogisticRegression(C=1.0, max_iter=200)
        with warnings.catch_warnings():
            # a fit that could still move a little ranks people as well
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features.transform(there.take(np.flatnonzero(~out))), rare[~out])
        score[out] = model.predict_proba(features.transform(there.take(np.flatnonzero(out))))[:, 1]
    found = recall_at(score, rare)
    error = math.sqrt(max(found * (1 - found), 0.01) / max(int(rare.sum()), 1))
    return min(1.0, found + 2 * error + ALMOST)
