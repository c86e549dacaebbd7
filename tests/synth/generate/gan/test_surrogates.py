"""Surrogates: slopes are right and not zero; lowering one lowers the risk it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from salus.synth.budget import Budget
from salus.synth.generate.gan.codec import Coded
from salus.synth.generate.gan.estimates import Estimate
from salus.synth.generate.gan.networks import Softener
from salus.synth.generate.gan.risks import MINORITY, NEAR, RATIO, TAIL, far
from salus.synth.table.table import Table
from tests.synth.generate.gan.toys import CPU, Toy, hard_rows, rare_outcome, spread_out

ROWS = 60


class Overfitted:
    """A generator that is a list of rows: at first verbatim copies of members."""

    def __init__(self, toy: Toy, sharp: float = 4.0) -> None:
        self.toy, layout = toy, toy.layout
        rows = hard_rows(toy, ROWS)
        self.softener = Softener(layout, CPU)
        logits = sharp * rows[..., layout.n_places :]
        places = []
        for i, j in enumerate(layout.numbers):
            places += [rows[..., i : i + 1].clamp(-0.99, 0.99).atanh()] * layout.modes[j]
        self.raw = torch.cat([*places, logits], -1).clone().requires_grad_()
        self.weight = torch.full(rows.shape[:2], 1.0 / rows.shape[1])

    def soft(self, seed: int, temperature: float = 0.3) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        shape = (*self.raw.shape[:2], self.toy.layout.n_cells)
        noise = torch.rand(shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        return self.softener.soften(self.raw, -(-noise.log()).log(), temperature)

    def surrogates(self, seed: int = 0) -> dict[str, torch.Tensor]:
        return self.toy.surrogates(self.soft(seed), self.weight, self.toy.sample, seed)

    def hard(self) -> Estimate:
        """Return the full estimate of the likeliest rows."""
        return self.toy.examiner.examine(self.tables())

    def tables(self) -> list[Table]:
        """Return the likeliest rows."""
        toy, layout = self.toy, self.toy.layout
        raw = self.raw.detach().numpy()
        made = []
        for k in range(len(toy.sides)):
            cell = np.zeros((ROWS, len(layout.cells)), np.intp)
            place = np.zeros(cell.shape)
            modes = sum(layout.modes)
            for j in layout.choices:
                begin = modes + layout.starts[j]
                cell[:, j] = raw[k, :, begin : begin + layout.cells[j]].argmax(-1)
            at = 0
            for j in layout.numbers:
                mode = np.minimum(cell[:, j], layout.modes[j] - 1)
                place[:, j] = np.tanh(raw[k, np.arange(ROWS), at + mode])
                at += layout.modes[j]
            made.append(toy.codec.decode(Coded(cell, place)))
        return made


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy(spread_out(150))


def test_every_limited_risk_has_a_surrogate(toy: Toy) -> None:
    names = {RATIO, TAIL, NEAR, "attribute ill"}
    assert set(toy.examiner.limits) == names == set(Overfitted(toy).surrogates())
    none = Toy(spread_out(60), budget=None)
    assert none.examiner.limits == {} == Overfitted(none).surrogates()


def test_copies_are_seen(toy: Toy) -> None:
    found = Overfitted(toy, sharp=20.0).surrogates()
    assert found[RATIO] > 0.5 and found[TAIL] > 0.5 and found[NEAR] > 0.3


@pytest.mark.parametrize("name", [RATIO, TAIL, NEAR, "attribute ill"])
def test_slopes_are_right_and_not_zero(toy: Toy, name: str) -> None:
    """A step along the slope raises the risk nearly as fast as the slope says.

    Not as fast: what the step does to the distance of strangers is no part of the slope.
    """
    model = Overfitted(toy)
    value = model.surrogates()[name]
    (slope,) = torch.autograd.grad(value, model.raw)
    assert torch.isfinite(slope).all() and (slope.abs().sum((1, 2)) > 0).all()
    direction = slope / slope.norm()
    step = 0.02
    ahead = []
    for sign in (1, -1):
        moved = Overfitted(toy)
        with torch.no_grad():
            moved.raw.add_(sign * step * direction)
            ahead.append(float(moved.surrogates()[name]))
    change = (ahead[0] - ahead[1]) / (2 * step)
    assert 0.5 < change / float(slope.norm()) < 1.5


def test_strangers_are_not_learnt_from(toy: Toy) -> None:
    """Rows that flee from members come no nearer to those they are judged by than to anybody."""
    model = Overfitted(toy)
    optimiser = torch.optim.Adam([model.raw], 0.05)
    for step in range(60):
        optimiser.zero_grad()
        found = model.surrogates(step)
        (found[RATIO] + found[TAIL] + found[NEAR]).backward()
        optimiser.step()
    encoder = toy.examiner.encoder
    nearer = []
    for k, side in enumerate(toy.sides):
        fresh = spread_out(len(side.others), seed=50 + k)
        made = encoder.place(model.tables()[k])
        others, anybody = (
            far(made, encoder.place(t)).min(1) for t in (toy.table.take(side.others), fresh)
        )
        nearer.append((others < anybody).mean())
    assert np.mean(nearer) < 0.58


def test_there_is_a_slope_at_the_start(toy: Toy) -> None:
    """Rows that know nobody: independent columns."""
    model = Overfitted(toy)
    with torch.no_grad():
        for k in range(len(model.raw)):
            for j in range(model.raw.shape[-1]):
                order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(j))
                model.raw[k, :, j] = model.raw[k, order, j]
    for name, value in model.surrogates().items():
        (slope,) = torch.autograd.grad(value, model.raw, retain_graph=True)
        if name != TAIL:  # a row must be in the tail before it can be pulled out
            assert slope.norm() > 1e-4, name


@pytest.mark.parametrize("name", [RATIO, TAIL, NEAR])
def test_lowering_a_surrogate_lowers_the_risk(toy: Toy, name: str) -> None:
    model = Overfitted(toy)
    before = model.hard().risks[name]
    optimiser = torch.optim.Adam([model.raw], 0.05)
    for step in range(60):
        optimiser.zero_grad()
        torch.relu(model.surrogates(step)[name]).backward()
        optimiser.step()
    after = model.hard().risks[name]
    assert before > 0.8 and after < 0.35 * before


def test_the_gap_of_a_predictor_can_be_lowered() -> None:
    """Rows whose outcome tells a member's own, drawn by a coin: a member's is known, nobody else's."""
    table = spread_out(150)
    coin = np.random.default_rng(5).integers(0, 2, 150)
    toy = Toy(table.replace("ill", coin))
    model = Overfitted(toy)
    before = model.hard().risks["attribute ill"]
    optimiser = torch.optim.Adam([model.raw], 0.05)
    for step in range(60):
        optimiser.zero_grad()
        torch.relu(model.surrogates(step)["attribute ill"]).backward()
        optimiser.step()
    after = model.hard().risks["attribute ill"]
    assert before > 0.3 and after < 0.5 * before


