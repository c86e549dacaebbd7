"""Train the sub-models: first freely, then, where a limit is broken, under the constraint.

Three trainings, each in rounds that end with a full estimate (``estimates.py``):

1. *free*: each sub-model learns its side until strangers gain nothing more. It shows the price: what
   is given away without a limit, and how useful it would be. If its best iterate keeps every limit,
   it is the model.
2. *teachers*: networks that leave out some of the people and tell what is expected of them.
3. *steered*: sub-models begin anew and learn targets that are pulled from what a person had toward
   what is expected of them (``targets.py``). Multipliers say how strongly (``solve/steering.py``),
   and the most useful iterate that keeps every limit is the model. The untrained network, which
   draws independent columns and gives nothing away, is the first such iterate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from salus.synth.errors import OptionError
from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.estimates import (
    GAP,
    MINORITY,
    NEAR,
    OUTCOME,
    TAIL,
    Estimate,
    Examiner,
    attribute_name,
    rarest,
)
from salus.synth.generate.net.learner import Learner
from salus.synth.generate.net.model import Network, Shape, chosen
from salus.synth.generate.net.plan import PATIENCE, Plan
from salus.synth.generate.net.targets import FAR, loss_of
from salus.synth.generate.shrinkage import TAIL as TAIL_SHARE
from salus.synth.solve.steering import Steering

__all__ = ["FREE", "STEERED", "TEACHERS", "Kept", "Training"]

FREE, TEACHERS, STEERED = "free", "teachers", "steered"
PHASES = (FREE, TEACHERS, STEERED)
CANONICAL = 0.5  # share of minibatches in the order in which rows are drawn
PENALTY = 3.0  # mu at first
LEAST_RATE = 0.1  # share of the rate left at the end of a steered training, to go on steering
LEAST_SCALE = 0.01  # of a risk: smaller differences don't matter

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Kept:
    """Hold an iterate: the averaged weights of each network, and its full estimate."""

    weights: tuple[Weights, ...]
    estimate: Estimate


@dataclass
class Progress:
    """Hold what has happened.

    Parameters
    ----------
    phase : str
    rounds : int
        Done in this phase.
    history : list of (phase, Estimate)
    free, best : Kept or None
        The most useful iterate, limits or not; the most useful that keeps every limit, or the
        nearest to it.
    teachers : list of (weights, utility, round) or None
        The best iterate of each teacher.
    steering : Steering or None
    """

    phase: str = FREE
    rounds: int = 0
    history: list[tuple[str, Estimate]] = field(default_factory=list)
    free: Kept | None = None
    free_round: int = 0
    best: Kept | None = None
    teachers: list[tuple[Weights, float, int] | None] = field(default_factory=list)
    steering: Steering | None = None
    done: bool = False


class Training:
    """Train the sub-models of one fit.

    Parameters
    ----------
    codec : Codec
    shape : Shape
    examiner : Examiner
    plan : Plan
    seed : int
    device : str
    """

    def __init__(
        self,
        codec: Codec,
        shape: Shape,
        examiner: Examiner,
        plan: Plan,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self.codec, self.shape, self.examiner = codec, shape, examiner
        self.plan, self.seed = plan, seed
        self.device = torch.device(device)
        self.tokens = examiner.tokens.to(self.device)
        self.progress = Progress()
        self.learners = self.new_learners(FREE)
        self.teachers: list[Network] = []
        self._marginal = self._frequencies()
        self._importance = self._importances()

    # -- what a phase consists of -------------------------------------------------------------

    def new_learners(self, phase: str) -> list[Learner]:
        """Return the networks of a phase, with their first weights."""
        sides = self.examiner.sides
        people = sides.taught if phase == TEACHERS else tuple(s.inside for s in sides.sides)
        number = PHASES.index(phase)
        out = []
        for k, rows in enumerate(people):
            network = new_network(self.codec, self.shape)
            # sub-models of both trainings begin alike, so what differs is the constraint
            first = 1 if phase == TEACHERS else 0
            network.begin(
                torch.Generator().manual_seed((self.seed * 1_000 + first * 500 + k) % 2**63)
            )
            network.to(self.device)
            least = LEAST_RATE if phase == STEERED else 0.0
            out.append(Learner(network, rows, self.plan, (self.seed, number, k), least))
        return out

    def _frequencies(self) -> Tensor:
        """Return the marginal probabilities of each column's tokens, (d, V)."""
        out = torch.zeros(len(self.codec.coders), max(self.shape.sizes))
        for j, coder in enumerate(self.codec.coders):
            out[j, : coder.size] = torch.from_numpy(coder.frequency())
        return out.to(self.device)

    def _importances(self) -> Tensor:
        """Return how much each column counts in the loss, (d,), 1 on average.

        The outcome counts more: relations to it are what most users come for.
        """
        out = torch.ones(len(self.codec.coders))
        outcome = self.codec.schema.outcome
        if outcome is not None and outcome.is_modelled:
            out[self.examiner.place(outcome)] = OUTCOME
        return (out / out.mean()).to(self.device)

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        p = self.progress
        p.phase, p.rounds = phase, 0
        self.learners = self.new_learners(phase)
        if phase == TEACHERS:
            p.teachers = [None] * len(self.learners)
        if phase == STEERED:
            self.teach()
            p.steering = self.new_steering()
            assert p.free is not None
            early = p.best  # the best feasible iterate of the free training
            for one in (self._judge(), early):  # the first is untrained: independent columns
                if one is not None and p.steering.conclude_round(
                    utility=one.estimate.utility, values=self._over(one)
                ):
                    p.best = one

    def teach(self) -> None:
        """Wake the teachers."""
        self.teachers = []
        for held in self.progress.teachers:
            assert held is not None
            network = new_network(self.codec, self.shape)
            load_weights(network, held[0])
            self.teachers.append(network.to(self.device).eval())

    # -- rounds -------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.progress.done

    def run_round(self) -> None:
        """Train one round of the phase, judge what came out, and move on where the phase is over."""
        p = self.progress
        {FREE: self._free_round, TEACHERS: self._teachers_round, STEERED: self._steered_round}[
            p.phase
        ]()
        p.rounds += 1
        self._move_on()

    def _move_on(self) -> None:
        p = self.progress
        last = p.rounds >= self.plan.rounds
        if p.phase == FREE and (last or p.rounds - p.free_round >= PATIENCE):
            assert p.free is not None
            if self.feasible(p.free.estimate):
                p.best, p.done = p.free, True
            else:
                self.enter(TEACHERS)
        elif p.phase == TEACHERS and (last or not self._active()):
            self.enter(STEERED)
        elif p.phase == STEERED and last:
            p.done = True

    def feasible(self, estimate: Estimate) -> bool:
        """Whether a full estimate keeps every limit."""
        return all(v <= 0 for v in self.examiner.over(estimate).values())

    def _free_round(self) -> None:
        p = self.progress
        self._train(range(len(self.learners)))
        now = self._judge()
        p.history.append((FREE, now.estimate))
        if p.free is None or now.estimate.utility > p.free.estimate.utility:
            p.free, p.free_round = now, p.rounds + 1
        if self.feasible(now.estimate) and (
            p.best is None or now.estimate.utility > p.best.estimate.utility
        ):
            p.best = now

    def _active(self) -> list[int]:
        """Return the teachers that may still gain."""
        p = self.progress
        return [
            i for i, held in enumerate(p.teachers) if held is None or p.rounds - held[2] < PATIENCE
        ]

    def _teachers_round(self) -> None:
        p, unseen = self.progress, self.examiner.sides.unseen
        active = self._active()
        self._train(active)
        for i in active:
            value = self.examiner.utility(self.learners[i].mean.eval(), unseen[i])
            held = p.teachers[i]
            if held is None or value > held[1]:
                p.teachers[i] = (self.learners[i].weights(), value, p.rounds + 1)

    def _steered_round(self) -> None:
        p = self.progress
        assert p.steering is not None
        before = p.history[-1][1] if p.history[-1][0] == STEERED else None
        self._train(range(len(self.learners)), before or self._kept_first())
        now = self._judge()
        p.history.append((STEERED, now.estimate))
        if p.steering.conclude_round(utility=now.estimate.utility, values=self._over(now)):
            p.best = now

    def _kept_first(self) -> Estimate:
        assert self.progress.best is not None
        return self.progress.best.estimate

    def _judge(self) -> Kept:
        networks = [learner.mean.eval() for learner in self.learners]
        estimate = self.examiner.examine(networks)
        if not np.isfinite(estimate.utility):
            raise OptionError(
                f"the likelihood is not a finite number any more at a rate of {self.plan.rate:g}.",
                remedy="Lower the rate.",
            )
        return Kept(tuple(x.weights() for x in self.learners), estimate)

    def _over(self, kept: Kept) -> dict[str, float]:
        return self.examiner.over(kept.estimate)

    def new_steering(self) -> Steering:
        """Return a controller of the constraint that has seen nothing yet."""
        limits = self.examiner.limits
        scales = [max(abs(limits[n]), LEAST_SCALE) for n in limits]
        assert self.progress.free is not None
        start = {GAP: FAR * self.progress.free.estimate.spread} if GAP in limits else {}
        return Steering(
            list(limits),
            scales,
            round_length=self.plan.round_length,
            penalty=PENALTY,
            tolerance=0.0,
            start=start,
        )

    def _train(self, which: Sequence[int] | range, estimate: Estimate | None = None) -> None:
        """Train some networks for a round; with an estimate, under the constraint."""
        p, d = self.progress, self.tokens.shape[1]
        seed = (self.seed, PHASES.index(p.phase), 1_000_000 + p.rounds)
        rng = np.random.default_rng(seed)
        with drawn_alike(self.device, int(rng.integers(2**62))):
            for _ in range(self.plan.round_length):
                order = self.examiner.order
                if rng.random() >= CANONICAL:
                    order = tuple(int(j) for j in rng.permutation(d))
                weights = None
                if estimate is not None:
                    assert p.steering is not None
                    weights = p.steering.weights(self.examiner.over(estimate))
                for k in which:
                    self._step(k, order, estimate, weights)

    def _step(
        self,
        k: int,
        order: Sequence[int],
        estimate: Estimate | None,
        weights: dict[str, float] | None,
    ) -> None:
        learner = self.learners[k]
        rows = learner.minibatch()
        x = self.tokens[torch.from_numpy(rows).to(self.device)].long()
        learner.network.train()
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.plan.precision == "bfloat16"
        ):
            log_chance = learner.network(x, order).float()
            if estimate is None or weights is None or not any(weights.values()):
                loss = loss_of(log_chance, x, importance=self._importance)
            else:
                pull = self._pull(k, rows, x, order, log_chance, estimate, weights)
                loss = loss_of(log_chance, x, *pull, self._importance)
            if weights and weights.get(MINORITY):
                loss = loss + weights[MINORITY] * self._missed(log_chance, x)
        learner.descend(loss)

    # -- the constraint -----------------------------------------------------------------------

    def _pull(
        self,
        k: int,
        rows: NDArray[np.intp],
        x: Tensor,
        order: Sequence[int],
        log_chance: Tensor,
        estimate: Estimate,
        weights: dict[str, float],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return W (b, d), what is expected (b, d, V), and the marginals (d, V)."""
        expected = self._expected(self.examiner.sides.sides[k].teacher[rows], x, order, log_chance)
        with torch.no_grad():
            pull = torch.full(x.shape, weights.get(GAP, 0.0) / estimate.spread, device=self.device)
            if weights.get(TAIL):
                # the tail is the mean gain of those who gain most
                own = chosen(log_chance, x)
                theirs = chosen(expected.clamp_min(1e-30).log(), x).where(own < 0, 0.0)
                gain = (own - theirs).sum(1)
                share = max(1, int(np.ceil(TAIL_SHARE * len(gain))))
                most = gain >= gain.topk(share).values[-1]
                pull[most] += weights[TAIL] / TAIL_SHARE / estimate.spread
            for column in self.examiner.attributes:
                weight = weights.get(attribute_name(column), 0.0)
                pull[:, self.examiner.place(column)] += weight
            if weights.get(NEAR):
                near = np.isin(rows, estimate.copied.get(k, []))
                pull[torch.from_numpy(near).to(self.device)] += weights[NEAR]
        return pull, expected, self._marginal

    def _expected(
        self, teacher: NDArray[np.intp], x: Tensor, order: Sequence[int], like: Tensor
    ) -> Tensor:
        """Return what each person's own teacher expects, (b, d, V)."""
        out = torch.zeros_like(like)
        with torch.no_grad():
            for t in np.unique(teacher):
                mine = torch.from_numpy(np.flatnonzero(teacher == t)).to(self.device)
                out[mine] = self.teachers[int(t)](x[mine], order).float().exp()
        return out

    def _missed(self, log_chance: Tensor, x: Tensor) -> Tensor:
        """Return the surrogate of a missed minority: its surprise, in the outcome's column."""
        outcome = self.codec.schema.outcome
        assert outcome is not None
        j = self.examiner.place(outcome)
        rare = x[:, j] == rarest(self.codec, j)
        if not bool(rare.any()):
            return torch.zeros((), device=self.device)
        return -log_chance[rare, j, rarest(self.codec, j)].mean() / x.shape[1]


def new_network(codec: Codec, shape: Shape) -> Network:
    """Return a network for a codec's tokens."""
    described = [torch.from_numpy(c.description()).float() for c in codec.coders]
    frequency = [torch.from_numpy(c.frequency()).float() for c in codec.coders]
    with torch.random.fork_rng(devices=[]):  # PyTorch fills weights with numbers of its own
        return Network(shape, described, frequency)


def load_weights(network: Network, weights: Weights) -> None:
    """Give a network its weights."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.copy_(torch.from_numpy(weights[name].copy()))


@contextmanager
def drawn_alike(device: torch.device, seed: int) -> Iterator[None]:
    """Draw PyTorch's own random numbers (dropout) from a seed, then leave all as it was."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed % 2**63)
        yield
