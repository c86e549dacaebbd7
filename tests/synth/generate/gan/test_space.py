"""Soft rows in the space of distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from salus.synth.generate.gan.risks import far
from salus.synth.generate.gan.space import Seats, distances
from tests.synth.generate.gan.toys import Toy, hard_rows, spread_out
from tests.synth.generate.tables import TABLES


@pytest.mark.parametrize("name", ["mixed", "numbers", "levels", "odd", "heaped"])
def test_hard_rows_are_as_far_as_measured(name: str) -> None:
    toy = Toy(TABLES[name]())
    for k in (0, 1):
        coded = toy.coded(k, 40)
        rows = torch.from_numpy(toy.layout.vectors(coded))
        bank = toy.examiner.banks[k]
        soft = distances(toy.space.seats(rows), toy.space.people(bank.others), toy.space.columns)
        made = toy.examiner.encoder.place(toy.codec.decode(coded))
        # positions are joined by lines, and heaps are steps
        off = np.abs(soft.numpy() - far(made, bank.others))
        assert off.max() < (0.15 if name == "heaped" else 0.04) and off.mean() < 0.015
        assert soft.min() > -1e-5 and soft.max() < 1 + 1e-5


def test_people_are_as_far_as_measured() -> None:
    toy = Toy(TABLES["mixed"]())
    bank = toy.examiner.banks[0]
    seats = toy.space.people(bank.members), toy.space.people(bank.others)
    found = distances(*seats, toy.space.columns).numpy()
    inside = (np.abs(bank.members.position) <= 1).all()
    assert inside and np.allclose(found, far(bank.members, bank.others), atol=1e-5)


def test_some_columns_alone() -> None:
    toy = Toy(TABLES["mixed"]())
    bank = toy.examiner.banks[0]
    people = toy.space.people(bank.members)
    whole = distances(people, people, 1) * 1
    parts = torch.zeros_like(whole)
    for j in range(toy.space.columns):
        at = toy.space.columns_at([j])
        one = people.keep(*at)
        parts = parts + distances(one, one, 1)
    columns = toy.space.columns
    assert torch.allclose(parts, distances(people, people, columns) * columns, atol=1e-4)


def test_slopes_agree_with_finite_differences() -> None:
    toy = Toy(spread_out(60))
    rows = hard_rows(toy, 4)[0].double()
    # a soft row between cells, away from the corners of its curve
    rows[:, toy.layout.n_places :] = 0.9 * rows[:, toy.layout.n_places :] + 0.02
    rows[:, : toy.layout.n_places] += 0.0123
    for name in ("match_of", "present_of", "fixed_of", "curves", "onto"):
        setattr(toy.space, name, getattr(toy.space, name).double())
    seats = toy.space.people(toy.examiner.banks[0].others)
    others = Seats(seats.position.double(), seats.present.double(), seats.match.double())

    def total(x: torch.Tensor) -> torch.Tensor:
        return torch.exp(-distances(toy.space.seats(x), others, toy.space.columns) / 0.1).sum()

    rows.requires_grad_()
    total(rows).backward()
    assert rows.grad is not None
    slope = rows.grad.clone()
    assert (slope.abs().sum(1) > 0).all()
    rng = np.random.default_rng(0)
    for _ in range(20):
        i, j = int(rng.integers(4)), int(rng.integers(rows.shape[1]))
        step = torch.zeros_like(rows)
        step[i, j] = 1e-6
        with torch.no_grad():
            change = (total(rows + step) - total(rows - step)) / 2e-6
        assert torch.allclose(change, slope[i, j], rtol=1e-3, atol=1e-5)
