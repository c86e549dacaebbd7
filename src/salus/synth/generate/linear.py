"""Ridge regression with exact leave-one-out predictions, for several targets at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ridge"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ridge:
    """Hold a fitted linear predictor: ``predict(X) = X @ weights + intercept``.

    The penalty is the one, of a fixed ladder, with the least leave-one-out error; leave-one-out
    residuals come from the hat matrix (Allen 1974), so no refit is needed.
    """

    weights: Floats  # (p, m)
    intercept: Floats  # (m,)

    @classmethod
    def fit(cls, x: Floats, y: Floats) -> tuple[Ridge, Floats]:
        """Fit features (n, p) to targets (n, m); also return the leave-one-out predictions."""
        n, p = x.shape
        center, intercept = x.mean(0), y.mean(0)
        xc, yc = x - center, y - intercept
        loo_mean = (y.sum(0) - y) / max(n - 1, 1)
        if p == 0 or n < 4:
            return cls(np.zeros((p, y.shape[1])), intercept), loo_mean
        values, vectors = np.linalg.eigh(xc.T @ xc)
        values = np.maximum(values, 0.0)
        rotated = xc @ vectors
        target = rotated.T @ yc
        squares = rotated * rotated
        # predicting the mean of the others is the choice when no column helps
        best = (float(((y - loo_mean) ** 2).sum()), np.zeros((p, y.shape[1])), loo_mean)
        for alpha in np.geomspace(1e-3, 30.0, 9) * n:
            hat = squares @ (1 / (values + alpha)) + 1 / n
            coef = target / (values + alpha)[:, None]
            residual = (yc - rotated @ coef) / np.maximum(1 - hat, 0.05)[:, None]
            error = float((residual**2).sum())
            if error < best[0]:
                best = (error, vectors @ coef, y - residual)
        # the center is folded in: means of sub-models would tell apart whom each left out
        return cls(best[1], intercept - center @ best[1]), best[2]

    def predict(self, x: Floats) -> Floats:
        """Return the predictions for features (n, p) as (n, m)."""
        return np.asarray(x @ self.weights + self.intercept)
