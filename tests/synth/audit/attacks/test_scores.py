"""Scores against their formula, on tables small enough to do them by hand."""

from __future__ import annotations

import numpy as np

from salus.synth.audit.attacks import Scene
from salus.synth.audit.attacks.classifier import votes
from salus.synth.audit.attacks.density import by_kernels, by_neighbours
from salus.synth.audit.attacks.distance_density import distance_posterior
from salus.synth.audit.attacks.embedding import broad, kernel, local_width
from salus.synth.audit.attacks.likelihood_gain import likelihood_gain
from salus.synth.audit.attacks.neighbourhood import share_within
from salus.synth.audit.attacks.plagiarism import plagiarism_index
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table
from tests.synth.audit.attacks.leaks import plane

LINE = Schema([Column(name="x", kind="continuous")])


def line(*values: float) -> Table:
    return Table(LINE, {"x": np.array(values, float)})


def test_the_neighbourhood_counts_rows_within_the_median() -> None:
    # positions 1/8, 3/8, 5/8, 7/8; nearest rows at 0, 0, 1/4, 2/4: the median is 1/8
    scene = Scene.of(line(0, 1, 2, 3), line(0, 0, 1, 1.25))
    np.testing.assert_allclose(scene.to_made.all[:, 0], [0, 0, 3 / 16, 7 / 16])
    np.testing.assert_allclose(share_within(scene) * 4, [2, 2, 0, 0])


def test_more_rows_within_than_are_known_are_put_in_order_by_the_farthest() -> None:
    scene = Scene.of(line(0, 1, 2, 3), line(*[0] * 30, *[1.01] * 30))
    score = share_within(scene) * 60
    assert score[0] == 21 > score[1] > 20 > score[3]


def test_the_plagiarism_index_is_the_count_at_equal_sizes() -> None:
    people = plane(300, seed=0)
    made = plane(300, seed=1)
    scene = Scene.of(people, made)
    both = np.hstack([scene.to_made.all, scene.to_real.all])
    count = (np.argsort(both, axis=1)[:, :20] < 20).sum(1)
    np.testing.assert_allclose(plagiarism_index(scene), count, atol=1e-5)
    assert len(np.unique(plagiarism_index(scene))) == 300
    many = plagiarism_index(
        Scene.of(people, Table.concat([plane(300, seed=s) for s in range(2, 6)]))
    )
    assert abs(many.mean() - 10) < 1.5


def test_the_density_ratio_is_that_of_everybody_else() -> None:
    people, made = plane(25, seed=0), plane(30, seed=1)
    scene = Scene.of(people, made)
    x, s, known = scene.points
    width = local_width(len(known), 2)

    def density(at: np.ndarray, centres: np.ndarray) -> float:
        total = kernel(((at - centres) ** 2).sum(1), width, 2).sum() + broad(at[None], width)[0]
        return float(np.log(total / (len(centres) + 1)))

    ratio = [density(x[i], s) - density(x[i], np.delete(x, i, 0)) for i in range(25)]
    np.testing.assert_allclose(by_kernels(scene), ratio, atol=1e-9)
    gain = np.zeros(25)
    for i, (near, far) in enumerate(zip(scene.to_made.who_all, scene.to_made.all, strict=True)):
        others = np.delete(x, i, 0)
        for j, distance in zip(near, far, strict=True):
            more = density(s[j], np.vstack([others, x[i]])) - density(s[j], others)
            gain[i] += (1 - distance / far[-1]) * more
    np.testing.assert_allclose(likelihood_gain(scene), gain, atol=1e-9)


def test_a_heap_of_distances_that_people_do_not_have_stands_out() -> None:
    people = plane(200, seed=0)
    made = Table.concat([people.take(np.arange(60)), plane(140, seed=1)])
    score = distance_posterior(Scene.of(people, made))
    assert score[:60].min() > score[60:].max()
    assert by_neighbours(Scene.of(people, made))[:60].mean() > 0


def test_a_persons_rows_are_never_seen_by_the_trees_that_score_them() -> None:
    # the same record under one number or two: seen by its twin's trees or by none
    people = plane(60, seed=0)
    twice = Table.concat([people, people])
    one = Table(twice.schema, twice.values, twice.states, np.tile(np.arange(60), 2))
    two = Table(twice.schema, twice.values, twice.states, np.arange(120))
    assert votes(Scene.of(one, people)).min() == 1  # only the copy is known there
    assert votes(Scene.of(two, people)).mean() < 0.9
