"""Rows in few dimensions, and a Gaussian kernel density there.

Two rows' squared distance before the projection is the sum over columns of the squared gap of
``measure.distance``: positions for numbers, 0 or 1 for levels and missing states. So the embedding
knows no unit. Columns are taken by name, so their order changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.measure.distance import Encoder, Placed

__all__ = [
    "Embedding",
    "broad",
    "columns_by_name",
    "kernel",
    "kernel_sum",
    "local_width",
    "log_density",
]

Floats = NDArray[np.float64]
Own = Sequence[tuple[NDArray[np.intp], NDArray[np.bool_]]]
MOST_DIMENSIONS = 12
MOST_LEVELS = 20  # commonest levels and missing states of a column that count
TRACE = 1e-6  # share of the variance under which a direction is rounding
LEAST = 1e-5  # of a narrow kernel's peak
CELLS = 1 << 20  # of one block of kernels
LOCAL = 0.5  # of Scott's width
BROAD = 2.0  # width of the one broad kernel, in standard deviations of the real people


def columns_by_name(encoder: Encoder) -> Sequence[int]:
    """Return the columns' indices in the order of their names."""
    return sorted(range(len(encoder.columns)), key=lambda j: encoder.columns[j].name)


@dataclass(frozen=True)
class Embedding:
    """Map placed rows to the leading principal components of the real people, each of variance 1.

    Parameters
    ----------
    columns : tuple of int
        In the order of their names.
    levels : tuple of int arrays
        Of each column, the codes that have an indicator.
    centre : array (p,)
    loading : array (p, k)
    """

    columns: tuple[int, ...]
    levels: tuple[NDArray[np.int32], ...]
    centre: Floats
    loading: Floats

    @classmethod
    def fit(cls, real: Placed, encoder: Encoder) -> Embedding:
        """Learn the components from real people, blind to who is a member."""
        columns = tuple(columns_by_name(encoder))
        levels = tuple(_common(real.code[:, j]) for j in columns)
        raw = _features(real, columns, levels)
        centre = raw.mean(0)
        spread = raw - centre
        value, vector = np.linalg.eigh(spread.T @ spread / max(len(raw), 1))
        kept = np.argsort(-value, kind="stable")[:MOST_DIMENSIONS]
        kept = kept[value[kept] > TRACE * max(float(value.sum()), 1e-9)]
        return cls(columns, levels, centre, vector[:, kept] / np.sqrt(value[kept]))

    def transform(self, placed: Placed) -> Floats:
        """Return the rows' coordinates, (rows, k); k is 0 if nothing varies among the people."""
        out = (_features(placed, self.columns, self.levels) - self.centre) @ self.loading
        return np.asarray(out, np.float64)


def local_width(rows: int, dimensions: int) -> float:
    """Return half of Scott's width for unit variances, rows ** (-1 / (k + 4)) (Scott 1992).

    Scott's width is for the shape of a density as a whole. A leak is local: on 1,000 copied people
    half of it raised the area of the density ratio from 0.965 to 0.997.
    """
    return float(LOCAL * max(rows, 1) ** (-1.0 / (dimensions + 4)))


def kernel(squared: Floats, width: float, dimensions: int) -> Floats:
    """Return the Gaussian kernel at squared distances, up to the factor (2 pi) ** (-k / 2)."""
    return np.asarray(np.exp(-0.5 * squared / width**2) / width**dimensions)


def log_density(at: Floats, centres: Floats, width: float, *, own: Own = ()) -> Floats:
    """Return the log kernel density of ``centres`` (r, k) at points (n, k), as an array (n,).

    One broad kernel stands for what no centre is near, so the log is finite everywhere.

    Parameters
    ----------
    at, centres : array (n, k), (r, k)
    width : float
    own : sequence of (int array (n,), bool array (n,)), optional
        Centres that don't count for a point, as of ``Scene.own_rows``.
    """
    total = kernel_sum(at, centres, width, own=own)
    count = len(centres) - sum((there.astype(float) for _, there in own), np.zeros(len(at)))
    return np.asarray(np.log((total + broad(at, width)) / (count + 1)))


def broad(at: Floats, width: float) -> Floats:
    """Return the broad kernel at points (n, k), at least a trace of a narrow one's peak.

    The trace bounds what a lonely row can tell, and is far above the rounding of a sum of kernels
    of which one is taken away again.
    """
    wide, peak = kernel((at**2).sum(1), BROAD, at.shape[1]), width ** -float(at.shape[1])
    return np.asarray(np.maximum(wide, LEAST * peak))


def kernel_sum(at: Floats, centres: Floats, width: float, *, own: Own = ()) -> Floats:
    """Return the sum of the kernels around all centres but a point's own at each point, (n,)."""
    out = np.empty(len(at))
    step = max(1, CELLS // max(len(centres), 1))
    a, b = at / width, centres / width
    half = 0.5 * (b**2).sum(1)
    for begin in range(0, len(at), step):
        part = a[begin : begin + step]
        power = part @ b.T
        power -= half
        power -= 0.5 * (part**2).sum(1)[:, None]
        np.minimum(power, 0, out=power)
        for which, there in own:
            rows = np.flatnonzero(there[begin : begin + step])
            power[rows, which[begin + rows]] = -np.inf
        out[begin : begin + step] = np.exp(power, out=power).sum(1)
    return np.asarray(out / width ** at.shape[1])


def _common(code: NDArray[np.int32]) -> NDArray[np.int32]:
    found, count = np.unique(code[code != 0], return_counts=True)
    common: NDArray[np.int32] = np.sort(found[np.argsort(-count, kind="stable")[:MOST_LEVELS]])
    return common


def _features(
    placed: Placed, columns: Sequence[int], levels: Sequence[NDArray[np.int32]]
) -> Floats:
    parts: list[Floats] = [np.zeros((len(placed), 0))]
    for j, known in zip(columns, levels, strict=True):
        code = placed.code[:, j]
        # beyond one width from the people a row is as far as it can be
        position = np.clip(placed.position[:, j].astype(np.float64), -1, 2)
        parts.append(np.where(code == 0, position, 0.5)[:, None])
        if len(known):
            parts.append((code[:, None] == known) / np.sqrt(2))  # two levels are 1 apart
    return np.hstack(parts)
