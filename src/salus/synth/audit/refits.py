"""What attackers gain who can run the generator again and again, or who hold its model file.

Over the trials of a procedure everybody is a member in some and a stranger in others. The other
trials are then what an attacker would get who knows everybody's record and refits the generator with
and without a person (shadow fits; Carlini et al. 2022, arXiv:2112.03570). Two figures come of it:

* ``membership.refits``: scores of the usual attacks on the table, compared with the same person's
  scores in the other trials, on everybody and on the tenth that stands apart most;
* ``membership.model``: likelihoods under the fitted model itself, which a release doesn't hold.

Neither decides: the first attacker knows everybody else's data, the second a file that stays with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.likelihood import likelihood_ratio, loss, refit_scores
from salus.synth.audit.finding import Finding
from salus.synth.audit.observation import APART, Observation
from salus.synth.audit.observed import membership_trials
from salus.synth.audit.risks import advantage, auc
from salus.synth.audit.titles import title_and_meaning
from salus.synth.audit.trials import ERROR, Trials
from salus.synth.measure.estimate import CannotJudge, Estimate

__all__ = ["FEWEST_TRIALS", "model_finding", "refit_finding"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEWEST_TRIALS = 8  # of which about half hold each person


def refit_finding(
    observations: Sequence[Observation], seed: int, *, error: float = ERROR
) -> Finding:
    """Return ``membership.refits``: the gain of attackers who refit the generator.

    Parameters
    ----------
    observations : sequence of Observation
        Of the same people, all of them seen in every trial.
    seed : int
    error : float
        Of each one-sided bound.
    """
    name = "membership.refits"
    usable = _too_few(observations)
    if usable is not None:
        return _finding(name, usable, {})
    trials = membership_trials(observations)
    values = {k: refit_scores(v, trials.member) for k, v in trials.values.items()}
    everybody = Trials(trials.member, trials.seen, values, trials.whole)
    detail = _detail(everybody, seed, error)
    if all(APART in o.groups for o in observations):
        here = np.array([o.groups[APART] for o in observations])
        few = Trials(trials.member, trials.seen & here, values, trials.whole)
        detail[APART] = _estimate(few, seed, error).to_dict()
    return _finding(name, _estimate(everybody, seed, error), detail)


def model_finding(
    observations: Sequence[Observation],
    log_prob: Floats | None,
    seed: int,
    *,
    error: float = ERROR,
) -> Finding:
    """Return ``membership.model``: the gain of attackers who hold the fitted model.

    Parameters
    ----------
    observations : sequence of Observation
    log_prob : array (r, n) or None
        Log likelihood of every row under each trial's model; None for a generator without one.
    seed : int
    error : float
    """
    name = "membership.model"
    if log_prob is None:
        return _finding(name, CannotJudge("this generator has no likelihood"), {})
    usable = _too_few(observations)
    if usable is not None:
        return _finding(name, usable, {})
    member = np.array([o.member for o in observations])
    seen = np.array([o.seen for o in observations])
    shadows = [np.arange(len(member)) != t for t in range(len(member))]
    ratio = np.array(
        [
            likelihood_ratio(log_prob[t], log_prob[others], member[others])
            for t, others in enumerate(shadows)
        ]
    )
    values = {
        "likelihood": np.array([loss(row) for row in log_prob]),
        "likelihood ratio over shadow fits": ratio,
    }
    trials = Trials(member, seen, values, all(o.whole for o in observations))
    return _finding(name, _estimate(trials, seed, error), _detail(trials, seed, error))


def _too_few(observations: Sequence[Observation]) -> CannotJudge | None:
    if len(observations) < FEWEST_TRIALS:
        return CannotJudge(f"this takes {FEWEST_TRIALS} fits of the generator; one table is no fit")
    if not all(bool(o.seen.any()) for o in observations):
        return CannotJudge("somebody was not judged in some of the trials")
    return None


def _estimate(trials: Trials, seed: int, error: float) -> Estimate:
    risk = advantage(trials, seed=seed, error=error)
    return Estimate(
        risk.value,
        risk.low,
        risk.high,
        risk.n,
        "by person; each end one-sided",
        level=1 - 2 * error,
    )


def _detail(trials: Trials, seed: int, error: float) -> dict[str, object]:
    each = advantage(trials, seed=seed, error=error).each
    areas = auc(trials, error=error)
    return {
        "attacks": {
            name: {
                "value": round(value, 5),
                "interval": [round(low, 5), round(high, 5)],
                "AUC": round(areas[name][0], 5),
                "AUC interval": [round(areas[name][1], 5), round(areas[name][2], 5)],
            }
            for name, (value, low, high) in each.items()
        },
        "trials": len(trials.member),
    }


def _finding(name: str, result: Estimate | CannotJudge, detail: Mapping[str, object]) -> Finding:
    title, meaning = title_and_meaning(name)
    return Finding(
        name=name,
        group="privacy",
        title=title,
        meaning=meaning,
        result=result,
        ideal=0.0,
        because="it is told, and decides nothing",
        detail=detail,
    )
