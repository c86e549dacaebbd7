"""The network: every conditional distribution, in any order."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.model import NEVER, Dropout, chosen
from tests.synth.generate.net.toys import awake, network_for, plain_network
from tests.synth.generate.tables import TABLES, mixed

SIZES = (2, 3, 4)
ALL = torch.tensor(list(product(*[range(v) for v in SIZES])))  # every row that can be, (24, 3)


def test_an_untrained_network_gives_the_frequencies() -> None:
    codec = Codec.fit(mixed(100), bins=8)
    network = network_for(codec)
    tokens = torch.from_numpy(codec.encode(mixed(30, seed=1))[0])
    for order in (range(6), (5, 0, 3, 1, 4, 2)):
        with torch.no_grad():
            chance = network(tokens, order).exp().numpy()
        for j, coder in enumerate(codec.coders):
            assert np.allclose(chance[:, j, : coder.size], coder.frequency(), atol=1e-5)
            assert (chance[:, j, coder.size :] == 0).all()


@pytest.mark.parametrize("layers", [1, 2])
def test_a_column_depends_on_those_before_it_only(layers: int) -> None:
    sizes = (3, 4, 2, 5, 3)
    network = plain_network(sizes, layers=layers)
    rng = np.random.default_rng(0)
    tokens = torch.from_numpy(rng.integers(0, sizes, (20, 5)))
    for order in ((0, 1, 2, 3, 4), (3, 0, 4, 2, 1)):
        with torch.no_grad():
            before = network(tokens, order)
            for place, j in enumerate(order):
                other = tokens.clone()
                other[:, j] = (other[:, j] + 1) % sizes[j]
                moved = (network(other, order) - before).abs().amax((0, 2))
                assert (moved[list(order[: place + 1])] == 0).all()
                assert (moved[list(order[place + 1 :])] > 1e-3).all()


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_chances_of_all_rows_add_up_to_one(order: tuple[int, ...]) -> None:
    network = plain_network(SIZES)
    with torch.no_grad():
        log = network(ALL, order)
        assert torch.allclose(log.exp().sum(2), torch.ones(len(ALL), 3), atol=1e-5)
        total = chosen(log, ALL).sum(1).exp()
    assert float(total.sum()) == pytest.approx(1, abs=1e-5)
    assert float(total.std()) > 1e-3  # no even distribution, which would add up anyway


def test_another_order_gives_another_factorisation() -> None:
    """The network is told the order: what is asked depends on what is given."""
    network = plain_network(SIZES)
    with torch.no_grad():
        first, last = network(ALL, (0, 1, 2))[:, 0], network(ALL, (1, 2, 0))[:, 0]
    assert float(first.std(0)[:2].max()) < 1e-6  # nothing is known yet
    assert float(last.std(0)[:2].max()) > 1e-2


def test_a_token_never_seen_counts_nothing() -> None:
    network = plain_network(SIZES)
    tokens = torch.tensor([[0, 1, 2], [2, 1, 2], [0, 3, 4]])  # 2, 3 and 4 are beyond a column's own
    with torch.no_grad():
        log = network(tokens, (0, 1, 2))
    picked = chosen(log, tokens)
    assert (picked == 0).tolist() == [[False] * 3, [True, False, False], [False, True, True]]
    assert float(picked[0, 1]) == pytest.approx(float(log[0, 1, 1]))
    assert float(log[0, 0, 2]) < NEVER / 2
    assert torch.isfinite(log).all()


def test_what_is_no_number_stays_so() -> None:
    """Else a network that diverged would pass for one that is sure of everything."""
    log = torch.full((2, 3, 4), torch.nan)
    assert chosen(log, torch.tensor([[0, 1, 2], [1, 1, 1]])).isnan().all()
    unlikely = torch.full((1, 1, 2), -20_000.0)
    assert float(chosen(unlikely, torch.tensor([[1]]))) == -20_000


def test_a_token_never_seen_tells_nothing() -> None:
    """Its embedding is zero, so those after it are what they are for a description of nothing."""
    codec = Codec.fit(mixed(100), bins=8)
    network = awake(network_for(codec))
    for j, coder in enumerate(codec.coders):
        with torch.no_grad():
            table = network.value_table(j)
        assert (table[coder.size] == 0).all() and (table[: coder.size] != 0).any(1).all()


@pytest.mark.parametrize("name", ["mixed", "heaped", "two columns"])
def test_slopes_reach_every_weight(name: str) -> None:
    table = TABLES[name]()
    codec = Codec.fit(table, bins=8)
    network = awake(network_for(codec), spread=0.3).train()
    tokens = torch.from_numpy(codec.encode(table)[0])
    d = len(codec.coders)
    for order in (range(d), range(d)[::-1]):  # nothing follows the last column of an order
        (-chosen(network(tokens, order), tokens).mean()).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name
        kind, *at = name.split(".")
        alone = kind in ("value", "heads") and codec.coders[int(at[0])].size == 1
        # a column with one token has nothing to learn, and its value tells nothing
        assert alone or weight.grad.abs().max() > 0, name


def test_at_first_only_heads_move() -> None:
    """They are zero, so nothing flows through them; after one step everything learns."""
    codec = Codec.fit(mixed(100), bins=8)
    network = network_for(codec).train()
    tokens = torch.from_numpy(codec.encode(mixed(100))[0])
    (-chosen(network(tokens, range(6)), tokens).mean()).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None
        assert (weight.grad.abs().max() > 0) == name.startswith("heads"), name


def test_dropout_silences_features_of_a_row_at_all_positions_alike() -> None:
    dropout = Dropout(0.4).train()
    torch.manual_seed(0)
    out = dropout(torch.ones(500, 7, 20))
    assert torch.equal(out, out[:, :1].expand_as(out))
    assert set(np.round(out.unique().numpy(), 5)) == {0.0, np.float32(np.round(1 / 0.6, 5))}
    assert float((out == 0).float().mean()) == pytest.approx(0.4, abs=0.02)
    assert not torch.equal(out[0], out[1])  # each row its own


def test_dropout_is_off_in_evaluation_and_at_zero() -> None:
    x = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0).train()(x) is x
    network = plain_network(SIZES, dropout=0.5)
    with torch.no_grad():
        assert torch.equal(network(ALL, (0, 1, 2)), network(ALL, (0, 1, 2)))
        still = network(ALL, (0, 1, 2))
        network.train()
        assert not torch.equal(network(ALL, (0, 1, 2)), still)


def test_first_weights_come_from_the_seed() -> None:
    codec = Codec.fit(mixed(100), bins=8)
    a, b, c = (network_for(codec, seed=s) for s in (1, 1, 2))
    for x, y, z in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(x, y)
        assert torch.equal(x, z) == bool((x == x.flatten()[0]).all())
