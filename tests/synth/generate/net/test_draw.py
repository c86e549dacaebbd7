"""Drawing with kept keys and values against the forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import torch

from salus.synth.generate.net import draw
from salus.synth.generate.net.draw import Sharpness, draw_tokens
from salus.synth.generate.net.model import Network, chosen
from tests.synth.generate.net.toys import plain_network

SIZES = (2, 3, 4)
ROWS = np.array(list(product(*[range(v) for v in SIZES])))
N = 40_000


def chances(network: Network, order: Sequence[int]) -> np.ndarray:
    """Return the probability of every row that can be, (24,)."""
    with torch.no_grad():
        log = chosen(network(torch.from_numpy(ROWS), order), torch.from_numpy(ROWS))
    return log.sum(1).exp().numpy().astype(float)


def shares(tokens: np.ndarray) -> np.ndarray:
    """Return how often each row was drawn, (24,)."""
    place = np.ravel_multi_index(tokens.T, SIZES)
    return np.bincount(place, minlength=24) / len(tokens)


def uniform(n: int = N, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 3))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)], ids=str)
def test_rows_come_as_often_as_the_forward_pass_says(order: tuple[int, ...]) -> None:
    network = plain_network(SIZES)
    expected = chances(network, order)
    error = np.sqrt(expected * (1 - expected) / N)
    found = shares(draw_tokens(network, order, uniform()))
    assert (np.abs(found - expected) < 4.5 * error + 1e-4).all()


@pytest.mark.parametrize("layers", [1, 3])
def test_each_token_is_the_one_its_uniform_number_falls_into(layers: int) -> None:
    """Kept keys and values give, token by token, what a pass over the whole row gives."""
    sizes, order = (5, 2, 7, 3, 4), (3, 0, 4, 2, 1)
    network = plain_network(sizes, layers=layers)
    u = np.random.default_rng(1).random((300, 5))
    tokens = draw_tokens(network, order, u)
    with torch.no_grad():
        chance = network(torch.from_numpy(tokens), order).exp().numpy()
    end = chance.cumsum(2)
    at = tokens[:, :, None]
    high = np.take_along_axis(end, at, 2)[:, :, 0]
    low = high - np.take_along_axis(chance, at, 2)[:, :, 0]
    assert (low - 1e-5 <= u).all() and (u <= high + 1e-5).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_divides_the_logits(temperature: float) -> None:
    network = plain_network(SIZES)
    tokens = draw_tokens(network, (0, 1, 2), uniform(), sharpness=[Sharpness(temperature)] * 3)
    with torch.no_grad():
        log = network(torch.from_numpy(ROWS), (0, 1, 2))[:, 2, :4]
    expected = (log / temperature).softmax(1).numpy()
    for a, b in product(range(2), range(3)):
        mine = tokens[(tokens[:, 0] == a) & (tokens[:, 1] == b), 2]
        if len(mine) < 500:
            continue
        row = int(np.flatnonzero((ROWS[:, 0] == a) & (ROWS[:, 1] == b))[0])
        found = np.bincount(mine, minlength=4) / len(mine)
        assert np.abs(found - expected[row]).max() < 2.2 / np.sqrt(len(mine))


def test_each_column_has_its_own_sharpness() -> None:
    network = plain_network(SIZES)
    still = [Sharpness(), Sharpness(1e-3), Sharpness()]
    tokens = draw_tokens(network, (1, 0, 2), uniform(2_000), sharpness=still)
    assert len(np.unique(tokens[:, 1])) == 1  # next to no temperature: the likeliest
    assert len(np.unique(tokens[:, 0])) == 2 and len(np.unique(tokens[:, 2])) == 4


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [
        (1.0, [0, 1, 2, 3]),
        (0.9, [0, 1, 2]),
        (0.81, [0, 1, 2]),
        (0.79, [0, 1]),
        (0.51, [0, 1]),
        (0.49, [1]),
        (1e-6, [1]),
    ],
)
def test_top_p_leaves_out_the_least_likely(top_p: float, kept: list[int]) -> None:
    chance = torch.tensor([[0.3, 0.5, 0.12, 0.08]])
    left = Sharpness(1.0, top_p).apply(chance.log())[0]
    assert torch.nonzero(left).flatten().tolist() == kept
    share = left[left > 0] / left.sum()
    assert torch.allclose(share, chance[0, kept] / chance[0, kept].sum())


def test_what_top_p_left_out_is_never_drawn() -> None:
    """Not even by a uniform number that rounds to 1."""
    network = plain_network(SIZES)
    with torch.no_grad():
        first = network(torch.from_numpy(ROWS[:1]), (2, 1, 0))[0, 2].exp()
    least = int(first[:4].argmin())
    sharp = [Sharpness(1.0, float(1 - first[least]) - 1e-3)] * 3
    for edge in (0.0, 1 - 1e-12):
        u = np.full((3, 3), edge)
        assert draw_tokens(network, (2, 1, 0), u, sharpness=sharp)[0, 2] != least
    tokens = draw_tokens(network, (2, 1, 0), uniform(4_000), sharpness=sharp)
    assert len(np.unique(tokens[:, 2])) == 3 and not (tokens[:, 2] == least).any()


def test_the_last_token_may_be_the_one_left_out() -> None:
    cumulative = torch.tensor([[0.5, 1.0, 1.0]])  # the third has no chance
    picked = [int(draw._pick(cumulative, torch.tensor([u]))[0]) for u in (0.0, 0.49, 0.5, 1.0)]
    assert picked == [0, 0, 1, 1]


def test_held_columns_are_kept() -> None:
    network = plain_network(SIZES)
    given = np.tile([1, 0, 3], (500, 1))
    tokens = draw_tokens(network, (2, 0, 1), uniform(500), given=given, held=2)
    assert (tokens[:, 2] == 3).all() and (tokens[:, 0] == 1).all()
    assert len(np.unique(tokens[:, 1])) == 3
    assert np.array_equal(draw_tokens(network, (2, 0, 1), uniform(500), given=given, held=3), given)


@pytest.mark.parametrize("j", [0, 1, 2])
def test_conditions_are_exact(j: int) -> None:
    """p(others | column j) by Bayes from the chances of whole rows, j first in the order."""
    network = plain_network(SIZES)
    order = [j, *(k for k in range(3) if k != j)]
    whole = chances(network, order)
    for value in range(SIZES[j]):
        given = np.zeros((N // 2, 3), int)
        given[:, j] = value
        found = shares(draw_tokens(network, order, uniform(N // 2), given=given, held=1))
        expected = np.where(ROWS[:, j] == value, whole, 0.0)
        expected /= expected.sum()
        error = np.sqrt(expected * (1 - expected) / (N // 2))
        assert (np.abs(found - expected) < 4.5 * error + 1e-4).all()


def test_the_uniform_numbers_are_the_only_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    network = plain_network((5, 2, 7, 3), dropout=0.5)
    u = np.random.default_rng(0).random((150, 4))
    torch.manual_seed(1)
    whole = draw_tokens(network.train(), (2, 0, 3, 1), u)
    torch.manual_seed(2)
    assert np.array_equal(draw_tokens(network.train(), (2, 0, 3, 1), u), whole)
    for block in (1, 7, 64):
        monkeypatch.setattr(draw, "ROWS", block)
        assert np.array_equal(draw_tokens(network, (2, 0, 3, 1), u), whole)


def test_a_single_column() -> None:
    network = plain_network((4,))
    found = np.bincount(draw_tokens(network, (0,), uniform()[:, :1])[:, 0], minlength=4) / N
    with torch.no_grad():
        expected = network(torch.zeros(1, 1, dtype=torch.long), (0,))[0, 0].exp().numpy()
    assert np.abs(found - expected).max() < 0.012
