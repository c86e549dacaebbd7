"""The network: a transformer that gives each column's distribution given any others, in any order.

A row is a sequence of its columns in some order. The input at a position says what the column before
it held, which column that was, and which one is asked for now (as in sigma-GPT, Pannier et al. 2024,
arXiv:2404.09562), so one network knows every conditional distribution. Attention looks back only;
the output at a position passes through the head of the column asked for. Heads start at zero with
the columns' log frequencies as biases: untrained, the network draws independent columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["NEVER", "Network", "Shape", "chosen"]

NEVER = -1e30  # logit of a place that stands for no token; finite, so that nothing times it is lost


@dataclass(frozen=True)
class Shape:
    """Say how large a network is.

    Parameters
    ----------
    sizes : tuple of int
        Tokens of each column, V_j.
    descriptions : tuple of int
        Features by which a token of each column is described, f_j.
    width, layers, heads : int
        Length of a vector, blocks, and heads of attention, which divide the width.
    dropout : float
    """

    sizes: tuple[int, ...]
    descriptions: tuple[int, ...]
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1


class Dropout(nn.Module):
    """Silence some features of a row at all its positions alike (Gal & Ghahramani 2016).

    So few random numbers are needed that their cost, a fifth of a step otherwise, is nothing.
    arXiv:1512.05287.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        b, _, w = x.shape
        kept = torch.rand(b, 1, w, device=x.device) >= self.rate
        return x * (kept / (1.0 - self.rate))


class Attention(nn.Module):
    """Let each position gather from itself and those before it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.gather = nn.Linear(shape.width, 3 * shape.width)  # queries, keys, values
        self.out = nn.Linear(shape.width, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, w = x.shape
        parts = self.gather(x).view(b, t, 3, self.heads, w // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (b, heads, t, w / heads) each
        later = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1)
        fit = (q @ k.transpose(-1, -2)) * (w // self.heads) ** -0.5
        share = fit.masked_fill(later, -torch.inf).softmax(-1)
        out: Tensor = self.out((share @ v).transpose(1, 2).reshape(b, t, w))
        return out


class Block(nn.Module):
    """Attention, then a layer that treats each position on its own; both added to what was there."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(shape.width)
        self.attention = Attention(shape)
        self.before_mix = nn.LayerNorm(shape.width)
        self.widen = nn.Linear(shape.width, 2 * shape.width)
        self.narrow = nn.Linear(2 * shape.width, shape.width)
        self.dropout = Dropout(shape.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.before_attention(x)))
        out: Tensor = x + self.dropout(self.mix(x))
        return out

    def mix(self, x: Tensor) -> Tensor:
        """Return what the layer for single positions adds."""
        out: Tensor = self.narrow(torch.relu(self.widen(self.before_mix(x))))
        return out


class Network(nn.Module):
    """Give log probabilities of the tokens of d columns in any order.

    Parameters
    ----------
    shape : Shape
    descriptions : sequence of tensors (V_j + 1, f_j)
        What the network is told of each token; the last row is for cells never seen.
    frequencies : sequence of tensors (V_j,)
        Probabilities that the untrained network gives.
    """

    def __init__(
        self, shape: Shape, descriptions: Sequence[Tensor], frequencies: Sequence[Tensor]
    ) -> None:
        super().__init__()
        self.shape = shape
        w, d = shape.width, len(shape.sizes)
        first = torch.tensor([0, *shape.sizes[:-1]]).cumsum(0) + torch.arange(d)
        self.register_buffer("first", first, persistent=False)  # row of each column's first token
        for j, (table, frequency) in enumerate(zip(descriptions, frequencies, strict=True)):
            self.register_buffer(f"described{j}", table, persistent=False)
            self.register_buffer(f"marginal{j}", frequency.log(), persistent=False)
        self.value = nn.ModuleList(nn.Linear(f, w, bias=False) for f in shape.descriptions)
        self.held = nn.Embedding(d + 1, w)  # whose value it is; d at the start, where none is
        self.asked = nn.Embedding(d, w)
        self.dropout = Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.last = nn.LayerNorm(w)
        self.heads = nn.ModuleList(nn.Linear(w, f) for f in shape.descriptions)

    def begin(self, generator: torch.Generator) -> None:
        """Draw the first weights; with them the network gives the frequencies."""
        for name, weight in self.named_parameters():
            with torch.no_grad():
                if name.startswith("heads") or name.endswith("bias"):
                    weight.zero_()
                elif weight.dim() == 2:
                    spread = 0.02 if weight.shape[1] == 0 else weight.shape[1] ** -0.5
                    weight.normal_(0.0, spread, generator=generator)

    def described(self, column: int) -> Tensor:
        """Return what is told of each token of a column, (V_j + 1, f_j)."""
        return self.get_buffer(f"described{column}")

    def value_table(self, column: int) -> Tensor:
        """Return the embedding of each token of a column, (V_j + 1, width)."""
        out: Tensor = self.value[column](self.described(column))
        return out

    def head_table(self, column: int) -> tuple[Tensor, Tensor]:
        """Return the matrix (width, V_j) and the bias (V_j,) that turn a state into logits."""
        head = self.heads[column]
        assert isinstance(head, nn.Linear)
        seen = self.described(column)[:-1]
        return (seen @ head.weight).T, seen @ head.bias + self.get_buffer(f"marginal{column}")

    def places(self, order: Sequence[int]) -> Tensor:
        """Return what each position is told of the order, (d, width): column before, column asked."""
        columns = torch.tensor(
            [self.held.num_embeddings - 1, *order], device=self.held.weight.device
        )
        out: Tensor = self.held(columns[:-1]) + self.asked(columns[1:])
        return out

    def states(self, tokens: Tensor, order: Sequence[int]) -> Tensor:
        """Return what is known of each column before it is seen, (b, d, width), columns in place."""
        table = torch.cat([self.value_table(j) for j in range(len(order))])
        first = self.get_buffer("first")
        values = nn.functional.embedding(tokens + first, table)  # (b, d, width)
        turn = torch.tensor(order, device=tokens.device)
        before = nn.functional.pad(values[:, turn[:-1]], (0, 0, 1, 0))
        x = self.dropout(before + self.places(order))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.last(x)
        return out[:, turn.argsort()]

    def forward(self, tokens: Tensor, order: Sequence[int]) -> Tensor:
        """Return the log probabilities of each column's tokens, (b, d, V), given those before it.

        V is the size of the largest column; places beyond a column's own have next to no chance.
        """
        tables = [self.head_table(j) for j in range(len(order))]
        most = max(self.shape.sizes)
        heads = torch.stack(
            [nn.functional.pad(h, (0, most - h.shape[1])) for h, _ in tables]
        )  # (d, width, V)
        bias = torch.stack(
            [nn.functional.pad(b, (0, most - len(b)), value=NEVER) for _, b in tables]
        )
        state = self.states(tokens, order).transpose(0, 1)  # (d, b, width)
        logits = torch.baddbmm(bias.unsqueeze(1), state, heads)
        return logits.log_softmax(2).transpose(0, 1)


def chosen(log_chance: Tensor, tokens: Tensor) -> Tensor:
    """Return the log probability of each row's tokens, (b, d); a cell never seen counts 0.

    The chance of such a cell is a constant that the codec knows.
    """
    most = log_chance.shape[2]
    held = log_chance.gather(2, tokens.clamp_max(most - 1).unsqueeze(2)).squeeze(2)
    # what is no number stays so: a training that diverges must not pass for a sure one
    return held.masked_fill((held <= NEVER / 2) | (tokens >= most), 0.0)
