"""Train a network by noisy gradients alone: of the people it sees ``dp/gradients.py``'s answers only.

A row's gradient is that of its log likelihood in the order in which rows are drawn, and in no other:
noise leaves nothing to spare for orders that are seldom asked for. (With half of the steps in random
orders, strangers' log likelihood on flchain fell by 0.7 nats at epsilon 3.) Steps are taken by Adam on
the noisy sums. The weights that are kept are an average over the last steps, which costs nothing and
takes out noise (Shejwalkar et al. 2022, arXiv:2210.01864). Nothing here looks at a loss: when to stop,
how fast to go and what to keep is fixed beforehand.

Gradients of single rows are PyTorch's own (``torch.func``): Opacus computes them per layer and knows no
layer whose weights describe tokens, as here in value tables and heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, grad, vmap

from salus.synth.generate.dp.gradients import NoisyGradients
from salus.synth.generate.net.model import Network

__all__ = ["Pace", "begin", "row_slopes", "train_noisy"]

BETAS = (0.9, 0.99)
WARM = 0.05  # of the training, in which the rate rises
MEMORY = 0.1  # of the training, over which weights are averaged


@dataclass(frozen=True)
class Pace:
    """Say how a noisy training proceeds.

    Parameters
    ----------
    rate : float
        Of Adam at its highest.
    people : float
        Expected in a batch, from a noisy count: the sum of gradients is divided by it.
    """

    rate: float
    people: float


def begin(network: Network, seed: int) -> None:
    """Draw the first weights by a public seed."""
    network.begin(torch.Generator().manual_seed(seed))


def train_noisy(
    network: Network, gradients: NoisyGradients, order: Sequence[int], pace: Pace
) -> None:
    """Train until the steps that were recorded are taken, and leave the averaged weights.

    Parameters
    ----------
    network : Network
        Changed in place.
    gradients : NoisyGradients
    order : sequence of int
        In which rows are drawn.
    pace : Pace
    """
    network.eval()
    weights = list(network.parameters())
    size = sum(w.numel() for w in weights)
    optimiser = torch.optim.Adam(weights, lr=pace.rate, betas=BETAS)
    mean = [w.detach().clone() for w in weights]
    steps = gradients.training.steps
    for step in range(steps):
        slope = gradients.step(row_slopes(network, order), size) / pace.people
        _assign(weights, torch.from_numpy(slope.astype(np.float32)))
        for group in optimiser.param_groups:
            group["lr"] = pace.rate * _share(step, steps)
        optimiser.step()
        memory = min(1 - 1 / max(1.0, MEMORY * steps), step / (step + 9.0))
        with torch.no_grad():
            for kept, now in zip(mean, weights, strict=True):
                kept.lerp_(now, 1.0 - memory)
    with torch.no_grad():
        for kept, now in zip(mean, weights, strict=True):
            now.copy_(kept)


def row_slopes(
    network: Network, order: Sequence[int]
) -> Callable[[NDArray[np.intp]], NDArray[np.float32]]:
    """Return a function from rows of tokens (r, d), -1 where unknown, to gradients (r, size).

    Of minus the log likelihood of the known tokens, with respect to all weights, in their order.
    """
    weights: Mapping[str, Tensor] = {k: w.detach() for k, w in network.named_parameters()}
    sizes = torch.tensor(network.shape.sizes)

    def loss(weights: Mapping[str, Tensor], tokens: Tensor, known: Tensor) -> Tensor:
        log: Tensor = functional_call(network, dict(weights), (tokens[None], order))
        held = log.gather(2, tokens.clamp_max(log.shape[2] - 1)[None, :, None])
        return -(held[0, :, 0].where(known, 0.0)).sum()

    each = vmap(grad(loss), in_dims=(None, 0, 0))

    def slopes(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        tokens = torch.from_numpy(rows.astype(np.int64))
        known = tokens >= 0
        parts = each(weights, tokens.where(known, sizes), known)
        flat = torch.cat([parts[k].reshape(len(rows), -1) for k in weights], 1)
        return flat.numpy()

    return slopes


def _assign(weights: Sequence[Tensor], slope: Tensor) -> None:
    done = 0
    for weight in weights:
        weight.grad = slope[done : done + weight.numel()].view_as(weight).clone()
        done += weight.numel()


def _share(step: int, steps: int) -> float:
    """Return the share of the rate at a step: it rises shortly, then falls."""
    rise = min(1.0, (step + 1) / max(1.0, WARM * steps))
    return rise * (0.5 + 0.5 * math.cos(math.pi * step / max(steps, 1)))
