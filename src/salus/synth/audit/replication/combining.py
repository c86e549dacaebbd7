"""Rules that combine the estimates from m synthetic tables into one, with its variance.

With q the mean of the m estimates, b their variance, v the mean of the variances that each
analysis gave, n real people and k synthetic rows in each table:

- ``raghunathan``: ``T = (1 + 1/m) b - v``, for tables drawn from a posterior predictive
  distribution (Raghunathan, Reiter & Rubin 2003, *Journal of Official Statistics* 19, 1-16). It can
  be negative; then ``(k / n) v`` takes its place (Reiter 2002, *Journal of Official Statistics* 18,
  531-543).
- ``simple``: ``T_s = v (k/n + 1/m)``, for tables drawn from one fitted model (Raab, Nowok & Dibben
  2016, arXiv:1409.0217). It holds for m = 1 too. Salus' generators draw in this way.
- ``proper``: ``T_p = v (k/n + (1 + k/n) / m)``, for tables from models with parameters drawn
  anew from their posterior for each table (the same source).
- ``naive``: ``v / m``, which takes the synthetic rows for people. It says how far the synthetic
  estimate strays from its model, and nothing of the population: for that it is too narrow.

All but the last aim at the population that the real people were drawn from, and hold only if the
model that made the rows is right about what is analysed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import OptionError

__all__ = ["Combined", "Rule", "combine"]

Floats = NDArray[np.float64]
Rule = Literal["simple", "proper", "raghunathan", "naive"]


@dataclass(frozen=True)
class Combined:
    """Hold an estimate with its variance and degrees of freedom (infinite: normal)."""

    estimate: float
    variance: float
    df: float

    def interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """Return the two-sided interval by Student's t."""
        from scipy.stats import norm, t

        tail = (1 + level) / 2
        factor = float(norm.ppf(tail) if math.isinf(self.df) else t.ppf(tail, self.df))
        half = factor * math.sqrt(self.variance)
        return self.estimate - half, self.estimate + half


def combine(
    estimates: Sequence[float] | Floats,
    variances: Sequence[float] | Floats,
    *,
    n_real: int,
    n_synthetic: int,
    rule: Rule = "simple",
) -> Combined:
    """Combine one quantity over m synthetic tables.

    Parameters
    ----------
    estimates, variances : sequences (m,)
        What the same analysis gave in each table.
    n_real : int
        People whom the tables were made from.
    n_synthetic : int
        Rows of each synthetic table.
    rule : {"simple", "proper", "raghunathan", "naive"}
        How the tables were made; see the module.

    Raises
    ------
    OptionError
        For numbers outside their domain, or ``raghunathan`` with a single table.

    Examples
    --------
    >>> combine([1.0, 3.0], [0.5, 0.5], n_real=100, n_synthetic=100)
    Combined(estimate=2.0, variance=0.75, df=inf)
    """
    q, v = np.asarray(estimates, float), np.asarray(variances, float)
    _check(q, v, n_real, n_synthetic, rule)
    m, ratio = len(q), n_synthetic / n_real
    mean, within = float(q.mean()), float(v.mean())
    if rule == "naive":
        return Combined(mean, within / m, math.inf)
    if rule == "simple":
        return Combined(mean, within * (ratio + 1 / m), math.inf)
    if rule == "proper":
        return Combined(mean, within * (ratio + (1 + ratio) / m), math.inf)
    between = (1 + 1 / m) * float(q.var(ddof=1))
    if between <= within:
        return Combined(mean, ratio * within, math.inf)
    return Combined(mean, between - within, (m - 1) * (1 - within / between) ** 2)


def _check(q: Floats, v: Floats, n_real: int, n_synthetic: int, rule: str) -> None:
    if rule not in get_args(Rule):
        raise OptionError(
            f"the combining rule {rule!r} is unknown.", remedy=f"Use {', '.join(get_args(Rule))}."
        )
    if q.ndim != 1 or not len(q) or q.shape != v.shape:
        raise OptionError("estimates and variances must be two lists of one length.")
    if not (np.isfinite(q).all() and np.isfinite(v).all() and (v >= 0).all()):
        raise OptionError("estimates must be finite, and variances finite and not negative.")
    if min(n_real, n_synthetic) < 1:
        raise OptionError("the numbers of people and of synthetic rows must be positive.")
    if rule == "raghunathan" and len(q) < 2:
        raise OptionError(
            "the rule 'raghunathan' needs at least two synthetic tables.",
            remedy="Use the rule 'simple' for one table.",
        )
