"""The networks: generator, critic, and a classifier of the outcome, each for all sub-models at once.

Sub-models differ in the people they learn from and share nothing else; as every tensor carries them
in its first axis, K small networks cost hardly more than one. The generator is a residual
perceptron on noise and a condition. Its cells pass a Gumbel-softmax (Jang et al. 2017,
arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712) and its places a tanh. The critic sees
``pack`` rows of one release side by side, by which it notices modes that are missing (Lin et al.
2018, arXiv:1712.04086).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from salus.synth.generate.gan.layout import Layout

LEAK = 0.2  # slope of a bent unit

__all__ = ["Auxiliary", "Critic", "Generator", "Softener", "start"]


class Linear(nn.Module):
    """K affine maps, (K, b, m) to (K, b, n)."""

    def __init__(self, members: int, wide_in: int, wide_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, wide_in, wide_out))
        self.bias = nn.Parameter(torch.zeros(members, 1, wide_out))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class Norm(nn.Module):
    """Layer normalisation (Ba et al. 2016, arXiv:1607.06450), with gains of each sub-model."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:]) * self.gain + self.bias


class Residual(nn.Module):
    """Add what a small perceptron makes of the input."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.norm = Norm(members, width)
        self.widen = Linear(members, width, width)
        self.back = Linear(members, width, width)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.back(torch.relu(self.widen(self.norm(x))))
        return x + added


class Generator(nn.Module):
    """Turn noise and a condition into a row's places and logits.

    Parameters
    ----------
    layout : Layout
    members, noise, width, layers : int
        Sub-models K, length of the noise, and size.
    """

    def __init__(self, layout: Layout, members: int, noise: int, width: int, layers: int) -> None:
        super().__init__()
        self.first = Linear(members, noise + layout.n_cells, width)
        self.blocks = nn.ModuleList(Residual(members, width) for _ in range(layers))
        self.norm = Norm(members, width)
        self.last = Linear(members, width, layout.n_raw)

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return raw places and logits (K, b, n_raw) for noise (K, b, z), conditions (K, b, C)."""
        x = self.first(torch.cat([noise, condition], -1))
        for block in self.blocks:
            x = block(x)
        raw: Tensor = self.last(torch.relu(self.norm(x)))
        return raw


class Critic(nn.Module):
    """Score packs of rows; real ones more than drawn ones, by their earth mover's distance."""

    def __init__(self, layout: Layout, members: int, width: int, layers: int, pack: int) -> None:
        super().__init__()
        self.pack = pack
        wide = pack * (layout.width + layout.n_cells)
        sizes = [wide, *[width] * layers]
        self.layers = nn.ModuleList(Linear(members, a, b) for a, b in pairwise(sizes))
        self.last = Linear(members, width, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the score (K, b / pack, 1) of rows with their conditions (K, b, P + 2 C)."""
        score: Tensor = self.last(self.features(rows))
        return score

    def features(self, rows: Tensor) -> Tensor:
        """Return the last hidden layer (K, b / pack, width)."""
        x = self.packed(rows)
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), LEAK)
        return x

    def packed(self, rows: Tensor) -> Tensor:
        """Return the rows of each pack side by side, (K, b / pack, ...)."""
        return rows.reshape(rows.shape[0], rows.shape[1] // self.pack, -1)

    def slopes(self, rows: Tensor) -> Tensor:
        """Return the score's gradient at packs of rows, (K, b / pack, ...), itself with gradients.

        Between its bends the critic is linear, so its slope is a product of the weights and of
        which units are bent; this costs half of differentiating twice and is the same.
        """
        bends = []
        with torch.no_grad():
            x = self.packed(rows)
            for layer in self.layers:
                x = layer(x)
                bends.append(torch.where(x > 0, 1.0, LEAK).to(x.dtype))
                x = x * bends[-1]
        slope = self.last.weight.transpose(1, 2)  # (K, 1, width), the same for each pack
        for layer, bend in zip(reversed(list(self.layers)), reversed(bends), strict=True):
            assert isinstance(layer, Linear)
            slope = (slope * bend) @ layer.weight.transpose(1, 2)
        return slope


class Auxiliary(nn.Module):
    """Tell the outcome from the other columns: cells as logits, a number's place by its value."""

    def __init__(self, members: int, wide_in: int, wide_out: int, width: int) -> None:
        super().__init__()
        self.first = Linear(members, wide_in, width)
        self.last = Linear(members, width, wide_out)
        self.direct = Linear(members, wide_in, wide_out)

    def forward(self, rows: Tensor) -> Tensor:
        """Return (K, b, wide_out) for rows without the outcome (K, b, wide_in)."""
        told: Tensor = self.last(functional.leaky_relu(self.first(rows), LEAK))
        straight: Tensor = self.direct(rows)
        return straight + told


class Softener:
    """Turn what a generator emits into vectors of rows that gradients pass through.

    Parameters
    ----------
    layout : Layout
    device : torch.device
    """

    def __init__(self, layout: Layout, device: torch.device) -> None:
        self.layout = layout
        modes = sum(layout.modes)
        spread = torch.zeros(modes, max(layout.n_places, 1))  # which raw place is which number's
        gate = torch.full((modes,), layout.n_cells)  # the cell of each mode; n_cells: always
        at = 0
        for i, j in enumerate(layout.numbers):
            for k in range(layout.modes[j]):
                spread[at, i] = 1.0
                if layout.cells[j] > 1:
                    gate[at] = layout.starts[j] + k
                at += 1
        self.spread, self.gate = spread.to(device), gate.to(device)
        # columns with about as many cells are softened at once, padded to the largest
        self.groups: list[
            Tensor
        ] = []  # (columns, size) indices of cells, n_cells where there is none
        for columns, size in layout.groups():
            index = torch.full((len(columns), size), layout.n_cells)
            for row, j in enumerate(columns):
                index[row, : layout.cells[j]] = layout.starts[j] + torch.arange(layout.cells[j])
            self.groups.append(index.to(device))
        back = torch.zeros(layout.n_cells + 1, dtype=torch.long)
        if self.groups:
            order = torch.cat([g.cpu().reshape(-1) for g in self.groups])
            back[order] = torch.arange(len(order))
        self.back = back[:-1].to(device)

    def log_softmax(self, logits: Tensor) -> Tensor:
        """Return each column's log probabilities, (..., C)."""
        if not self.groups:
            return logits
        padded = functional.pad(logits, (0, 1), value=-torch.inf)
        parts = [padded[..., g].log_softmax(-1).flatten(-2) for g in self.groups]
        joined = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
        return joined[..., self.back]

    def split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return raw places (..., modes) and logits (..., C)."""
        modes = len(self.gate)
        return raw[..., :modes], raw[..., modes:]

    def soften(self, raw: Tensor, gumbel: Tensor, temperature: float) -> Tensor:
        """Return soft rows (..., P + C) for Gumbel noise (..., C)."""
        places, logits = self.split(raw)
        cells = self.log_softmax((logits + gumbel) / temperature).exp()
        if not self.layout.n_places:
            return cells
        gates = functional.pad(cells, (0, 1), value=1.0)[..., self.gate]
        return torch.cat([(torch.tanh(places) * gates) @ self.spread, cells], -1)


def start(modules: Sequence[nn.Module], rng: torch.Generator) -> None:
    """Draw the first weights (He et al. 2015, arXiv:1502.01852)."""
    for module in modules:
        for name, weight in module.named_parameters():
            if name.endswith("weight"):
                with torch.no_grad():
                    weight.normal_(0.0, weight.shape[1] ** -0.5, generator=rng)
