"""One network while it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from salus.synth.errors import OptionError
from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.learner import Learner
from salus.synth.generate.net.targets import loss_of
from salus.synth.generate.store import read_model, write_model
from tests.synth.generate.net.toys import cells, network_for, small_plan

TABLE = cells(80)
CODEC = Codec.fit(TABLE, bins=8)
TOKENS = torch.from_numpy(CODEC.encode(TABLE)[0])


def learner(n: int = 50, batch: int = 8, seed: int = 1, **changes: float) -> Learner:
    plan = replace(small_plan(TABLE), batch=batch, **changes)
    return Learner(network_for(CODEC, seed=seed), np.arange(n) + 10, plan, (seed, 0, 0))


def go(one: Learner, steps: int) -> Learner:
    for _ in range(steps):
        one.descend(loss(one))
    return one


def loss(one: Learner) -> Tensor:
    x = TOKENS[torch.from_numpy(one.minibatch())]
    return loss_of(one.network(x, (0, 1, 2)), x)


@pytest.mark.parametrize(("n", "batch"), [(50, 8), (50, 50), (7, 20), (64, 16)])
def test_everybody_comes_once_before_anybody_again(n: int, batch: int) -> None:
    one, seen = learner(n, batch), []
    for step in range(3 * n):
        one.step = step
        seen.append(one.minibatch())
        assert len(seen[-1]) == batch
    line = np.concatenate(seen)
    epochs = line[: 3 * batch * n].reshape(-1, n)  # 3 * n steps hold whole epochs
    assert (np.sort(epochs, axis=1) == np.arange(n) + 10).all()
    assert not np.array_equal(epochs[0], epochs[1])


def test_who_comes_depends_on_seed_and_step_alone() -> None:
    one, other, third = learner(), learner(), learner(seed=2)
    other.step = 5
    assert not np.array_equal(one.minibatch(), other.minibatch())
    other.minibatch()
    other.step = 0
    assert np.array_equal(one.minibatch(), other.minibatch())
    assert not np.array_equal(one.minibatch(), third.minibatch())


def test_a_learner_goes_on_bit_by_bit() -> None:
    whole, half = go(learner(), 12), go(learner(), 5)
    other = learner(seed=1)
    other.restore(half.state())
    assert other.step == 5
    go(other, 7)
    for key, value in whole.state().items():
        assert np.array_equal(value, other.state()[key]), key
    assert set(whole.state()) == set(other.state())


def test_a_learner_goes_on_from_a_file(tmp_path: Path) -> None:
    """Files know no scalars: what was one comes back with a length."""
    whole, half = go(learner(), 12), go(learner(), 5)
    write_model(tmp_path / "f", "x", {}, half.state())
    other = learner()
    other.restore(read_model(tmp_path / "f")[2])
    go(other, 7)
    for key, value in whole.state().items():
        assert np.array_equal(value, other.state()[key]), key
        assert value.shape == other.state()[key].shape, key


def test_the_state_is_a_copy() -> None:
    one = go(learner(), 3)
    held = {k: v.copy() for k, v in one.state().items()}
    weights = one.weights()
    kept = {k: v.copy() for k, v in weights.items()}
    go(one, 2)
    assert all(np.array_equal(weights[k], kept[k]) for k in kept)
    assert any(not np.array_equal(one.state()[k], held[k]) for k in held)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told_and_changes_nothing(value: float) -> None:
    one = go(learner(), 3)
    before = one.weights()
    now = {k: v.detach().clone() for k, v in one.network.named_parameters()}
    with pytest.raises(OptionError, match=r"finite number any more after 3 steps.*Lower the rate"):
        one.descend(loss(one) * value)
    assert one.step == 3
    assert all(np.array_equal(v, before[k]) for k, v in one.weights().items())
    assert all(torch.equal(v, now[k]) for k, v in one.network.named_parameters())


def test_the_loss_falls_and_the_average_follows() -> None:
    one = learner(80, 40, rate=0.02, steps=100)
    one.people = np.arange(80)
    with torch.no_grad():
        first = float(loss_of(one.mean.eval()(TOKENS, (0, 1, 2)), TOKENS))
    go(one, 100)
    with torch.no_grad():
        last = float(loss_of(one.mean.eval()(TOKENS, (0, 1, 2)), TOKENS))
    assert last < first - 0.1
    for mean, now in zip(one.mean.parameters(), one.network.parameters(), strict=True):
        assert torch.allclose(mean, now, atol=0.1)


def test_the_rate_rises_then_falls() -> None:
    one, steered = learner(steps=100, rate=1.0), learner(steps=100, rate=1.0)
    steered.least = 0.1
    rates, more = [], []
    for step in range(101):
        one.step = steered.step = step
        rates.append(one.rate())
        more.append(steered.rate())
    assert rates[0] == pytest.approx(0.1) and np.argmax(rates) in range(8, 13)
    assert max(rates) > 0.95 and rates[-1] == pytest.approx(0) and more[-1] == pytest.approx(0.1)
    assert (np.diff(rates[:9]) > 0).all() and (np.diff(rates[12:]) < 0).all()


def test_only_matrices_decay() -> None:
    groups = learner(weight_decay=0.3).optimiser.param_groups
    assert [g["weight_decay"] for g in groups] == [0.3, 0.0]
    assert {w.dim() for w in groups[0]["params"]} == {2}
    assert {w.dim() for w in groups[1]["params"]} == {1}
