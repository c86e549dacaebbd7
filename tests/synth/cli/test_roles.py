"""Roles of columns: one set of options for all verbs that read real people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.errors import OptionError

Run = Callable[..., Any]


@pytest.mark.parametrize("verb", ["release", "schema", "fit", "audit", "exposed"])
def test_every_verb_takes_every_role(salus: Run, verb: str) -> None:
    shown = salus(verb, "--help").stdout
    for option in ("outcome", "person", "sensitive", "known", "drop", "group", "time", "event"):
        assert f"--{option}" in shown, option


def test_what_was_given_reaches_the_verb() -> None:
    @spread
    def verb(table: str, roles: Roles = NO_ROLES, seed: int = 0) -> int:
        assert (table, roles.outcome, roles.group) == ("t.csv", "death", ["sex"])
        return seed

    assert verb(table="t.csv", outcome="death", group=["sex"], seed=3) == 3


def test_an_event_without_a_time_is_told(salus: Run, patients: Path) -> None:
    done = salus("schema", patients, "--outcome", "target", "--event", "1")
    assert done.exit_code == 2 and "--time" in done.stderr
    with pytest.raises(OptionError, match="--event"):
        Roles(event="1").given()
    assert Roles(event="1").given(schema="s.json")["event"] == "1"  # which may name the time
