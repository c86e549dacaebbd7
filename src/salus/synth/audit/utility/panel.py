"""Score the predictions of several trials, with one bootstrap of the people in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.utility.models import MODELS
from salus.synth.audit.utility.trial import Figures
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.intervals import person_weights

__all__ = ["PEOPLE", "REPLICATES", "ROWS", "Each", "Panel", "Score", "estimate", "person_draws"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Score = Callable[[Any, Any, Floats], Floats]  # prediction, truth, weights (b, n) -> (b,)
Each = Callable[[Figures, int, Floats], Floats]  # trial, model, weights (b, n) -> (b,)
REPLICATES = 200
PEOPLE, ROWS = "bootstrap by person", "bootstrap of synthetic rows"


@dataclass(frozen=True)
class Panel:
    """Hold trials with the bootstrap weights of their people; the first replicate is of ones.

    Parameters
    ----------
    trials : sequence of mapping
        As ``figures`` makes them, all judged and of one kind.
    weights, made_weights : sequence of array (1 + replicates, n)
        Of the people tested and of the synthetic rows, by trial.
    n : int
        Different people tested.
    """

    trials: Sequence[Figures]
    weights: Sequence[Floats]
    made_weights: Sequence[Floats]
    n: int

    @classmethod
    def draw(cls, trials: Sequence[Figures], seed: int) -> Panel:
        """Draw people again, each with all the trials they were tested in."""
        rng = np.random.default_rng(seed)
        people = np.unique(np.concatenate([t["people"] for t in trials]))
        drawn = person_draws(len(people), rng)
        weights = [drawn[:, np.searchsorted(people, t["people"])] for t in trials]
        return cls(
            trials, weights, [person_draws(len(t["made"]), rng) for t in trials], len(people)
        )

    def within(self, masks: Sequence[Bools]) -> Panel:
        """Return the panel of some of the people tested, those of the masks (n,) by trial."""
        trials = [
            {
                **t,
                "people": t["people"][m],
                "truth": t["truth"][m],
                **{of: t[of][:, m] for of in ("tstr", "trtr", "null")},
            }
            for t, m in zip(self.trials, masks, strict=True)
        ]
        people = np.unique(np.concatenate([t["people"] for t in trials]))
        weights = [w[:, m] for w, m in zip(self.weights, masks, strict=True)]
        return Panel(trials, weights, self.made_weights, len(people))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order of the predictions."""
        return MODELS[self.trials[0]["kind"]]

    @property
    def made_rows(self) -> int:
        """Synthetic rows in a trial, on average."""
        return int(np.mean([len(t["made"]) for t in self.trials]))

    def score(self, score: Score, of: str) -> Floats:
        """Return a score of the predictions ``tstr``, ``trtr``, ``null`` or ``trts`` or ``tsts``.

        Returns
        -------
        array (models, 1 + replicates)
            Averaged over the trials in which it's defined.
        """

        def each(trial: Figures, model: int, weights: Floats) -> Floats:
            if of == "trts":
                return score(trial["trts"][model], trial["made"], weights)
            if of == "tsts":
                own = trial["own"]["tstr"]
                return score(own["predicted"][model], own["truth"], weights[:, own["rows"]])
            return score(trial[of][model], trial["truth"], weights)

        return self.average(each, self.made_weights if of in ("trts", "tsts") else self.weights)

    def average(self, each: Each, weights: Sequence[Floats]) -> Floats:
        """Return a figure of each trial and model, averaged over trials that have one."""
        every = np.array(
            [
                [each(t, m, w) for m in range(len(self.models))]
                for t, w in zip(self.trials, weights, strict=True)
            ]
        )  # (trials, models, 1 + replicates)
        known = ~np.isnan(every)
        count = known.sum(0)
        mean = np.full(count.shape, np.nan)
        np.divide(np.where(known, every, 0.0).sum(0), count, out=mean, where=count > 0)
        return mean


def person_draws(n: int, rng: np.random.Generator) -> Floats:
    """Return weights of ones and of bootstrap replicates, (1 + replicates, n)."""
    return np.vstack([np.ones((1, n)), person_weights(n, REPLICATES, rng)])


def estimate(
    values: Floats, n: int, *, undefined: str, method: str = PEOPLE
) -> Estimate | CannotJudge:
    """Return the first value with the interval of the others, its replicates.

    ``undefined`` is why there may be none.
    """
    value, drawn = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not len(drawn):
        return CannotJudge(undefined)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n, method)
