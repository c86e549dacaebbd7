"""The network with differential privacy: trained by noisy gradients (DP-SGD), on paid or public cells.

What ``dp`` does for MST and AIM is done here alike: bounds and levels are public or paid for, single
columns are counted with noise, cells are joined as the counts allow, every step is recorded, and
the claim is what the account supports. Only the relations between columns are learnt otherwise: by
a transformer (``model.py``) whose gradients are clipped and noisy (``dp/gradients.py``,
``noisy.py``), in place of noisy tables of counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import OptionError
from salus.synth.generate.dp.accounting import gaussian_sigma, sgd_noise
from salus.synth.generate.dp.claim import Training
from salus.synth.generate.dp.curator import Curator
from salus.synth.generate.dp.domain import Cells
from salus.synth.generate.dp.generator import PrivateGenerator
from salus.synth.generate.dp.joint import Distribution
from salus.synth.generate.dp.merging import Groups
from salus.synth.generate.dp.model import Found, Model, Plan
from salus.synth.generate.dp.mst import columns_alone
from salus.synth.generate.net.generator import need_torch
from salus.synth.table.schema import Column
from salus.synth.table.table import Table

if TYPE_CHECKING:
    from salus.synth.generate.net.groups import Start

__all__ = ["PrivateNet"]

Floats = NDArray[np.float64]

MANY = 100  # levels beyond which a column is drawn late, where it conditions little


@dataclass(kw_only=True)
class PrivateNet(PrivateGenerator):
    """Learn a table with a transformer trained by noisy gradients.

    Parameters
    ----------
    epsilon, delta, bins, bounds, declared, paid_levels, rows_per_person, noise_seed
        As for ``Mst``.
    width, layers, heads : int
        Of the network. A small one: noise grows with the number of weights.
    steps : int
        Of the training; not fewer, whatever the people look like.
    batch_rate : float
        Probability with which each person is in a batch.
    clip : float
        Longest gradient of a person.
    rate : float
        Of Adam.
    temperature, top_p : float
        At which rows are drawn: above 1 relations are loosened; below 1 in ``top_p`` the least likely
        groups are left out.

    Notes
    -----
    The defaults were set on a public table (flchain, epsilon 3). Trying others on a table that is to be
    protected spends again. On the tables tried, ``Aim`` is better and faster: see
    ``docs/methods/privacy.md``.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = PrivateNet(epsilon=3.0, bounds="paid", declared=True, steps=5)
    >>> model = model.fit(load_pbc(), seed=7)  # doctest: +SKIP
    >>> len(model.sample(10, seed=7).table)  # doctest: +SKIP
    10
    """

    kind: ClassVar[str] = "dpnet"
    _singles: ClassVar[float] = 0.2

    width: int = 32
    layers: int = 1
    heads: int = 4
    steps: int = 200
    batch_rate: float = 0.1
    clip: float = 1.0
    rate: float = 0.02
    temperature: float = 1.0
    top_p: float = 1.0

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        """Learn from ``table`` with differential privacy; see ``Mst.fit``.

        Raises
        ------
        MissingExtra
            Without PyTorch or ``dp-accounting``.
        """
        need_torch()
        return super().fit(table, reference=reference, seed=seed)

    def _check_options(self, table: Table) -> None:
        super()._check_options(table)
        for name in ("width", "layers", "heads", "steps"):
            count = getattr(self, name)
            if count < 1 or count != int(count):
                raise OptionError(f"{name} must be a whole number of at least 1, got {count}.")
        if self.width % self.heads:
            raise OptionError(
                f"a width of {self.width} can't be shared by {self.heads} heads.",
                remedy="Give a multiple of heads.",
            )
        if not 0 < self.batch_rate <= 1:
            raise OptionError(
                f"batch_rate must lie above 0 and at most at 1, got {self.batch_rate}."
            )
        for name in ("clip", "rate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise OptionError(f"{name} must be positive, got {value}.")
        self._check_drawing()

    def _check_drawing(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise OptionError(f"temperature must be positive, got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p must lie above 0 and at most at 1, got {self.top_p}.")

    def _learn(self, curator: Curator, cells: list[Cells], plan: Plan) -> Found:
        from salus.synth.generate.net.groups import NetJoint, hold_marginals, new_network
        from salus.synth.generate.net.noisy import Pace, begin, train_noisy

        sigma = gaussian_sigma(curator.sensitivity, plan.alone / len(cells))
        first = columns_alone(
            curator, cells, plan.alone, plan.total, pairs_sigma=sigma, bins=self.bins
        )
        starts = tuple(
            _start(c, g, m.counts, sigma)
            for c, g, m in zip(cells, first.groups, first.measured, strict=True)
        )
        size = {"width": self.width, "layers": self.layers, "heads": self.heads}
        order = _order([c.column for c in cells], plan.outcome)
        network = new_network(starts, size)
        begin(network, plan.seed)
        told: dict[str, Any] = {"weights": sum(w.numel() for w in network.parameters())}
        if sum(len(s.chance) > 1 for s in starts) > 1:
            training = self._training(curator)
            people = max(1.0, plan.total / self.rows_per_person) * self.batch_rate
            pace = Pace(self.rate, people)
            train_noisy(network, first.curator.gradients(training, self.clip), order, pace)
            told |= {"noise_multiplier": training.noise_multiplier, "steps": self.steps}
        else:  # columns of one group have no relation to be learnt
            told |= {"noise_multiplier": None, "steps": 0}
        alone = hold_marginals(network.eval(), starts, order, plan.seed)
        learnt = {k: w.detach().numpy().copy() for k, w in network.named_parameters()}
        joint = NetJoint(starts, size, order, learnt, alone)
        return Found(first.groups, joint, {**told, "batch_rate": self.batch_rate})

    def _training(self, curator: Curator) -> Training:
        """Return a training that spends what is left.

        Rate and steps are fixed beforehand, and so is what counts spend: no part of the account depends
        on earlier answers.
        """
        account = curator.account
        noise = _noise(self.epsilon, account.delta_left, self.batch_rate, self.steps, account.spent)
        return Training(
            step="training", noise_multiplier=noise, rate=self.batch_rate, steps=self.steps
        )

    @classmethod
    def _joint(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Distribution:
        need_torch()
        from salus.synth.generate.net.groups import NetJoint

        return NetJoint.from_dict(plain, arrays)

    def _fitted(self) -> Model:
        from salus.synth.generate.net.groups import NetJoint

        model = super()._fitted()
        self._check_drawing()
        assert isinstance(model.joint, NetJoint)
        return replace(model, joint=model.joint.sharpened(self.temperature, self.top_p))


@lru_cache(maxsize=16)
def _noise(epsilon: float, delta: float, rate: float, steps: int, rho: float) -> float:
    """Return the noise multiplier; it takes a second, and every fit of a frontier asks the same."""
    return sgd_noise(epsilon, delta, rate=rate, steps=steps, rho=rho)


def _start(cells: Cells, groups: Groups, counts: Floats, sigma: float) -> Start:
    """Return what the noisy counts of a column say."""
    from salus.synth.generate.net.groups import Start

    noise = sigma * np.sqrt(groups.cells)
    positive = np.maximum(counts, 0.5 * noise)
    k = cells.n_values
    values = int(groups.of_cell[:k].max(initial=-1)) + 1
    in_order = not cells.column.is_levelled or (
        # levels that were joined have no place in the order
        cells.column.kind == "ordinal" and np.all(np.diff(groups.of_cell[:k]) > 0)
    )
    return Start(positive / positive.sum(), values if in_order else 0)


def _order(columns: Sequence[Column], outcome: int | None) -> tuple[int, ...]:
    """Return the order in which columns are drawn: as in the schema, the outcome last."""
    rest = [j for j in range(len(columns)) if j != outcome]
    late = [j for j in rest if columns[j].is_levelled and len(columns[j].levels) > MANY]
    last = [] if outcome is None else [outcome]
    return (*(j for j in rest if j not in late), *late, *last)
