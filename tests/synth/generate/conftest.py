"""Which of the tests that hold for every generator on every table are slow."""

from __future__ import annotations

import pytest

NETWORKS = ("gan", "net")  # seconds a fit
QUICK = ("mixed", "odd", "heaped")  # tables on which they are tested every time


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark networks on the other tables as slow."""
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        if given.get("kind") in NETWORKS and given.get("name", QUICK[0]) not in QUICK:
            item.add_marker("slow")
