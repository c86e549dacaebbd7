"""Train the sub-models: first freely, then, where a limit is broken, under the constraint.

Every round ends with a full estimate (``estimates.py``) of the averaged generators. The free training
shows the price: what it gives away and how useful it is. If its most useful iterate keeps every
limit, it is the model. If not, training goes on with the risks' surrogates in the generator's loss,
their weights steered by multipliers (``solve/steering.py``), and the most useful feasible iterate of
both is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from salus.synth.errors import OptionError
from salus.synth.generate.gan.balance import Balance, conditions
from salus.synth.generate.gan.calibrate import Calibration
from salus.synth.generate.gan.codec import Codec
from salus.synth.generate.gan.draw import Drawer
from salus.synth.generate.gan.estimates import Estimate, Examiner
from salus.synth.generate.gan.fitted import ROUNDS, Recipe, Size
from salus.synth.generate.gan.layout import Layout
from salus.synth.generate.gan.losses import (
    DOWNSTREAM,
    Batch,
    Outcome,
    critic_loss,
    generator_loss,
)
from salus.synth.generate.gan.networks import Auxiliary, Critic, Generator, Softener, start
from salus.synth.generate.gan.space import Space
from salus.synth.generate.gan.surrogates import Sample, Surrogates
from salus.synth.solve.steering import Steering
from salus.synth.table.table import Table

__all__ = ["Kept", "Training"]

BETAS = (0.5, 0.9)
JUDGED = 128  # rows of a batch that the surrogates see
AUXILIARY = 64  # width of the auxiliary
DECAY = 1e-3  # of its weights
HALF = 0.5  # of the training after which the rate falls
LEAST = 0.02  # share of the rate at the end
ROWS = (500, 1_500)  # of each sub-model that are judged
LEAST_SCALE = 0.01  # of a risk: smaller differences don't matter
MEMORY = 0.5  # of how far full estimates lie above those of batches


@dataclass(frozen=True)
class Kept:
    """Hold an iterate: averaged weights by name, their calibration, and what they give away."""

    weights: dict[str, NDArray[np.float32]]
    calibration: Calibration
    estimate: Estimate


@dataclass
class Progress:
    """Hold what has happened: rounds done, estimates, and the iterates worth keeping."""

    rounds: int = 0
    estimates: list[Estimate] = field(default_factory=list)
    free: Kept | None = None  # most useful, limits or not
    best: Kept | None = None  # most useful that keeps every limit, or the nearest to it
    steering: Steering | None = None
    above: dict[str, float] = field(default_factory=dict)  # full estimates less those of batches


class Training:
    """Train generators against critics.

    Parameters
    ----------
    people : Table
        All people; which of them each sub-model learns from is in ``examiner.sides``.
    codec : Codec
    examiner : Examiner
    size : Size
    recipe : Recipe
    seed : int
    device : str
    """

    def __init__(
        self,
        people: Table,
        codec: Codec,
        examiner: Examiner,
        size: Size,
        recipe: Recipe,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self.people, self.codec, self.examiner = people, codec, examiner
        self.size, self.recipe, self.seed = size, recipe, seed
        self.device = torch.device(device)
        self.layout = layout = Layout.of(codec)
        self.rng = np.random.default_rng([seed, 1])
        k, width = size.members, size.width
        self.generator = Generator(layout, k, size.noise, width, size.layers)
        self.mean = Generator(layout, k, size.noise, width, size.layers)
        self.critic = Critic(layout, k, width, 2, recipe.pack)
        outcome = examiner.schema.outcome
        modelled = outcome is not None and outcome.is_modelled
        j = codec.names.index(outcome.name) if outcome is not None and modelled else None
        self.outcome = Outcome.of(layout, j)
        wide = (len(self.outcome.rest), self.outcome.width) if self.outcome else (1, 1)
        self.auxiliary = Auxiliary(k, *wide, AUXILIARY)
        self._begin()
        self.softener = Softener(layout, self.device)
        space = Space(codec, layout, examiner.encoder, self.device)
        self.surrogates = Surrogates(examiner, space)
        judges: list[dict[str, Any]] = [
            {"params": list(self.critic.parameters())},
            {"params": list(self.auxiliary.parameters()), "weight_decay": DECAY},
        ]
        self.optimisers = {
            "generator": torch.optim.Adam(
                self.generator.parameters(), recipe.rate, BETAS, fused=True
            ),
            "critic": torch.optim.Adam(
                judges,
                recipe.rate,
                BETAS,
                fused=True,
            ),
        }
        self.drawer = Drawer(codec, self.mean, size)
        self.progress = Progress()
        self.step = 0

    def _begin(self) -> None:
        """Draw the first weights; cells start as often as among people."""
        draw = torch.Generator().manual_seed(self.seed)
        start([self.generator, self.critic, self.auxiliary], draw)
        shares = [self.codec.coders[j].share for j in self.layout.choices]
        with torch.no_grad():
            self.generator.last.weight.mul_(0.5)
            self.auxiliary.last.weight.zero_()
            if shares:
                log = np.log(np.concatenate(shares) + 1e-3).astype(np.float32)
                self.generator.last.bias[..., -self.layout.n_cells :] = torch.from_numpy(log)
        self.mean.load_state_dict(self.generator.state_dict())
        for network in (self.generator, self.mean, self.critic, self.auxiliary):
            network.to(self.device)

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits of the constraint."""
        return self.examiner.limits

    def feasible(self, estimate: Estimate) -> bool:
        """Whether a full estimate keeps every limit."""
        return all(estimate.risks[n] <= limit for n, limit in self.limits.items())

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        p, free_rounds = self.progress, self.recipe.rounds
        if p.rounds < free_rounds:
            return False
        assert p.free is not None
        return self.feasible(p.free.estimate) or p.rounds >= free_rounds + ROUNDS

    def run_round(self) -> None:
        """Train one round and judge what came out."""
        p, recipe = self.progress, self.recipe
        free = p.rounds < recipe.rounds
        if not free and p.steering is None:
            p.steering = self._steer()
        length = recipe.round_length if free else recipe.steered_length
        coded = self.codec.encode(self.people, self.rng)
        self.rows = torch.from_numpy(self.layout.vectors(coded)).to(self.device)
        self.balances = [
            Balance.of(self.layout, coded.cell, s.members) for s in self.examiner.sides
        ]
        bank = None if free else self.surrogates.sample(self.rng)
        soft: list[dict[str, float]] = []
        for i in range(length):
            self._set_rate(free, i)
            for _ in range(recipe.critic_steps - 1):
                self._train_critic(self._batch())
            soft.append(self._train_both(bank))
            self.step += 1
        self._judge(soft)

    def new_steering(self) -> Steering:
        """Return a controller of the constraint that has seen nothing yet."""
        names = list(self.limits)
        scales = [max(self.limits[n], LEAST_SCALE) for n in names]
        return Steering(names, scales, round_length=self.recipe.steered_length, tolerance=0.0)

    def _steer(self) -> Steering:
        """Return a controller that knows the best iterate of the free training."""
        steering = self.new_steering()
        best = self.progress.best
        if best is not None:
            steering.conclude_round(utility=best.estimate.utility, values=self._over(best.estimate))
        return steering

    def _over(self, estimate: Estimate) -> dict[str, float]:
        return {n: estimate.risks[n] - limit for n, limit in self.limits.items()}

    def _set_rate(self, free: bool, i: int) -> None:
        """Let the rate fall to almost nothing in the second half of either training."""
        r, p = self.recipe, self.progress
        length, rounds = (r.round_length, r.rounds) if free else (r.steered_length, ROUNDS)
        done = ((p.rounds if free else p.rounds - r.rounds) * length + i) / (length * rounds)
        share = max(LEAST, min(1.0, (1.0 - done) / (1.0 - HALF))) * (1.0 if free else 0.5)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = r.rate * share

    def _batch(self) -> Batch:
        """Draw people and conditions, and let the generators make rows under these."""
        drawn = [b.draw(self.recipe.batch, self.rng) for b in self.balances]
        rows = torch.from_numpy(np.stack([r for r, _ in drawn])).to(self.device)
        cells = np.stack([c for _, c in drawn])
        told = torch.from_numpy(conditions(cells, self.layout.n_cells)).to(self.device)
        noise = self.rng.standard_normal((*cells.shape, self.size.noise), dtype=np.float32)
        ticks = self.rng.standard_exponential((*cells.shape, self.layout.n_cells), dtype=np.float32)
        gumbel = -torch.from_numpy(np.maximum(ticks, 1e-20)).log()
        raw = self.generator(torch.from_numpy(noise).to(self.device), told)
        fake = self.softener.soften(raw, gumbel.to(self.device), self.recipe.gumbel)
        return Batch(self.rows[rows], fake, raw, told, cells)

    def _train_critic(self, batch: Batch) -> None:
        """Take one step of the critic, and of the auxiliary beside it."""
        packs = self.recipe.batch // self.recipe.pack
        mix = self.rng.random((self.size.members, packs), dtype=np.float32)
        loss = critic_loss(
            self.critic,
            torch.cat([batch.real, batch.condition], -1),
            torch.cat([batch.fake.detach(), batch.condition], -1),
            torch.from_numpy(mix).to(self.device),
        )
        if self.outcome is not None:
            loss = loss + self.outcome.loss(self.auxiliary, batch.real)
        self._descend("critic", loss)

    def _train_both(self, bank: Sample | None) -> dict[str, float]:
        """Take one step of the critic, then of the generator on the same rows.

        Returns the risks' estimates on this batch.
        """
        batch = self._batch()
        self._train_critic(batch)
        loss = generator_loss(self.critic, self.softener, batch)
        if self.outcome is not None:
            loss = loss + DOWNSTREAM * self.outcome.loss(self.auxiliary, batch.fake)
        soft: dict[str, float] = {}
        if bank is not None:
            n = min(JUDGED, self.recipe.batch)
            importance = self._importance(batch.cells[:, :n])
            risks = self.surrogates(batch.fake[:, :n], importance, bank, self.step)
            soft = {name: float(risk.detach()) for name, risk in risks.items()}
            loss = loss + self._pull(risks, soft)
        self._descend("generator", loss)
        self._average()
        return soft

    def _importance(self, cells: NDArray[np.intp]) -> Tensor:
        """Return how much rows drawn by rare cells count, (K, n), summing to 1."""
        if not self.layout.n_cells:
            return torch.full(cells.shape, 1.0 / cells.shape[1], device=self.device)
        log = np.stack([b.log_weight[c] for b, c in zip(self.balances, cells, strict=True)])
        return torch.from_numpy(log.astype(np.float32)).to(self.device).softmax(-1)

    def _pull(self, risks: Mapping[str, Tensor], soft: Mapping[str, float]) -> Tensor:
        """Return the constraint's part of the loss."""
        p = self.progress
        assert p.steering is not None
        over = {n: v + p.above.get(n, 0.0) - self.limits[n] for n, v in soft.items()}
        weights = p.steering.weights(over)
        parts = [w * risks[n] for n, w in weights.items() if w > 0 and n in risks]
        return torch.stack(parts).sum() if parts else torch.zeros((), device=self.device)

    def _descend(self, name: str, loss: Tensor) -> None:
        if not math.isfinite(float(loss.detach())):
            raise OptionError(
                f"the {name}'s loss is not a finite number any more after {self.step} steps at a "
                f"rate of {self.recipe.rate:g}.",
                remedy="Lower the rate; a checkpoint, if one was asked for, holds the last good state.",
            )
        optimiser = self.optimisers[name]
        weights = [w for group in optimiser.param_groups for w in group["params"]]
        optimiser.zero_grad(set_to_none=True)
        # to these alone: the generator's loss has slopes in the critic, too, that nobody needs
        # losses are means over sub-models, which share nothing
        torch.autograd.backward(loss * self.size.members, inputs=weights)
        optimiser.step()

    def _average(self) -> None:
        """Move the averaged weights; they remember a fifth of a round at first, then a round."""
        memory = min(
            1.0 - 2.0 / (self.recipe.round_length + 2.0), (self.step + 1.0) / (self.step + 10.0)
        )
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(now, 1.0 - memory)

    def _judge(self, soft: Sequence[Mapping[str, float]]) -> None:
        """Take a full estimate and keep the iterate if it is worth it."""
        p = self.progress
        # the same noise every round: differences are those of the weights
        rng = np.random.default_rng([self.seed, 2])
        calibration = self.drawer.calibrate(rng)
        rows = int(np.clip(np.mean([len(s.members) for s in self.examiner.sides]), *ROWS))
        estimate = self.examiner.examine(self.drawer.draw(rows, calibration, rng))
        weights = {k: v.cpu().numpy().copy() for k, v in self.mean.state_dict().items()}
        now = Kept(weights, calibration, estimate)
        if p.steering is None:
            if p.free is None or estimate.utility > p.free.estimate.utility:
                p.free = now
            if self.feasible(estimate) and (
                p.best is None or estimate.utility > p.best.estimate.utility
            ):
                p.best = now
        else:
            over = self._over(estimate)
            if p.steering.conclude_round(utility=estimate.utility, values=over):
                p.best = now
            for name in self.limits:
                seen = [s[name] for s in soft if name in s]
                if seen:
                    gap = estimate.risks[name] - float(np.mean(seen))
                    p.above[name] = MEMORY * p.above.get(name, gap) + (1 - MEMORY) * gap
        p.estimates.append(estimate)
        p.rounds += 1

    @property
    def kept(self) -> Kept:
        """The iterate to keep: the most useful feasible one, else the nearest to feasible."""
        free, best = self.progress.free, self.progress.best
        if free is None:
            raise RuntimeError("no round has been trained.")
        return free if best is None or self.feasible(free.estimate) else best
