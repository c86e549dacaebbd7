"""Fit the model of an analysis by statsmodels: logistic, linear, or Cox's with Efron's ties."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.replication.design import Design
from salus.synth.audit.replication.formula import Kind, optional
from salus.synth.measure.estimate import CannotJudge

__all__ = ["Coefficient", "Fitted", "fit"]

Floats = NDArray[np.float64]
LEAST = 10  # rows beyond the number of coefficients
ALIASED = 1e-7  # part of a column that the columns before it don't explain
ENDLESS = 15.0  # change of the linear predictor over a column's range: odds of millions
VAGUE = 0.1  # estimate in standard errors; both together mean separation


@dataclass(frozen=True)
class Coefficient:
    """Hold an estimate with its variance, and the degrees of freedom of its t distribution."""

    estimate: float
    variance: float
    df: float = math.inf


@dataclass(frozen=True)
class Fitted:
    """Hold the coefficients that a table determines.

    Parameters
    ----------
    coefficients : mapping of str to Coefficient
        Those of constant, aliased and separating columns are absent.
    absent : mapping of str to str
        Why, for each of these.
    rows : int
    """

    coefficients: Mapping[str, Coefficient]
    absent: Mapping[str, str]
    rows: int


def fit(design: Design, kind: Kind) -> Fitted | CannotJudge:
    """Return the coefficients by maximum likelihood, or why there are none."""
    too_few = _too_few(design, kind)
    if too_few:
        return CannotJudge(too_few)
    scale = np.where(np.ptp(design.matrix, axis=0) > 0, design.matrix.std(0), 1.0)
    kept = _independent(design.matrix / scale, intercept=kind == "cox")
    if not kept.any():
        return CannotJudge("no column of the formula varies")
    matrix = design.matrix[:, kept] / scale[kept]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is looked at below
        try:
            found = _statsmodels(design, matrix, kind)
        except (np.linalg.LinAlgError, ValueError, ArithmeticError, RuntimeError) as error:
            return CannotJudge(f"the model can't be fitted ({type(error).__name__})")
    if found is None:
        return CannotJudge("the fit doesn't converge")
    estimates, variances, df = found
    reach = np.ptp(matrix, axis=0)
    coefficients: dict[str, Coefficient] = {}
    absent = {n: "constant or aliased" for n, k in zip(design.names, kept, strict=True) if not k}
    names = [n for n, k in zip(design.names, kept, strict=True) if k]
    for k, name in enumerate(names):
        endless = abs(estimates[k]) * reach[k] > ENDLESS
        if kind != "linear" and endless and estimates[k] ** 2 < VAGUE**2 * variances[k]:
            absent[name] = "separates the outcomes"
            continue
        s = float(scale[kept][k])
        coefficients[name] = Coefficient(float(estimates[k]) / s, float(variances[k]) / s**2, df)
    return Fitted(coefficients, absent, len(design))


def _too_few(design: Design, kind: Kind) -> str:
    """Return why nothing can be fitted; empty if it can."""
    if len(design) < len(design.names) + LEAST:
        return f"{len(design)} complete rows are too few for {len(design.names)} coefficients"
    if kind == "logistic" and len(np.unique(design.outcome)) < 2:
        return "all complete rows have the same outcome"
    if kind == "linear" and np.ptp(design.outcome) == 0:
        return "all complete rows have the same outcome"
    if kind == "cox":
        assert design.event is not None
        if design.event.sum() < 2:
            return "fewer than two complete rows have the event"
        if (design.outcome < 0).any():
            return "a follow-up time is negative"
    return ""


def _independent(matrix: Floats, *, intercept: bool) -> NDArray[np.bool_]:
    """Return which columns (p,) the ones before them don't explain, as R leaves aliased ones out.

    With ``intercept``, a constant column explains too, though it isn't in the matrix.
    """
    before = np.ones((len(matrix), 1)) if intercept else np.zeros((len(matrix), 0))
    whole = np.concatenate([before, matrix], axis=1)
    whole = whole / np.maximum(np.linalg.norm(whole, axis=0), 1e-300)
    basis: list[Floats] = []
    kept = []
    for column in whole.T:
        rest = column.copy()
        for _ in range(2):  # once more, against rounding
            for b in basis:
                rest = rest - b * float(b @ rest)
        size = float(np.linalg.norm(rest))
        kept.append(size > ALIASED)
        if kept[-1]:
            basis.append(rest / size)
    return np.array(kept[before.shape[1] :], dtype=bool)


def _statsmodels(design: Design, matrix: Floats, kind: Kind) -> tuple[Floats, Floats, float] | None:
    """Return estimates (p,), variances (p,) and degrees of freedom; None without convergence."""
    made: Any
    if kind == "linear":
        made = optional("statsmodels.regression.linear_model").OLS(design.outcome, matrix).fit()
        df = float(made.df_resid)
    elif kind == "logistic":
        model = optional("statsmodels.discrete.discrete_model").Logit(design.outcome, matrix)
        made, df = model.fit(disp=0, maxiter=100), math.inf
    else:
        centred = matrix - matrix.mean(0)  # the same coefficients, and no overflow
        model = optional("statsmodels.duration.hazard_regression").PHReg(
            design.outcome, centred, status=design.event, ties="efron"
        )
        made, df = model.fit(disp=0), math.inf
    estimates = np.asarray(made.params, float)
    variances = np.diag(np.asarray(made.cov_params(), float)).copy()
    if (
        not (np.isfinite(estimates).all() and np.isfinite(variances).all())
        or (variances <= 0).any()
    ):
        return None
    if kind != "linear" and not _stationary(made, estimates, variances):
        return None
    return estimates, variances, df


def _stationary(made: Any, estimates: Floats, variances: Floats) -> bool:
    """Tell whether one more Newton step would move no coefficient by a hundredth of its error.

    A separated coefficient runs away for ever; its error does too, so it passes here and is
    left out by its size.
    """
    step = np.asarray(made.cov_params(), float) @ np.asarray(made.model.score(estimates), float)
    return bool((np.abs(step) < 0.01 * np.sqrt(variances)).all())
