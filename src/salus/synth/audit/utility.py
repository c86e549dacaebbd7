"""Do models learnt from synthetic rows work on people, as well as models learnt from people?

TSTR trains on synthetic and tests on real held-out people, TRTR trains on the real training people,
TRTS trains on real and tests on synthetic. Models and scores are fixed beforehand: logistic
regression, random forest and gradient boosting, averaged; areas are macro one-against-rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.features import Features
from salus.synth.measure.intervals import person_weights
from salus.synth.measure.scores import average_precision, macro_f1, weighted_auc
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["MODELS", "findings"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
REPLICATES = 200
MOST = 10_000  # rows that a model learns from
MODELS = ("logistic regression", "random forest", "gradient boosting")

_TITLES = {
    "utility.auc": (
        "Prediction of the outcome",
        "Area under the ROC curve on people held out, of models learnt from the synthetic rows "
        "(TSTR). Beside it: models learnt from the real people (TRTR).",
    ),
    "utility.ratio": (
        "Prediction kept",
        "The same, as a share of what models learnt from the real people reach (TSTR / TRTR).",
    ),
    "utility.f1": ("Macro-F1", "F1 averaged over the classes of the outcome, TSTR."),
    "utility.rare_recall": (
        "Rarest class found",
        "Share of the people of the outcome's rarest class that the models find, TSTR.",
    ),
    "utility.rare_precision": (
        "Rarest class ranked",
        "Average precision for the outcome's rarest class, TSTR.",
    ),
    "utility.trts_auc": (
        "Real models on synthetic rows",
        "Area under the ROC curve of models learnt from the real people, on synthetic rows (TRTS).",
    ),
    "utility.correlation": (
        "Prediction of the outcome",
        "Rank correlation of predicted and true outcome on people held out, of models learnt from "
        "the synthetic rows (TSTR).",
    ),
}


def findings(synthetic: Table, train: Table, test: Table, *, seed: int) -> tuple[Finding, ...]:
    """Compare models learnt from synthetic rows with models learnt from real people.

    Parameters
    ----------
    synthetic, train, test : Table
        ``test`` people were seen by neither generator nor models.
    seed : int
    """
    outcome = train.schema.outcome
    if outcome is None or not outcome.is_modelled:
        return (_unjudged("utility.auc", "no outcome was named, so no prediction can be judged"),)
    left_out = {
        name: int((t.states[outcome.name] != PRESENT).sum())
        for name, t in (("synthetic", synthetic), ("train", train), ("test", test))
    }
    rng = np.random.default_rng(seed)
    tables = [_with_outcome(t, outcome, rng) for t in (synthetic, train, test)]
    if min(len(t) for t in tables) < 20:
        return (_unjudged("utility.auc", "fewer than 20 rows have an outcome"),)
    shuffled = independent_columns(tables[1], rng)
    if outcome.is_levelled:
        out = _classes(*tables, shuffled, outcome, seed)
    else:
        out = _numbers(*tables, shuffled, outcome, seed)
    detail = {"rows without an outcome, left out": left_out}
    return tuple(
        Finding(**{**{k: getattr(f, k) for k in f.__dataclass_fields__},
                   "detail": {**f.detail, **detail}})
        for f in out
    )


def _unjudged(name: str, reason: str) -> Finding:
    title, meaning = _TITLES[name]
    return Finding(
        name=name,
        group="utility",
        title=title,
        meaning=meaning,
        result=CannotJudge(reason),
        direction="high",
    )


def _with_outcome(table: Table, outcome: Column, rng: np.random.Generator) -> Table:
    rows = np.flatnonzero(table.states[outcome.name] == PRESENT)
    if len(rows) > MOST:
        rows = np.sort(rng.permutation(rows)[:MOST])
    return table.take(rows)


def _classifiers(seed: int) -> tuple[Any, ...]:
    return (
        LogisticRegression(max_iter=2000, C=1.0, tol=1e-3),
        RandomForestClassifier(100, min_samples_leaf=2, random_state=seed, n_jobs=1),
        HistGradientBoostingClassifier(max_iter=80, random_state=seed, early_stopping=False),
    )


def _chances(fit: Table, on: Table, outcome: Column, seed: int) -> Floats:
    """Return each model's probability of each level, (models, n, levels)."""
    k = len(outcome.levels)
    out = np.zeros((len(MODELS), len(on), k))
    y = fit.values[outcome.name].astype(int)
    if len(np.unique(y)) < 2:
        out[:, :, y[0]] = 1.0
        return out
    features = Features.fit(fit, without=outcome.name)
    x, x_on = features.transform(fit), features.transform(on)
    x_on = np.clip(x_on, -20, 20)
    for m, model in enumerate(_classifiers(seed)):
        fitted = model.fit(np.clip(x, -20, 20), y)
        out[m][:, fitted.classes_] = fitted.predict_proba(x_on)
    return out


Score = Callable[[Floats, Ints, Floats], Floats]


def _area(chance: Floats, truth: Ints, weights: Floats) -> Floats:
    classes = [k for k in np.unique(truth) if 0 < (truth == k).sum() < len(truth)]
    if not classes:
        return np.full(len(weights), 0.5)
    return np.asarray(
        np.mean([weighted_auc(chance[:, k], truth == k, weights) for k in classes], axis=0)
    )


def _f1(chance: Floats, truth: Ints, weights: Floats) -> Floats:
    return macro_f1(chance.argmax(1).astype(np.intp), truth, chance.shape[1], weights)


