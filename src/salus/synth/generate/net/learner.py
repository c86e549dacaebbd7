"""One network while it learns: its optimiser, the average of its weights, and whom it sees when.

Which people come in which minibatch depends on the seed and the number of the step alone, so a
training that was stopped goes on with the same ones.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from salus.synth.errors import OptionError
from salus.synth.generate.net.model import Network
from salus.synth.generate.net.plan import Plan

__all__ = ["Learner"]

Arrays = dict[str, NDArray[Any]]
BETAS = (0.9, 0.98)
EPSILON = 1e-3  # of AdamW: large, so that weights with hardly a slope stay where they are
MEMORY = 0.95  # of the average of the weights, for one step
WARM = 0.1  # of the training, in which the rate rises
CLIP = 1.0  # norm of the slope at most


class Learner:
    """Train one network on some of the people.

    Parameters
    ----------
    network : Network
        With its first weights.
    people : int array (n,)
        Rows of the table of people whom it learns from.
    plan : Plan
    seed : sequence of int
    least : float
        Share of the rate that is left at the end.
    """

    def __init__(
        self,
        network: Network,
        people: NDArray[np.intp],
        plan: Plan,
        seed: tuple[int, ...],
        least: float = 0.0,
    ) -> None:
        self.least = least
        self.network, self.people, self.plan, self.seed = network, people, plan, seed
        self.mean = copy.deepcopy(network)
        decayed = [w for w in network.parameters() if w.dim() == 2]
        others = [w for w in network.parameters() if w.dim() != 2]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": plan.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=plan.rate,
            betas=BETAS,
            eps=EPSILON,
        )
        self.step = 0
        self._order: tuple[int, NDArray[np.intp]] = (-1, people)

    def minibatch(self) -> NDArray[np.intp]:
        """Return whom the next step sees, (batch,); everybody comes once before anybody again."""
        n = len(self.people)
        place = np.arange(self.step * self.plan.batch, (self.step + 1) * self.plan.batch)
        return np.concatenate(
            [self._shuffled(int(e))[place[place // n == e] % n] for e in np.unique(place // n)]
        )

    def _shuffled(self, epoch: int) -> NDArray[np.intp]:
        if self._order[0] != epoch:
            rng = np.random.default_rng([*self.seed, epoch])
            self._order = (epoch, rng.permutation(self.people))
        return self._order[1]

    def rate(self) -> float:
        """Return the learning rate now: it rises for a tenth of the training, then falls."""
        done = self.step / max(self.plan.steps, 1)
        rise = min(1.0, (self.step + 1) / max(1.0, WARM * self.plan.steps))
        fall = 0.5 + 0.5 * math.cos(math.pi * min(done, 1.0))
        return self.plan.rate * rise * (self.least + (1.0 - self.least) * fall)

    def descend(self, loss: Tensor) -> None:
        """Take one step down ``loss``, a mean over people and columns.

        Raises
        ------
        OptionError
            If it isn't a finite number any more.
        """
        if not math.isfinite(float(loss.detach())):
            raise OptionError(
                f"the loss is not a finite number any more after {self.step} steps at a rate of "
                f"{self.plan.rate:g}.",
                remedy="Lower the rate; a checkpoint, if one was asked for, holds the last good state.",
            )
        rate = self.rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()
        self.step += 1
        memory = min(MEMORY, self.step / (self.step + 9.0))
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1.0 - memory)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the averaged weights by name."""
        return {k: v.detach().cpu().numpy().copy() for k, v in self.mean.named_parameters()}

    def state(self) -> Arrays:
        """Return all that moves, as arrays."""
        out: Arrays = {"step": np.array(self.step)}
        for name, network in (("now", self.network), ("mean", self.mean)):
            out |= {f"{name}.{k}": v.detach().cpu().numpy() for k, v in network.named_parameters()}
        for i, held in self.optimiser.state_dict()["state"].items():
            out |= {f"adam.{i}.{k}": v.cpu().numpy() for k, v in held.items()}
        return out

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from ``state()``."""
        self.step = int(state["step"].item())  # a file gives a scalar a length
        with torch.no_grad():
            for name, network in (("now", self.network), ("mean", self.mean)):
                for key, weight in network.named_parameters():
                    weight.copy_(torch.from_numpy(state[f"{name}.{key}"].copy()))
        held = self.optimiser.state_dict()
        for key, value in state.items():
            if key.startswith("adam."):
                _, i, what = key.split(".", 2)
                shape = () if what == "step" else value.shape
                own = torch.from_numpy(value.copy().reshape(shape))
                held["state"].setdefault(int(i), {})[what] = own
        self.optimiser.load_state_dict(held)
