"""How far the coefficients of one analysis agree between two tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from salus.synth.audit.replication.fitting import Coefficient, Fitted

__all__ = ["INTERCEPT", "Row", "compare", "mean_overlap", "overlap", "same_signs"]

Floats = NDArray[np.float64]
INTERCEPT = "Intercept"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Hold one coefficient of the real and of the synthetic analysis.

    ``synthetic`` is None where the synthetic rows don't determine it; its variance is the one that
    the synthetic rows foretell for the real estimate. ``noise`` is the variance of the synthetic
    estimate about its model. ``population`` is the interval for the population, by a combining rule.
    """

    name: str
    real: Coefficient
    synthetic: Coefficient | None
    noise: float = 0.0
    population: tuple[float, float] | None = None
    absent: str = ""

    @property
    def determined(self) -> bool:
        """Whether the real people tell the sign, at 95 %."""
        low, high = interval(self.real)
        return low > 0 or high < 0

    @property
    def same_sign(self) -> bool:
        """Whether both estimates have one sign."""
        return self.synthetic is not None and self.real.estimate * self.synthetic.estimate > 0

    @property
    def same_conclusion(self) -> bool:
        """Whether both intervals exclude 0 on the same side."""
        if self.synthetic is None or not (self.determined and self.same_sign):
            return False
        low, high = interval(self.synthetic)
        return low > 0 or high < 0

    @property
    def overlap(self) -> float:
        """Overlap of the two intervals; 0 where there is only one."""
        if self.synthetic is None:
            return 0.0
        return float(overlap(interval(self.real), interval(self.synthetic)))

    @property
    def difference(self) -> float | None:
        """Synthetic minus real estimate, in standard errors of the real one."""
        if self.synthetic is None:
            return None
        gap = self.synthetic.estimate - self.real.estimate
        return gap / math.sqrt(self.real.variance)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "real": _plain(self.real),
            "synthetic": None if self.synthetic is None else _plain(self.synthetic),
            "population interval": None if self.population is None else list(self.population),
            "sign determined": self.determined,
            "same sign": self.same_sign,
            "same conclusion": self.same_conclusion,
            "overlap": self.overlap,
            "standardised difference": self.difference,
            "absent": self.absent,
        }


def compare(real: Fitted, synthetic: Fitted) -> list[Row]:
    """Return a row for each coefficient that the real people determine."""
    return [
        Row(
            name=name,
            real=coefficient,
            synthetic=synthetic.coefficients.get(name),
            absent=synthetic.absent.get(name, "")
            or ("" if name in synthetic.coefficients else "not in the model"),
        )
        for name, coefficient in real.coefficients.items()
    ]


def interval(coefficient: Coefficient, *, level: float = 0.95) -> tuple[float, float]:
    """Return the two-sided interval of a coefficient."""
    tail = (1 + level) / 2
    factor = norm.ppf(tail) if math.isinf(coefficient.df) else t.ppf(tail, coefficient.df)
    half = float(factor) * math.sqrt(coefficient.variance)
    return coefficient.estimate - half, coefficient.estimate + half


def overlap(
    real: tuple[float | Floats, float | Floats], synthetic: tuple[float | Floats, float | Floats]
) -> Floats:
    """Return the mean of the shares of two intervals that they have in common.

    0 where they are apart (Karr et al. 2006, doi:10.1198/000313006X124640).

    Examples
    --------
    >>> float(overlap((0.0, 2.0), (1.0, 5.0)))
    0.375
    """
    common = np.minimum(real[1], synthetic[1]) - np.maximum(real[0], synthetic[0])
    shares = common / np.subtract(real[1], real[0]) + common / np.subtract(*synthetic[::-1])
    return np.maximum(0.5 * shares, 0.0)


def mean_overlap(rows: list[Row]) -> float | None:
    """Return the mean overlap, the intercept left out; None without coefficients."""
    shares = [r.overlap for r in rows if r.name != INTERCEPT]
    return float(np.mean(shares)) if shares else None


def same_signs(rows: list[Row], among: Mapping[str, bool]) -> float | None:
    """Return the share of the named coefficients with one sign; None without any."""
    signs = [r.same_sign for r in rows if among.get(r.name, False)]
    return float(np.mean(signs)) if signs else None


def _plain(coefficient: Coefficient) -> dict[str, float]:
    low, high = interval(coefficient)
    return {
        "estimate": coefficient.estimate,
        "standard error": math.sqrt(coefficient.variance),
        "low": low,
        "high": high,
    }
