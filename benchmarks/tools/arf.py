"""ARF, adversarial random forests (Watson et al. 2023, arXiv:2205.09435), defaults of arfpy."""

# install: arfpy==0.1.1 pandas<3 numpy<2.4

from typing import Any

import pandas as pd
from arfpy import arf
from timed import run


def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
    model = arf.arf(x=train, verbose=False, random_state=seed)
    model.forde()
    return model


def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
    return model.forge(n=n)


run(fit, sample, takes_gaps=False)
