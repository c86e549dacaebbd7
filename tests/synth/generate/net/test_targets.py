"""What a network is taught: between what a person had, what is expected of them, and of anybody."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from salus.synth.generate.net.model import NEVER, chosen
from salus.synth.generate.net.targets import FAR, loss_of
from tests.synth.generate.net.toys import plain_network

B, SIZES = 6, (3, 2, 4)
V = max(SIZES)


def some(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return logits (b, d, V), tokens (b, d), what is expected (b, d, V) and marginals (d, V)."""
    g = torch.Generator().manual_seed(seed)
    beyond = torch.arange(V)[None] >= torch.tensor(SIZES)[:, None]
    logits = torch.randn(B, 3, V, generator=g).double().masked_fill(beyond, NEVER)
    expected = torch.randn(B, 3, V, generator=g).double().masked_fill(beyond, NEVER).softmax(2)
    marginal = torch.randn(3, V, generator=g).double().masked_fill(beyond, NEVER).softmax(1)
    tokens = torch.stack([torch.randint(0, v, (B,), generator=g) for v in SIZES], 1)
    return logits, tokens, expected, marginal


def target(tokens: Tensor, w: Tensor, expected: Tensor, marginal: Tensor) -> Tensor:
    own = torch.nn.functional.one_hot(tokens, V).double()
    w, far = w[:, :, None], (w * w / FAR)[:, :, None]
    return (own + w * expected + far * marginal) / (1 + w + far)


def test_without_a_pull_it_is_the_cross_entropy() -> None:
    logits, tokens, expected, marginal = some()
    usual = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    log = logits.log_softmax(2)
    assert float(loss_of(log, tokens)) == pytest.approx(float(usual))
    zero = torch.zeros(B, 3).double()
    assert float(loss_of(log, tokens, zero, expected, marginal)) == pytest.approx(float(usual))
    weight = torch.tensor([2.0, 0.5, 0.5]).double()
    each = -(chosen(log, tokens) * weight).mean()
    assert float(loss_of(log, tokens, importance=weight)) == pytest.approx(float(each))
    pulled = loss_of(log, tokens, zero, expected, marginal, weight)
    assert float(pulled) == pytest.approx(float(each))


@pytest.mark.parametrize("w", [0.3, 1.0, 6.0, 50.0])
def test_there_is_no_slope_where_the_network_gives_the_target(w: float) -> None:
    _, tokens, expected, marginal = some()
    pull = torch.full((B, 3), w).double()
    pull[:2] = 0.5 * w
    wanted = target(tokens, pull, expected, marginal)
    logits = wanted.clamp_min(1e-300).log().clamp_min(NEVER).requires_grad_()
    loss_of(logits.log_softmax(2), tokens, pull, expected, marginal).backward()
    assert float(logits.grad.abs().max()) < 1e-12
    moved = (logits.detach() + 0.1 * torch.randn(B, 3, V).double()).requires_grad_()
    loss_of(moved.log_softmax(2), tokens, pull, expected, marginal).backward()
    assert float(moved.grad.abs().max()) > 1e-4


def learnt(w: float, more: Tensor | None = None) -> Tensor:
    """Return what comes out where a free table of logits is trained to the end."""
    _, tokens, expected, marginal = some()
    logits = torch.zeros(B, 3, V).double().requires_grad_()
    beyond = torch.arange(V)[None] >= torch.tensor(SIZES)[:, None]
    optimiser = torch.optim.LBFGS([logits], max_iter=60, tolerance_grad=1e-10)

    def loss() -> Tensor:
        optimiser.zero_grad()
        out = loss_of(
            logits.masked_fill(beyond, NEVER).log_softmax(2),
            tokens,
            torch.full((B, 3), w).double(),
            expected,
            marginal,
        )
        out.backward()
        return out

    optimiser.step(loss)
    return logits.detach().masked_fill(beyond, NEVER).softmax(2)


def test_a_strong_pull_ends_in_the_marginal() -> None:
    _, tokens, expected, marginal = some()
    assert torch.allclose(learnt(1e5), marginal.expand(B, 3, V), atol=1e-3)
    middle = learnt(2.0)
    assert torch.allclose(
        middle, target(tokens, torch.full((B, 3), 2.0), expected, marginal), atol=1e-3
    )
    own = [float(chosen(learnt(w).log(), tokens).exp().mean()) for w in (0.0, 1.0, 4.0, 30.0)]
    assert own == sorted(own, reverse=True) and own[0] > 0.99  # less is given away, step by step


def test_the_slope_agrees_with_finite_differences() -> None:
    network = plain_network(SIZES, width=8).double()
    _, tokens, expected, marginal = some()
    pull = torch.rand(B, 3).double() * 4

    def loss() -> Tensor:
        return loss_of(network(tokens, (2, 0, 1)), tokens, pull, expected, marginal)

    loss().backward()
    for weight in (network.heads[0].weight, network.value[2].weight, network.asked.weight):
        slope = weight.grad.flatten()
        k = int(slope.abs().argmax())
        with torch.no_grad():
            flat = weight.view(-1)
            ends = []
            for h in (1e-5, -2e-5):
                flat[k] += h
                ends.append(float(loss()))
            flat[k] += 1e-5
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(slope[k]), rel=1e-5)


@pytest.mark.parametrize("w", [0.5, 4.0, 100.0])
def test_the_pull_acts_from_the_first_step(w: float) -> None:
    """Also where a network still gives the frequencies: expectations differ from them."""
    _, tokens, expected, marginal = some()
    slopes = []
    for pull in (0.0, w):
        logits = marginal.log().clamp_min(NEVER).expand(B, 3, V).clone().requires_grad_()
        full = torch.full((B, 3), pull).double()
        loss_of(logits.log_softmax(2), tokens, full, expected, marginal).backward()
        slopes.append(logits.grad)
    assert float((slopes[1] - slopes[0]).abs().max()) > 1e-3
    assert float(slopes[1].abs().max()) < float(slopes[0].abs().max())


def test_a_token_never_seen_pulls_nothing_of_its_own() -> None:
    logits, tokens, expected, marginal = some()
    tokens[:, 0] = SIZES[0]
    logits.requires_grad_()
    loss_of(logits.log_softmax(2), tokens).backward()
    assert (logits.grad[:, 0] == 0).all() and float(logits.grad[:, 1].abs().max()) > 0
    log = logits.detach().log_softmax(2)
    assert torch.isfinite(loss_of(log, tokens, torch.ones(B, 3).double(), expected, marginal))
