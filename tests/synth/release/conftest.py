"""What is measured beside the verdict is measured once: it has tests of its own."""

from __future__ import annotations

import pytest

from salus.synth.release import crossfit


@pytest.fixture(autouse=True)
def likeness_and_anchors_once(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(crossfit, "LIKENESS_TRIALS", 1)
        monkeypatch.setattr(crossfit, "ANCHOR_TRIALS", 1)
