"""Figures on disk, one JSON file a benchmark."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write(name: str, figures: Any) -> None:
    """Write a benchmark's figures beside the versions that gave them."""
    RESULTS.mkdir(exist_ok=True)
    packages = ("salus", "numpy", "scipy", "pandas", "scikit-learn")
    head = {"python": platform.python_version()} | {p: version(p) for p in packages}
    text = json.dumps({"versions": head, "figures": figures}, indent=1, sort_keys=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
