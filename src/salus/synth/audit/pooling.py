"""The same findings over several trials, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import t as student

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate

__all__ = ["pool"]


def pool(trials: Sequence[Sequence[Finding]]) -> tuple[Finding, ...]:
    """Average each finding, and its anchors, over trials; the interval is their spread's.

    The detail is that of the first trial.
    """
    if not trials:
        return ()
    out = []
    for first in trials[0]:
        same = [f for trial in trials for f in trial if f.name == first.name]
        anchors = {
            name: _mean([f.anchors[name] for f in same if name in f.anchors])
            for name in first.anchors
        }
        out.append(replace(first, result=_mean([f.result for f in same]), anchors=anchors))
    return tuple(out)


def _mean(results: Sequence[Estimate | CannotJudge]) -> Estimate | CannotJudge:
    known = [r for r in results if isinstance(r, Estimate)]
    if not known:
        return next(r for r in results if isinstance(r, CannotJudge))
    values = np.array([r.value for r in known])
    value, n = float(values.mean()), len(values)
    if n == 1:
        return known[0]
    # trials share people, so their spread alone is too narrow: half overlap doubles the variance
    bounds = (0.0, 1.0) if values.min() >= 0 and values.max() <= 1 else (-np.inf, np.inf)
    half = float(student.ppf(0.975, n - 1) * values.std(ddof=1) * np.sqrt(1 / n + 0.5))
    return Estimate(
        value=value,
        low=min(value, max(value - half, bounds[0])),
        high=max(value, min(value + half, bounds[1])),
        n=known[0].n,
        method=f"{n} trials, t with overlapping people",
    )
