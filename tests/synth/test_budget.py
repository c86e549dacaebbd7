from __future__ import annotations

from pathlib import Path

import pytest

from salus.synth.budget import Budget
from salus.synth.errors import OptionError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("budget = 3", "'budget'"),
        ("membership = 0.1\n[budget]\ncopies = 0.1", "'membership'"),
        ('membership = "of"', '"off"'),
    ],
)
def test_a_limit_that_would_be_lost_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "budget.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=told):
        Budget.read(path)


def test_a_missing_file_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="there is no budget file"):
        Budget.read(tmp_path / "none.toml")
