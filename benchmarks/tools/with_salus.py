"""What the scripts of Salus' own generators share: the table is read by Salus, gaps and all."""

from __future__ import annotations

from typing import Any

from timed import timed

import salus


def run(generator: Any) -> None:
    """Fit and sample one of Salus' generators, as it stands, under its defaults."""

    def fit(source: str, target: str, seed: int) -> Any:
        return generator.fit(salus.read_table(source, outcome=target), seed=seed)

    def sample(model: Any, n: int, seed: int) -> Any:
        return model.sample(n, seed=seed).table

    timed(str, fit, sample, salus.write_table)
