"""Draw rows from a network, column after column, without computing anything twice.

A position's keys and values never change once computed, as attention looks back only; they are kept
(the KV cache), so a row costs as much as one pass over its columns. Value embeddings and heads are
multiplied out into one table a column before the first row. Rows are drawn in blocks that fit into
the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from salus.synth.generate.net.model import Block, Network

__all__ = ["Sharpness", "draw_tokens"]

Floats = NDArray[np.float64]
Tokens = NDArray[np.int64]
ROWS = 512  # of a block


@dataclass(frozen=True)
class Sharpness:
    """Say how a column's probabilities are sharpened before a token is drawn.

    Parameters
    ----------
    temperature : float
        Log probabilities are divided by it; 1 leaves them, less makes the likely likelier.
    top_p : float
        The least likely tokens are left out that together have at most 1 - ``top_p``.
    """

    temperature: float = 1.0
    top_p: float = 1.0

    def apply(self, logits: Tensor) -> Tensor:
        """Return probabilities, not normalised, (b, V), for logits (b, V)."""
        if self.temperature != 1.0:
            logits = logits / self.temperature
        chance = (logits - logits.amax(1, keepdim=True)).exp_()
        if self.top_p < 1.0:
            falling, place = chance.sort(dim=1, descending=True, stable=True)
            before = falling.cumsum(1) - falling
            falling = falling.masked_fill(before >= self.top_p * chance.sum(1, keepdim=True), 0.0)
            chance = torch.zeros_like(chance).scatter_(1, place, falling)
        return chance


def draw_tokens(
    network: Network,
    order: Sequence[int],
    uniform: Floats,
    *,
    given: Tokens | None = None,
    held: int = 0,
    sharpness: Sequence[Sharpness] | None = None,
) -> Tokens:
    """Draw rows of tokens.

    Parameters
    ----------
    network : Network
    order : sequence of int
        The columns in the order in which they are drawn.
    uniform : array (n, d)
        One uniform number for each token: the only randomness.
    given : int array (n, d), optional
        Rows whose first ``held`` columns of the order are kept as they are.
    held : int
    sharpness : sequence of Sharpness, optional
        One for each column, in the schema's order.

    Returns
    -------
    int array (n, d)
    """
    n, d = uniform.shape
    out = np.zeros((n, d), np.int64)
    if given is not None:
        kept = list(order[:held])
        out[:, kept] = given[:, kept]
    drawing = _Drawing(network.eval(), order, sharpness or [Sharpness()] * d)
    with torch.inference_mode():
        for begin in range(0, n, ROWS):
            rows = slice(begin, begin + ROWS)
            drawing.fill(out[rows], uniform[rows], held)
    return out


class _Drawing:
    """Hold what all blocks of rows share: the tables of each column and the places of the order."""

    def __init__(
        self, network: Network, order: Sequence[int], sharpness: Sequence[Sharpness]
    ) -> None:
        self.network, self.order, self.sharpness = network, order, sharpness
        with torch.inference_mode():
            self.value = [network.value_table(j) for j in range(len(order))]  # (V + 1, w) each
            self.head = [network.head_table(j) for j in range(len(order))]  # (w, V) and (V,) each
            self.places = network.places(order)  # (d, w)

    def fill(self, tokens: Tokens, uniform: Floats, held: int) -> None:
        """Draw the columns of one block from the ``held``-th of the order on, in place."""
        n, d = tokens.shape
        heads, width = self.network.shape.heads, self.network.shape.width
        device = self.places.device
        memory = [
            torch.empty(2, n, heads, d, width // heads, device=device) for _ in self.network.blocks
        ]
        chance_at = torch.as_tensor(uniform, dtype=torch.float32, device=device)
        before: Tensor | None = None
        for t, j in enumerate(self.order):
            x = self.places[t].expand(n, width)
            if before is not None:
                x = x + self.value[self.order[t - 1]][before]
            for block, kept in zip(self.network.blocks, memory, strict=True):
                assert isinstance(block, Block)
                x = _step(block, x, kept, t)
            if t < held:
                before = torch.as_tensor(tokens[:, j], device=device)
                continue
            table, bias = self.head[j]
            logits = torch.addmm(bias, self.network.last(x), table)
            cumulative = self.sharpness[j].apply(logits).cumsum(1)
            before = _pick(cumulative, chance_at[:, j])
            tokens[:, j] = before.numpy(force=True)


def _step(block: Block, x: Tensor, kept: Tensor, t: int) -> Tensor:
    """Return a block's output (n, w) at position t, whose keys and values join the memory."""
    n, w = x.shape
    attention = block.attention
    heads = attention.heads
    q, k, v = attention.gather(block.before_attention(x)).view(n, 3, heads, w // heads).unbind(1)
    kept[0, :, :, t], kept[1, :, :, t] = k, v
    fit = torch.matmul(kept[0, :, :, : t + 1], q.unsqueeze(-1)) * (w // heads) ** -0.5
    share = fit.softmax(2)  # (n, heads, t + 1, 1)
    seen = torch.matmul(share.transpose(2, 3), kept[1, :, :, : t + 1])
    x = x + attention.out(seen.reshape(n, w))
    return x + block.mix(x)


def _pick(cumulative: Tensor, uniform: Tensor) -> Tensor:
    """Return the token whose share of the total each uniform number falls into, (n,)."""
    # a number that was rounded up to 1 would fall behind the last token that has a chance
    mark = uniform.clamp_max(1.0 - 2.0**-24)[:, None] * cumulative[:, -1:]
    token = (cumulative <= mark).sum(1)
    return token.clamp_max(cumulative.shape[1] - 1)
