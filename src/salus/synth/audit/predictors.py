"""The models that utility is judged with, fixed beforehand: none is chosen after the fact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

from salus.synth.measure.features import Features
from salus.synth.table.schema import Column
from salus.synth.table.table import Table

__all__ = ["MODELS", "chances", "guesses"]

Floats = NDArray[np.float64]
MODELS = {
    "classes": ("logistic regression", "random forest", "gradient boosting"),
    "numbers": ("ridge regression", "random forest", "gradient boosting"),
}
FARTHEST = 20.0  # standard deviations; beyond them a linear model would follow one value


def _classifiers(seed: int, classes: int) -> tuple[Any, ...]:
    return (
        LogisticRegression(max_iter=1000, tol=1e-3),
        RandomForestClassifier(100, min_samples_leaf=2, random_state=seed, n_jobs=1),
        HistGradientBoostingClassifier(
            # each iteration grows as many trees as there are classes
            max_iter=60 if classes < 4 else 30,
            max_leaf_nodes=15,
            random_state=seed,
            early_stopping=False,
        ),
    )


def _regressors(seed: int) -> tuple[Any, ...]:
    return (
        Ridge(1.0),
        RandomForestRegressor(100, min_samples_leaf=2, random_state=seed, n_jobs=1),
        HistGradientBoostingRegressor(
            max_iter=60, max_leaf_nodes=15, random_state=seed, early_stopping=False
        ),
    )


def _features(fit: Table, on: list[Table], outcome: Column) -> list[Floats]:
    features = Features.fit(fit, without=outcome.name)
    every = [np.clip(features.transform(t), -FARTHEST, FARTHEST) for t in (fit, *on)]
    if every[0].shape[1]:
        return every
    return [np.zeros((len(x), 1)) for x in every]  # the outcome is the only column


def chances(fit: Table, on: list[Table], outcome: Column, seed: int) -> list[Floats]:
    """Return each model's chance of each level for rows of each table, (models, n, levels).

    A level that is absent where the model learns has no chance; where there is one level only, it
    has all of it.
    """
    k = len(outcome.levels)
    out = [np.zeros((3, len(t), k)) for t in on]
    y = fit.values[outcome.name].astype(np.intp)
    if len(np.unique(y)) < 2:
        for chance in out:
            chance[:, :, y[0]] = 1.0
        return out
    x, *others = _features(fit, on, outcome)
    for m, model in enumerate(_classifiers(seed % 2**31, len(np.unique(y)))):
        fitted = model.fit(x, y)
        for chance, there in zip(out, others, strict=True):
            if len(there):
                chance[m][:, fitted.classes_] = fitted.predict_proba(there)
    return out


def guesses(fit: Table, on: list[Table], outcome: Column, seed: int) -> list[Floats]:
    """Return each model's guess of a numeric outcome for rows of each table, (models, n)."""
    out = [np.zeros((3, len(t))) for t in on]
    y = fit.values[outcome.name].astype(float)
    middle, spread = float(y.mean()), float(y.std()) or 1.0
    x, *others = _features(fit, on, outcome)
    for m, model in enumerate(_regressors(seed % 2**31)):
        fitted = model.fit(x, (y - middle) / spread)
        for guess, there in zip(out, others, strict=True):
            if len(there):
                guess[m] = fitted.predict(there) * spread + middle
    return out
