"""Does the constraint in training beat the trivial ways to the same risk?

Each arm learns from the same people with the same seeds: the constraint off; on at five
strictnesses; and what anybody could do instead: stop early, drop out and decay weights, use a
smaller model, draw at a higher temperature, add noise to the rows. Every table is judged by people
who were never seen: the strongest attack's advantage, the likelihood gap of the model itself, how
well a classifier tells rows from people (0.5 is best) and prediction kept (TSTR / TRTR). An arm is
worth having where no trivial arm has both less risk and more use.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import salus
from benchmarks.store import write
from salus.synth.audit import fidelity, utility
from salus.synth.audit.observation import observe
from salus.synth.audit.observed import shown
from salus.synth.generate import KINDS
from salus.synth.measure.estimate import Estimate
from salus.synth.release.settings import drawn_from
from salus.synth.table.parts import folds
from salus.synth.table.table import PRESENT, Table

DATA = Path(os.environ.get("SALUS_DATA", Path(__file__).parents[2] / "shared" / "data"))
TABLES = {  # file, outcome, columns that name people or leak the outcome, people learnt from at most
    "heart_failure": ("heart_failure.csv", "DEATH_EVENT", ("time",), 150),
    "pima_diabetes": ("pima_diabetes.csv", "Outcome", (), 384),
    "obesity": ("obesity.csv", "NObeyesdad", (), 1_000),
    "brfss2015": ("brfss2015_diabetes_5050.csv.gz", "Diabetes_binary", (), 20_000),
}
SEEDS = (0, 1, 2, 3, 4)
STRICTNESS = (2.0, 1.0, 0.5, 0.25, 0.1)  # slack of the constraint
FIGURES = ("advantage", "gap", "detection", "kept")
OFF: Mapping[str, Any] = {"budget": None}


@dataclass(frozen=True)
class Arm:
    """Name a way to less risk: the generator's options, and noise on its rows."""

    family: str
    strength: str
    options: Mapping[str, Any]
    noise: float = 0.0


def arms(kind: str, epochs: float | None) -> list[Arm]:
    """Return every arm of a generator; ``epochs`` is what the fit without a constraint took."""
    out = [Arm("constraint", f"slack {s:g}", {"slack": s}) for s in STRICTNESS]
    out += [Arm("output noise", f"{s:g}", OFF, s) for s in (0.02, 0.05, 0.1)]
    takes = {f.name for f in fields(KINDS()[kind])}
    if "epochs" in takes and epochs:
        out += [
            Arm("early stopping", f"{e} of {epochs:.0f} epochs", {**OFF, "epochs": e})
            for e in sorted({max(1, round(share * epochs)) for share in (0.5, 0.25, 0.1)})
        ]
    if {"dropout", "weight_decay"} <= takes:
        out += [
            Arm("regularised", f"{d:g}, {w:g}", {**OFF, "dropout": d, "weight_decay": w})
            for d, w in ((0.2, 0.05), (0.4, 0.2))
        ]
    if {"width", "layers"} <= takes:
        out += [Arm("smaller", f"width {w}", {**OFF, "width": w, "layers": 1}) for w in (32, 16)]
    if "temperature" in takes:
        out += [Arm("temperature", f"{t:g}", {**OFF, "temperature": t}) for t in (1.2, 1.5)]
    return out


