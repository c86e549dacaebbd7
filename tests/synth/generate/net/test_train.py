"""The training: its phases, its choice of an iterate, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate.net.estimates import GAP, TAIL, Estimate
from salus.synth.generate.net.learn import constraint_of, why_stopped
from salus.synth.generate.net.plan import PATIENCE, ROUNDS, plan_for
from salus.synth.generate.net.targets import FAR
from salus.synth.generate.net.train import FREE, STEERED, TEACHERS, Training, drawn_alike
from tests.synth.generate.net.toys import noise, rare_class, training
from tests.synth.generate.tables import TABLES

LIKELY = Budget(near_copies=None, attribute=None)


def weights(one: Training) -> list[np.ndarray]:
    return [w.detach().numpy().copy() for x in one.learners for w in x.network.parameters()]


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def finish(one: Training) -> Training:
    while not one.finished:
        one.run_round()
    return one


def give(one: Training, told: list[tuple[float, float]]) -> None:
    """Let full estimates be these, (gap, utility), whatever is trained."""
    rest = iter(told)

    def examine(networks: object) -> Estimate:
        gap, utility = next(rest)
        return Estimate({**dict.fromkeys(one.examiner.limits, -1.0), GAP: gap}, utility)

    object.__setattr__(one.examiner, "examine", examine)
    object.__setattr__(one.examiner, "utility", lambda network, rows: 0.0)


def test_the_same_seed_gives_the_same_weights() -> None:
    a, b, c = (training(noise(60), seed=s) for s in (4, 4, 5))
    for one in (a, b, c):
        one.run_round()
    assert equal(weights(a), weights(b)) and not equal(weights(a), weights(c))
    assert a.progress.history == b.progress.history


def test_training_leaves_the_global_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state().clone()
    one = training(noise(60))
    one.run_round()
    one.enter(TEACHERS)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_is_drawn_from_the_seed() -> None:
    torch.manual_seed(1)
    first = training(noise(60), dropout=0.5)
    first.run_round()
    torch.manual_seed(2)
    second = training(noise(60), dropout=0.5)
    second.run_round()
    assert equal(weights(first), weights(second))
    with drawn_alike(torch.device("cpu"), 5):
        a = torch.rand(3)
    with drawn_alike(torch.device("cpu"), 5):
        assert torch.equal(a, torch.rand(3))


def test_without_limits_the_free_training_is_all() -> None:
    one = finish(training(noise(60), budget=None))
    p = one.progress
    assert {phase for phase, _ in p.history} == {FREE} and p.steering is None and not p.teachers
    assert p.best is p.free and p.best is not None
    assert p.best.estimate.utility == max(e.utility for _, e in p.history)
    found = constraint_of(one)
    assert found["message"] == "constraint off" and found["risks"] == [] and found["trace"] == []
    assert found["feasible"] and why_stopped(one).endswith("no constraint")


def test_a_free_training_that_keeps_every_limit_is_the_model() -> None:
    one = training(noise(60), budget=LIKELY)
    limit = one.examiner.limits[GAP]
    give(one, [(0.1 * limit, 1.0), (0.5 * limit, 2.0)] + [(9.0, 0.5)] * PATIENCE)
    finish(one)
    assert one.progress.rounds == 2 + PATIENCE < ROUNDS and one.progress.steering is None
    found = constraint_of(one)
    assert (
        found["utility"] == 2.0 and found["feasible"] and "free training keeps" in found["message"]
    )
    assert why_stopped(one) == "people left out gained nothing more; no limit was broken"
    assert found["risks"][0]["value"] == found["risks"][0]["without"] == 0.5 * limit


def test_a_broken_limit_calls_teachers_and_the_constraint() -> None:
    one = training(noise(60), budget=LIKELY)
    limit = one.examiner.limits[GAP]
    free = [(0.5 * limit, 0.1), (3 * limit, 0.9)] + [(3 * limit, 0.5)] * PATIENCE
    first = [(0.0, 0.05)]  # untrained
    steered = [(2 * limit, 0.8), (0.9 * limit, 0.6), (0.8 * limit, 0.4)]
    give(one, free + first + steered + [(5 * limit, 0.7)] * (ROUNDS - 3))
    phases = []
    while not one.finished:
        one.run_round()
        if one.progress.phase not in phases:
            phases.append(one.progress.phase)
    assert phases == [FREE, TEACHERS, STEERED]
    assert len(one.teachers) == len(one.examiner.sides.taught)
    found = constraint_of(one)
    assert found["feasible"] and found["utility"] == 0.6 and found["utility_without"] == 0.9
    assert found["message"] == "the most useful iterate that keeps every limit"
    risk = next(r for r in found["risks"] if r["name"] == GAP)
    assert risk["value"] == 0.9 * limit and risk["without"] == 3 * limit and risk["multiplier"] > 0
    assert len(found["trace"]) == len(free) + ROUNDS
    assert found["trace"][len(free) - 1]["multipliers"][GAP] == 0
    assert found["trace"][len(free)]["multipliers"][GAP] > 0
    assert found["trace"][len(free)]["values"][GAP] == 2 * limit


def test_an_early_feasible_iterate_is_not_forgotten() -> None:
    one = training(noise(60), budget=LIKELY)
    limit = one.examiner.limits[GAP]
    free = [(0.5 * limit, 0.1), (0.9 * limit, 0.2), (3 * limit, 0.9)]
    free += [(3 * limit, 0.5)] * PATIENCE
    give(one, [*free, (0.0, 0.05)] + [(2 * limit, 0.8)] * ROUNDS)
    found = constraint_of(finish(one))
    assert found["utility"] == 0.2 and found["feasible"]


def test_what_cannot_be_met_is_told() -> None:
    """Where even independent columns break a limit, the nearest iterate is kept and it is said."""
    one = training(noise(60), budget=LIKELY)
    limit = one.examiner.limits[GAP]
    free = [(3 * limit, 0.9)] + [(3 * limit, 0.5)] * PATIENCE
    steered = [(4 * limit, 0.6), (1.5 * limit, 0.1)] * (ROUNDS // 2)
    give(one, [*free, (2 * limit, 0.05), *steered])
    found = constraint_of(finish(one))
    assert not found["feasible"] and "no iterate keeps every limit" in found["message"]
    assert found["risks"][0]["value"] == 1.5 * limit


def test_trainings_begin_alike_so_that_the_constraint_is_the_difference() -> None:
    one = training(noise(60))
    first = weights(one)
    one.enter(TEACHERS)
    assert not equal(first[:5], weights(one)[:5])
    one.learners = one.new_learners(STEERED)
    assert equal(first, weights(one))


def taught(**changes: Any) -> Training:
    """Return a training that is about to be steered, its teachers trained for a round."""
    one = training(noise(60), budget=LIKELY, **changes)
    one._free_round()
    one.enter(TEACHERS)
    one._teachers_round()
    one.enter(STEERED)
    return one


def test_it_begins_on_the_safe_side() -> None:
    one = taught()
    assert one.progress.steering is not None and one.progress.free is not None
    start = one.progress.steering.multipliers
    scale = one.progress.free.estimate.spread
    assert start[GAP] == pytest.approx(FAR * scale, rel=0.01) and start[TAIL] == 0
    best = one.progress.best
    assert best is not None and best.estimate.risks[GAP] <= one.examiner.limits[GAP]
    assert one.progress.steering.feasible  # by independent columns


def test_each_person_is_told_what_their_own_teacher_expects() -> None:
    one = taught()
    side = one.examiner.sides.sides[0]
    rows = side.inside[:17]
    x, order = one.tokens[rows].long(), one.examiner.order
    like = one.learners[0].network(x, order)
    with torch.no_grad():
        found = one._expected(side.teacher[rows], x, order, like)
        for i, row in enumerate(rows):
            teacher = one.teachers[side.teacher[row]]
            alone = teacher(x[i : i + 1], order)[0].exp()
            assert torch.allclose(found[i], alone, atol=1e-6)
    assert len(np.unique(side.teacher[rows])) > 1
    assert torch.allclose(found.sum(2), torch.ones(17, x.shape[1]), atol=1e-5)


def test_limits_pull_those_they_speak_of() -> None:
    one = training(noise(120), budget=Budget(), members=2)
    one._free_round()
    one.enter(TEACHERS)
    one._teachers_round()
    one.enter(STEERED)
    rows = one.examiner.sides.sides[0].inside[:40]
    x, order = one.tokens[rows].long(), one.examiner.order
    log = one.learners[0].network(x, order)
    near = [int(i) for i in rows[:3]]
    estimate = Estimate({}, 0.0, spread=2.0, copied={0: near, 1: [int(rows[5])]})

    def pull(**given: float) -> np.ndarray:
        names = {"gap": GAP, "tail": TAIL, "near": "near copies", "ill": "attribute ill"}
        told = {names[k]: v for k, v in given.items()}
        return one._pull(0, rows, x, order, log, estimate, told)[0].numpy()

    assert (pull(gap=3.0) == 1.5).all()
    assert (pull(near=4.0)[:3] == 4).all() and (pull(near=4.0)[3:] == 0).all()
    j = one.codec.names.index("ill")
    assert (pull(ill=5.0)[:, j] == 5).all() and pull(ill=5.0).sum() == 5 * len(rows)
    tail = pull(tail=1.0)
    assert ((tail > 0).all(1)).sum() == 2 and (tail[tail > 0] == 1 / 0.05 / 2).all()
    both = pull(gap=3.0, ill=5.0)
    assert (both[:, j] == 6.5).all() and (np.delete(both, j, 1) == 1.5).all()


def test_the_constraint_changes_the_weights() -> None:
    a, b = taught(), taught()
    assert a.progress.best is not None and b.progress.steering is not None
    before = a.progress.best.estimate
    a._train(range(2), before)
    b.progress.steering.dual.multipliers[:] = 0.0
    b.progress.steering.penalty = 1e-12
    b._train(range(2), before)
    assert not equal(weights(a), weights(b))
    c = taught()
    c._train(range(2))
    assert equal(weights(b), weights(c))  # no weight, no pull: the free loss


def test_a_missed_minority_enters_the_loss() -> None:
    one = training(rare_class(120, 24), budget=None, minority_recall=0.9, dropout=0.0)
    x = one.tokens[:60].long()
    log = one.learners[0].network(x, one.examiner.order)
    j = one.codec.names.index("died")
    rare = x[:, j] == 1
    assert rare.any() and not rare.all()
    found = one._missed(log, x)
    assert float(found.detach()) == pytest.approx(float(-log[rare, j, 1].mean().detach()) / 3)
    assert float(one._missed(log[~rare], x[~rare])) == 0
    found.backward()
    slopes = [w.grad for w in one.learners[0].network.heads[j].parameters()]
    assert all(s is not None and s.abs().max() > 0 for s in slopes)


def test_a_loss_that_is_no_number_is_told() -> None:
    one = training(noise(60), rate=0.5)
    one.run_round()
    with torch.no_grad():
        next(one.learners[1].network.parameters()).fill_(torch.inf)
    with pytest.raises(OptionError, match=r"not a finite number .* rate of 0.5.*Lower the rate"):
        one.run_round()


def test_an_average_that_is_no_number_is_told() -> None:
    one = training(noise(60))
    with torch.no_grad():
        next(one.learners[1].mean.parameters()).fill_(torch.inf)
    with pytest.raises(OptionError, match=r"likelihood is not a finite.*Lower the rate"):
        one._judge()


@pytest.mark.parametrize("name", list(TABLES))
def test_every_table_can_be_trained_on(name: str) -> None:
    one = training(TABLES[name](), slack=1e-3)
    for phase in (FREE, TEACHERS, STEERED):
        if one.progress.phase != phase:
            one.enter(phase)
        one.run_round()
        if phase == FREE:
            one.enter(TEACHERS)
        if phase == TEACHERS:
            assert all(held is not None for held in one.progress.teachers)
    estimate = one.progress.history[-1][1]
    assert np.isfinite(estimate.utility) and np.isfinite(list(estimate.risks.values())).all()


def test_plans_grow_with_the_people() -> None:
    sizes = [40, 100, 418, 1_000, 5_000, 10_000, 50_000]
    plans = [plan_for(n, reference=False) for n in sizes]
    members = [p.members for p in plans]
    assert members == sorted(members, reverse=True) and members[-1] == 1 and members[0] > 1
    assert [p.width for p in plans] == sorted(p.width for p in plans)
    assert [p.dropout for p in plans] == sorted((p.dropout for p in plans), reverse=True)
    assert all(p.width % p.heads == 0 and p.members <= p.parts for p in plans)
    steps = [p.steps for p in plans]
    assert steps == sorted(steps)
    seen = [p.steps * p.batch / n for p, n in zip(plans, sizes, strict=True)]
    assert seen[-1] < seen[0]
    given = plan_for(100, reference=True, epochs=3, batch=10)
    assert given.batch == 10 and given.steps == 30
    assert plan_for(10, reference=False, epochs=0.01).steps == ROUNDS
