from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, kstest, norm

from salus.synth.errors import Infeasible
from salus.synth.generate.dp import gradients
from salus.synth.generate.dp.claim import Account, Claim, Training
from salus.synth.generate.dp.gradients import GRID, NoisyGradients, clipped
from salus.synth.generate.dp.noise import Secret, Seeded, Source, happens, rounded_gaussian

Slopes = NDArray[np.float32]


def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "rounded_gaussian", lambda source, sigma, n: np.zeros(n))


def opened(
    codes: Any,
    people: Any,
    *,
    noise: float = 1.0,
    rate: float = 1.0,
    steps: int = 1,
    clip: float = 1.0,
    source: Source | None = None,
    account: Account | None = None,
) -> NoisyGradients:
    return NoisyGradients(
        np.asarray(codes, np.intp),
        np.asarray(people),
        account or Account(None, 1e-6),
        source or Seeded(0),
        training=Training(step="training", noise_multiplier=noise, rate=rate, steps=steps),
        clip=clip,
    )


def plain(rows: NDArray[np.intp]) -> Slopes:
    """A row's cells are its gradient."""
    return rows.astype(np.float32)


def test_clipping_by_hand() -> None:
    """(3, 4) has length 5 and becomes (0.6, 0.8) C; (0.3, 0.4) is short and stays."""
    long, short = np.array([[3, 4]], np.float32), np.array([[0.3, 0.4]], np.float32)
    assert clipped(long, 1.0) / GRID == pytest.approx([0.6, 0.8], abs=1e-6)
    assert clipped(short, 1.0) / GRID == pytest.approx([0.3, 0.4], abs=1e-6)
    assert clipped(long, 2.0) * 2 / GRID == pytest.approx([1.2, 1.6], abs=1e-6)
    both = np.vstack([long, short])
    assert clipped(both, 1.0) / GRID == pytest.approx([0.9, 1.2], abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(1e-3, 1e3), st.floats(-12, 12))
def test_no_gradient_is_longer_than_the_limit(
    seed: int, size: int, clip: float, power: float
) -> None:
    rng = np.random.default_rng(seed)
    slope = (rng.normal(size=(1, size)) * 10.0**power * rng.random(size) ** 6).astype(np.float32)
    whole = clipped(slope, clip)
    assert np.array_equal(whole, np.rint(whole))
    squares = [int(w) ** 2 for w in whole]  # Python's integers don't round
    assert sum(squares) <= GRID**2
    length = float(np.linalg.norm(slope.astype(float)))
    # neither is it shortened for nothing
    expected = slope[0].astype(float) * min(1.0, clip / length) / clip * GRID
    assert np.allclose(whole, expected, rtol=1e-5, atol=2 + math.sqrt(size))


def test_what_is_not_finite_counts_nothing() -> None:
    slopes = np.array([[np.nan, 1], [np.inf, 0], [0, 0.5], [3e38, 3e38], [0, 0]], np.float32)
    out = clipped(slopes, 1.0) / GRID
    assert out == pytest.approx([math.sqrt(0.5), 0.5 + math.sqrt(0.5)], abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 5), st.floats(0.1, 10))
def test_one_person_moves_the_sum_by_the_clip_at_most(seed: int, most: int, clip: float) -> None:
    """However many rows they have, and whoever else is there."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(12), rng.integers(1, most + 1, 12))
    codes = rng.integers(-50, 50, (len(people), 4))
    with pytest.MonkeyPatch.context() as patch:
        silent(patch)
        with_them = opened(codes, people, clip=clip).step(plain, 4)
        stays = people != rng.integers(12)
        without = opened(codes[stays], people[stays], clip=clip).step(plain, 4)
    moved = np.rint((with_them - without) * (GRID / clip))
    assert 0 < sum(int(m) ** 2 for m in moved) <= GRID**2


def test_rows_of_a_person_are_clipped_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows (3, 4) and (-3, -4) of one person are nothing together; (3, 4) twice is one unit."""
    silent(monkeypatch)
    opposed = opened([[3, 4], [0, 2], [-3, -4]], [7, 5, 7]).step(plain, 2)
    assert opposed == pytest.approx([0, 1], abs=1e-6)
    alike = opened([[3, 4], [0, 2], [3, 4]], [7, 5, 7]).step(plain, 2)
    assert alike == pytest.approx([0.6, 1.8], abs=1e-6)


