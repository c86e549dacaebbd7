"""Count how often clinical rules are broken, in the synthetic rows and in the real ones.

A rule that real records break too, by haste or by a typing error, may be broken in synthetic rows
as often, but not more often than chance explains.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.measure.intervals import newcombe, wilson
from salus.synth.table.rules import Rule
from salus.synth.table.table import Table

__all__ = ["findings"]

BESIDE = "fresh real people"


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
        ``clinical.NAME`` for each rule; empty where there are no rules. The detail holds the
        difference of the two shares with its interval (Newcombe 1998, method 10) and whether the
        synthetic rows break the rule more often beyond noise.
    """
    names = [r.name for r in rules]
    return tuple(
        _finding(r, synthetic, real, f" ({k + 1})" if names.count(r.name) > 1 else "")
        for k, r in enumerate(rules)
    )


def _finding(rule: Rule, synthetic: Table, real: Table, number: str) -> Finding:
    made, theirs = _broken(synthetic, rule), _broken(real, rule)
    difference = _difference(made, theirs)
    more = isinstance(difference, Estimate) and difference.low > 0
    return Finding(
        name=f"clinical.{rule.name}{number}",
        group="clinical",
        title=rule.name,
        meaning=f"Share of rows that break the rule: {rule.describe().rstrip('.')}.",
        result=made,
        ideal=0.0,
        because=_because(difference, more),
        anchors={BESIDE: theirs},
        detail={
            "real": theirs.to_dict(),
            "difference": difference.to_dict(),
            "broken more often than by real people": more,
        },
    )


def _because(difference: Estimate | CannotJudge, more: bool) -> str:
    if isinstance(difference, CannotJudge):
        return ""
    if more:
        return "broken more often than by real people, beyond what chance explains"
    if difference.high < 0:
        return "broken less often than by real people, beyond what chance explains"
    return "not told apart from real people by chance"


def _difference(
    made: Estimate | CannotJudge, real: Estimate | CannotJudge
) -> Estimate | CannotJudge:
    if isinstance(made, CannotJudge):
        return made
    if isinstance(real, CannotJudge):
        return real
    value, low, high = newcombe(
        (made.value, made.low, made.high), (real.value, real.low, real.high)
    )
    return Estimate(value, min(low, value), max(high, value), min(made.n, real.n), "newcombe")


def _broken(table: Table, rule: Rule) -> Estimate | CannotJudge:
    n = len(table)
    if not n:
        return CannotJudge("the table has no rows")
    broken = ~rule.holds(table)
    share = float(broken.mean())
    worth = _worth(broken, table.people)
    low, high = wilson(share * worth, worth)
    method = "wilson" if table.n_people == n else "wilson, by person"
    return Estimate(share, min(low, share), max(high, share), table.n_people, method)


def _worth(broken: NDArray[np.bool_], people: NDArray[np.int64]) -> int:
    """Return how many independent rows the rows are worth, as one person's are alike.

    The variance of the share is that of a ratio over people (Kish 1965, Survey Sampling, chapter
    2). Where nobody or everybody breaks the rule, each person counts once.
    """
    unique, inverse = np.unique(people, return_inverse=True)
    n, m = len(broken), len(unique)
    if m == n:
        return n
    share = float(broken.mean())
    if share in (0.0, 1.0) or m < 2:
        return m
    over = np.bincount(inverse.ravel(), weights=broken - share, minlength=m)
    variance = float((over**2).sum()) / n**2 * m / (m - 1)
    return int(np.clip(round(share * (1 - share) / max(variance, 1e-300)), 1, n))
