"""The constants of the published scores, in one place."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PaperSettings"]


@dataclass(frozen=True, kw_only=True)
class PaperSettings:
    """Hold every constant of the published utility Q and privacy P (2026, arXiv:2606.18518).

    The formulas are known second hand, so whoever holds the full text changes them here.

    Parameters
    ----------
    distribution, anomalies, association, diversity, temporal : float
        Weights of the parts D, A, C, V and T of Q; those of absent parts are shared out.
    closeness, quantiles, copies : float
        Weights of the parts of P: distance to the closest record, quantile difference, exact copies.
    p_min : float
        The published threshold of P.
    bins : int
        Shared bins of a number in D and V, and bins of each table's own in the published divergence.
    few_bins : int
        Bins of the published divergence in its other form.
    tenths : int
        Bins of a number beside levels, in C.
    fence : float
        Quartile distances from the quartiles to Tukey's fences.
    outlier_gap, rare_gap : float
        Gap of rates at which a part of A is 0.
    rare : float
        Share of real rows up to which a level is rare.
    neighbours : int
        Whose distance is the radius of the balls in V.
    grid, grid_end : int, float
        Points of the grid of quantiles, from 0 to ``grid_end``.
    repeats, halvings : int
        Random halves of the people held out that figures are averaged over, and that the quantile
        difference of real people is judged by.
    noise : float
        Standard deviations that an anchor's gap must have for P to be judged.
    most_rows, most_pairs : int
        Rows of each table that are compared, and pairs of rows in one comparison: for time.
    least_people : int
        Held out, below which nothing is judged.
    """

    distribution: float = 0.40
    anomalies: float = 0.10
    association: float = 0.40
    diversity: float = 0.10
    temporal: float = 0.0
    closeness: float = 0.5
    quantiles: float = 0.3
    copies: float = 0.2
    p_min: float = 0.80
    bins: int = 30
    few_bins: int = 20
    tenths: int = 10
    fence: float = 1.5
    outlier_gap: float = 0.10
    rare_gap: float = 0.02
    rare: float = 0.01
    neighbours: int = 5
    grid: int = 1_000
    grid_end: float = 0.05
    repeats: int = 10
    halvings: int = 100
    noise: float = 3.0
    most_rows: int = 2_000
    most_pairs: int = 40_000_000
    least_people: int = 40

    def __post_init__(self) -> None:
        parts = (self.closeness, self.quantiles, self.copies)
        if min(parts) < 0 or abs(sum(parts) - 1) > 1e-9:
            raise ValueError("the weights of P must be at least 0 and sum to 1")
        weights = (self.distribution, self.anomalies, self.association, self.diversity)
        if min(*weights, self.temporal) < 0 or not sum(weights) > 0:
            raise ValueError("the weights of Q must be at least 0, and one of them above 0")
        if self.repeats < 2:
            raise ValueError("at least two repeats are needed for an interval")
