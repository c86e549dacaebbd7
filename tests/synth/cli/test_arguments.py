from __future__ import annotations

import pytest

from salus.synth.cli.arguments import read_arguments
from salus.synth.cli.options import GeneratorName, ReleasedName
from salus.synth.errors import OptionError
from salus.synth.generate import KINDS
from salus.synth.release.settings import known_generators


def test_values_are_json_or_text() -> None:
    given = [
        "epsilon=1.5",
        "bounds=paid",
        "declared=true",
        "no-budget=null",
        "width=32",
        "text=a=b",
    ]
    assert read_arguments(given) == {
        "epsilon": 1.5,
        "bounds": "paid",
        "declared": True,
        "no_budget": None,
        "width": 32,
        "text": "a=b",
    }
    assert read_arguments(None) == {}


@pytest.mark.parametrize("given", [["epsilon"], ["=1"], ["a=1", "a=2"]])
def test_what_is_no_argument_is_named(given: list[str]) -> None:
    with pytest.raises(OptionError, match="--set"):
        read_arguments(given)


def test_the_command_line_knows_every_generator() -> None:
    assert sorted(GeneratorName) == sorted(KINDS())
    assert sorted(ReleasedName) == sorted(known_generators())
