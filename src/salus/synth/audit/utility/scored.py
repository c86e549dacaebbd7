"""From a score to its finding: the headline, its anchors, and each model's own figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.finding import Finding
from salus.synth.audit.utility.panel import PEOPLE, ROWS, Panel, Score, estimate
from salus.synth.audit.utility.wording import FRESH, INDEPENDENT, TEXTS, make, unjudged
from salus.synth.measure.estimate import CannotJudge, Estimate

__all__ = ["Scored", "on_people", "on_synthetic", "ratio", "score_of"]

Floats = NDArray[np.float64]
FAINT = 0.05  # rank correlation below which there is nothing to keep a share of


@dataclass(frozen=True)
class Scored:
    """Hold one score of models learnt from synthetic rows, people, and permuted columns.

    Each is (models, 1 + replicates).
    """

    tstr: Floats
    trtr: Floats
    null: Floats


def score_of(panel: Panel, score: Score) -> Scored:
    """Score what the three trainings predict for the people held out."""
    return Scored(*(panel.score(score, of) for of in ("tstr", "trtr", "null")))


def on_people(name: str, scored: Scored, panel: Panel) -> Finding:
    """Return the finding of a score on people held out, the mean over the models fixed before."""
    anchors = {
        FRESH: _mean(name, scored.trtr, panel),
        INDEPENDENT: _mean(name, scored.null, panel),
    }
    detail = _models(panel, {"TSTR": scored.tstr, "TRTR": scored.trtr})
    return make(name, _mean(name, scored.tstr, panel), anchors, detail)


def on_synthetic(name: str, score: Score, of: str, panel: Panel, trtr: Floats) -> Finding:
    """Return the finding of a score on synthetic rows, beside the one of people (TRTR)."""
    if all(len(np.unique(t["made"], axis=0)) < 2 for t in panel.trials):
        return unjudged(name, "the synthetic rows all have one outcome")
    values = panel.score(score, of)
    result = _mean(name, values, panel, ROWS)
    detail = _models(panel, {of.upper(): values})
    if of == "tsts":
        detail["rows judged"] = "a third of the synthetic rows; the models learnt from the others"
    return make(name, result, {FRESH: _mean(name, trtr, panel)}, detail)


def ratio(panel: Panel, scored: Scored, *, chance: float) -> Finding:
    """Return TSTR over TRTR, both drawn with the same people; ``chance`` is what knows nothing."""
    tstr, trtr, null = (s.mean(0) for s in (scored.tstr, scored.trtr, scored.null))
    if not trtr[0] > FAINT:
        return unjudged("ratio", "models learnt from real people predict nothing either")
    base = np.maximum(trtr, FAINT)
    undefined = TEXTS["ratio"].undefined
    one = Estimate(1.0, 1.0, 1.0, panel.n, "by definition")
    paired = "paired bootstrap by person"
    each = {
        m: shown("TSTR / TRTR", t / np.maximum(r, FAINT))
        for m, t, r in zip(panel.models, scored.tstr, scored.trtr, strict=True)
        if r[0] > FAINT
    }
    found = make(
        "ratio",
        estimate(tstr / base, panel.n, undefined=undefined, method=paired),
        {FRESH: one, INDEPENDENT: estimate(null / base, panel.n, undefined=undefined)},
        {"headline": "ratio of the means over the models", "models": each},
    )
    if np.nanquantile(trtr[1:], 0.025) > chance:
        return found
    return replace(found, because="models learnt from real people may know nothing themselves")


def shown(name: str, values: Floats) -> dict[str, Any]:
    """Return one model's figure and its interval as plain values; None where there is none."""
    known = estimate(values, 1, undefined="")
    if isinstance(known, CannotJudge):
        return {name: None}
    return {name: known.value, f"{name} interval": [known.low, known.high]}


def _models(panel: Panel, by: Mapping[str, Floats]) -> dict[str, Any]:
    each = {
        m: {k: v for name, values in by.items() for k, v in shown(name, values[i]).items()}
        for i, m in enumerate(panel.models)
    }
    return {"headline": "mean over the models, which were fixed beforehand", "models": each}


def _mean(name: str, values: Floats, panel: Panel, method: str = PEOPLE) -> Estimate | CannotJudge:
    """Return the mean over models: of all of them or of none."""
    lost = [m for m, v in zip(panel.models, values, strict=True) if np.isnan(v[0])]
    undefined = TEXTS[name].undefined
    if lost and len(lost) < len(panel.models):
        undefined = f"{undefined} ({', '.join(lost)})"
    n = panel.made_rows if method == ROWS else panel.n
    return estimate(values.mean(0), n, undefined=undefined, method=method)
