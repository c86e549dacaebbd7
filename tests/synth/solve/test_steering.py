import json

import numpy as np
import pytest

from salus.synth.errors import OptionError
from salus.synth.solve.multipliers import NuPI
from salus.synth.solve.steering import Steering


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_multiplier_of_a_known_optimum_is_found_in_spite_of_noise(noise: float) -> None:
    """Minimise x² with x at least 1: x = 1, multiplier 2."""
    steering = Steering(["at least 1"], [1.0], round_length=20)
    x, seen = np.zeros(1), []
    rng = np.random.default_rng(1)
    for r in range(120):
        for _ in range(20):
            g = 1 - x[0]
            pull = steering.weights({"at least 1": g + noise * rng.normal()})["at least 1"]
            x = x - 0.05 / (1 + r / 20) * (2 * x + noise * rng.normal() - pull)
        steering.conclude_round(utility=-float(x[0] ** 2), values={"at least 1": 1 - x[0]})
        seen.append(x[0])
    assert np.mean(seen[-40:]) == pytest.approx(1, abs=0.01 + 0.1 * noise)
    assert steering.prices(40)["at least 1"] == pytest.approx(2, abs=0.02 + 0.5 * noise)
    assert steering.feasible
    assert steering.kept.values["at least 1"] <= steering.tolerance


def test_a_limit_with_room_costs_nothing() -> None:
    """Minimise (x - 2)² with x at least 1: the limit never binds."""
    steering = Steering(["at least 1"], [1.0], round_length=10)
    steering.dual = NuPI(np.array([5.0]), 0.1, memory=0.9)
    x = np.full(1, 1.5)
    for _ in range(60):
        for _ in range(10):
            pull = steering.weights({"at least 1": 1 - x[0]})["at least 1"]
            x = x - 0.05 * (2 * (x - 2) - pull)
        steering.conclude_round(utility=-float((x[0] - 2) ** 2), values={"at least 1": 1 - x[0]})
    assert x[0] == pytest.approx(2, abs=1e-3)
    assert steering.multipliers["at least 1"] == 0


def test_units_of_a_constraint_do_not_matter() -> None:
    """Minimise x² + y² with x, y at least 1, the second limit written in thousandths."""
    found = []
    for size in (1.0, 1000.0):
        steering = Steering(["x", "y"], [1.0, size], round_length=10)
        z = np.zeros(2)
        for _ in range(150):
            for _ in range(10):
                pull = steering.weights({"x": 1 - z[0], "y": size * (1 - z[1])})
                z = z - 0.05 * (2 * z - np.array([pull["x"], size * pull["y"]]))
            values = {"x": 1 - z[0], "y": size * (1 - z[1])}
            steering.conclude_round(utility=-float(z @ z), values=values)
        found.append((z, steering.multipliers["y"] * size))
    for z, price in found:
        assert np.allclose(z, found[0][0]) and np.allclose(z, 1, atol=0.01)
        assert price == pytest.approx(2, abs=0.05)


def test_what_cannot_be_met_stays_finite_and_is_called_infeasible() -> None:
    steering = Steering(["impossible"], [1.0], round_length=5, cap=50.0)
    x = np.zeros(1)
    for _ in range(100):
        for _ in range(5):
            pull = steering.weights({"impossible": 3 - x[0]})["impossible"]
            x = np.clip(x - 0.01 * (2 * x - pull), -1, 1)
        steering.conclude_round(utility=-float(x[0] ** 2), values={"impossible": 3 - x[0]})
    assert not steering.feasible
    assert steering.penalty <= 50 and steering.multipliers["impossible"] <= 50
    assert steering.kept.values["impossible"] == pytest.approx(2)


def test_without_an_average_and_a_damper_it_is_plain_dual_ascent() -> None:
    steering = Steering(["g"], [1.0], round_length=1, memory=0.0)
    plain = 0.0
    for g in (2.0, -0.5, 0.25, -3.0):
        assert steering.weights({"g": g})["g"] == max(0.0, plain + g)
        plain = max(0.0, plain + g)
        assert steering.multipliers["g"] == pytest.approx(plain)


def test_a_minibatch_that_says_nothing_moves_nothing() -> None:
    steering = Steering(["a", "b"], [1.0, 1.0], round_length=1)
    assert steering.weights({"a": 1.0}) == {"a": 1.0, "b": 0.0}
    before = steering.multipliers["b"]
    steering.weights({"a": 1.0, "b": float("nan")})
    assert steering.multipliers["b"] == before == 0
    assert steering.weights({"b": 1.0})["b"] == 1.0  # its first estimate is its average


