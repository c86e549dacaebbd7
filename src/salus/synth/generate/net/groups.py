"""A network as a distribution over groups of cells (``dp/model.py``), in place of a junction tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

from salus.synth.generate.net.draw import Sharpness, draw_tokens
from salus.synth.generate.net.model import Network, Shape

__all__ = ["NetJoint", "Start", "hold_marginals", "new_network"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

WAVES = 4  # cosines over the ranks that describe a number or an ordered level
LEAST_ORDERED = 3  # groups in order that are worth smooth features
RESOLUTION = 0.25  # of the free part of a token's description, beside the smooth one
BLOCK = 2048  # rows whose likelihood is computed at once
OFTEN = 16  # rows drawn for each that is kept, where columns are given
LEAST_DRAWN = 2000
HELD_ROWS = 10_000  # drawn to see how often a group is
HELD_ROUNDS = 5
LONGEST = 2.0  # move of a bias in a round


@dataclass(frozen=True)
class Start:
    """Say what the network knows of a column before it learns: nothing but noisy counts.

    Parameters
    ----------
    chance : array (V,)
        Probabilities of its groups.
    ordered : int
        How many groups, the first ones, are in order: stretches of a number, or ordered levels.
    """

    chance: Floats
    ordered: int

    def description(self) -> Floats:
        """Return what the network is told of each group, (V + 1, f): its indicator comes last.

        Groups in order have smooth features as well: the normal score, its square, and cosines over
        the ranks, so that neighbours are alike. Row V, of cells that no group holds, is zero.
        """
        size, ordered = len(self.chance), self.ordered
        free = np.vstack([np.diag(self.scale), np.zeros((1, size))])
        if ordered < LEAST_ORDERED:
            return free
        share = self.chance[:ordered] / self.chance[:ordered].sum()
        middle = np.cumsum(share) - share / 2
        z = ndtri(middle.clip(1e-6, 1 - 1e-6))
        waves = [np.cos(np.pi * k * middle) for k in range(2, WAVES + 2)]
        smooth = np.zeros((size + 1, 2 + WAVES))
        smooth[:ordered] = np.column_stack([z, (z * z - 1) / np.sqrt(2), *waves])
        return np.hstack([smooth, free])

    @property
    def scale(self) -> NDArray[np.float32]:
        """Weight of each group's own indicator, (V,): less where it is described smoothly, too."""
        out = np.ones(len(self.chance), np.float32)
        if self.ordered >= LEAST_ORDERED:
            out[: self.ordered] = RESOLUTION
        return out


