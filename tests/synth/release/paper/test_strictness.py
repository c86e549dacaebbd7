from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from salus.synth.measure.estimate import Estimate
from salus.synth.release.paper.bench import Scores
from salus.synth.release.paper.strictness import TOLERANCE, Trained, train


def scores(q: float, p: float) -> Scores:
    marks = [(Estimate(v, v, v, 50, "exact"),) for v in (q, p)]
    return Scores(*marks, parts={}, spaces=("all columns",))


class Model:
    def __init__(self, s: float) -> None:
        self.s = s
        self.account_: dict[str, Any] = {}


def solved(
    q: Callable[[float], float], p: Callable[[float], float], p_min: float, **options: Any
) -> tuple[Trained, list[float]]:
    asked: list[float] = []

    def attempt(s: float) -> tuple[Any, Scores]:
        asked.append(s)
        return Model(s), scores(q(s), p(s))

    return train(attempt, p_min, **{"constrained": True, "most": 8, **options}), asked


def test_optimum_and_price_are_the_known_ones() -> None:
    # Q = .9 - .2 s, P = .5 + .5 s: P reaches .8 at s = .6, and a unit of P costs .4 of Q
    found, asked = solved(lambda s: 0.9 - 0.2 * s, lambda s: 0.5 + 0.5 * s, 0.8)
    kept = found.trainings[found.kept]
    assert found.feasible
    assert kept.strictness == pytest.approx(0.6, abs=TOLERANCE / 2 / 0.5 + 0.005)
    assert found.multiplier == pytest.approx(0.4, abs=0.005)
    assert -TOLERANCE <= kept.gap <= 0
    assert len(asked) == 3  # straight lines need no second look
    assert found.multipliers[2] == pytest.approx(0.4, abs=0.005)


def test_curved_trade_offs_are_solved_in_few_trainings() -> None:
    # P = 1 - .6 / 80**s reaches .8 at s = log(3) / log(80); there dQ/dP = -.3 s / (P' s)
    found, asked = solved(lambda s: 0.9 - 0.3 * s**2, lambda s: 1 - 0.6 * 80**-s, 0.8)
    kept = found.trainings[found.kept]
    assert found.feasible and len(asked) <= 7
    assert kept.strictness == pytest.approx(0.2507, abs=0.03)
    assert found.multiplier == pytest.approx(0.172, abs=0.06)
    assert kept.scores.utility == max(t.scores.utility for t in found.trainings if t.gap <= 0)


def test_a_threshold_that_does_not_bind_costs_nothing() -> None:
    found, asked = solved(lambda s: 0.9 - s, lambda s: 0.95, 0.8)
    assert asked == [0.0]
    assert found.multiplier == 0 and found.feasible


def test_out_of_reach_of_training_has_no_price_and_keeps_the_nearest() -> None:
    found, asked = solved(lambda s: 0.9, lambda s: 0.3 + 0.2 * s, 0.8)
    assert asked == [0.0, 1.0]
    assert found.multiplier is None and not found.feasible
    assert found.kept == 1 and found.model.s == 1.0  # type: ignore[attr-defined]
    assert "strictest" in found.message


def test_without_limits_in_training_there_is_one_training() -> None:
    found, asked = solved(lambda s: 0.9, lambda s: 0.3 + s, 0.8, constrained=False)
    assert asked == [0.0]
    assert found.multiplier is None and not found.feasible


def test_the_best_feasible_training_is_kept_where_p_is_not_monotone() -> None:
    levels = {0.0: 0.5, 1.0: 0.81}
    found, _ = solved(lambda s: 0.9 - 0.1 * s, lambda s: levels.get(s, 0.7), 0.8, most=4)
    assert found.kept == 1 and found.feasible
    assert len(found.trainings) <= 4


def test_no_more_trainings_than_asked() -> None:
    found, asked = solved(lambda s: 0.9 - s, lambda s: float(s > 0.77), 0.8, most=4)
    assert len(asked) == 4
    assert found.feasible and "best of 4" in found.message


def test_where_p_hardly_moves_there_is_no_price() -> None:
    # P misses by a hair up to s = .9: the ratio of slopes there would be noise over noise
    found, asked = solved(lambda s: 0.9 - 0.001 * s, lambda s: 0.799 + 0.0015 * s, 0.8, most=6)
    assert found.feasible and found.multiplier is None
    assert found.multipliers[0] == 0.0 and set(found.multipliers[2:]) <= {None}
    assert len(asked) <= 6


def test_a_training_that_misses_by_a_hair_is_not_the_end() -> None:
    found, _ = solved(
        lambda s: 0.9 - 0.2 * s, lambda s: 0.5 + 0.5 * s - 0.012 * (0.61 < s < 0.63), 0.8
    )
    assert 0 < found.trainings[2].gap < TOLERANCE
    kept = found.trainings[found.kept]
    assert kept.gap <= 0 and 0.63 <= kept.strictness < 0.7
