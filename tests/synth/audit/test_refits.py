"""Attackers who refit the generator, or hold the model, are measured over trials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from salus.synth.audit.observation import APART, Observation
from salus.synth.audit.refits import FEWEST_TRIALS, model_finding, refit_finding
from salus.synth.measure.estimate import CannotJudge, Estimate

N = 300


def trials(leak: float, rounds: int = 10) -> tuple[list[Observation], np.ndarray]:
    """Scores that mostly belong to the person, so that one trial alone says little."""
    rng = np.random.default_rng(4)
    person = 3 * rng.normal(size=N)
    zero = np.zeros(N)
    seen, likelihood = [], []
    for _ in range(rounds):
        half = rng.permutation(N) < N // 2
        for member in (half, ~half):
            score = person + 0.5 * rng.normal(size=N) + leak * member
            seen.append(
                Observation(
                    member=member,
                    seen=np.ones(N, bool),
                    membership={"attack": score},
                    exact={"exact": zero},
                    near={"all columns": zero},
                    success={},
                    chunks=1,
                    rows=N,
                    whole=True,
                    groups={APART: np.arange(N) < 60},
                )
            )
            likelihood.append(person + 0.5 * rng.normal(size=N) + leak * member)
    return seen, np.array(likelihood)


def estimate(result: Estimate | CannotJudge) -> Estimate:
    assert isinstance(result, Estimate)
    return result


@pytest.mark.parametrize("leak", [0.0, 1.0])
def test_refits_see_what_one_trial_hides(leak: float) -> None:
    seen, likelihood = trials(leak)
    for finding in (refit_finding(seen, 0), model_finding(seen, likelihood, 0)):
        result = estimate(finding.result)
        if leak:
            assert result.low > 0.4
            assert max(a["AUC"] for a in finding.detail["attacks"].values()) > 0.85
        else:
            assert result.low < 0.05
            assert all(0.45 < a["AUC"] < 0.55 for a in finding.detail["attacks"].values())
        assert finding.limit is None and finding.verdict is None


def test_those_who_stand_apart_are_told_apart() -> None:
    detail = refit_finding(trials(1.0)[0], 0).detail
    assert detail[APART]["value"] > 0.4


def test_what_is_missing_is_said() -> None:
    seen, likelihood = trials(0.0)
    few = seen[: FEWEST_TRIALS - 2]
    assert isinstance(refit_finding(few, 0).result, CannotJudge)
    assert isinstance(model_finding(few, likelihood[: len(few)], 0).result, CannotJudge)
    none = model_finding(seen, None, 0).result
    assert isinstance(none, CannotJudge) and "likelihood" in none.reason
    blind = [replace(o, seen=np.zeros(N, bool)) for o in seen]
    assert isinstance(refit_finding(blind, 0).result, CannotJudge)