@dataclass(frozen=True)
class NetJoint:
    """Hold a trained network over groups of cells, and which columns are given.

    Parameters
    ----------
    starts : tuple of Start
        Of each column.
    size : mapping
        Width, layers and heads of the network.
    order : tuple of int
        In which columns are drawn.
    weights : mapping of str to array
    alone : array per column
        Probabilities of each column's groups.
    sharpness : Sharpness
    evidence : mapping of column to group
    """

    starts: tuple[Start, ...]
    size: Mapping[str, int]
    order: tuple[int, ...]
    weights: Mapping[str, NDArray[np.float32]]
    alone: tuple[Floats, ...] = ()
    sharpness: Sharpness = field(default_factory=Sharpness)
    evidence: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def network(self) -> Network:
        """The network, ready to be asked."""
        network = new_network(self.starts, self.size)
        with torch.no_grad():
            for name, weight in network.named_parameters():
                weight.copy_(torch.from_numpy(np.array(self.weights[name])))
        return network.eval()

    def sharpened(self, temperature: float, top_p: float) -> Self:
        """Return the distribution whose rows are drawn at another temperature."""
        return replace(self, sharpness=Sharpness(temperature, top_p))

    def marginal(self, column: int) -> Floats:
        """Return the probabilities of a column's groups, (V,)."""
        return self.alone[column]

    def given(self, evidence: Mapping[int, int]) -> Self:
        """Return the distribution given some columns' groups."""
        return replace(self, evidence=dict(evidence))

    def log_prob(self, cells: Ints) -> Floats:
        """Return the log probability of rows of groups, (n, d) to (n,)."""
        return np.asarray(self._log_chances(cells).sum(1))

    def _log_chances(self, cells: Ints) -> Floats:
        """Return the log probability of each group given those before it, (n, d)."""
        out = np.zeros(cells.shape)
        with torch.inference_mode():
            for begin in range(0, len(cells), BLOCK):
                part = torch.from_numpy(cells[begin : begin + BLOCK].astype(np.int64))
                log = self.network(part, self.order).gather(2, part.unsqueeze(2)).squeeze(2)
                out[begin : begin + BLOCK] = log.numpy()
        return out

    def draw(self, n: int, rng: np.random.Generator) -> Ints:
        """Return rows of groups, (n, d).

        Of columns that are given, ``OFTEN`` times as many rows are drawn with these held, and ``n`` of
        them kept by how likely the held groups are in each (likelihood weighting and resampling,
        Rubin 1988): exact as ``OFTEN`` grows.
        """
        if not self.evidence:
            return self._filled(np.zeros((n, len(self.order)), np.int64), 0, rng)
        rows = max(OFTEN * n, LEAST_DRAWN)
        drawn = self._held(rows, rng)
        log = self._log_chances(drawn)[:, list(self.evidence)].sum(1)
        share = np.exp(log - log.max())
        ends = np.cumsum(share) / share.sum()
        # systematic, so that a row comes twice only if it must
        at = np.searchsorted(ends, (np.arange(n) + rng.random()) / n, side="right")
        return np.asarray(drawn[rng.permutation(at.clip(0, rows - 1))])

    def _held(self, rows: int, rng: np.random.Generator) -> Ints:
        """Return rows in which the columns given are held and others follow from those before."""
        out = np.zeros((rows, len(self.order)), np.int64)
        done = 0
        for place, j in enumerate(self.order):
            if j in self.evidence:
                if place > done:
                    out = self._filled(out, done, rng)
                out[:, j] = self.evidence[j]
                done = place + 1
        return out if done == len(self.order) else self._filled(out, done, rng)

    def _filled(self, rows: NDArray[np.int64], held: int, rng: np.random.Generator) -> Ints:
        """Draw all columns of the order from the ``held``-th on."""
        return draw_tokens(
            self.network,
            self.order,
            rng.random(rows.shape),
            given=rows,
            held=held,
            sharpness=[self.sharpness] * len(self.order),
        ).astype(np.intp)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return JSON values and arrays."""
        arrays: dict[str, NDArray[Any]] = {f"network.{k}": v for k, v in self.weights.items()}
        for j, (start, alone) in enumerate(zip(self.starts, self.alone, strict=True)):
            arrays |= {f"start{j}": start.chance, f"alone{j}": alone}
        ordered = [s.ordered for s in self.starts]
        plain = {"size": dict(self.size), "order": list(self.order), "ordered": ordered}
        return {"network": plain}, arrays

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> NetJoint:
        """Rebuild from ``to_dict``'s form."""
        own = plain["network"]
        starts = [Start(arrays[f"start{j}"], k) for j, k in enumerate(own["ordered"])]
        alone = [arrays[f"alone{j}"] for j in range(len(starts))]
        weights = {k[8:]: v for k, v in arrays.items() if k.startswith("network.")}
        return cls(tuple(starts), own["size"], tuple(own["order"]), weights, tuple(alone))


def hold_marginals(
    network: Network, starts: Sequence[Start], order: Sequence[int], seed: int
) -> tuple[Floats, ...]:
    """Move a network's biases until it draws every group as often as the counts say.

    Noise in the weights moves single columns more than noise in their counts. Rows that the network
    draws tell how often it draws a group; the bias of a group is moved by the log of the quotient, a
    few times over. This looks at no person, so it costs nothing.

    Returns
    -------
    tuple of arrays (V,)
        Probabilities of each column's groups in the end.
    """
    uniform = np.random.default_rng(seed).random((HELD_ROWS, len(order)))
    for left in range(HELD_ROUNDS, -1, -1):
        chance = _frequencies(network, order, uniform)
        found = tuple(chance[j, : len(s.chance)] for j, s in enumerate(starts))
        if not left:
            break
        for head, start, now in zip(network.heads, starts, found, strict=True):
            shift = torch.from_numpy(np.log(start.chance) - np.log(np.maximum(now, 1e-9)))
            with torch.no_grad():
                # the last features of a group are its own
                own = head.get_parameter("bias")[-len(start.chance) :]
                own += shift.clamp(-LONGEST, LONGEST).float() / torch.from_numpy(start.scale)
    return tuple(p / p.sum() for p in found)


def _frequencies(network: Network, order: Sequence[int], uniform: Floats) -> Floats:
    """Return how often each group is drawn, (d, V), a mean of probabilities over drawn rows."""
    tokens = torch.from_numpy(draw_tokens(network, order, uniform))
    total = torch.zeros(len(order), max(network.shape.sizes), dtype=torch.float64)
    with torch.inference_mode():
        for first in range(0, len(tokens), BLOCK):
            total += network(tokens[first : first + BLOCK], order).double().exp().sum(0)
    return np.asarray(total.numpy() / len(uniform))


def new_network(starts: Sequence[Start], size: Mapping[str, int]) -> Network:
    """Return an untrained network for groups of cells; it draws independent columns."""
    described = [torch.from_numpy(s.description()).float() for s in starts]
    shape = Shape(
        tuple(len(s.chance) for s in starts),
        tuple(t.shape[1] for t in described),
        dropout=0.0,
        **size,
    )
    return Network(shape, described, [torch.from_numpy(s.chance).float() for s in starts])
