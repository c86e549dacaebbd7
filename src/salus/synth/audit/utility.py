"""Compare models learnt from synthetic rows with models learnt from people.

TSTR trains on synthetic rows and tests on people held out, TRTR trains on the real training people,
TRTS trains on these and tests on synthetic rows (Esteban et al. 2017, arXiv:1706.02633). Models and
scores are fixed beforehand and averaged; areas are one class against the rest, averaged.

``figures`` makes the predictions of one trial, ``pool`` scores those of one or many: a person who
is tested in several trials is one unit of the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.finding import Finding
from salus.synth.audit.predictors import MODELS, chances, guesses
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.intervals import person_weights
from salus.synth.measure.scores import (
    average_precision,
    macro_area,
    macro_f1,
    r_squared,
    rank_correlation,
    recall,
)
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["Figures", "figures", "findings", "pool"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Score = Callable[[Floats, NDArray[Any], Floats], Floats]
Figures = Mapping[str, Any]
REPLICATES = 200
MOST = 10_000  # rows that a model learns from
LEAST = 20  # rows with an outcome
FEWEST = 5  # people that a count may be told of
FAINT = 0.05  # rank correlation below which there is nothing to keep a share of
FRESH, INDEPENDENT = "fresh real people", "independent columns"

_TEXTS: Mapping[str, tuple[str, str]] = {
    "utility.auc": (
        "Prediction of the outcome",
        "Area under the ROC curve on people held out, of models learnt from the synthetic rows "
        "(TSTR). Beside it: models learnt from the real people (TRTR).",
    ),
    "utility.ratio": (
        "Prediction kept",
        "How well models learnt from the synthetic rows predict, as a share of what models learnt "
        "from the real people reach (TSTR / TRTR).",
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
        "the synthetic rows (TSTR). Beside it: models learnt from the real people (TRTR).",
    ),
    "utility.r2": (
        "Variance explained",
        "Share of the outcome's variance on people held out that models learnt from the synthetic "
        "rows explain (TSTR).",
    ),
    "utility.trts_correlation": (
        "Real models on synthetic rows",
        "Rank correlation of predicted and true outcome on synthetic rows, of models learnt from "
        "the real people (TRTS).",
    ),
}
_OF_CLASSES = ("auc", "ratio", "f1", "rare_recall", "rare_precision", "trts_auc")
_OF_NUMBERS = ("correlation", "ratio", "r2", "trts_correlation")


def findings(synthetic: Table, train: Table, test: Table, *, seed: int) -> tuple[Finding, ...]:
    """Compare models learnt from synthetic rows with models learnt from real people.

    Parameters
    ----------
    synthetic, train, test : Table
        Of one schema; the ``test`` people were seen by neither generator nor models.
    seed : int
    """
    return pool([figures(synthetic, train, test, seed)], seed=seed)


def figures(synthetic: Table, train: Table, test: Table, seed: int) -> Figures:
    """Return the predictions of one trial as plain arrays, to be pooled.

    Returns
    -------
    mapping
        ``kind`` (``classes``, ``numbers`` or ``none``), ``reason`` (empty, or why nothing can be
        judged), ``people`` (n,), ``truth`` (n,), ``tstr``, ``trtr`` and ``null`` (models, n,
        levels) or (models, n), ``trts`` and ``made`` (predictions for and outcomes of the synthetic
        rows), ``train_count`` (levels,), ``left_out`` (rows without an outcome, by table).
    """
    outcome = train.schema.outcome
    if outcome is None or not outcome.is_modelled:
        return _none("none", "no outcome was named, so no prediction can be judged", {})
    kind = "classes" if outcome.is_levelled else "numbers"
    named = {"synthetic": synthetic, "train": train, "test": test}
    left_out = {k: int((t.states[outcome.name] != PRESENT).sum()) for k, t in named.items()}
    rng = np.random.default_rng(seed)
    made, real, held = (_with_outcome(t, outcome, rng) for t in named.values())
    if min(len(made), len(real), len(held)) < LEAST:
        reason = f"fewer than {LEAST} rows have an outcome"
        return _none(kind, reason, left_out)
    truth = held.values[outcome.name]
    if len(np.unique(truth)) < 2:
        return _none(kind, "the people held out all have one outcome", left_out)
    predict = chances if kind == "classes" else guesses
    (tstr,) = predict(made, [held], outcome, seed)
    trtr, trts = predict(real, [held, made], outcome, seed)
    (null,) = predict(independent_columns(real, rng), [held], outcome, seed)
    count = (
        np.bincount(real.values[outcome.name].astype(np.intp), minlength=len(outcome.levels))
        if kind == "classes"
        else np.zeros(0, np.intp)
    )
    return {
        "kind": kind,
        "reason": "",
        "people": held.people,
        "truth": truth,
        "tstr": tstr,
        "trtr": trtr,
        "null": null,
        "trts": trts,
        "made": made.values[outcome.name],
        "train_count": count,
        "left_out": left_out,
    }


def _none(kind: str, reason: str, left_out: Mapping[str, int]) -> Figures:
    return {"kind": kind, "reason": reason, "left_out": left_out}


def _with_outcome(table: Table, outcome: Column, rng: np.random.Generator) -> Table:
    rows = np.flatnonzero(table.states[outcome.name] == PRESENT)
    if len(rows) > MOST:
        rows = np.sort(rng.permutation(rows)[:MOST])
    return table.take(rows)


def pool(trials: Sequence[Figures], *, seed: int = 0) -> tuple[Finding, ...]:
    """Score the predictions of one or several trials.

    Each score is taken in each trial and averaged over trials and models. The interval draws people
    again, each with all the trials they were tested in; the predictions stay.

    Parameters
    ----------
    trials : sequence of mapping
        As ``figures`` returns them, of one table's people.
    seed : int
        Of the bootstrap.

    Returns
    -------
    tuple of Finding
        For classes ``utility.auc``, ``ratio``, ``f1``, ``rare_recall``, ``rare_precision`` and
        ``trts_auc``; for numbers ``utility.correlation``, ``ratio``, ``r2`` and
        ``trts_correlation``. Each is there even if it can't be judged.
    """
    if not trials:
        return (_unjudged("auc", "no trial was made", {}),)
    left_out = {
        name: int(sum(t["left_out"].get(name, 0) for t in trials)) for name in trials[0]["left_out"]
    }
    detail = {"rows without an outcome, left out": left_out} if left_out else {}
    judged = [t for t in trials if not t["reason"]]
    if not judged:
        first = trials[0]
        names = {"classes": _OF_CLASSES, "numbers": _OF_NUMBERS, "none": ("auc",)}[first["kind"]]
        return tuple(_unjudged(name, first["reason"], detail) for name in names)
    panel = _Panel(judged, seed)
    out = _classes(panel) if judged[0]["kind"] == "classes" else _numbers(panel)
    if len(trials) > 1:
        detail["trials"] = {"judged": len(judged), "made": len(trials)}
    return tuple(_put(f, detail) for f in out)


@dataclass(frozen=True)
class _Panel:
    """Hold trials with the bootstrap weights of their people, the first row being ones."""

    trials: Sequence[Figures]
    seed: int
    weights: list[Floats] = field(init=False)
    made_weights: list[Floats] = field(init=False)
    n: int = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        people = np.unique(np.concatenate([t["people"] for t in self.trials]))
        drawn = _with_ones(len(people), rng)
        at = [np.searchsorted(people, t["people"]) for t in self.trials]
        object.__setattr__(self, "weights", [drawn[:, i] for i in at])
        object.__setattr__(
            self, "made_weights", [_with_ones(len(t["made"]), rng) for t in self.trials]
        )
        object.__setattr__(self, "n", len(people))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order of the predictions."""
        return MODELS[self.trials[0]["kind"]]

    def score(self, score: Score, of: str) -> Floats:
        """Return a score of predictions, averaged over trials, (models, 1 + replicates)."""
        truth, weights = ("made", self.made_weights) if of == "trts" else ("truth", self.weights)
        each = np.array(
            [
                [score(p, t[truth], w) for p in t[of]]
                for t, w in zip(self.trials, weights, strict=True)
            ]
        )  # (trials, models, 1 + replicates)
        known = ~np.isnan(each)
        count = known.sum(0)
        total = np.where(known, each, 0.0).sum(0)
        mean = np.full(total.shape, np.nan)
        np.divide(total, count, out=mean, where=count > 0)
        return mean


