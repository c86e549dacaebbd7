"""What is left of a training: codec and weights of each sub-model; rows and likelihoods from these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.draw import Sharpness, draw_tokens
from salus.synth.generate.net.estimates import log_chances
from salus.synth.generate.net.model import Network, Shape
from salus.synth.generate.net.train import Weights, load_weights, new_network
from salus.synth.table.table import Table

__all__ = ["Fitted"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """Hold a fitted model.

    Parameters
    ----------
    codec : Codec
    shape : Shape
    order : tuple of int
        In which columns are drawn.
    weights : tuple of dict of str to array
        Of each sub-model, by name.
    """

    codec: Codec
    shape: Shape
    order: tuple[int, ...]
    weights: tuple[Weights, ...]

    @cached_property
    def networks(self) -> list[Network]:
        """The sub-models, ready to be asked."""
        out = []
        for weights in self.weights:
            network = new_network(self.codec, self.shape)
            load_weights(network, weights)
            out.append(network.eval())
        return out

    def log_prob(self, table: Table) -> Floats:
        """Return the log density of each row under the mixture of the sub-models, (n,)."""
        tokens, within = self.codec.encode(table)
        each = self._each(tokens, self.order)
        rest = within.sum(1) + self.codec.constants(tokens).sum(1)
        return np.asarray(logsumexp(each, axis=0) - np.log(len(each)) + rest)

    def _each(
        self, tokens: NDArray[np.int64], order: Sequence[int], columns: int | None = None
    ) -> Floats:
        """Return log probabilities of the first columns of an order under each sub-model, (K, n)."""
        first = list(order)[:columns]
        asked = torch.from_numpy(tokens)
        return np.array([log_chances(w, asked, order)[:, first].sum(1) for w in self.networks])

    def draw(
        self,
        n: int,
        rng: np.random.Generator,
        sharpness: Sequence[Sharpness],
        *,
        given: NDArray[np.int64] | None = None,
        held: Sequence[int] = (),
    ) -> Table:
        """Return ``n`` rows.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        sharpness : sequence of Sharpness
            One for each column.
        given : int array (d,), optional
            Tokens of a row, of which the columns ``held`` are kept. The other columns follow their
            exact distribution given these: the held ones come first in the order.
        held : sequence of int
        """
        order = [*held, *(j for j in self.order if j not in set(held))]
        share = np.full(len(self.networks), 1.0 / len(self.networks))
        if given is not None and held:
            log = self._each(given[None, :], order, len(held))[:, 0]
            share = np.exp(log - logsumexp(log))
        who = rng.choice(len(share), size=n, p=share / share.sum())
        uniform = rng.random((n, len(order)))
        tokens = np.zeros((n, len(order)), np.int64)
        for k, network in enumerate(self.networks):
            mine = np.flatnonzero(who == k)
            if not len(mine):
                continue
            base = None if given is None else np.repeat(given[None, :], len(mine), axis=0)
            tokens[mine] = draw_tokens(
                network,
                order,
                uniform[mine],
                given=base,
                held=len(held),
                sharpness=sharpness,
            )
        return self.codec.decode(tokens, rng)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the model as JSON values and arrays."""
        plain, arrays = self.codec.to_dict()
        for k, weights in enumerate(self.weights):
            arrays |= {f"network{k}.{name}": value for name, value in weights.items()}
        shape = {n: getattr(self.shape, n) for n in ("width", "layers", "heads", "dropout")}
        return {
            **plain,
            "shape": shape,
            "order": list(self.order),
            "networks": len(self.weights),
        }, arrays

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Fitted:
        """Rebuild the model from ``to_dict``'s form."""
        codec = Codec.from_dict(plain, arrays)
        weights = []
        for k in range(int(plain["networks"])):
            at = f"network{k}."
            weights.append({n[len(at) :]: v for n, v in arrays.items() if n.startswith(at)})
        shape = shape_for(codec, **plain["shape"])
        return cls(codec, shape, tuple(plain["order"]), tuple(weights))


def shape_for(codec: Codec, **size: Any) -> Shape:
    """Return the shape of a network for a codec's tokens; ``size`` as in ``Shape``."""
    return Shape(
        tuple(c.size for c in codec.coders),
        tuple(c.description().shape[1] for c in codec.coders),
        **size,
    )