def test_a_lost_class_can_be_found_again() -> None:
    table = rare_outcome(240, 0.1)
    toy = Toy(table, budget=Budget(), minority_recall=0.6)
    model = Overfitted(toy)
    layout = toy.layout
    at = sum(layout.modes) + layout.starts[layout.choices[-1]]
    with torch.no_grad():
        model.raw[..., at + 1] = -3.0  # nobody has died
        model.raw[..., at] = 3.0
    first = model.surrogates()[MINORITY]
    assert model.hard().risks[MINORITY] == 1.0 and first > 0.5
    optimiser = torch.optim.Adam([model.raw], 0.1)
    for step in range(80):
        optimiser.zero_grad()
        model.surrogates(step)[MINORITY].backward()
        optimiser.step()
    assert model.hard().risks[MINORITY] < 0.6


def test_weights_count(toy: Toy) -> None:
    """A copy that hardly ever comes up hardly counts."""
    model = Overfitted(toy, sharp=20.0)
    rows = model.soft(0).detach()
    rows[:, 1:] = rows[:, 1:].roll(1, 0)
    rows[:, 1:, : toy.layout.n_places] = (
        torch.rand(
            rows[:, 1:, : toy.layout.n_places].shape, generator=torch.Generator().manual_seed(1)
        )
        - 0.5
    )
    heavy, light = torch.zeros(rows.shape[:2]), torch.full(rows.shape[:2], 1 / (ROWS - 1))
    heavy[:, 0], light[:, 0] = 1.0, 0.0
    found = [toy.surrogates(rows, w, toy.sample, 0)[RATIO] for w in (heavy, light)]
    assert found[0] > found[1] + 0.3
