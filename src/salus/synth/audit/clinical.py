"""Are the clinical rules held, in the synthetic rows and in the real ones?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import Estimate
from salus.synth.measure.intervals import wilson
from salus.synth.table.rules import Rule
from salus.synth.table.table import Table

__all__ = ["findings"]


def findings(synthetic: Table, real: Table, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """Return for each rule the share of synthetic rows that break it, beside the real share."""
    out = []
    for rule in rules:
        out.append(
            Finding(
                name=f"clinical.{rule.name}",
                group="clinical",
                title=rule.name,
                meaning=f"Share of rows that break the rule: {rule.describe()}.",
                result=_broken(synthetic, rule),
                ideal=0.0,
                anchors={"fresh real people": _broken(real, rule)},
            )
        )
    return tuple(out)


def _broken(table: Table, rule: Rule) -> Estimate:
    broken = int(np.sum(~rule.holds(table)))
    low, high = wilson(broken, len(table))
    return Estimate(broken / max(len(table), 1), low, high, len(table), "wilson")
