from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from salus.synth.errors import OptionError
from salus.synth.generate.dp import curator, generator
from salus.synth.generate.dp.audit import audit_claim, lower_bound, p_value, worst_case
from salus.synth.generate.dp.generator import Aim, Mst
from salus.synth.table.table import Table

KINDS = {"mst": Mst, "aim": Aim}
EPSILON, DELTA = 1.0, 1e-6


def run(kind: str, seed: int, canaries: Table | None = None) -> Any:
    return audit_claim(
        lambda: KINDS[kind](epsilon=EPSILON, delta=DELTA, declared=True, noise_seed=seed),
        worst_case(1000) if canaries is None else canaries,
        epsilon=EPSILON,
        delta=DELTA,
        seed=seed,
    )


def test_all_guesses_right_by_hand() -> None:
    """If all 100 guesses are right, the chance per guess is at least 0.05^(1/100) = 0.97049."""
    p = 0.05 ** (1 / 100)
    assert lower_bound(100, 100, 100, 0.0) == pytest.approx(math.log(p / (1 - p)), abs=1e-5)


def test_pure_privacy_is_a_binomial_tail() -> None:
    for v in (0, 50, 73, 100):
        q = 1 / (1 + math.exp(-1.0))
        assert p_value(500, 100, v, 1.0, 0.0) == pytest.approx(binom.sf(v - 1, 100, q))


def test_the_part_of_delta_by_hand() -> None:
    """Two guesses, both right, epsilon 0: 1/4 + 2 m delta max(1/2, (1/2 + 1/4) / 2)."""
    assert p_value(10, 2, 2, 0.0, 1e-3) == pytest.approx(0.25 + 2 * 10 * 1e-3 * 0.5)


def test_bounds_grow_with_evidence() -> None:
    bounds = [lower_bound(1000, 200, v, 1e-6) for v in (100, 120, 150, 190, 200)]
    assert bounds == sorted(bounds) and bounds[0] == 0.0 < bounds[2]
    assert lower_bound(1000, 200, 200, 1e-3) < bounds[-1]
    assert lower_bound(1000, 200, 190, 1e-6, confidence=0.999) < bounds[3]


def test_the_bound_errs_as_rarely_as_it_says() -> None:
    """Randomised response of epsilon 1 is refuted in 5 % of runs, or less."""
    rng = np.random.default_rng(0)
    right = rng.binomial(300, 1 / (1 + math.exp(-1.0)), 400)
    refuted = np.mean([lower_bound(300, 300, int(v), 0.0) > 1.0 for v in right])
    assert 0 < refuted <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("kind", ["mst", "aim"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_claim_is_not_contradicted(kind: str, seed: int) -> None:
    found = run(kind, seed)
    assert not found.contradicts and found.lower < EPSILON
    assert found.p_value > 0.05
    assert json.loads(json.dumps(found.to_dict()))["contradicts"] is False


def test_the_attack_sees_what_little_noise_lets_through() -> None:
    """At epsilon 10 the bound is well above zero, and still below the claim."""
    found = audit_claim(
        lambda: Mst(epsilon=10.0, declared=True, noise_seed=0),
        worst_case(1000),
        epsilon=10.0,
        delta=1e-6,
        seed=0,
    )
    assert 0.3 < found.lower < 10.0


@pytest.mark.parametrize("kind", ["mst", "aim"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_that_is_too_small_is_caught(
    kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = curator.discrete_gaussian

    def weak(source: Any, variance: Fraction, n: int) -> Any:
        return true(source, variance / 400, n)  # a twentieth of the deviation

    monkeypatch.setattr(curator, "discrete_gaussian", weak)
    found = run(kind, seed)
    assert found.contradicts and found.lower > 2 * EPSILON
    assert found.p_value < 1e-3


@pytest.mark.parametrize("seed", [0, 1])
def test_a_person_with_many_rows_is_held_to_their_number(seed: int) -> None:
    assert not run("mst", seed, worst_case(600, rows_each=60)).contradicts


@pytest.mark.parametrize("seed", [0, 1])
def test_a_limit_on_rows_that_does_not_hold_is_caught(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "some_rows", lambda table, most, source: table)
    assert run("mst", seed, worst_case(600, rows_each=60)).contradicts


def test_canaries_may_stand_among_others() -> None:
    canaries = worst_case(400)
    others = canaries.take(np.zeros(300, int))  # all at one level
    found = audit_claim(
        lambda: Mst(epsilon=1.0, declared=True, noise_seed=1),
        canaries.take(np.arange(1, 400)),
        epsilon=1.0,
        delta=1e-6,
        seed=0,
        others=others,
        guesses=100,
    )
    assert (found.canaries, found.guesses) == (399, 100) and not found.contradicts


def test_too_few_canaries_make_no_audit() -> None:
    for canaries, guesses in ((worst_case(10), None), (worst_case(50), 51), (worst_case(50), 1)):
        with pytest.raises(OptionError, match="canaries"):
            audit_claim(Mst, canaries, epsilon=1.0, delta=1e-6, seed=0, guesses=guesses)
