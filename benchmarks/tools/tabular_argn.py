"""TabularARGN of the MOSTLY AI engine (Tiwald et al. 2025, arXiv:2501.12012), defaults."""

# install: torch==2.13.0
# install: mostlyai-engine==2.7.3
# remove: torchvision

from typing import Any

import pandas as pd
from mostlyai.engine import TabularARGN
from timed import run


def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
    return TabularARGN(random_state=seed, device="cpu").fit(train)


def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
    return model.sample(n_samples=n)


if __name__ == "__main__":  # the engine starts processes that import this file again
    run(fit, sample, takes_gaps=True)
