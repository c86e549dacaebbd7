"""SMOTE (Chawla et al. 2002, arXiv:1106.1813): one new row for each person, of the same class.

Not meant for release: each row lies between two people. It shows what interpolation costs.
"""

# install: imbalanced-learn==0.14.2 pandas<3

from typing import Any

import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from timed import run


def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
    x, y = train.drop(columns=target), train[target]
    levels = [c for c in x if not pd.api.types.is_numeric_dtype(x[c])]
    counts = y.value_counts()
    options: dict[str, Any] = {
        "sampling_strategy": {k: 2 * v for k, v in counts.items() if v > 1},
        "k_neighbors": int(min(5, counts[counts > 1].min() - 1)),
        "random_state": seed,
    }
    if not levels:
        model = SMOTE(**options)
    elif len(levels) == x.shape[1]:
        model = SMOTEN(**options)
    else:
        model = SMOTENC(levels, **options)
    made_x, made_y = model.fit_resample(x, y)
    return made_x.assign(**{target: made_y}).iloc[len(train) :]


def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
    return model.sample(min(n, len(model)), random_state=seed).reset_index(drop=True)


run(fit, sample, takes_gaps=False)
