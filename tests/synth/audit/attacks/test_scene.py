"""What attacks share: nobody is their own neighbour, and searches are made once."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.attacks import scene as module
from salus.synth.audit.attacks.embedding import Embedding, kernel_sum, log_density
from salus.synth.audit.attacks.scene import NEIGHBOURS, Scene, blind_encoder
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

POOL = simulated(120, seed=3)
PEOPLE, MADE, REFERENCE = (POOL.take(np.arange(i, i + 40)) for i in (0, 40, 80))


def test_a_person_with_two_rows_is_not_compared_with_either() -> None:
    twice = Table(
        PEOPLE.schema,
        Table.concat([PEOPLE, PEOPLE]).values,
        Table.concat([PEOPLE, PEOPLE]).states,
        np.tile(np.arange(40), 2),
    )
    near = Scene.of(twice, MADE).to_real
    once = Scene.of(PEOPLE, MADE, encoder=blind_encoder(twice)).to_real
    np.testing.assert_allclose(near.all[:40, 0], once.all[:, 0])
    own = [(a.copy(), there.all()) for a, there in Scene.of(twice, MADE).own_rows()]
    assert [whole for _, whole in own] == [True, True]
    assert {tuple(sorted((int(a[7]), int(b[7])))) for (a, _), (b, _) in [own]} == {(7, 47)}


def test_people_with_different_numbers_of_rows_have_each_of_their_own_once() -> None:
    person = np.array([4, 1, 4, 2, 1, 4])
    people = Table(
        PEOPLE.schema, PEOPLE.take(range(6)).values, PEOPLE.take(range(6)).states, person
    )
    seen: list[set[int]] = [set() for _ in person]
    for own, there in Scene.of(people, MADE).own_rows():
        for i in np.flatnonzero(there):
            assert int(own[i]) not in seen[i]
            seen[i].add(int(own[i]))
    assert seen == [set(np.flatnonzero(person == p)) for p in person]


def test_each_search_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = module.nearest
    monkeypatch.setattr(module, "nearest", lambda *a, **k: calls.append(1) or real(*a, **k))
    scene = Scene.of(PEOPLE, MADE, reference=REFERENCE)
    for _ in range(2):
        assert scene.to_made.all.shape == scene.to_real.all.shape == (40, NEIGHBOURS)
        assert scene.own_ranks.shape == (40,)
    assert len(calls) == 3


def test_too_few_other_people_are_far_away() -> None:
    assert (Scene.of(PEOPLE.take([0]), MADE).to_real.all == 1).all()


def test_the_embedding_has_unit_variances_and_keeps_what_is_alike_alike() -> None:
    scene = Scene.of(PEOPLE, MADE)
    people, made, known = scene.points
    np.testing.assert_allclose(people.T @ people / len(people), np.eye(people.shape[1]), atol=1e-9)
    np.testing.assert_array_equal(known, people)
    assert made.shape == (40, people.shape[1])
    both = Scene.of(PEOPLE, PEOPLE, reference=REFERENCE).points
    np.testing.assert_array_equal(both[0], both[1])
    assert len(both[2]) == 80


def test_an_embedding_of_people_who_are_all_alike_has_no_dimension() -> None:
    same = PEOPLE.take(np.zeros(5, int))
    encoder = blind_encoder(same)
    embedding = Embedding.fit(encoder.place(same), encoder)
    assert embedding.transform(encoder.place(MADE)).shape == (40, 0)


def test_a_kernel_density_is_the_sum_that_it_says() -> None:
    rng = np.random.default_rng(0)
    at, centres = rng.normal(size=(7, 3)), rng.normal(size=(11, 3))
    squared = ((at[:, None] - centres) ** 2).sum(2)
    plain = (np.exp(-0.5 * squared / 0.3**2) / 0.3**3).sum(1)
    np.testing.assert_allclose(kernel_sum(at, centres, 0.3), plain, rtol=1e-9)
    wide = np.exp(-0.5 * (at**2).sum(1) / 4) / 8
    np.testing.assert_allclose(log_density(at, centres, 0.3), np.log((plain + wide) / 12))
    own = ((np.arange(11, 18), np.ones(7, bool)), (np.zeros(7, int), np.arange(7) == 2))
    less = log_density(at, np.vstack([centres, at]), 0.3, own=own)[:2]
    others = [np.vstack([centres, np.delete(at, i, 0)]) for i in range(2)]
    plain = [log_density(at[[i]], others[i], 0.3)[0] for i in range(2)]
    np.testing.assert_allclose(less, plain)
