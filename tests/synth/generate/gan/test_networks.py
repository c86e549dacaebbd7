"""Shapes, softened rows, and sub-models that share nothing."""

from __future__ import annotations

import numpy as np
import torch

from salus.synth.generate.gan.layout import Layout
from salus.synth.generate.gan.losses import Batch, Outcome, critic_loss, generator_loss
from salus.synth.generate.gan.networks import Auxiliary, Critic, Generator, Softener, start
from tests.synth.generate.gan.toys import CPU

LAYOUT = Layout(cells=(4, 1, 2, 9), modes=(2, 1, 0, 0))  # two numbers, two columns of levels


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_layout_counts() -> None:
    assert LAYOUT.n_places == 2 and LAYOUT.n_cells == 15 and LAYOUT.width == 17
    assert LAYOUT.n_raw == 18 and LAYOUT.part(3) == slice(8, 17)
    assert sorted(j for js, _ in LAYOUT.groups() for j in js) == [0, 2, 3]


def test_softened_cells_are_each_columns_softmax() -> None:
    softener = Softener(LAYOUT, CPU)
    logits = random(3, 5, LAYOUT.n_cells)
    found = softener.log_softmax(logits)
    for j in LAYOUT.choices:
        at = slice(LAYOUT.starts[j], LAYOUT.starts[j] + LAYOUT.cells[j])
        assert torch.allclose(found[..., at], logits[..., at].log_softmax(-1))


def test_a_place_belongs_to_its_mode() -> None:
    softener = Softener(LAYOUT, CPU)
    raw = torch.zeros(1, 3, LAYOUT.n_raw)
    raw[..., 0], raw[..., 1], raw[..., 2] = 0.5, -2.0, 1.0  # two modes, and a column of one
    for row, cell in enumerate((0, 1, 3)):
        raw[0, row, 3 + cell] = 100.0
    rows = softener.soften(raw, torch.zeros(1, 3, LAYOUT.n_cells), 0.2)
    expected = torch.tanh(torch.tensor([0.5, -2.0]))
    assert torch.allclose(rows[0, :2, 0], expected)
    assert rows[0, 2, 0] == 0  # neither mode: a missing state
    assert torch.allclose(rows[0, :, 1], torch.tanh(torch.ones(3)))
    assert torch.equal(rows[0, :, 2:6].argmax(-1), torch.tensor([0, 1, 3]))


def test_gumbel_noise_draws_by_the_softmax() -> None:
    softener = Softener(LAYOUT, CPU)
    raw = random(1, 1, LAYOUT.n_raw).expand(1, 40_000, -1).float()
    draw = torch.rand(1, 40_000, LAYOUT.n_cells, generator=torch.Generator().manual_seed(1))
    rows = softener.soften(raw, -(-draw.clamp_min(1e-9).log()).log(), 0.2)
    at = LAYOUT.part(3)
    share = torch.bincount(rows[0, :, at].argmax(-1), minlength=9) / 40_000
    wanted = raw[0, 0, -9:].softmax(-1)
    assert torch.allclose(share, wanted, atol=0.01)


def test_sub_models_share_nothing() -> None:
    generator = Generator(LAYOUT, 3, 6, 8, 2)
    critic = Critic(LAYOUT, 3, 8, 2, 2)
    start([generator, critic], torch.Generator().manual_seed(0))
    noise, told = random(3, 4, 6).float(), random(3, 4, 15, seed=1).float()
    raw = generator(noise, told)
    assert raw.shape == (3, 4, LAYOUT.n_raw) and critic(random(3, 4, 32).float()).shape == (3, 2, 1)
    other = noise.clone()
    other[1] += 1
    same = (generator(other, told) == raw).flatten(1).all(1)
    assert same.tolist() == [True, False, True]


def test_the_penalty_is_that_of_the_slope() -> None:
    """A linear critic has the same slope everywhere, known by hand."""
    critic = Critic(LAYOUT, 1, 4, 1, 1).double()
    start([critic], torch.Generator().manual_seed(3))
    with torch.no_grad():
        critic.layers[0].bias.fill_(1e6)  # so far from zero that nothing bends
        critic.layers[0].weight.mul_(0.1)
    real, fake = random(1, 6, 32), random(1, 6, 32, seed=4)
    slope = (critic.layers[0].weight @ critic.last.weight)[0, :, 0]
    distance = (critic(fake) - critic(real)).mean()
    loss = critic_loss(critic, real, fake, torch.rand(1, 6, dtype=torch.float64))
    expected = distance + 10 * (slope.norm() - 1) ** 2
    assert torch.allclose(loss, expected, rtol=1e-4)


def test_the_generator_is_drawn_to_its_condition() -> None:
    critic = Critic(LAYOUT, 1, 4, 1, 1)
    start([critic], torch.Generator().manual_seed(3))
    with torch.no_grad():
        critic.last.weight.zero_()
        critic.layers[0].weight.zero_()
    softener = Softener(LAYOUT, CPU)
    told = torch.zeros(1, 6, LAYOUT.n_cells)
    told[..., 5] = 1.0
    raw = torch.zeros(1, 6, LAYOUT.n_raw, requires_grad=True)
    fake = softener.soften(raw, torch.zeros(1, 6, LAYOUT.n_cells), 1.0)
    batch = Batch(fake.detach(), fake, raw, told, np.zeros((1, 6), np.intp))
    generator_loss(critic, softener, batch).backward()
    assert raw.grad is not None
    assert (raw.grad[..., 3 + 5] < 0).all() and (raw.grad[..., 3 + 4] > 0).all()


def test_the_auxiliary_learns_the_outcome() -> None:
    generator = torch.Generator().manual_seed(0)
    layout = Layout(cells=(1, 2), modes=(1, 0))
    outcome = Outcome.of(layout, 1)
    assert outcome is not None and outcome.width == 2 and outcome.rest.tolist() == [0]
    x = torch.rand(2, 300, 1, generator=generator) * 2 - 1
    ill = (x > 0).float()
    rows = torch.cat([x, 1 - ill, ill], -1)
    auxiliary = Auxiliary(2, 1, 2, 8)
    start([auxiliary], generator)
    optimiser = torch.optim.Adam(auxiliary.parameters(), 0.05)
    first = float(outcome.loss(auxiliary, rows).detach())
    for _ in range(100):
        optimiser.zero_grad()
        outcome.loss(auxiliary, rows).backward()
        optimiser.step()
    assert float(outcome.loss(auxiliary, rows).detach()) < 0.3 * first


def test_an_outcome_that_is_a_number_has_a_place() -> None:
    layout = Layout(cells=(2, 1), modes=(0, 1))
    outcome = Outcome.of(layout, 1)
    assert outcome is not None and outcome.cells is None and outcome.place == 0
    assert Outcome.of(layout, None) is None
    assert Outcome.of(Layout(cells=(1, 1), modes=(0, 1)), 0) is None  # one level: nothing to tell
    assert Outcome.of(Layout(cells=(2,), modes=(0,)), 0) is None  # nothing to tell it from
