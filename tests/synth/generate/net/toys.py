"""Small tables, networks and trainings, built by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from salus.synth.budget import Budget
from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.estimates import Examiner
from salus.synth.generate.net.fitted import shape_for
from salus.synth.generate.net.model import Network, Shape
from salus.synth.generate.net.plan import Plan, plan_for
from salus.synth.generate.net.sides import Sides
from salus.synth.generate.net.train import Training, new_network
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import OUTCOME, make

__all__ = ["awake", "cells", "network_for", "noise", "plain_network", "rare_class", "training"]


def cells(n: int = 80, seed: int = 0) -> Table:
    """Return three related levelled columns with 2, 3 and 4 cells, the last with empty ones."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, n)
    b = np.where(rng.random(n) < 0.7, a, 2)
    c = np.where(rng.random(n) < 0.6, b, rng.integers(-1, 3, n))
    columns = [
        Column(name="a", kind="boolean", levels=("no", "yes")),
        Column(name="b", kind="ordinal", levels=("1", "2", "3")),
        Column(name="c", kind="categorical", levels=("x", "y", "z")),
    ]
    return make(columns, {"a": a, "b": b, "c": c})


def noise(n: int = 60, d: int = 6, seed: int = 0) -> Table:
    """Return d unrelated numbers and a class: all that can be learnt of them is who is in."""
    rng = np.random.default_rng(seed)
    columns = [Column(name=f"x{i}", kind="continuous", decimals=3) for i in range(d)]
    columns.append(Column(name="ill", kind="boolean", levels=("no", "yes"), roles=OUTCOME))
    values: dict[str, Any] = {f"x{i}": np.round(rng.normal(size=n), 3) for i in range(d)}
    values["ill"] = rng.integers(0, 2, n)
    return make(columns, values)


def rare_class(n: int = 200, rare: int = 20, seed: int = 0) -> Table:
    """Return an outcome whose rare class has ``rare`` people and depends on two numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    risk = x.sum(1) + 0.3 * rng.normal(size=n)
    columns = [Column(name=f"x{i}", kind="continuous", decimals=3) for i in range(2)]
    columns.append(Column(name="died", kind="boolean", levels=("no", "yes"), roles=OUTCOME))
    values: dict[str, Any] = {f"x{i}": np.round(x[:, i], 3) for i in range(2)}
    values["died"] = (np.argsort(np.argsort(risk)) >= n - rare).astype(int)
    return make(columns, values)


def network_for(codec: Codec, *, seed: int = 0, **size: Any) -> Network:
    """Return an untrained network for a codec's tokens, in evaluation mode."""
    size = {"width": 16, "layers": 2, "heads": 4, "dropout": 0.0, **size}
    network = new_network(codec, shape_for(codec, **size))
    network.begin(torch.Generator().manual_seed(seed))
    return network.eval()


def plain_network(sizes: Sequence[int], *, seed: int = 0, **size: Any) -> Network:
    """Return a network with random weights everywhere, of columns with so many tokens."""
    described = [torch.eye(v + 1, v) for v in sizes]
    frequency = [torch.arange(1.0, v + 1) / (v * (v + 1) / 2) for v in sizes]
    size = {"width": 16, "layers": 2, "heads": 4, "dropout": 0.0, **size}
    network = Network(Shape(tuple(sizes), tuple(sizes), **size), described, frequency)
    return awake(network, seed)


def awake(network: Network, seed: int = 0, spread: float = 0.5) -> Network:
    """Give every weight a value, so that each token depends on each one before it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            middle = 1.0 if weight.dim() == 1 and name.endswith("weight") else 0.0
            weight.normal_(middle, spread, generator=generator)
    return network.eval()


def training(
    table: Table, *, seed: int = 0, reference: Table | None = None, **changes: Any
) -> Training:
    """Return a training of few small steps that has not begun."""
    options = {"budget": Budget(), "slack": 1.0, "minority_recall": None}
    options |= {k: changes.pop(k) for k in tuple(changes) if k in options}
    plan = replace(small_plan(table, reference), **changes)
    rng = np.random.default_rng([seed, 0])
    codec = Codec.fit(table, bins=plan.bins)
    people, sides = table, None
    if reference is not None:
        people = Table.concat([table, reference])
        sides = Sides.by_reference(people, len(table), plan, rng)
    sides = sides or Sides.by_folds(table, plan, rng)
    examiner = Examiner.of(people, codec, range(len(codec.coders)), sides, seed=seed, **options)
    shape = shape_for(
        codec, width=plan.width, layers=plan.layers, heads=plan.heads, dropout=plan.dropout
    )
    return Training(codec, shape, examiner, plan, seed)


def small_plan(table: Table, reference: Table | None = None) -> Plan:
    """Return a plan of 20 steps with small networks."""
    plan = plan_for(table.n_people, reference=reference is not None)
    return replace(plan, members=2, parts=4, width=16, bins=8, batch=20, steps=20)
