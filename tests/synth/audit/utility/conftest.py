"""Smaller models, so that the tests are fast: what they test doesn't depend on the size."""

from __future__ import annotations

import pytest

from salus.synth.audit.utility import models


@pytest.fixture(autouse=True)
def smaller_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn with 20 trees in place of 100, and 4 to 8 epochs in place of 8 to 20."""
    monkeypatch.setattr(models, "TREES", 20)
    monkeypatch.setattr(models, "EPOCHS", (4, 8))
