"""Calibration: margins become people's, relations stay."""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest, spearmanr

from salus.synth.generate.gan.calibrate import calibrate, knot_scores, log_softmax
from salus.synth.generate.gan.codec import Codec
from salus.synth.generate.gan.layout import Layout
from tests.synth.generate.gan.toys import spread_out

ROWS = 2_000


def emitted(layout: Layout, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return places and logits of two bad generators: off center, related to each other."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(2, ROWS, 1))
    places = np.tanh(0.3 + 0.2 * base + 0.05 * rng.normal(size=(2, ROWS, sum(layout.modes))))
    logits = 2 + 0.5 * base + rng.normal(size=(2, ROWS, layout.n_cells))
    logits[..., 0] += 3
    return places.astype(np.float32), logits.astype(np.float32)


def test_cells_come_up_as_often_as_among_people() -> None:
    codec = Codec.fit(spread_out(200), np.random.default_rng(0))
    layout = Layout.of(codec)
    places, logits = emitted(layout)
    found = calibrate(codec, layout, places, logits)
    chance = np.exp(log_softmax(layout, logits.astype(float) + found.shift[:, None, :]))
    for j in layout.choices:
        at = slice(layout.starts[j], layout.starts[j] + layout.cells[j])
        assert np.allclose(chance[..., at].mean(1), codec.coders[j].share, atol=0.01)
        assert np.allclose(chance[..., at].sum(-1), 1)


def test_numbers_become_normal_scores_and_keep_their_order() -> None:
    codec = Codec.fit(spread_out(200), np.random.default_rng(0))
    layout = Layout.of(codec)
    alone = [j for j in layout.numbers if layout.modes[j] == 1]
    assert alone
    places, logits = emitted(layout)
    found = calibrate(codec, layout, places, logits)
    for j in alone:
        i, at = layout.numbers.index(j), sum(layout.modes[:j])
        coder = codec.coders[j]
        for k in (0, 1):
            level = coder.level_of(np.zeros(ROWS, int), places[k, :, at].astype(float))
            z = found.scores(k, i, level)
            assert kstest(z, "norm").statistic < 0.02
            assert spearmanr(z, level).statistic > 0.9999


def test_knots_rise_even_where_all_is_emitted_alike() -> None:
    codec = Codec.fit(spread_out(60), np.random.default_rng(0))
    layout = Layout.of(codec)
    places = np.zeros((1, 50, sum(layout.modes)), np.float32)
    found = calibrate(codec, layout, places, np.zeros((1, 50, layout.n_cells), np.float32))
    assert (np.diff(found.level, axis=-1) >= 0).all() and np.isfinite(found.level).all()
    assert (np.diff(knot_scores()) > 0).all()
