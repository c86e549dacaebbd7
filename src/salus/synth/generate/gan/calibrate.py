"""Give a trained generator the columns' own distributions, and leave their relations as they are.

A GAN learns relations sooner than margins. So its cells' logits are shifted until each cell comes up
as often as it does among people, and its numbers are mapped by their rank: what it emits at rank u
becomes the margin's value at rank u. Both are monotone, column by column, and known from a sample of
the generator; no person's value takes part but through the margin (``margins.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from salus.synth.generate.gan.codec import Codec, NumberCoder
from salus.synth.generate.gan.layout import Layout

__all__ = ["SAMPLE", "Calibration", "calibrate", "log_softmax"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
SAMPLE = 2_000  # rows of each sub-model that the calibration is read off
KNOTS = 129
STEPS = 8  # of the shifts of the logits
SHARE_OF_NONE = 1e-5  # that a shift doesn't go below


@dataclass(frozen=True)
class Calibration:
    """Hold the shifts and the ranks.

    Parameters
    ----------
    shift : array (K, C)
        Added to the logits.
    level : array (K, P, knots)
        For each number, what the generator emits on the scale of its mixture, at ``score``.
    """

    shift: Singles
    level: Singles

    def scores(self, k: int, i: int, level: Floats) -> Floats:
        """Return the normal scores of the ranks of what sub-model k emits for its i-th number."""
        return np.interp(level, self.level[k, i].astype(float), knot_scores())


def knot_scores() -> Floats:
    """Return the normal scores at which levels are known, (knots,)."""
    u = (np.arange(KNOTS - 2) + 0.5) / (KNOTS - 2)
    end = 0.5 / SAMPLE
    return np.asarray(ndtri(np.concatenate([[end], u, [1 - end]])))


def log_softmax(layout: Layout, logits: Floats) -> Floats:
    """Return each column's log probabilities, (..., C)."""
    out = np.empty_like(logits)
    for j in layout.choices:
        part = slice(layout.starts[j], layout.starts[j] + layout.cells[j])
        top = logits[..., part] - logits[..., part].max(-1, keepdims=True)
        out[..., part] = top - np.log(np.exp(top).sum(-1, keepdims=True))
    return out


def calibrate(codec: Codec, layout: Layout, places: Singles, logits: Singles) -> Calibration:
    """Calibrate by what the sub-models emit.

    Parameters
    ----------
    codec, layout : Codec, Layout
    places : array (K, n, modes)
        In [-1, 1].
    logits : array (K, n, C)
    """
    shift = np.zeros((len(logits), layout.n_cells))
    chance = np.ones(logits.shape)
    for j in layout.choices:
        part = slice(layout.starts[j], layout.starts[j] + layout.cells[j])
        shift[:, part], chance[..., part] = _shifted(logits[..., part], codec.coders[j].share)
    u = ndtr(knot_scores())
    level = np.zeros((len(logits), layout.n_places, KNOTS), np.float32)
    at = 0
    for i, j in enumerate(layout.numbers):
        coder, modes = codec.coders[j], layout.modes[j]
        assert isinstance(coder, NumberCoder)
        assert coder.mixture is not None
        for k in range(len(logits)):
            emitted = np.concatenate(
                [
                    coder.level_of(np.full(places.shape[1], m), places[k, :, at + m].astype(float))
                    for m in range(modes)
                ]
            )
            weight = np.ones(len(emitted))
            if j in layout.starts:
                begin = layout.starts[j]
                weight = chance[k, :, begin : begin + modes].T.ravel()
            level[k, i] = _quantiles(emitted, weight, u, coder.mixture.spread)
        at += modes
    return Calibration(shift.astype(np.float32), level)


def _shifted(logits: Singles, share: Floats) -> tuple[Floats, Floats]:
    """Return the shifts (K, c) that give one column's cells their share, and the chances then."""
    odds = np.exp(logits.astype(float) - logits.max(-1, keepdims=True))
    factor = np.ones((len(logits), 1, len(share)))
    for _ in range(STEPS):
        chance = odds * factor
        chance /= chance.sum(-1, keepdims=True)
        found = chance.mean(1, keepdims=True)
        factor *= (share + SHARE_OF_NONE) / (found + SHARE_OF_NONE)
    chance = odds * factor
    return np.log(factor[:, 0]), chance / chance.sum(-1, keepdims=True)


def _quantiles(x: Floats, weight: Floats, u: Floats, spread: float) -> Floats:
    """Return the weighted quantiles of x (n,), rising by a millionth of the ``spread`` at least."""
    order = np.argsort(x, kind="stable")
    x, weight = x[order], weight[order] + 1e-12
    middle = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    found = np.interp(u, middle, x)
    # interpolation needs knots that rise: where all is emitted alike they part a little
    return np.asarray(found + 1e-6 * spread * np.arange(len(found)))