def test_many_rows_are_seen_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    silent(monkeypatch)
    rng = np.random.default_rng(3)
    people = rng.integers(0, 300, 2_000)
    codes = rng.integers(-3, 4, (2_000, 3))
    seen = []

    def slopes(rows: NDArray[np.intp]) -> Slopes:
        seen.append(len(rows))
        return rows.astype(np.float32)

    out = opened(codes, people, clip=2.0).step(slopes, 3)
    sums = np.array([codes[people == i].sum(0) for i in np.unique(people)], float)
    length = np.linalg.norm(sums, axis=1)
    short = sums / np.maximum(length / 2.0, 1.0)[:, None]
    assert out == pytest.approx(short.sum(0), abs=1e-3)
    assert len(seen) > 4 and sum(seen) == 2_000


@pytest.mark.parametrize(("noise", "clip"), [(0.7, 1.0), (2.0, 5.0)])
def test_the_noise_is_gaussian_of_the_multiplier_times_the_clip(noise: float, clip: float) -> None:
    one = opened([[0, 0]], [0], noise=noise, clip=clip, steps=5, source=Secret())
    drawn = np.concatenate([one.step(lambda r: np.zeros((len(r), 4_000), np.float32), 4_000)] * 1)
    assert kstest(drawn, norm(scale=noise * clip).cdf).pvalue > 1e-6
    assert drawn.std() == pytest.approx(noise * clip, rel=0.06)
    again = one.step(lambda r: np.zeros((len(r), 4_000), np.float32), 4_000)
    assert not np.array_equal(drawn, again)
    assert abs(np.corrcoef(drawn, again)[0, 1]) < 0.1


def test_noise_is_whole() -> None:
    draws = rounded_gaussian(Seeded(1), 1000.0, 20_001)
    assert len(draws) == 20_001 and np.array_equal(draws, np.rint(draws))
    assert kstest(draws + np.random.default_rng(0).random(20_001) - 0.5, norm(scale=1000).cdf)[
        1
    ] > (1e-3)
    assert abs(np.corrcoef(draws[:10_000], draws[10_000:20_000])[0, 1]) < 0.05
    with pytest.raises(ValueError, match="sigma"):
        rounded_gaussian(Seeded(1), 0.5, 1)


@pytest.mark.parametrize("rate", [0.03, 0.5, 1.0])
def test_batches_are_poisson(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each person comes on their own, with the recorded probability; so sizes are binomial."""
    silent(monkeypatch)
    people = np.repeat(np.arange(200), 2)
    codes = np.eye(200, dtype=np.intp)[people]
    gradients_ = opened(codes, people, rate=rate, steps=300)
    came = np.array([np.rint(gradients_.step(plain, 200)) for _ in range(300)])
    assert set(np.unique(came)) <= {0.0, 1.0}
    size = came.sum(1)
    low, high = binom.ppf([1e-6, 1 - 1e-6], 200 * 300, rate)
    assert low <= size.sum() <= high
    if rate < 1:
        assert size.var() == pytest.approx(200 * rate * (1 - rate), rel=0.4)
        each = came.sum(0)
        assert binom.ppf(1e-6, 300, rate) <= each.min() and each.max() <= binom.ppf(
            1 - 1e-6, 300, rate
        )
        together = np.corrcoef(came[:, :50].T)[np.triu_indices(50, 1)]
        assert abs(together.mean()) < 0.02


def test_chances_by_hand() -> None:
    class Fixed:
        def words(self, n: int) -> NDArray[np.uint64]:
            return np.array([0, 2**62 - 1, 2**62, 2**64 - 1][:n], np.uint64)

    assert happens(Fixed(), 0.25, 4).tolist() == [True, True, False, False]
    assert happens(Fixed(), 1.0, 4).all() and not happens(Fixed(), 0.0, 4).any()


def test_no_step_beyond_those_recorded() -> None:
    account = Account(None, 1e-6)
    one = opened([[1]], [0], steps=2, noise=3.0, rate=0.5, account=account)
    claim = account.claim()  # recorded before the first step
    assert isinstance(claim, Claim)
    assert [(t.noise_multiplier, t.rate, t.steps) for t in claim.trainings] == [(3.0, 0.5, 2)]
    one.step(plain, 1)
    one.step(plain, 1)
    with pytest.raises(Infeasible, match="steps"):
        one.step(plain, 1)


def test_an_empty_batch_is_noise_alone() -> None:
    one = opened([[1, 1]] * 5, np.arange(5), rate=1e-12)
    assert np.abs(one.step(lambda rows: pytest.fail("nobody came"), 2)).max() < 10
