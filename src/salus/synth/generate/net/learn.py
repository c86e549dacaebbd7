"""From people to a fitted model and the account of how it came about."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate.net import checkpoint as checkpoints
from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.estimates import Examiner, refuse_unattainable
from salus.synth.generate.net.fitted import Fitted, shape_for
from salus.synth.generate.net.plan import Plan
from salus.synth.generate.net.recall import attainable_recall
from salus.synth.generate.net.sides import Sides
from salus.synth.generate.net.train import STEERED, Training
from salus.synth.generate.order import modelling_order
from salus.synth.table.table import Table

__all__ = ["learn"]


def learn(
    table: Table,
    reference: Table | None,
    plan: Plan,
    *,
    budget: Budget | None,
    slack: float,
    minority_recall: float | None,
    device: str,
    checkpoint: str | Path | None,
    seed: int,
) -> tuple[Fitted, dict[str, Any]]:
    """Train the sub-models.

    Parameters
    ----------
    table : Table
    reference : Table or None
    plan : Plan
    budget, slack, minority_recall, device, checkpoint, seed
        As ``Net`` takes them.

    Returns
    -------
    fitted : Fitted
    account : dict
        What the training and its constraint did, as plain JSON values.
    """
    refuse_absent(device)
    threads = torch.get_num_threads()
    # one thread: sums don't depend on the machine, and matrices are too small to gain by more
    torch.set_num_threads(1)
    try:
        return _learn(
            table,
            reference,
            plan,
            budget=budget,
            slack=slack,
            minority_recall=minority_recall,
            device=device,
            checkpoint=checkpoint,
            seed=seed,
        )
    except torch.OutOfMemoryError as error:
        raise OptionError(
            f"the memory of {device!r} is too small for this training.",
            remedy="Lower batch or width; a checkpoint, if asked for, holds the last good state.",
        ) from error
    finally:
        torch.set_num_threads(threads)


def _learn(
    table: Table,
    reference: Table | None,
    plan: Plan,
    *,
    budget: Budget | None,
    slack: float,
    minority_recall: float | None,
    device: str,
    checkpoint: str | Path | None,
    seed: int,
) -> tuple[Fitted, dict[str, Any]]:
    rng = np.random.default_rng([seed, 0])
    codec = Codec.fit(table, bins=plan.bins)
    order = [codec.names.index(c.name) for c in modelling_order(table)]
    if reference is None:
        people, sides = table, Sides.by_folds(table, plan, rng)
    else:
        # reference people are others whatever number they carry
        apart = reference.people - reference.people.min() + int(table.people.max()) + 1
        beside = Table(reference.schema, reference.values, reference.states, apart)
        people = Table.concat([table, beside])
        sides = Sides.by_reference(people, len(table), plan, rng)
    examiner = Examiner.of(
        people,
        codec,
        order,
        sides,
        budget=budget,
        slack=slack,
        minority_recall=minority_recall,
        seed=seed,
    )
    if minority_recall is not None:
        refuse_unattainable(examiner.limits, attainable_recall(table, rng))
    shape = shape_for(
        codec, width=plan.width, layers=plan.layers, heads=plan.heads, dropout=plan.dropout
    )
    training = Training(codec, shape, examiner, plan, seed, device)
    digest = ""
    if checkpoint is not None:
        options = {**asdict(plan), "limits": examiner.limits, "seed": seed, "device": device}
        digest = checkpoints.digest_of(examiner, options)
        checkpoints.load(checkpoint, training, digest)
    while not training.finished:
        training.run_round()
        if checkpoint is not None:
            checkpoints.save(checkpoint, training, digest)
    best = training.progress.best
    assert best is not None
    fitted = Fitted(codec, shape, tuple(order), best.weights)
    return fitted, {
        "constraint": constraint_of(training),
        "skipped": examiner.skipped,
        "members": len(sides.sides),
        "teachers": len(training.progress.teachers),
        "epochs": round(_seen(training) / max(len(sides.sides[0].inside), 1), 2),
        "stopped": why_stopped(training),
        "device": device,
        "torch": torch.__version__,
    }


def _seen(training: Training) -> float:
    """Return how many people the kept iterate saw, each counted as often as seen."""
    p, plan = training.progress, training.plan
    assert p.best is not None
    phase = [(name, e) for name, e in p.history if e is p.best.estimate]
    if not phase:
        return 0.0
    rounds = [e for name, e in p.history if name == phase[0][0]]
    done = next(i for i, e in enumerate(rounds) if e is p.best.estimate) + 1
    return float(done * plan.round_length * plan.batch)


def refuse_absent(device: str) -> None:
    """Raise where PyTorch has no such device.

    Raises
    ------
    OptionError
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise OptionError(
            f"PyTorch can't use the device {device!r} here.",
            remedy="Use device='cpu', or install PyTorch for this device.",
        ) from error


def why_stopped(training: Training) -> str:
    """Say why the training ended."""
    p = training.progress
    if p.phase == STEERED:
        return "all steps were taken under the constraint"
    early = p.rounds < training.plan.rounds
    why = "people left out gained nothing more" if early else "all steps were taken"
    return f"{why}; {'no limit was broken' if training.examiner.limits else 'no constraint'}"


def constraint_of(training: Training) -> dict[str, Any]:
    """Return what the constraint did, in the form of ``forest.account_of``."""
    p, limits = training.progress, training.examiner.limits
    assert p.free is not None
    assert p.best is not None
    free, kept = p.free.estimate, p.best.estimate
    prices = dict.fromkeys(limits, 0.0) if p.steering is None else p.steering.prices()
    nothing = dict.fromkeys(limits, 0.0)
    steered = [e for name, e in p.history if name == STEERED]
    told = [] if p.steering is None else p.steering.trace[-len(steered) :] if steered else []
    multipliers = [nothing] * (len(p.history) - len(steered)) + [s.multipliers for s in told]
    trace = [
        {
            "step": i,
            "objective": -e.utility,
            "values": {n: e.risks[n] for n in limits},
            "multipliers": dict(m),
        }
        for i, ((_, e), m) in enumerate(zip(p.history, multipliers, strict=True))
    ]
    feasible = training.feasible(kept)
    return {
        "risks": [
            {
                "name": n,
                "limit": limit,
                "value": kept.risks[n],
                "without": free.risks[n],
                "multiplier": prices[n],
            }
            for n, limit in limits.items()
        ],
        "utility": kept.utility,
        "utility_without": free.utility,
        "feasible": feasible,
        "message": _message(training, feasible),
        "trace": trace if limits else [],
    }


def _message(training: Training, feasible: bool) -> str:
    if not training.examiner.limits:
        return "constraint off"
    if training.progress.steering is None:
        return "the free training keeps every limit"
    if feasible:
        return "the most useful iterate that keeps every limit"
    return "no iterate keeps every limit; the one that breaks them least"
