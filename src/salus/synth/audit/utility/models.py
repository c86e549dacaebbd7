"""The models that utility is judged with, fixed beforehand: none is chosen or tuned afterwards.

Numbers are standardised, levels and missing states are indicators. Outcomes that are classes or
numbers have a linear model, a random forest, gradient boosting and a small neural net; times to an
event a Cox regression and a forest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from sklearn.neural_network import MLPClassifier, MLPRegressor

from salus.synth.audit.utility.cox import fit_cox
from salus.synth.measure.survival import nelson_aalen

__all__ = ["MODELS", "chances", "guesses", "risks"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
MODELS: Mapping[str, tuple[str, ...]] = {
    "classes": ("logistic regression", "random forest", "gradient boosting", "neural net"),
    "numbers": ("ridge regression", "random forest", "gradient boosting", "neural net"),
    "survival": ("Cox regression", "random forest of martingale residuals"),
}
TREES = 100  # of a forest
NET_ROWS = 4_000  # that a net learns from
NET_STEPS = 1_000  # of its optimiser, about
EPOCHS = (8, 20)  # at least, at most: stopping early keeps a net smooth
BATCH = 32
RIDGE = 10.0  # penalty on half the sum of squared Cox coefficients


@dataclass(frozen=True)
class _Net:
    """Train a net for a number of epochs that is known before, so it has nothing to converge to."""

    net: Any

    def fit(self, x: Floats, y: NDArray[Any]) -> _Net:
        known = {"classes": np.unique(y)} if isinstance(self.net, MLPClassifier) else {}
        if len(x) > NET_ROWS:
            rows = np.random.default_rng(self.net.random_state).permutation(len(x))[:NET_ROWS]
            x, y = x[rows], y[rows]
        self.net.set_params(batch_size=min(BATCH, len(x)))
        for _ in range(int(np.clip(NET_STEPS * BATCH / len(x), *EPOCHS))):
            self.net.partial_fit(x, y, **known)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.net.classes_)

    def predict_proba(self, x: Floats) -> Floats:
        return np.asarray(self.net.predict_proba(x))

    def predict(self, x: Floats) -> Floats:
        return np.asarray(self.net.predict(x))


def _net_options(seed: int) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (32,),
        "alpha": 0.01,
        "learning_rate_init": 2e-3,
        "random_state": seed,
    }


def _classifiers(seed: int, classes: int) -> tuple[Any, ...]:
    return (
        LogisticRegression(max_iter=1000, tol=1e-3),
        RandomForestClassifier(TREES, min_samples_leaf=2, random_state=seed, n_jobs=1),
        HistGradientBoostingClassifier(
            # each iteration grows as many trees as there are classes
            max_iter=60 if classes < 4 else 30,
            max_leaf_nodes=15,
            random_state=seed,
            early_stopping=False,
        ),
        _Net(MLPClassifier(**_net_options(seed))),
    )


def _regressors(seed: int) -> tuple[Any, ...]:
    return (
        Ridge(1.0),
        RandomForestRegressor(TREES, min_samples_leaf=2, random_state=seed, n_jobs=1),
        HistGradientBoostingRegressor(
            max_iter=60, max_leaf_nodes=15, random_state=seed, early_stopping=False
        ),
        _Net(MLPRegressor(**_net_options(seed))),
    )


def chances(x: Floats, y: Ints, on: Sequence[Floats], levels: int, seed: int) -> list[Floats]:
    """Return each model's chance of each level for the rows of each table, (models, n, levels).

    A level that is absent where the model learns has no chance; where there is one level only, it
    has all of it.

    Parameters
    ----------
    x, y : arrays (n, p), (n,)
        Features and levels that the models learn from.
    on : sequence of array (m, p)
    levels : int
        Of the outcome.
    seed : int
    """
    out = [np.zeros((len(MODELS["classes"]), len(there), levels)) for there in on]
    if len(np.unique(y)) < 2:
        for chance in out:
            chance[:, :, y[0]] = 1.0
        return out
    for m, model in enumerate(_classifiers(seed % 2**31, len(np.unique(y)))):
        fitted = model.fit(x, y)
        for chance, there in zip(out, on, strict=True):
            if len(there):
                chance[m][:, fitted.classes_] = fitted.predict_proba(there)
    return out


def guesses(x: Floats, y: Floats, on: Sequence[Floats], seed: int) -> list[Floats]:
    """Return each model's guess of a number for the rows of each table, (models, n)."""
    middle, spread = float(y.mean()), float(y.std())
    out = [np.full((len(MODELS["numbers"]), len(there)), middle) for there in on]
    if spread <= 1e-12 * abs(middle):  # a constant: nothing to learn
        return out
    for m, model in enumerate(_regressors(seed % 2**31)):
        fitted = model.fit(x, (y - middle) / spread)
        for guess, there in zip(out, on, strict=True):
            if len(there):
                guess[m] = fitted.predict(there) * spread + middle
    return out


def risks(x: Floats, time: Floats, event: Bools, on: Sequence[Floats], seed: int) -> list[Floats]:
    """Return each model's risk of an early event for the rows of each table, (models, n).

    The forest predicts the martingale residuals of a model without predictors: the event, less the
    hazard that a person has been through (Therneau et al. 1990, doi:10.1093/biomet/77.1.147).
    """
    slopes = fit_cox(x, time, event, penalty=RIDGE)
    left = event - nelson_aalen(time, event)
    forest = RandomForestRegressor(
        TREES, min_samples_leaf=5, max_features=1 / 3, random_state=seed % 2**31, n_jobs=1
    ).fit(x, left)
    predict: tuple[Callable[[Floats], Floats], ...] = (lambda z: z @ slopes, forest.predict)
    return [np.array([p(there) if len(there) else np.zeros(0) for p in predict]) for there in on]
