"""Findings about an outcome that is a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.finding import Finding
from salus.synth.audit.utility.panel import Panel
from salus.synth.audit.utility.scored import (
    Scored,
    on_people,
    on_synthetic,
    ratio,
    score_of,
)
from salus.synth.audit.utility.trial import FEWEST, Figures
from salus.synth.audit.utility.wording import put
from salus.synth.measure.scores import (
    average_precision,
    brier,
    calibration_slope,
    macro_area,
    macro_f1,
    macro_precision,
    recall,
    threshold_at,
)

__all__ = ["of_classes"]

Floats = NDArray[np.float64]
SPECIFICITY = 0.9


def of_classes(panel: Panel) -> list[Finding]:
    """Return a finding for each score of classes."""
    rare = _rarest(panel)

    def found(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
        return recall(chance.argmax(1), truth, rare, weights)

    def ranked(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
        return average_precision(chance[:, rare], truth == rare, weights)

    area = score_of(panel, macro_area)
    about = _about(panel, rare)
    return [
        on_people("auc", area, panel),
        ratio(panel, area, chance=0.5),
        on_people("auprc", score_of(panel, macro_precision), panel),
        on_people("f1", score_of(panel, _f1), panel),
        put(on_people("rare_recall", score_of(panel, found), panel), about),
        put(on_people("rare_precision", score_of(panel, ranked), panel), about),
        put(_at_specificity(panel, rare), about),
        on_people("brier", score_of(panel, brier), panel),
        on_people("calibration_slope", score_of(panel, calibration_slope), panel),
        on_synthetic("trts_auc", macro_area, "trts", panel, area.trtr),
        on_synthetic("tsts_auc", macro_area, "tsts", panel, area.trtr),
    ]


def _f1(chance: Floats, truth: NDArray[Any], weights: Floats) -> Floats:
    return macro_f1(chance.argmax(1), truth, chance.shape[1], weights)


def _rarest(panel: Panel) -> int:
    """Return the class with the fewest real training people of those with any person held out."""
    levels = len(panel.trials[0]["levels"])
    count, held = (
        np.sum([np.bincount(t[key], minlength=levels) for t in panel.trials], axis=0)
        for key in ("train", "truth")
    )
    there = np.flatnonzero(held > 0)
    return int(min(there, key=lambda k: (count[k], held[k], k)))


def _about(panel: Panel, rare: int) -> dict[str, Any]:
    held = {int(p) for t in panel.trials for p in t["people"][t["truth"] == rare]}
    absent = int(sum(not (t["made"] == rare).any() for t in panel.trials))
    return {
        "rarest class": str(panel.trials[0]["levels"][rare]),
        "people of the class held out": len(held) if len(held) >= FEWEST else f"under {FEWEST}",
        "trials without synthetic rows of it": absent,
    }


def _at_specificity(panel: Panel, rare: int) -> Finding:
    """Return the recall of the rarest class above the cut that the table learnt from sets."""

    def over(of: str, wanted: bool) -> Floats:
        def each(trial: Figures, model: int, weights: Floats) -> Floats:
            own = trial["own"][of]
            cut = threshold_at(own["predicted"][model][:, rare], own["truth"] == rare, SPECIFICITY)
            if np.isnan(cut):
                return np.full(len(weights), np.nan)
            called = (trial[of][model][:, rare] > cut) == wanted
            mine = (trial["truth"] == rare) == wanted
            return recall(called.astype(np.intp), mine.astype(np.intp), 1, weights)

        return panel.average(each, panel.weights)

    found = on_people(
        "recall_at_specificity",
        Scored(*(over(of, True) for of in ("tstr", "trtr", "null"))),
        panel,
    )
    # of the others, the share not called so: whether the cut keeps on people what it promised
    reached = {
        of.upper(): None if np.isnan(v) else float(v)
        for of in ("tstr", "trtr")
        for v in (over(of, False).mean(0)[0],)
    }
    cut = "set on a third of the rows learnt from, by models learnt from the others"
    more = {"specificity aimed at": SPECIFICITY, "specificity reached": reached, "cut": cut}
    return put(found, more)