def _each(score: Score, chances: Floats, truth: Ints, weights: Floats) -> Floats:
    """Return the score of each model for each row of weights, (models, b)."""
    return np.array([score(c, truth, weights) for c in chances])


def _classes(
    synthetic: Table, train: Table, test: Table, shuffled: Table, outcome: Column, seed: int
) -> list[Finding]:
    truth = test.values[outcome.name].astype(np.intp)
    count = np.bincount(train.values[outcome.name].astype(int), minlength=len(outcome.levels))
    there = [k for k in np.unique(truth) if count[k] > 0]
    if len(there) < 2:
        return [_unjudged("utility.auc", "the people held out all have one outcome")]
    rare = min(there, key=lambda k: (count[k], k))

    def found(chance: Floats, true: Ints, weights: Floats) -> Floats:
        mine = (true == rare).astype(float)
        hit = mine * (chance.argmax(1) == rare)
        return np.asarray((weights @ hit) / np.maximum(weights @ mine, 1e-12))

    def ranked(chance: Floats, true: Ints, weights: Floats) -> Floats:
        return average_precision(chance[:, rare], true == rare, weights)

    rng = np.random.default_rng(seed)
    weights = np.vstack([np.ones(len(truth)), person_weights(len(truth), REPLICATES, rng)])
    tstr, trtr, null = (_chances(t, test, outcome, seed) for t in (synthetic, train, shuffled))
    out = []
    scores: tuple[tuple[str, Score], ...] = (
        ("utility.auc", _area),
        ("utility.f1", _f1),
        ("utility.rare_recall", found),
        ("utility.rare_precision", ranked),
    )
    for name, score in scores:
        mine, theirs, floor = (_each(score, c, truth, weights) for c in (tstr, trtr, null))
        detail = {
            "models": {m: {"TSTR": float(mine[i, 0]), "TRTR": float(theirs[i, 0])}
                       for i, m in enumerate(MODELS)}
        }
        if "rare" in name:
            detail["people of the class held out"] = {"n": {"n": int((truth == rare).sum())}}  # type: ignore[dict-item]
        anchors = {
            "fresh real people": _estimate(theirs.mean(0), len(truth)),
            "independent columns": _estimate(floor.mean(0), len(truth)),
        }
        out.append(_finding(name, mine.mean(0), len(truth), anchors, detail))
        if name == "utility.auc":
            ratio = mine.mean(0) / np.maximum(theirs.mean(0), 1e-9)
            one = {"fresh real people": Estimate(1.0, 1.0, 1.0, len(truth), "by definition")}
            out.append(_finding("utility.ratio", ratio, len(truth), one, {}))
    out.append(_trts(train, synthetic, outcome, seed))
    return out


def _trts(train: Table, synthetic: Table, outcome: Column, seed: int) -> Finding:
    truth = synthetic.values[outcome.name].astype(np.intp)
    if len(np.unique(truth)) < 2:
        return _unjudged("utility.trts_auc", "the synthetic rows all have one outcome")
    rng = np.random.default_rng(seed)
    weights = np.vstack([np.ones(len(truth)), person_weights(len(truth), REPLICATES, rng)])
    chance = _chances(train, synthetic, outcome, seed)
    value = _each(_area, chance, truth, weights).mean(0)
    return _finding("utility.trts_auc", value, len(truth), {}, {})


def _numbers(
    synthetic: Table, train: Table, test: Table, shuffled: Table, outcome: Column, seed: int
) -> list[Finding]:
    truth = test.values[outcome.name].astype(float)
    rng = np.random.default_rng(seed)
    draws = [np.arange(len(truth))]
    draws += [rng.integers(0, len(truth), len(truth)) for _ in range(REPLICATES)]

    def correlations(fit: Table) -> Floats:
        features = Features.fit(fit, without=outcome.name)
        x, x_on = (np.clip(features.transform(t), -20, 20) for t in (fit, test))
        y = fit.values[outcome.name].astype(float)
        models = (
            Ridge(1.0),
            RandomForestRegressor(100, min_samples_leaf=2, random_state=seed, n_jobs=1),
            HistGradientBoostingRegressor(max_iter=80, random_state=seed, early_stopping=False),
        )
        guesses = [m.fit(x, y).predict(x_on) for m in models]
        return np.array([np.mean([_rank(g[d], truth[d]) for g in guesses]) for d in draws])

    mine, theirs, floor = (correlations(t) for t in (synthetic, train, shuffled))
    anchors = {
        "fresh real people": _estimate(theirs, len(truth)),
        "independent columns": _estimate(floor, len(truth)),
    }
    return [_finding("utility.correlation", mine, len(truth), anchors, {})]


def _rank(a: Floats, b: Floats) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _estimate(values: Floats, n: int) -> Estimate:
    """Return the first value with the interval of the others, its bootstrap replicates."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    value = float(values[0])
    return Estimate(value, min(float(low), value), max(float(high), value), n, "bootstrap by person")


def _finding(
    name: str, values: Floats, n: int, anchors: dict[str, Any], detail: dict[str, Any]
) -> Finding:
    title, meaning = _TITLES[name]
    return Finding(
        name=name,
        group="utility",
        title=title,
        meaning=meaning,
        result=_estimate(values, n),
        ideal=1.0,
        direction="high",
        anchors=anchors,
        detail=detail,
    )