def _with_ones(n: int, rng: np.random.Generator) -> Floats:
    return np.vstack([np.ones((1, n)), person_weights(n, REPLICATES, rng)])


def _area(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
    return macro_area(chance, truth.astype(np.intp), weights)


def _f1(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
    guess = chance.argmax(1).astype(np.intp)
    return macro_f1(guess, truth.astype(np.intp), chance.shape[1], weights)


def _correlation(guess: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
    return rank_correlation(guess, truth.astype(float), weights)


def _explained(guess: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
    return r_squared(guess, truth.astype(float), weights)


def _rarest(panel: _Panel) -> int:
    """Return the class with the fewest real training people of those with any person held out."""
    count = np.sum([t["train_count"] for t in panel.trials], axis=0)
    held = np.sum(
        [np.bincount(t["truth"].astype(np.intp), minlength=len(count)) for t in panel.trials],
        axis=0,
    )
    there = np.flatnonzero(held > 0)
    return int(min(there, key=lambda k: (count[k], held[k], k)))


def _classes(panel: _Panel) -> list[Finding]:
    rare = _rarest(panel)

    def found(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
        return recall(chance.argmax(1).astype(np.intp), truth.astype(np.intp), rare, weights)

    def ranked(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
        return average_precision(chance[:, rare], truth == rare, weights)

    held = {int(p) for t in panel.trials for p in t["people"][t["truth"] == rare]}
    absent = int(sum(not (t["made"] == rare).any() for t in panel.trials))
    of_rare = {
        "people of the class held out": len(held) if len(held) >= FEWEST else f"under {FEWEST}",
        "trials without synthetic rows of it": absent,
    }
    return [
        _scored("auc", _area, panel),
        _ratio(panel, _area, chance=0.5),
        _scored("f1", _f1, panel),
        _put(_scored("rare_recall", found, panel), of_rare),
        _put(_scored("rare_precision", ranked, panel), of_rare),
        _on_synthetic("trts_auc", _area, panel),
    ]


def _numbers(panel: _Panel) -> list[Finding]:
    return [
        _scored("correlation", _correlation, panel),
        _ratio(panel, _correlation, chance=0.0),
        _scored("r2", _explained, panel),
        _on_synthetic("trts_correlation", _correlation, panel),
    ]


def _scored(name: str, score: Score, panel: _Panel) -> Finding:
    tstr, trtr, null = (panel.score(score, of) for of in ("tstr", "trtr", "null"))
    each = {
        m: {"TSTR": _plain(tstr[i]), "TRTR": _plain(trtr[i])} for i, m in enumerate(panel.models)
    }
    anchors = {
        FRESH: _estimate(trtr.mean(0), panel.n),
        INDEPENDENT: _estimate(null.mean(0), panel.n),
    }
    return _finding(name, _estimate(tstr.mean(0), panel.n), anchors, {"models": each})


def _on_synthetic(name: str, score: Score, panel: _Panel) -> Finding:
    if all(len(np.unique(t["made"])) < 2 for t in panel.trials):
        return _unjudged(name, "the synthetic rows all have one outcome", {})
    trts = panel.score(score, "trts")
    rows = int(np.mean([len(t["made"]) for t in panel.trials]))
    beside = {FRESH: _estimate(panel.score(score, "trtr").mean(0), panel.n)}
    each = {m: {"TRTS": _plain(trts[i])} for i, m in enumerate(panel.models)}
    result = _estimate(trts.mean(0), rows, "bootstrap of synthetic rows")
    return _finding(name, result, beside, {"models": each})


def _ratio(panel: _Panel, score: Score, *, chance: float) -> Finding:
    """Return TSTR over TRTR, both drawn with the same people; ``chance`` is what knows nothing."""
    tstr, trtr = (panel.score(score, of).mean(0) for of in ("tstr", "trtr"))
    if not trtr[0] > FAINT:
        return _unjudged("ratio", "models learnt from real people predict nothing either", {})
    base = np.maximum(trtr, FAINT)
    one = Estimate(1.0, 1.0, 1.0, panel.n, "by definition")
    null = _estimate(panel.score(score, "null").mean(0) / base, panel.n)
    result = _estimate(tstr / base, panel.n, "paired bootstrap by person")
    found = _finding("ratio", result, {FRESH: one, INDEPENDENT: null}, {})
    if np.nanquantile(trtr[1:], 0.025) > chance:
        return found
    return replace(found, because="models learnt from real people may know nothing themselves")


def _plain(values: Floats) -> float | None:
    return None if np.isnan(values[0]) else float(values[0])


def _estimate(
    values: Floats, n: int, method: str = "bootstrap by person"
) -> Estimate | CannotJudge:
    """Return the first value with the interval of the others, its replicates."""
    value, drawn = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not len(drawn):
        return CannotJudge("no trial has people of two outcomes")
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n, method)


def _finding(
    name: str,
    result: Estimate | CannotJudge,
    anchors: Mapping[str, Estimate | CannotJudge],
    detail: Mapping[str, Any],
) -> Finding:
    title, meaning = _TEXTS[f"utility.{name}"]
    return Finding(
        name=f"utility.{name}",
        group="utility",
        title=title,
        meaning=meaning,
        result=result,
        ideal=1.0,
        direction="high",
        anchors=anchors,
        detail=detail,
    )


def _unjudged(name: str, reason: str, detail: Mapping[str, Any]) -> Finding:
    return _finding(name, CannotJudge(reason), {}, detail)


def _put(finding: Finding, detail: Mapping[str, Any]) -> Finding:
    return replace(finding, detail={**finding.detail, **detail})
