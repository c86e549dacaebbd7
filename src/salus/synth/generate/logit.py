"""Penalised logistic regression with approximate leave-one-out predictions, for several levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, log_expit

__all__ = ["Logit"]

Floats = NDArray[np.float64]
CLASSES = 8  # commonest levels that get a regression of their own
LADDER = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # penalties, in people per unit of squared weight
NEWTON = 8
MOST = 20_000  # people that a regression is fitted on


@dataclass(frozen=True)
class Logit:
    """Give each of K cells a base probability, linear in the predictors on the logistic scale.

    One regression against the rest for each of the commonest cells; the others have their
    frequency; all are scaled to sum to one. With two cells it is plain logistic regression.

    Parameters
    ----------
    classes : int array (m,)
        Cells with a regression.
    weights : array (p, m)
    intercept : array (m,)
    frequency : array (K,)
    pair : int
        With two cells, the one without a regression; else -1.
    """

    classes: NDArray[np.intp]
    weights: Floats
    intercept: Floats
    frequency: Floats
    pair: int

    @classmethod
    def fit(
        cls, x: Floats, cell: NDArray[np.intp], frequency: Floats, rng: np.random.Generator
    ) -> tuple[Logit, Floats]:
        """Fit to cells (n,); also return leave-one-out scores (n, m) on the logistic scale.

        The penalty of each regression is the one with the best approximate leave-one-out likelihood
        (a Newton step without the person: Rad & Maleki 2020, arXiv:1801.10243), or none of the
        predictors if that is likelier still.
        """
        n, p = x.shape
        count = np.bincount(cell, minlength=len(frequency))
        order = np.argsort(-count, kind="stable")
        present = order[count[order] > 0]
        classes, pair = present[:CLASSES], -1
        if len(present) == 2:
            classes, pair = present[1:], int(present[0])
        if len(present) < 2 or p == 0 or n < 8:
            classes, pair = classes[:0], -1
        center = x.mean(0) if n else np.zeros(p)
        some = rng.permutation(n)[:MOST]
        weights, intercept = np.zeros((p, len(classes))), np.zeros(len(classes))
        scores = np.zeros((n, len(classes)))
        for j, k in enumerate(classes):
            y = (cell[some] == k).astype(float)
            b, loo = _regress(x[some] - center, y)
            intercept[j], weights[:, j] = b[0], b[1:]
            scores[:, j] = (x - center) @ b[1:] + b[0]
            scores[some, j] = loo
        # the center is folded in: means of sub-models would tell apart whom each left out
        intercept -= center @ weights
        return cls(classes, weights, intercept, frequency, pair), scores

    def scores(self, x: Floats) -> Floats:
        """Return the regressions' scores for predictors (n, p), (n, m)."""
        return np.asarray(x @ self.weights + self.intercept)

    def base(self, scores: Floats) -> Floats:
        """Return the cells' probabilities (n, K) at scores (n, m)."""
        out = np.tile(self.frequency, (len(scores), 1))
        chance = np.clip(expit(scores), 1e-4, 1 - 1e-4)
        out[:, self.classes] = chance
        if self.pair >= 0:
            out[:, self.pair] = 1 - chance[:, 0]
        return np.asarray(out / out.sum(1, keepdims=True))


def _regress(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return intercept and weights (1 + p,) and leave-one-out scores (n,)."""
    n, p = x.shape
    design = np.column_stack([np.ones(n), x])
    rate = float(np.clip(y.mean(), 0.5 / n, 1 - 0.5 / n))
    b = np.zeros(p + 1)
    b[0] = np.log(rate / (1 - rate))
    best = (_loss(np.full(n, b[0]), y), b.copy(), np.full(n, b[0]))
    for share in LADDER[::-1]:  # from the strongest penalty down, each starting from the last
        penalty = np.full(p + 1, share * n)
        penalty[0] = 1e-6
        for _ in range(NEWTON):
            eta = design @ b
            chance = expit(eta)
            w = np.maximum(chance * (1 - chance), 1e-4)
            factor = cho_factor(design.T @ (design * w[:, None]) + np.diag(penalty))
            step = cho_solve(factor, design.T @ (y - chance) - penalty * b)
            b = b + step
            if np.abs(step).max() < 1e-3:
                break
        eta = design @ b
        chance = expit(eta)
        w = np.maximum(chance * (1 - chance), 1e-4)
        factor = cho_factor(design.T @ (design * w[:, None]) + np.diag(penalty))
        leverage = np.clip(w * (design * cho_solve(factor, design.T).T).sum(1), 0, 0.9)
        loo = eta - leverage / (1 - leverage) * (y - chance) / w
        loo = np.clip(loo, -12, 12)
        loss = _loss(loo, y)
        if loss < best[0]:
            best = (loss, b.copy(), loo)
    return best[1], best[2]


def _loss(eta: Floats, y: Floats) -> float:
    return -float((y * log_expit(eta) + (1 - y) * log_expit(-eta)).mean())
