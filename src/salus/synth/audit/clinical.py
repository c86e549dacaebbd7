"""Count how often clinical rules are broken, in the synthetic rows and in the real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.intervals import wilson
from salus.synth.table.rules import Rule
from salus.synth.table.table import Table

__all__ = ["findings"]


def findings(synthetic: Table, real: Table, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """Return for each rule the share of synthetic rows that break it, beside the real share.

    Parameters
    ----------
    synthetic, real : Table
    rules : sequence of Rule
        A name that stands twice gets a number.

    Returns
    -------
    tuple of Finding
        ``clinical.NAME`` for each rule; empty where there are no rules.
    """
    names = [r.name for r in rules]
    return tuple(
        Finding(
            name=f"clinical.{r.name}" + (f" ({k + 1})" if names.count(r.name) > 1 else ""),
            group="clinical",
            title=r.name,
            meaning=f"Share of rows that break the rule: {r.describe().rstrip('.')}.",
            result=_broken(synthetic, r),
            ideal=0.0,
            anchors={"fresh real people": _broken(real, r)},
        )
        for k, r in enumerate(rules)
    )


def _broken(table: Table, rule: Rule) -> Estimate | CannotJudge:
    n = len(table)
    if not n:
        return CannotJudge("the table has no rows")
    broken = int(np.sum(~rule.holds(table)))
    low, high = wilson(broken, n)
    return Estimate(broken / n, low, high, n, "wilson")
