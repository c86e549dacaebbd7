"""What each figure of utility is called, what it means, and which values are good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate

__all__ = ["FRESH", "INDEPENDENT", "NAMES", "TEXTS", "make", "put", "unjudged"]

FRESH, INDEPENDENT = "fresh real people", "independent columns"


@dataclass(frozen=True)
class Text:
    """Describe one figure; ``undefined`` says why a model may have none."""

    title: str
    meaning: str
    ideal: float = 1.0
    direction: Literal["low", "high", "near"] = "high"
    undefined: str = "no trial has people of two outcomes"


_LEARNT = "Area under the ROC curve on synthetic rows"
_PAIRS = "no two people are known to have had the event one after the other"

TEXTS: Mapping[str, Text] = {
    "auc": Text(
        "Prediction of the outcome",
        "Area under the ROC curve on people held out, of models learnt from the synthetic rows "
        "(TSTR). Beside it: models learnt from the real people (TRTR).",
    ),
    "ratio": Text(
        "Prediction kept",
        "How well models learnt from the synthetic rows predict, as a share of what models learnt "
        "from the real people reach (TSTR / TRTR).",
    ),
    "auprc": Text(
        "Precision of the ranking",
        "Average precision (area under the precision-recall curve) on people held out, each class "
        "against the rest, averaged over the classes, TSTR.",
    ),
    "f1": Text("Macro-F1", "F1 averaged over the classes of the outcome, TSTR."),
    "rare_recall": Text(
        "Rarest class found",
        "Share of the people of the outcome's rarest class that the models find, TSTR.",
    ),
    "rare_precision": Text(
        "Rarest class ranked",
        "Average precision for the outcome's rarest class, TSTR.",
    ),
    "recall_at_specificity": Text(
        "Rarest class found at a fixed cut",
        "Share of the people of the rarest class that the models find when they call at most one "
        "in ten of the others so, TSTR. The cut was set on rows of the table learnt from that were "
        "left out of a second fit, never on the people held out.",
        undefined="no cut can be set: the rows left out are all of one class",
    ),
    "brier": Text(
        "Error of the chances",
        "Brier score on people held out: mean squared error of the predicted chances, TSTR. Even "
        "perfectly honest chances don't reach 0; compare with models learnt from real people.",
        ideal=0.0,
        direction="low",
    ),
    "calibration_slope": Text(
        "Calibration slope",
        "Slope of the outcome's log odds on the predicted ones among people held out, TSTR: 1 is "
        "calibrated, below 1 the chances are too extreme, above 1 too timid, at 0 they tell "
        "nothing.",
        direction="near",
        undefined="the chances are constant or separate the classes, so no slope fits",
    ),
    "trts_auc": Text(
        "Real models on synthetic rows", f"{_LEARNT}, of models learnt from the real people (TRTS)."
    ),
    "tsts_auc": Text(
        "Synthetic models on synthetic rows",
        f"{_LEARNT} that were left out, of models learnt from the others (TSTS). Above what real "
        "people allow (TRTR), the synthetic world is simpler than the real one.",
        undefined="the synthetic rows left out all have one outcome",
    ),
    "correlation": Text(
        "Prediction of the outcome",
        "Rank correlation of predicted and true outcome on people held out, of models learnt from "
        "the synthetic rows (TSTR). Beside it: models learnt from the real people (TRTR).",
    ),
    "r2": Text(
        "Variance explained",
        "Share of the outcome's variance on people held out that models learnt from the synthetic "
        "rows explain (TSTR).",
    ),
    "mae": Text(
        "Error of the prediction",
        "Mean distance of predicted and true outcome on people held out, in standard deviations of "
        "the training people's outcome, TSTR.",
        ideal=0.0,
        direction="low",
        undefined="the training people all have one outcome",
    ),
    "trts_correlation": Text(
        "Real models on synthetic rows",
        "Rank correlation of predicted and true outcome on synthetic rows, of models learnt from "
        "the real people (TRTS).",
    ),
    "tsts_correlation": Text(
        "Synthetic models on synthetic rows",
        "Rank correlation of predicted and true outcome on synthetic rows that were left out, of "
        "models learnt from the others (TSTS).",
    ),
    "concordance": Text(
        "Prediction of who has the event first",
        "Harrell's concordance on people held out, of survival models learnt from the synthetic "
        "rows (TSTR). Beside it: models learnt from the real people (TRTR). 0.5 is chance.",
        undefined=_PAIRS,
    ),
    "trts_concordance": Text(
        "Real survival models on synthetic rows",
        "Harrell's concordance on synthetic rows, of models learnt from the real people (TRTS).",
        undefined=_PAIRS,
    ),
    "tsts_concordance": Text(
        "Synthetic survival models on synthetic rows",
        "Harrell's concordance on synthetic rows that were left out, of models learnt from the "
        "others (TSTS).",
        undefined=_PAIRS,
    ),
    "survival_curve": Text(
        "Survival curve",
        "Largest gap between the survival curves (Kaplan-Meier) of the synthetic rows and of the "
        "people held out, while at least one in twenty of each is followed.",
        ideal=0.0,
        direction="low",
    ),
}
NAMES: Mapping[str, tuple[str, ...]] = {
    "none": ("auc",),
    "classes": (
        *("auc", "ratio", "auprc", "f1", "rare_recall", "rare_precision", "recall_at_specificity"),
        *("brier", "calibration_slope", "trts_auc", "tsts_auc"),
    ),
    "numbers": ("correlation", "ratio", "r2", "mae", "trts_correlation", "tsts_correlation"),
    "survival": ("concordance", "trts_concordance", "tsts_concordance", "survival_curve"),
}
"""The findings about each kind of outcome, which are there even if they can't be judged."""


def make(
    name: str,
    result: Estimate | CannotJudge,
    anchors: Mapping[str, Estimate | CannotJudge],
    detail: Mapping[str, Any],
) -> Finding:
    """Return the finding ``utility.NAME``."""
    text = TEXTS[name]
    return Finding(
        name=f"utility.{name}",
        group="utility",
        title=text.title,
        meaning=text.meaning,
        result=result,
        ideal=text.ideal,
        direction=text.direction,
        anchors=anchors,
        detail=detail,
    )


def unjudged(name: str, reason: str) -> Finding:
    """Return the finding ``utility.NAME`` without a figure."""
    return make(name, CannotJudge(reason), {}, {})


def put(finding: Finding, detail: Mapping[str, Any]) -> Finding:
    """Return the finding with more detail."""
    return replace(finding, detail={**finding.detail, **detail})