def main(argv: Sequence[str] = ()) -> None:
    """Print and store a row an arm, table and seed, and the means with their intervals."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks constraint")
    parser.add_argument("--generator", default="net", help="net, gan, forest or copula")
    parser.add_argument("--tables", nargs="*", default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    options = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    for name in options.tables:
        table = _read(name)
        if table is None:
            print(f"{name}: skipped, the table isn't there")
            continue
        for seed in SEEDS[: options.seeds]:
            rows += _rounds(name, table, options.generator, seed)
            # so that a run that is stopped leaves what it has
            write(f"constraint_{options.generator}", {"runs": rows, "means": means(rows)})


def _read(name: str) -> Table | None:
    file, outcome, drop, _ = TABLES[name]
    path = DATA / file
    return salus.read_table(path, outcome=outcome, drop=drop) if path.exists() else None


def _rounds(name: str, table: Table, kind: str, seed: int) -> list[dict[str, Any]]:
    most = TABLES[name][3]
    part = folds(table, 2, seed=seed)
    rng = np.random.default_rng(seed)
    train, others = (table.take(rng.permutation(np.flatnonzero(part == k))[:most]) for k in (0, 1))
    half = np.arange(len(others)) % 2 == 0
    reference, holdout = None, others
    if len(train) > 3_000:  # small tables carry their own check in the fit
        reference, holdout = others.take(half), others.take(~half)
    out: list[dict[str, Any]] = []
    free: list[Any] = []  # the fit without a constraint, which is only drawn from in other ways

    def run(arm: Arm) -> dict[str, Any]:
        begin = time.perf_counter()
        wanted = KINDS()[kind](**arm.options)
        model = drawn_from(wanted, free[0] if free else None)
        if model is None:
            model = wanted.fit(train, reference=reference, seed=seed)
        free.extend([] if free else [model])
        took = time.perf_counter() - begin
        made = model.sample(len(train), seed=seed).table
        if arm.noise:
            made = _noisy(made, arm.noise, np.random.default_rng(seed + 1))
        row = {"table": name, "seed": seed, "family": arm.family, "strength": arm.strength}
        row |= _judged(model, made, train, holdout, seed, noisy=bool(arm.noise))
        out.append(row | {"fit_s": round(took, 1)})
        print(json.dumps(out[-1]), flush=True)
        card: dict[str, Any] = model.card()
        return card

    card = run(Arm("off", "", OFF))
    for arm in arms(kind, card.get("epochs")):
        run(arm)
    return out


def _noisy(table: Table, share: float, rng: np.random.Generator) -> Table:
    """Add a normal of ``share`` standard deviations to numbers, and draw that share of levels anew."""
    for column in table.schema.modelled:
        value = table.values[column.name].copy()
        there = table.states[column.name] == PRESENT
        if column.is_numeric:
            spread = float(np.std(value[there].astype(float))) if there.any() else 0.0
            moved = value.astype(float) + share * spread * rng.normal(size=len(value))
            if column.decimals is not None:
                moved = np.round(moved, column.decimals)
            value = np.where(there, np.clip(moved, column.low, column.high), np.nan)
        else:
            change = there & (rng.random(len(value)) < share)
            value[change] = rng.permutation(value[there])[: int(change.sum())]
        table = table.replace(column.name, value, table.states[column.name])
    return table


def _judged(
    model: Any, made: Table, train: Table, holdout: Table, seed: int, *, noisy: bool
) -> dict[str, float | None]:
    people = Table.concat([train, holdout])
    member = np.arange(len(people)) < len(train)
    risks = shown([observe(made, people, member, seed=seed)], seed).risks
    advantage = risks["membership.advantage"].value
    gap = None
    if not noisy and hasattr(model, "log_prob"):
        inside, outside = model.log_prob(train), model.log_prob(holdout)
        gap = float((inside.mean() - outside.mean()) / max(outside.std(), 1e-9))
    seen = {f.name: f.result for f in fidelity.findings(made, holdout, baseline=train, seed=seed)}
    kept = {f.name: f.result for f in utility.findings(made, train, holdout, seed=seed)}
    return {
        "advantage": round(float(advantage), 4),
        "gap": None if gap is None else round(gap, 4),
        "detection": _value(seen["fidelity.detection"]),
        "kept": _value(kept["utility.ratio"]),
    }


def _value(result: Any) -> float | None:
    return round(result.value, 4) if isinstance(result, Estimate) else None


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each arm's mean over seeds and the half width of its 95 % interval."""
    out = []
    keys = dict.fromkeys((r["table"], r["family"], r["strength"]) for r in rows)
    for key in keys:
        mine = [r for r in rows if (r["table"], r["family"], r["strength"]) == key]
        one: dict[str, Any] = dict(zip(("table", "family", "strength"), key, strict=True))
        one["seeds"] = len(mine)
        for figure in FIGURES:
            values = np.array([r[figure] for r in mine if r[figure] is not None], float)
            if len(values):
                half = None
                if len(values) > 1:
                    error = float(values.std(ddof=1)) / np.sqrt(len(values))
                    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
                one[figure] = [
                    round(float(values.mean()), 4),
                    None if half is None else round(half, 4),
                ]
        out.append(one)
    return out
