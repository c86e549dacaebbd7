"""The audit of one table, whoever made it."""

from __future__ import annotations

import numpy as np
import pytest

from salus.synth.audit.finding import Verdict
from salus.synth.audit.run import audit
from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.measure.estimate import Estimate
from salus.synth.table.parts import split
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

POOL = simulated(900, seed=6)
TRAIN, HOLDOUT, FRESH = (POOL.take(np.arange(a, a + 300)) for a in (0, 300, 600))


def test_anchors_keep_their_order() -> None:
    # equal numbers on the two sides are different people
    holdout = Table(HOLDOUT.schema, HOLDOUT.values, HOLDOUT.states, TRAIN.people)
    found = audit(FRESH, train=TRAIN, holdout=holdout, seed=1)
    assert found["membership.advantage"].detail["people"] == 600
    assert found.verdict is not Verdict.NOT_MET
    assert {f.group for f in found.findings} >= {"privacy", "fidelity", "utility"}
    value: dict[str, float] = {}
    for name, anchor in found["membership.advantage"].anchors.items():
        assert isinstance(anchor, Estimate)
        value[name] = anchor.value
    assert value["verbatim copy"] >= value["shifted copy"] > value["SMOTE"]
    assert (
        value["SMOTE"] > 0.3 > 0.1 > max(value["fresh real people"], value["independent columns"])
    )
    near = found["copies.near"].anchors
    assert isinstance(near["5 % planted copies"], Estimate)
    assert near["5 % planted copies"].value > 0.03


def test_parts_do_as_well() -> None:
    parts = split(POOL, seed=3)
    found = audit(parts.train, parts, seed=0)  # a verbatim copy
    assert found.context["reference_people"] == parts.reference.n_people
    assert found.verdict is Verdict.NOT_MET


def test_too_few_or_no_people() -> None:
    with pytest.raises(TooFewPeople):
        audit(FRESH, train=TRAIN.take(np.arange(10)), holdout=HOLDOUT)
    with pytest.raises(OptionError):
        audit(FRESH, train=TRAIN)


def test_the_same_people_cannot_be_members_and_strangers() -> None:
    with pytest.raises(OptionError, match="also training records"):
        audit(TRAIN, train=TRAIN, holdout=TRAIN)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_a_holdout_that_holds_training_people_is_refused(share: float) -> None:
    people = simulated(900, seed=4)
    train, holdout, made = (people.take(np.arange(k * 300, (k + 1) * 300)) for k in range(3))
    count = int(share * 300)
    mixed = Table.concat([train.take(np.arange(count)), holdout.take(np.arange(300 - count))])
    mixed = Table(mixed.schema, mixed.values, mixed.states)
    with pytest.raises(OptionError, match=f"{count} of 300 held-out records"):
        audit(made, train=train, holdout=mixed)


def test_strangers_alike_by_chance_are_no_overlap() -> None:
    people = simulated(600, seed=5)
    kept = ("sex", "work", "target")
    schema = Schema([c for c in people.schema.columns if c.name in kept])
    few = Table(schema, {k: people.values[k] for k in kept}, {k: people.states[k] for k in kept})
    found = audit(
        few.take(np.arange(400, 600)),
        train=few.take(np.arange(200)),
        holdout=few.take(np.arange(200, 400)),
    )
    assert Verdict.NOT_MET not in {f.verdict for f in found.findings}


def test_what_the_audit_would_have_found_is_told() -> None:
    people = simulated(900, seed=4)
    train, holdout, made = (people.take(np.arange(k * 300, (k + 1) * 300)) for k in range(3))
    context = audit(made, train=train, holdout=holdout).context
    found = {row["leak"]: row for row in context["power"]}
    assert found["everybody copied"]["found"] > 0.99
    assert found["no leak"]["found"] < 0.1
    assert "synthetic table" in context["attacks"]["nearest distance"]["knowledge"]


def test_the_same_people_are_told_where_each_has_equal_rows() -> None:
    twice = Table.concat([TRAIN, TRAIN])
    people = np.tile(np.arange(300), 2)
    train, holdout = (Table(twice.schema, twice.values, twice.states, people) for _ in range(2))
    with pytest.raises(OptionError, match="300 of 300 held-out records"):
        audit(FRESH, train=train, holdout=holdout)
