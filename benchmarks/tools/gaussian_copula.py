"""Gaussian copula of SDV (Patki et al. 2016, doi:10.1109/DSAA.2016.49), defaults."""

# install: torch==2.13.0
# install: sdv==2.0.0

from typing import Any

import pandas as pd
from sdv.metadata import Metadata
from sdv.single_table import GaussianCopulaSynthesizer
from timed import run


def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
    metadata = Metadata.load_from_dict(
        {
            "tables": {
                "people": {
                    "columns": {
                        c: {
                            "sdtype": "numerical"
                            if pd.api.types.is_numeric_dtype(train[c])
                            else "categorical"
                        }
                        for c in train
                    }
                }
            }
        }
    )
    model = GaussianCopulaSynthesizer(metadata)
    model.fit({"people": train})
    return model


def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
    made = model.sample(num_rows=n)
    return made["people"] if isinstance(made, dict) else made


run(fit, sample, takes_gaps=True)
