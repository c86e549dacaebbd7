"""Tell synthetic rows from people by a classifier: a figure of likeness, not of privacy.

The direction is kept: an area well below one half means that rows of one table have twins in the
other, with which the model was trained under the opposite label, as copies make. A release that
repeats its own rows pushes the other way, as a row's double is learnt under its own label.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.features import Features
from salus.synth.measure.intervals import person_weights
from salus.synth.measure.scores import weighted_area
from salus.synth.table.table import Table

__all__ = ["BOOSTING", "FOREST", "LINEAR", "detect", "twins"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
BOOSTING, LINEAR, FOREST = "gradient boosting", "logistic regression", "random forest"
FOLDS = 5
LEAST = 20  # rows of each table
REPLICATES = 200
# Areas of two samples of the same people spread 1.3 to 1.5 times as far as their bootstrap with the
# predictions fixed (simulated table, n 150 and 400): what the models learnt varies as well.
STRETCH = 2**0.5
TWIN_ROWS = 600  # of each table that the forest looks for twins in
TWIN_AREA = 0.45  # an interval wholly below it is a warning


def detect(
    synthetic: Table, real: Table, *, seed: int, models: tuple[str, ...] = (BOOSTING, LINEAR)
) -> dict[str, Estimate | CannotJudge]:
    """Return each model's out-of-fold area under the ROC curve, direction kept.

    Both tables are brought to equal size; folds keep the rows of one person together. The interval
    draws the people of both tables again, with the predictions fixed.

    Parameters
    ----------
    synthetic, real : Table
    seed : int
    models : tuple of str
        ``BOOSTING``, ``LINEAR`` or ``FOREST``.
    """
    n = min(len(synthetic), len(real))
    rng = np.random.default_rng(seed)
    a, b = (t.take(np.sort(rng.permutation(len(t))[:n])) for t in (synthetic, real))
    if n < LEAST or min(a.n_people, b.n_people) < FOLDS:
        reason = CannotJudge(f"fewer than {LEAST} rows to tell apart", needed=LEAST)
        return dict.fromkeys(models, reason)
    apart = Table(b.schema, a.values, a.states, a.people - a.people.min() + b.people.max() + 1)
    both = Table.concat([apart, b])
    x = np.clip(Features.fit(both).transform(both), -20, 20)
    if not x.shape[1]:
        return dict.fromkeys(models, CannotJudge("no column varies"))
    y = np.repeat([True, False], n)
    fold = np.concatenate([_folds(t.people, rng) for t in (a, b)])
    weights = np.vstack([np.ones(2 * n), np.hstack([_weights(t.people, rng) for t in (a, b)])])
    return {
        name: _estimate(weighted_area(_out_of_fold(name, x, y, fold, seed), y, weights), n)
        for name in models
    }


def twins(synthetic: Table, real: Table, *, seed: int) -> Estimate | CannotJudge:
    """Return a plain forest's area on some rows: the model that twins mislead most.

    Of two tables without twins it is 0.5 or more; of a table and its copy far less. No calibration
    comes after the forest, which would turn the sign.
    """
    features = Features.fit(real)
    at = [np.clip(features.transform(t), -20, 20) for t in (synthetic, real)]
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(at[0].shape[1])
    z, z_real = at[0] @ direction, at[1] @ direction
    if len(z_real) <= TWIN_ROWS:
        return detect(synthetic, real, seed=seed, models=(FOREST,))[FOREST]
    # rows of one slab of the space, so that a row and its twin are both in or both out
    away = np.abs(z_real - np.quantile(z_real, rng.uniform(0.25, 0.75)))
    centre = z_real[int(np.argmin(away))]
    reach = np.partition(np.abs(z_real - centre), TWIN_ROWS - 1)[TWIN_ROWS - 1]
    near = synthetic.take(np.abs(z - centre) <= reach)
    return detect(near, real.take(np.abs(z_real - centre) <= reach), seed=seed, models=(FOREST,))[
        FOREST
    ]


def _model(name: str, seed: int) -> Any:
    if name == BOOSTING:
        return HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, random_state=seed, early_stopping=False
        )
    if name == LINEAR:
        return LogisticRegression(max_iter=1000, tol=1e-3)
    return RandomForestClassifier(30, random_state=seed, n_jobs=1)


def _out_of_fold(name: str, x: Floats, y: NDArray[np.bool_], fold: Ints, seed: int) -> Floats:
    score = np.zeros(len(y))
    for k in range(FOLDS):
        fit = fold != k
        model = _model(name, seed % 2**31).fit(x[fit], y[fit])
        score[~fit] = model.predict_proba(x[~fit])[:, 1]
        score[~fit] -= y[fit].mean()  # where a fold's shares differ, its chances do too
    return score


def _folds(people: NDArray[np.int64], rng: np.random.Generator) -> Ints:
    unique, inverse = np.unique(people, return_inverse=True)
    return np.asarray((rng.permutation(len(unique)) % FOLDS)[inverse.ravel()])


def _weights(people: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    unique, inverse = np.unique(people, return_inverse=True)
    return person_weights(len(unique), REPLICATES, rng)[:, inverse.ravel()]


def _estimate(values: Floats, n: int) -> Estimate:
    """Return the area with its interval, stretched because the models would differ too."""
    value = float(values[0])
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    low, high = value - STRETCH * (value - float(low)), value + STRETCH * (float(high) - value)
    low, high = min(value, max(0.0, low)), max(value, min(1.0, high))
    return Estimate(value, low, high, n, "bootstrap by person, stretched for the training")
