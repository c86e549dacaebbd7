"""REaLTabFormer (Solatorio & Dupriez 2023, arXiv:2302.02041), defaults."""

# pace: slow
# install: torch==2.13.0
# install: realtabformer==0.2.4 transformers<5

import tempfile
from typing import Any

import pandas as pd
from realtabformer import REaLTabFormer
from timed import run


def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
    folder = tempfile.mkdtemp()
    model = REaLTabFormer(
        "tabular",
        random_state=seed,
        checkpoints_dir=f"{folder}/checkpoints",
        samples_save_dir=f"{folder}/samples",
        full_save_dir=f"{folder}/full",
        report_to="none",
    )
    model.fit(train, device="cpu", gen_kwargs={})  # its default of None fails
    return model


def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
    return model.sample(n_samples=n, device="cpu")


run(fit, sample, takes_gaps=True)
