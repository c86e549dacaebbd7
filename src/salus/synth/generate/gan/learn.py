"""From people to a fitted model and the account of how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, OptionError
from salus.synth.generate.gan import checkpoint as checkpoints
from salus.synth.generate.gan.codec import Codec
from salus.synth.generate.gan.estimates import Examiner, Side
from salus.synth.generate.gan.fitted import Fitted, Recipe, Size
from salus.synth.generate.gan.risks import MINORITY
from salus.synth.generate.gan.train import Training
from salus.synth.table.table import Table

__all__ = ["learn"]


def learn(
    people: Table,
    sides: Sequence[Side],
    *,
    budget: Budget | None,
    slack: float,
    minority_recall: float | None,
    size: Size,
    recipe: Recipe,
    device: str,
    checkpoint: str | Path | None,
    seed: int,
) -> tuple[Fitted, dict[str, Any]]:
    """Train the sub-models on their sides of the people.

    Parameters
    ----------
    people : Table
        Members and, beside them, a reference.
    sides : sequence of Side
        Whom each sub-model learns from and is judged by.
    budget, slack, minority_recall, device, checkpoint
        As ``Gan`` takes them.
    size : Size
    recipe : Recipe
    seed : int

    Returns
    -------
    fitted : Fitted
    account : dict
        What the training and its constraint did, as plain JSON values.
    """
    refuse_absent(device)
    rng = np.random.default_rng([seed, 3])
    members = np.unique(np.concatenate([s.members for s in sides]))
    codec = Codec.fit(people.take(members), rng)
    examiner = Examiner.of(
        people, sides, budget=budget, slack=slack, minority_recall=minority_recall, rng=rng
    )
    refuse_unattainable(examiner, people)
    training = Training(people, codec, examiner, size, recipe, seed, device)
    digest = ""
    if checkpoint is not None:
        options = {
            "size": vars(size),
            "recipe": vars(recipe),
            "limits": examiner.limits,
            "seed": seed,
            "device": device,
        }
        digest = checkpoints.digest_of(people, tuple(sides), options)
        checkpoints.load(checkpoint, training, digest)
    while not training.finished:
        try:
            training.run_round()
        except torch.OutOfMemoryError as error:
            raise OptionError(
                f"the memory of {device!r} is too small for this training.",
                remedy="Lower batch or width; a checkpoint, if asked for, holds the last good state.",
            ) from error
        if checkpoint is not None:
            checkpoints.save(checkpoint, training, digest)
    kept = training.kept
    fitted = Fitted(codec, size, kept.weights, kept.calibration)
    return fitted, {
        "constraint": constraint_of(training),
        "skipped": examiner.skipped,
        "members": size.members,
        "steps": training.step,
        "rounds": training.progress.rounds,
        "stopped": why_stopped(training),
        "device": device,
        "torch": torch.__version__,
    }


def refuse_unattainable(examiner: Examiner, people: Table) -> None:
    """Refuse a wanted recall beyond what models learnt from people reach, before any training.

    Raises
    ------
    Infeasible
    """
    if MINORITY not in examiner.limits:
        return
    wanted, best = 1.0 - examiner.limits[MINORITY], examiner.best_recall(people)
    if wanted > best:
        raise Infeasible(
            f"minority_recall={wanted:g} can't be met: a model learnt from the people themselves "
            f"reaches {best:.2f} at most (upper end of 95 %).",
            remedy=f"Ask for {np.floor(100 * best) / 100:g} or less, or leave minority_recall out.",
        )


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
    if not training.limits:
        return "all steps were taken; no constraint"
    if training.progress.steering is None:
        return "all steps were taken; no limit was broken"
    return "all steps were taken, the last third under the constraint"


def constraint_of(training: Training) -> dict[str, Any]:
    """Return what the constraint did, in the form of ``forest.account_of``."""
    progress, limits = training.progress, training.limits
    free, kept, steering = progress.free, training.kept, progress.steering
    assert free is not None
    prices = dict.fromkeys(limits, 0.0) if steering is None else steering.prices()
    trace = [
        {
            "step": i,
            "objective": -e.utility,
            "values": {n: e.risks[n] for n in limits},
            "multipliers": dict.fromkeys(limits, 0.0),
        }
        for i, e in enumerate(progress.estimates)
    ]
    if steering is not None:
        # the steering's first step may be the best iterate of the free training, told again
        steered = steering.trace[-(len(trace) - training.recipe.rounds) :]
        for entry, step in zip(trace[training.recipe.rounds :], steered, strict=True):
            entry["multipliers"] = dict(step.multipliers)
    feasible = training.feasible(kept.estimate)
    return {
        "risks": [
            {
                "name": n,
                "limit": limit,
                "value": kept.estimate.risks[n],
                "without": free.estimate.risks[n],
                "multiplier": prices[n],
            }
            for n, limit in limits.items()
        ],
        "utility": kept.estimate.utility,
        "utility_without": free.estimate.utility,
        "feasible": feasible,
        "message": _message(training, feasible),
        "trace": trace if limits else [],
    }


def _message(training: Training, feasible: bool) -> str:
    if not training.limits:
        return "constraint off"
    if training.progress.steering is None:
        return "the free training keeps every limit"
    if feasible:
        return "the most useful iterate that keeps every limit"
    return "no iterate keeps every limit; the one that breaks them least"
