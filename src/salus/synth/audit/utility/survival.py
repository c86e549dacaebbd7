"""Findings about the time to an event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.finding import Finding
from salus.synth.audit.utility.panel import REPLICATES, Panel, person_draws
from salus.synth.audit.utility.scored import on_people, on_synthetic, score_of
from salus.synth.audit.utility.trial import Figures
from salus.synth.audit.utility.wording import FRESH, INDEPENDENT, make
from salus.synth.measure.estimate import Estimate
from salus.synth.measure.survival import concordance, kaplan_meier, time_at_risk

__all__ = ["of_survival"]

Floats = NDArray[np.float64]
FOLLOWED = 0.05  # share of the people who must still be at risk for the curves to be compared


def of_survival(panel: Panel, seed: int) -> list[Finding]:
    """Return the findings about concordance and the survival curve."""
    order = score_of(panel, _concordance)
    return [
        on_people("concordance", order, panel),
        on_synthetic("trts_concordance", _concordance, "trts", panel, order.trtr),
        on_synthetic("tsts_concordance", _concordance, "tsts", panel, order.trtr),
        _curve(panel, seed),
    ]


def _concordance(risk: Floats, truth: Floats, weights: Floats) -> Floats:
    return concordance(risk, truth[:, 0], truth[:, 1] > 0, weights)


def _curve(panel: Panel, seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    loose = [_permuted(t["train"], rng) for t in panel.trials]
    made = _gap(panel, [t["made"] for t in panel.trials], panel.made_weights)
    beside = {
        name: _gap(panel, them, [person_draws(len(t), rng) for t in them])
        for name, them in ((FRESH, [t["train"] for t in panel.trials]), (INDEPENDENT, loose))
    }
    ends = [_last(t["truth"], t["made"]) for t in panel.trials]
    detail = {
        "compared up to the time": float(np.mean(ends)),
        "interval": "the gap, give or take a band that covers the whole difference of the curves",
        "fresh real people": "the training people",
    }
    return make("survival_curve", made, beside, detail)


def _permuted(truth: Floats, rng: np.random.Generator) -> Floats:
    return np.column_stack([truth[:, 0], rng.permutation(truth[:, 1])])


def _last(one: Floats, other: Floats) -> float:
    return min(time_at_risk(one[:, 0], FOLLOWED), time_at_risk(other[:, 0], FOLLOWED))


def _gap(panel: Panel, tables: Sequence[Floats], weights: Sequence[Floats]) -> Estimate:
    """Return the largest gap, averaged over trials, with a band that holds everywhere at once.

    A largest gap is always above zero, and larger still in a bootstrap. So the interval isn't that
    of the replicates' own gaps: it adds and takes off how far their difference strays from ours.
    """
    gaps = np.zeros(len(panel.trials))
    strays = np.zeros(REPLICATES)
    for k, (trial, other, w) in enumerate(zip(panel.trials, tables, weights, strict=True)):
        difference = _difference(trial, other, panel.weights[k], w)
        gaps[k] = np.abs(difference[0]).max()
        strays += np.abs(difference[1:] - difference[0]).max(1) / len(gaps)
    value, band = float(gaps.mean()), float(np.quantile(strays, 0.95))
    low, high = max(0.0, value - band), min(1.0, value + band)
    return Estimate(value, low, high, panel.n, "bootstrap by person, simultaneous band")


def _difference(trial: Figures, other: Floats, weights: Floats, others: Floats) -> Floats:
    """Return how much higher one curve is at each time that changes either, (1 + b, g)."""
    real = trial["truth"]
    grid = np.unique(np.concatenate([t[t[:, 1] > 0, 0] for t in (real, other)]))
    grid = grid[grid <= _last(real, other)]
    if not len(grid):
        grid = np.array([_last(real, other)])
    curve = kaplan_meier(other[:, 0], other[:, 1] > 0, others, grid)
    return curve - kaplan_meier(real[:, 0], real[:, 1] > 0, weights, grid)