def test_the_best_iterate_is_feasible_and_of_most_utility() -> None:
    steering = Steering(["g"], [1.0], round_length=1)
    told = [
        steering.conclude_round(utility=u, values={"g": g})
        for u, g in [
            (9.0, 5.0),
            (8.0, 3.0),
            (9.0, 4.0),
            (1.0, -1.0),
            (2.0, 0.0),
            (1.5, -2.0),
            (9.0, 1.0),
        ]
    ]
    assert told == [True, True, False, True, True, False, False]
    assert (steering.best, steering.kept.objective) == (4, -2.0)


def test_a_training_resumes_to_the_same_multipliers() -> None:
    def run(steering: Steering, draws: np.ndarray) -> Steering:
        for pair in draws:
            steering.weights({"a": pair[0], "b": pair[1] if pair[1] > 0 else float("nan")})
            steering.conclude_round(utility=0.0, values={"a": pair[0], "b": pair[1]})
        return steering

    draws = np.random.default_rng(0).normal(0.3, 1, (40, 2))
    straight = run(Steering(["a", "b"], [1.0, 2.0], round_length=3), draws)
    half = run(Steering(["a", "b"], [1.0, 2.0], round_length=3), draws[:20])
    resumed = Steering(["a", "b"], [1.0, 2.0], round_length=3)
    resumed.restore(json.loads(json.dumps(half.state())))
    assert run(resumed, draws[20:]).state() == straight.state()


@pytest.mark.parametrize(
    ("names", "scales", "more"),
    [
        (["a", "a"], [1.0, 1.0], {}),
        (["a"], [0.0], {}),
        (["a"], [1.0, 2.0], {}),
        (["a"], [1.0], {"penalty": 0.0}),
    ],
)
def test_options_out_of_their_domain_are_refused(names, scales, more) -> None:
    with pytest.raises(OptionError):
        Steering(names, scales, **{"round_length": 1, **more})


def test_a_full_estimate_that_is_no_number_is_refused() -> None:
    steering = Steering(["a"], [1.0], round_length=1)
    with pytest.raises(OptionError, match="finite"):
        steering.conclude_round(utility=float("nan"), values={"a": 0.0})


def test_a_multiplier_can_begin_high_and_falls_where_there_is_room() -> None:
    """Minimise x² with x at least 1, begun at four times the multiplier: the limit holds all along."""
    steering = Steering(["at least 1"], [1.0], round_length=20, start={"at least 1": 8.0})
    assert steering.multipliers == {"at least 1": 8.0}
    x, seen = np.full(1, 4.0), []
    for _ in range(120):
        for _ in range(20):
            pull = steering.weights({"at least 1": 1 - x[0]})["at least 1"]
            x = x - 0.05 * (2 * x - pull)
        steering.conclude_round(utility=-float(x[0] ** 2), values={"at least 1": 1 - x[0]})
        seen.append((float(x[0]), steering.multipliers["at least 1"]))
    assert seen[0][0] > 1.5 and seen[0][1] < 8
    assert seen[-1] == pytest.approx((1, 2), abs=0.02)


def test_multipliers_begin_in_units_of_their_constraint() -> None:
    begun = Steering(["a", "b", "c"], [0.1, 10.0, 1.0], round_length=1, start={"a": 3.0, "b": 0.2})
    assert begun.multipliers == pytest.approx({"a": 3.0, "b": 0.2, "c": 0.0})
    weights = begun.weights({"a": 0.0, "b": 0.0, "c": 0.0})
    assert weights == pytest.approx({"a": 3.0, "b": 0.2, "c": 0.0})
    assert Steering(["a"], [1.0], round_length=1).multipliers == {"a": 0.0}


def test_a_multiplier_begins_at_the_cap_at_most() -> None:
    capped = Steering(["a"], [2.0], round_length=1, cap=10.0, start={"a": 1e9})
    assert capped.multipliers == {"a": 5.0}


@pytest.mark.parametrize("first", [-1.0, float("nan"), float("inf")])
def test_a_multiplier_out_of_its_domain_is_refused(first: float) -> None:
    with pytest.raises(OptionError, match="multiplier"):
        Steering(["a"], [1.0], round_length=1, start={"a": first})


def test_a_state_outweighs_the_start() -> None:
    moved = Steering(["a"], [1.0], round_length=1)
    moved.weights({"a": 0.5})
    resumed = Steering(["a"], [1.0], round_length=1, start={"a": 7.0})
    resumed.restore(json.loads(json.dumps(moved.state())))
    assert resumed.state() == moved.state()
