"""The risks of ``risks.py`` on a batch of soft rows, with gradients to the generator.

Thresholds become sigmoids and nearest rows soft weights, so each surrogate has a slope from the
start. A batch is drawn with conditions that favour rare cells; weights undo that. Where members are
more than a bank holds, a new random part of them is taken every round.

Values are the risks', but slopes lead away from members only, and for the ratio only where a row tells
of them. A slope towards the others would lower the risk, too: the networks would learn the people who
are to judge them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from salus.synth.generate.gan.estimates import SPECIFICITY, Examiner, rarest
from salus.synth.generate.gan.risks import (
    CLOSE,
    MINORITY,
    NEAR,
    RATIO,
    TAIL,
    attribute_name,
)
from salus.synth.generate.gan.space import Seats, Space, distances

__all__ = ["Sample", "Surrogates"]

MOST = 800  # people of a bank
GUESSED = 200  # of whom a column is guessed in one batch, on each side
BLUR = 0.25  # of the way from reach to the usual distance: width of the near copies' sigmoid
RANKS = 0.02  # width of the sigmoid by which a guessed number is right
SCORES = 0.05  # and of that by which a person of the rarest class is found


@dataclass(frozen=True)
class Sample:
    """Hold the seats of people of K banks, in random order: (K, n_T, ...), (K, n_H, ...)."""

    members: Seats
    others: Seats

    def parts(self, turn: int) -> tuple[Seats, Seats]:
        """Return a part of the members and one of the others, of one size; another every turn."""
        n, m = self.members.match.shape[1], self.others.match.shape[1]
        size = min(n, m)
        return _window(self.members, turn, size), _window(self.others, turn, size)


def _window(seats: Seats, turn: int, size: int) -> Seats:
    begin = (turn % (seats.match.shape[1] // size)) * size
    at = slice(begin, begin + size)
    return Seats(seats.position[:, at], seats.present[:, at], seats.match[:, at])


class Surrogates:
    """Estimate the limited risks of soft rows.

    Parameters
    ----------
    examiner : Examiner
    space : Space
    """

    def __init__(self, examiner: Examiner, space: Space) -> None:
        self.examiner, self.space, self.anchors = examiner, space, examiner.anchors
        banks = examiner.banks
        self.members = [space.people(b.members) for b in banks]
        self.others = [space.people(b.others) for b in banks]
        self.n_members = min(MOST, *(len(b.members) for b in banks))
        self.n_others = min(MOST, *(len(b.others) for b in banks))
        self.groups = float(np.mean([b.groups for b in banks]))
        self.rare = None
        if MINORITY in examiner.limits:
            outcome = examiner.schema.outcome
            assert outcome is not None
            code = rarest(examiner.others[0], outcome) + 1
            j = space.names.index(outcome.name)
            self.rare = space.states.index((j, code))

    def sample(self, rng: np.random.Generator) -> Sample:
        """Draw the people that the next round's batches are judged by."""

        def some(sides: Sequence[Seats], n: int) -> Seats:
            parts = []
            for side in sides:
                rows = torch.from_numpy(rng.permutation(len(side.match))[:n].copy())
                parts.append(side.take(rows.to(side.match.device)))
            return Seats(
                torch.stack([p.position for p in parts]),
                torch.stack([p.present for p in parts]),
                torch.stack([p.match for p in parts]),
            )

        return Sample(some(self.members, self.n_members), some(self.others, self.n_others))

    def __call__(
        self, rows: Tensor, weight: Tensor, people: Sample, turn: int
    ) -> dict[str, Tensor]:
        """Return each limited risk's estimate, a scalar with gradients.

        Parameters
        ----------
        rows : tensor (K, b, P + C)
            Soft rows.
        weight : tensor (K, b)
            Of each row, summing to 1 for each sub-model.
        people : Sample
        turn : int
            Which part of the people is asked.
        """
        limits, space = self.examiner.limits, self.space
        seats = space.seats(rows)
        members, others = people.parts(turn)
        out: dict[str, Tensor] = {}
        if {RATIO, TAIL, NEAR} & set(limits):
            near = distances(seats, members, space.columns)
            far = distances(seats, others, space.columns)
            out |= self._ratio(near, far, weight)
            if NEAR in limits:
                out[NEAR] = self._near(near, far, weight)
        for column in self.examiner.attributes:
            j = space.names.index(column.name)
            known = self.examiner.known(column)
            inside = self._success(members, seats, weight, j, known)
            outside = self._success(others, seats, weight, j, known).detach()
            gain = (inside - outside) / (1.0 - outside).clamp_min(1e-3)
            out[attribute_name(column)] = gain.mean()
        if self.rare is not None:
            missed = self._missed(people.members, seats, weight)
            if missed is not None:
                out[MINORITY] = missed
        return out

    def _ratio(self, near: Tensor, far: Tensor, weight: Tensor) -> dict[str, Tensor]:
        a, limits = self.anchors, self.examiner.limits
        to_members = (a.background + torch.exp(-near / a.tau).mean(-1)).log()
        to_others = (a.background + torch.exp(-far / a.tau).mean(-1)).log().detach()
        r = to_members - to_others
        out = {}
        if RATIO in limits:
            out[RATIO] = _sloped(r, torch.relu(r), weight) / a.ceiling
        if TAIL in limits:
            over = torch.relu(r - a.start)
            out[TAIL] = _sloped(over - torch.relu(-r - a.start), over, weight) / a.tail_ceiling
        return out

    def _near(self, near: Tensor, far: Tensor, weight: Tensor) -> Tensor:
        a = self.anchors
        blur = BLUR * (a.usual - a.reach) + 1e-3

        def within(distance: Tensor) -> Tensor:
            soft = torch.sigmoid((a.reach - distance.amin(-1)) / blur)
            return (weight * soft).sum(-1).mean()

        return self.groups * (within(near) - within(far).detach())

    def _success(
        self, people: Seats, made: Seats, weight: Tensor, j: int, known: Sequence[int]
    ) -> Tensor:
        """Return the chance that rows near by the known columns give to the true values, (K,)."""
        people = Seats(*(t[:, :GUESSED] for t in (people.position, people.present, people.match)))
        graded, states = self.space.columns_at(known)
        apart = distances(people.keep(graded, states), made.keep(graded, states), len(known))
        log = -apart / self.anchors.tau + torch.log(weight + 1e-12)[:, None, :]
        share = log.softmax(-1)
        graded, states = self.space.columns_at([j])
        truth, answer = people.keep(graded, states), made.keep(graded, states)
        right = truth.match @ answer.match.transpose(-1, -2)
        if len(graded):
            gap = (truth.position - answer.position.transpose(-1, -2)).abs()
            off = truth.present * torch.sigmoid((gap - CLOSE) / RANKS)
            right = right - off * answer.present.transpose(-1, -2)
        return (share * right).sum(-1).mean(-1)

    def _missed(self, people: Seats, made: Seats, weight: Tensor) -> Tensor | None:
        """Return the share of the rarest class that rows near by don't find; None without anybody.

        Asked of people learnt from: the others only decide.
        """
        outcome = self.examiner.schema.outcome
        assert outcome is not None
        assert self.rare is not None
        j = self.space.names.index(outcome.name)
        rest = [i for i in range(self.space.columns) if i != j]
        graded, states = self.space.columns_at(rest)
        apart = distances(people.keep(graded, states), made.keep(graded, states), len(rest))
        # of all rows by their weight, so that the class counts for more where rows of it are more
        log = -apart / (2 * self.anchors.tau) + torch.log(weight + 1e-12)[:, None, :]
        score = (log.softmax(-1) * made.match[..., self.rare][:, None, :]).sum(-1)  # (K, n_T)
        true = people.match[..., self.rare]
        found = []
        for k in range(len(score)):
            mine, rest_of = score[k][true[k] > 0], score[k][true[k] == 0]
            if len(mine) and len(rest_of):
                cut = torch.quantile(rest_of.detach(), SPECIFICITY)
                found.append(torch.sigmoid((mine - cut) / SCORES).mean())
        return 1.0 - torch.stack(found).mean() if found else None


def _sloped(value: Tensor, slope: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of ``value`` with the gradient of ``slope``, both (K, n)."""
    return (weight * (value.detach() + slope - slope.detach())).sum(-1).mean()
