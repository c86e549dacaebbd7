"""What the scripts of dpmm's generators share (Mahiou et al. 2025, arXiv:2506.00322)."""

from __future__ import annotations

from typing import Any

import pandas as pd
from timed import run


def run_pipeline(pipeline: Any) -> None:
    """Fit and sample one pipeline under its defaults: epsilon 1, delta 1e-5, plus 0.1 for bins."""

    def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
        words = [c for c in train if not pd.api.types.is_numeric_dtype(train[c])]
        # Their ends are read off the people, outside the privacy that it promises; so it is common.
        ends = {
            c: {"lower": train[c].min(), "upper": train[c].max()} for c in train if c not in words
        }
        model = pipeline(n_jobs=1)
        shown = train.astype(dict.fromkeys(words, "category"))
        model.fit(shown, domain=ends, random_state=seed)
        return model

    def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
        return model.generate(n_records=n, random_state=seed)

    run(fit, sample, takes_gaps=False)
