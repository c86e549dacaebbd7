"""A simulated clinical-like table: heavy tails, zero inflation, heaping, ties, related levels."""

from __future__ import annotations

import numpy as np

from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = ["SCHEMA", "simulated"]

JOBS, STATES, CLASSES, COUNTRIES = 6, 5, 8, 41


def _levels(letter: str, n: int) -> tuple[str, ...]:
    return tuple(f"{letter}{i}" for i in range(n))


SCHEMA = Schema(
    [
        Column(name="age", kind="integer", decimals=0, low=17, high=90),
        Column(name="education", kind="ordinal", levels=_levels("e", 16)),
        Column(name="weight", kind="continuous", decimals=2, low=0),
        Column(name="hours", kind="integer", decimals=0),
        Column(name="gain", kind="integer", decimals=0),
        Column(name="sex", kind="boolean", levels=("f", "m")),
        Column(name="occupation", kind="categorical", levels=_levels("o", JOBS)),
        Column(
            name="marital", kind="categorical", levels=_levels("m", STATES), missing_codes=("?",)
        ),
        Column(name="country", kind="categorical", levels=_levels("c", COUNTRIES)),
        Column(name="work", kind="categorical", levels=_levels("w", CLASSES)),
        Column(name="target", kind="boolean", levels=("no", "yes"), roles=frozenset({"outcome"})),
    ]
)


def simulated(n: int, *, seed: int, missing: float = 0.05) -> Table:
    """Return n people: 11 columns of mixed kinds; weight and marital status may be missing."""
    rng = np.random.default_rng(seed)
    age = np.clip(np.round(17 + rng.gamma(2.5, 9, n)), 17, 90)
    education = np.where(
        rng.random(n) < 0.55, rng.choice([8, 9], n), rng.integers(0, 16, n)
    ).astype(int)
    hours = np.where(rng.random(n) < 0.5, 40, np.clip(np.round(rng.normal(40, 14, n)), 1, 99))
    gain = np.where(rng.random(n) < 0.92, 0, np.round(np.exp(rng.normal(8, 1.3, n))))
    occupation = np.clip((education + rng.normal(0, 3, n)) // 3, 0, JOBS - 1).astype(int)
    marital = np.clip((age - 17 + rng.normal(0, 12, n)) // 15, 0, STATES - 1).astype(int)
    risk = 0.25 * (education - 8) + 0.03 * (age - 40) + 0.6 * (marital == 1) + (gain > 5000) * 2
    weight = np.round(np.exp(rng.normal(4, 0.7, n)), 2)
    weight[rng.random(n) < missing] = np.nan
    code = np.zeros(n, np.int8)
    code[rng.random(n) < missing] = 2
    marital[code > 0] = -1
    values = {
        "age": age,
        "education": education,
        "weight": weight,
        "hours": hours,
        "gain": gain,
        "sex": rng.integers(0, 2, n),
        "occupation": occupation,
        "marital": marital,
        "country": np.where(rng.random(n) < 0.9, 0, rng.integers(1, COUNTRIES, n)),
        "work": rng.choice(CLASSES, n, p=[0.65, 0.1, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01]),
        "target": (risk + rng.logistic(size=n) > 0.8).astype(int),
    }
    states = {k: np.zeros(n, np.int8) for k in values}
    states["weight"] = np.isnan(weight).astype(np.int8)
    states["marital"] = code
    return Table(SCHEMA, values, states)
