"""A leak within one group is seen in that group, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from salus.synth.audit.observation import Observation
from salus.synth.audit.worst import group_findings, group_risks, worst_group
from salus.synth.measure.estimate import CannotJudge, Estimate

N = 1200
MEMBER = np.arange(N) % 2 == 0
SMALL = np.arange(N) < 200


def observation(leak: float) -> Observation:
    rng = np.random.default_rng(1)
    score = rng.normal(size=N) + leak * (SMALL & MEMBER)
    zero = np.zeros(N)
    return Observation(
        member=MEMBER,
        seen=np.ones(N, bool),
        membership={"attack": score},
        exact={"exact": zero},
        near={"all columns": zero},
        success={},
        chunks=1,
        rows=N,
        whole=True,
        groups={"small": SMALL, "odd": np.arange(N) % 3 == 0, "tiny": np.arange(N) < 10},
    )


def test_the_exposed_group_stands_out() -> None:
    found = {f.name: f for f in group_findings(group_risks([observation(4.0)], 0))}
    small, odd = found["membership.group.small"], found["membership.group.odd"]
    assert isinstance(small.result, Estimate) and isinstance(odd.result, Estimate)
    assert small.result.low > 0.6 > odd.result.high
    assert small.detail["gap"]["low"] > 0.5
    assert {f.group for f in found.values()} == {"subgroup"}


def test_a_group_of_few_is_not_judged() -> None:
    found = {f.name: f for f in group_findings(group_risks([observation(0.0)], 0))}
    assert isinstance(found["membership.group.tiny"].result, CannotJudge)


def test_the_worst_group_is_named_and_bounds_hold_over_all_groups() -> None:
    risk = worst_group(group_risks([observation(4.0)], 0))
    assert not isinstance(risk, CannotJudge)
    assert risk.strongest.startswith("small: ")
    assert risk.low > 0.5
    calm = worst_group(group_risks([observation(0.0)], 0))
    assert not isinstance(calm, CannotJudge)
    assert calm.low <= 0.02 < calm.high


def test_without_groups_there_is_a_reason() -> None:
    bare = replace(observation(0.0), groups={})
    assert group_findings(group_risks([bare], 0)) == ()
    assert isinstance(worst_group(group_risks([bare], 0)), CannotJudge)
