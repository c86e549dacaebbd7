"""The pictures of the report: pure functions from plain values to inline SVG.

``finding_chart`` draws a limit, a usefulness or a detection figure with its anchors,
``price_chart`` and ``trace_chart`` what the limits cost, and the rest how alike the tables are.
"""

from salus.synth.report.likeness import (
    column_chart,
    columns_apart,
    difference,
    missing_chart,
    pair_map,
    pairs_apart,
    pairs_shown,
)
from salus.synth.report.limits import finding_chart
from salus.synth.report.price import price_chart, trace_chart

__all__ = [
    "column_chart",
    "columns_apart",
    "difference",
    "finding_chart",
    "missing_chart",
    "pair_map",
    "pairs_apart",
    "pairs_shown",
    "price_chart",
    "trace_chart",
]
