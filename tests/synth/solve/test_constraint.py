"""What a problem refuses."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.errors import OptionError
from salus.synth.solve import Constraint, Problem, solve


def square(x):
    return float(x @ x), 2 * x


ONE = Constraint("one", lambda x: (1 - x[0], np.array([-1.0])))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Problem.of(square, [ONE, ONE], [0.0]), "two constraints"),
        (lambda: Problem.of(square, [ONE], [np.nan]), "start"),
        (lambda: Problem.of(square, [ONE], [0.0], [(0, 1), (0, 1)]), "2 bounds"),
        (lambda: Problem.of(square, [ONE], [0.0], [(1, 0)]), "variable 0"),
        (lambda: Problem.of(square, [Constraint("c", ONE.function, -1.0)], [0.0]), "scale"),
        (lambda: Problem(square, ["a"], [0.0], scales=[1.0, 1.0]), "2 scales"),
    ],
)
def test_a_problem_that_contradicts_itself_is_refused(make, words):
    with pytest.raises(OptionError, match=words):
        make()


def test_wrong_shapes_are_named():
    problem = Problem(lambda x: (0.0, x, np.zeros(2), np.zeros((2, 1))), ["a"], [0.0])
    with pytest.raises(OptionError, match="shapes"):
        solve(problem)


def test_a_start_where_nothing_is_defined_is_refused():
    with pytest.raises(OptionError, match="not finite at the start"):
        solve(Problem.of(lambda x: (np.inf, x), [ONE], [0.0]))


def test_the_start_is_moved_into_the_bounds():
    assert Problem.of(square, [ONE], [5.0, 0.0], [(0, 1), (None, -1)]).start.tolist() == [1, -1]
