"""Small trainings and what judges them, built by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from salus.synth.budget import Budget
from salus.synth.generate.chained import people_of
from salus.synth.generate.gan.codec import Codec, Coded
from salus.synth.generate.gan.estimates import Examiner, Side
from salus.synth.generate.gan.fitted import Recipe, Size
from salus.synth.generate.gan.layout import Layout
from salus.synth.generate.gan.space import Space
from salus.synth.generate.gan.surrogates import Surrogates
from salus.synth.generate.gan.train import Training
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import OUTCOME, make

__all__ = ["CPU", "Toy", "crossed", "hard_rows", "rare_outcome", "small_training", "spread_out"]

CPU = torch.device("cpu")


def spread_out(n: int = 120, d: int = 6, seed: int = 0) -> Table:
    """Return d related numbers in which copies stand out, a level and a class."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + 0.7 * rng.normal(size=(n, 1))
    columns = [Column(name=f"x{i}", kind="continuous", decimals=3) for i in range(d)]
    columns += [
        Column(name="site", kind="categorical", levels=("a", "b", "c")),
        Column(name="ill", kind="boolean", levels=("no", "yes"), roles=OUTCOME),
    ]
    values: dict[str, Any] = {f"x{i}": np.round(x[:, i], 3) for i in range(d)}
    values["site"] = rng.integers(0, 3, n)
    values["ill"] = (x[:, 0] + 0.5 * rng.logistic(size=n) > 0).astype(int)
    return make(columns, values)


def rare_outcome(n: int = 400, share: float = 0.05, seed: int = 0) -> Table:
    """Return a table whose outcome's rarest class has that share and depends on two columns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    risk = x[:, 0] + x[:, 1] + 0.5 * rng.normal(size=n)
    columns = [Column(name=f"x{i}", kind="continuous", decimals=3) for i in range(3)]
    columns.append(Column(name="died", kind="boolean", levels=("no", "yes"), roles=OUTCOME))
    values: dict[str, Any] = {f"x{i}": np.round(x[:, i], 3) for i in range(3)}
    values["died"] = (risk > np.quantile(risk, 1 - share)).astype(int)
    return make(columns, values)


def crossed(table: Table, members: int, seed: int = 0) -> list[Side]:
    """Return sides by folds: each sub-model leaves one out."""
    fold = people_of(table, members, np.random.default_rng(seed))
    order = np.argsort(fold, kind="stable")
    return [Side(order[fold[order] != k], order[fold[order] == k]) for k in range(members)]


class Toy:
    """Hold a table's codec, its judge and the surrogates, for three sub-models."""

    def __init__(self, table: Table, members: int = 3, **options: Any) -> None:
        self.table, self.sides = table, crossed(table, members)
        rng = np.random.default_rng(1)
        self.codec = Codec.fit(table, rng)
        self.layout = Layout.of(self.codec)
        given = {"budget": Budget(), "slack": 1.0, "minority_recall": None, **options}
        self.examiner = Examiner.of(table, self.sides, rng=rng, **given)
        self.space = Space(self.codec, self.layout, self.examiner.encoder, CPU)
        self.surrogates = Surrogates(self.examiner, self.space)
        self.sample = self.surrogates.sample(np.random.default_rng(2))

    def coded(self, k: int, n: int) -> Coded:
        """Return the first n people that sub-model k learns from, coded."""
        rows = self.sides[k].members[:n]
        return self.codec.encode(self.table.take(rows), np.random.default_rng(3))


def hard_rows(toy: Toy, n: int) -> Tensor:
    """Return rows that are verbatim copies of members, as vectors (K, n, P + C)."""
    each = [toy.layout.vectors(toy.coded(k, n)) for k in range(len(toy.sides))]
    return torch.from_numpy(np.stack(each))


def small_training(table: Table, *, seed: int = 0, **changes: Any) -> Training:
    """Return a training of few steps that has not begun."""
    options = {"budget": Budget(), "slack": 1.0, "minority_recall": None}
    options |= {k: changes.pop(k) for k in tuple(changes) if k in options}
    recipe = {"steps": 20, "batch": 32, "pack": 2, "critic_steps": 1, "rate": 1e-3, "gumbel": 0.2}
    sides = crossed(table, 2)
    rng = np.random.default_rng([seed, 3])
    examiner = Examiner.of(table, sides, rng=rng, **options)
    size = Size(members=2, noise=8, width=16, layers=1)
    codec = Codec.fit(table, rng)
    return Training(table, codec, examiner, size, Recipe(**{**recipe, **changes}), seed)
