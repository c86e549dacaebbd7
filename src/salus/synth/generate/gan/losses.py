"""What critic, generator and auxiliary are trained by.

The critic estimates the earth mover's distance under a gradient penalty (WGAN-GP, Gulrajani et al.
2017, arXiv:1704.00028). The generator lowers it; its cells must keep the condition (cross-entropy,
arXiv:1907.00503); means and deviations of the critic's features must agree (information loss) and the
outcome must be what an auxiliary, learnt from people, expects of the row (downstream loss; both
CTAB-GAN+, Zhao et al. 2022, arXiv:2204.00401).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from salus.synth.generate.gan.layout import Layout
from salus.synth.generate.gan.networks import Auxiliary, Critic, Softener

__all__ = ["Batch", "Outcome", "critic_loss", "generator_loss"]

PENALTY = 10.0  # weight of the gradient penalty
INFORMATION = 0.5  # weight of the information loss
DOWNSTREAM = 1.0  # weight of the auxiliary's opinion


@dataclass(frozen=True)
class Batch:
    """Hold people and the rows that the generators make under the same conditions.

    Parameters
    ----------
    real, fake : tensors (K, b, P + C)
        People, and soft rows.
    raw : tensor (K, b, n_raw)
        What the generators emitted.
    condition : tensor (K, b, C)
    cells : int array (K, b)
        The ones of the conditions, -1 without any.
    """

    real: Tensor
    fake: Tensor
    raw: Tensor
    condition: Tensor
    cells: NDArray[np.intp]


@dataclass(frozen=True)
class Outcome:
    """Say where the outcome lies in a row's vector, and where all the rest does.

    Parameters
    ----------
    rest : tensor of int
    cells : slice or None
        Its cells, if it has several.
    place : int or None
        Its place, if it is a number.
    """

    rest: Tensor
    cells: slice | None
    place: int | None

    @classmethod
    def of(cls, layout: Layout, j: int | None) -> Outcome | None:
        """Return where column j lies; ``None`` if there is nothing to tell or to tell it from."""
        if j is None:
            return None
        cells = layout.part(j) if j in layout.starts else None
        place = layout.numbers.index(j) if layout.modes[j] else None
        mine = set(range(cells.start, cells.stop)) if cells else set()
        mine |= set() if place is None else {place}
        rest = [i for i in range(layout.width) if i not in mine]
        if not mine or not rest:
            return None
        return cls(torch.tensor(rest), cells, place)

    @property
    def width(self) -> int:
        """What an auxiliary has to emit: a logit for each cell, and the place."""
        cells = self.cells.stop - self.cells.start if self.cells else 0
        return cells + (self.place is not None)

    def loss(self, auxiliary: Auxiliary, rows: Tensor) -> Tensor:
        """Return how far the outcome of rows (K, b, width) is from what the auxiliary expects."""
        told = auxiliary(rows[..., self.rest.to(rows.device)])
        out = rows.new_zeros(())
        if self.cells is not None:
            wide = self.cells.stop - self.cells.start
            log = told[..., :wide].log_softmax(-1)
            out = out - (log * rows[..., self.cells]).sum(-1).mean()
        if self.place is not None:
            out = out + 4.0 * (told[..., -1] - rows[..., self.place]).square().mean()
        return out


def critic_loss(critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Return the critic's loss with its gradient penalty.

    Parameters
    ----------
    critic : Critic
    real, fake : tensors (K, b, P + 2 C)
        Rows beside their conditions.
    mix : tensor (K, b / pack)
        How far each pack of the penalty lies between them, 0 to 1.
    """
    share = mix.repeat_interleave(critic.pack, 1)[..., None]
    norm = critic.slopes(real + share * (fake - real)).norm(dim=-1)
    penalty: Tensor = (norm - 1).square().mean()
    apart: Tensor = (critic(fake) - critic(real)).mean()
    return apart + PENALTY * penalty


def generator_loss(critic: Critic, softener: Softener, batch: Batch) -> Tensor:
    """Return the generator's loss without the auxiliary's part."""
    real, fake, raw, condition = batch.real, batch.fake, batch.raw, batch.condition
    with torch.no_grad():
        people = critic.features(torch.cat([real, condition], -1))
    seen = critic.features(torch.cat([fake, condition], -1))
    loss: Tensor = -critic.last(seen).mean()
    if condition.shape[-1]:
        log = softener.log_softmax(softener.split(raw)[1])
        loss = loss - (log * condition).sum(-1).mean()
    if seen.shape[1] > 1:
        mean = (seen.mean(1) - people.mean(1)).norm(dim=-1)
        spread = (_deviation(seen) - _deviation(people)).norm(dim=-1)
        loss = loss + INFORMATION * (mean + spread).mean()
    return loss


def _deviation(x: Tensor) -> Tensor:
    """Return standard deviations over the second axis, with a slope at 0."""
    return (x.var(1, correction=0) + 1e-8).sqrt()
