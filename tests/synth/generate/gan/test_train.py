"""The training: its rounds, its choice of an iterate, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from salus.synth.errors import OptionError
from salus.synth.generate.gan.estimates import Estimate
from salus.synth.generate.gan.fitted import ROUNDS
from salus.synth.generate.gan.learn import constraint_of
from salus.synth.generate.gan.risks import NEAR, RATIO
from salus.synth.generate.gan.train import Training
from tests.synth.generate.gan.toys import rare_outcome, small_training, spread_out
from tests.synth.generate.tables import TABLES


def state(training: Training) -> list[np.ndarray]:
    return [w.detach().numpy().copy() for w in training.generator.parameters()]


def finish(training: Training) -> Training:
    while not training.finished:
        training.run_round()
    return training


def test_the_same_seed_gives_the_same_weights() -> None:
    table = spread_out(60)
    a, b = small_training(table, seed=4), small_training(table, seed=4)
    c = small_training(table, seed=5)
    for training in (a, b, c):
        training.run_round()
    assert all(np.array_equal(x, y) for x, y in zip(state(a), state(b), strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(state(a), state(c), strict=True))
    assert a.progress.estimates == b.progress.estimates


def test_training_leaves_the_global_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state().clone(), torch.get_num_threads()
    small_training(spread_out(60)).run_round()
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_without_limits_the_free_training_is_all() -> None:
    training = finish(small_training(spread_out(60), budget=None))
    assert training.progress.rounds == ROUNDS and training.step == 20
    assert training.progress.steering is None
    utility = [e.utility for e in training.progress.estimates]
    assert training.kept.estimate.utility == max(utility)
    found = constraint_of(training)
    assert found["message"] == "constraint off" and found["risks"] == [] and found["feasible"]


def give(training: Training, values: list[tuple[float, float]]) -> None:
    """Let full estimates be these, (risk, utility) each round, whatever is trained."""
    told = iter(values)

    def examine(drawn: object) -> Estimate:
        risk, utility = next(told)
        risks = dict.fromkeys(training.limits, -1.0)
        return Estimate({**risks, RATIO: risk}, utility)

    object.__setattr__(training.examiner, "examine", examine)


def test_a_broken_limit_calls_the_constraint() -> None:
    training = small_training(spread_out(60), slack=1.0)
    limit = training.limits[RATIO]
    free = [(0.5 * limit, 0.1), (3 * limit, 0.9)] + [(3 * limit, 0.5)] * (ROUNDS - 2)
    steered = [(3 * limit, 0.8)] * (ROUNDS - 3) + [
        (0.9 * limit, 0.6),
        (0.5 * limit, 0.4),
        (9.0, 1.0),
    ]
    give(training, free + steered)
    finish(training)
    assert training.progress.rounds == 2 * ROUNDS
    assert training.kept.estimate.utility == 0.6  # the most useful that keeps the limit
    found = constraint_of(training)
    assert found["feasible"] and found["utility"] == 0.6 and found["utility_without"] == 0.9
    risk = next(r for r in found["risks"] if r["name"] == RATIO)
    assert risk["value"] == 0.9 * limit and risk["without"] == 3 * limit
    assert risk["multiplier"] > 0 and len(found["trace"]) == 2 * ROUNDS
    assert found["trace"][ROUNDS - 1]["multipliers"][RATIO] == 0
    assert found["trace"][-1]["multipliers"][RATIO] > 0


def test_an_early_feasible_iterate_is_not_forgotten() -> None:
    training = small_training(spread_out(60), slack=1.0)
    limit = training.limits[RATIO]
    free = [(0.5 * limit, 0.1), (0.9 * limit, 0.2), (3 * limit, 0.9)]
    free += [(3 * limit, 0.5)] * (ROUNDS - 3)
    give(training, free + [(2 * limit, 0.8)] * ROUNDS)
    assert finish(training).kept.estimate.utility == 0.2


def test_what_cannot_be_met_is_told() -> None:
    training = small_training(spread_out(60), slack=1.0)
    limit = training.limits[RATIO]
    give(
        training, [(3 * limit, 0.5)] * ROUNDS + [(4 * limit, 0.6), (2 * limit, 0.1)] * (ROUNDS // 2)
    )
    finish(training)
    found = constraint_of(training)
    assert not found["feasible"] and "no iterate" in found["message"]
    assert training.kept.estimate.risks[RATIO] == 2 * limit  # the nearest


def test_the_risks_pull_only_under_the_constraint() -> None:
    """With a limit that is broken from the start the multiplier rises and moves the generator."""
    tight, loose = (small_training(spread_out(60), slack=s, steps=40) for s in (1e-6, 1e-6))
    for training in (tight, loose):
        while training.progress.rounds < ROUNDS:
            training.run_round()
    assert all(np.array_equal(x, y) for x, y in zip(state(tight), state(loose), strict=True))
    object.__setattr__(loose.examiner, "limits", dict.fromkeys(loose.limits, 1e9))
    assert not tight.finished and loose.finished
    tight.run_round()
    assert tight.progress.steering is not None
    assert max(tight.progress.steering.multipliers.values()) > 0
    assert set(tight.progress.above) == set(tight.limits)


def test_a_loss_that_is_no_number_is_told() -> None:
    training = small_training(spread_out(60), rate=1e18)
    with pytest.raises(OptionError, match=r"not a finite number .* rate of 1e\+18.*Lower the rate"):
        finish(training)


@pytest.mark.parametrize("name", list(TABLES))
def test_every_table_can_be_trained_on(name: str) -> None:
    training = small_training(TABLES[name](), steps=2)
    training.run_round()
    estimate = training.progress.estimates[0]
    assert np.isfinite(estimate.utility) and np.isfinite(list(estimate.risks.values())).all()


def test_attributes_that_few_have_are_skipped_with_a_reason() -> None:
    table = spread_out(60)
    states = np.where(np.arange(60) < 15, 0, 1).astype(np.int8)
    few = table.replace("ill", np.where(states == 0, table.values["ill"], -1), states)
    examiner = small_training(few).examiner
    assert "attribute ill" not in examiner.limits
    assert "fewer than 20" in examiner.skipped["attribute ill"]
    assert NEAR in examiner.limits


def test_minority_recall_is_a_limit() -> None:
    examiner = small_training(rare_outcome(120, 0.1), minority_recall=0.7).examiner
    assert examiner.limits["missed minority"] == pytest.approx(0.3)
    off = small_training(rare_outcome(120, 0.1), minority_recall=0.7, budget=None).examiner
    assert list(off.limits) == ["missed minority"]
    real = [off.others[1], off.others[0]]  # people themselves: they find the class
    assert off.examine(real).risks["missed minority"] < 0.4
