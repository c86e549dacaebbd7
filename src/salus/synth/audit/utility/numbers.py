"""Findings about an outcome that is a number."""

from __future__ import annotations

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
from salus.synth.audit.utility.trial import Figures
from salus.synth.measure.scores import mean_absolute_error, r_squared, rank_correlation

__all__ = ["of_numbers"]

Floats = NDArray[np.float64]


def of_numbers(panel: Panel) -> list[Finding]:
    """Return a finding for each score of numbers."""
    ranks = score_of(panel, rank_correlation)
    return [
        on_people("correlation", ranks, panel),
        ratio(panel, ranks, chance=0.0),
        on_people("r2", score_of(panel, r_squared), panel),
        on_people("mae", _errors(panel), panel),
        on_synthetic("trts_correlation", rank_correlation, "trts", panel, ranks.trtr),
        on_synthetic("tsts_correlation", rank_correlation, "tsts", panel, ranks.trtr),
    ]


def _errors(panel: Panel) -> Scored:
    """Return the mean absolute error in standard deviations of the training people's outcome."""

    def over(of: str) -> Floats:
        def each(trial: Figures, model: int, weights: Floats) -> Floats:
            spread = float(trial["train"].std())
            if spread <= 0:
                return np.full(len(weights), np.nan)
            return mean_absolute_error(trial[of][model], trial["truth"], weights) / spread

        return panel.average(each, panel.weights)

    return Scored(over("tstr"), over("trtr"), over("null"))
