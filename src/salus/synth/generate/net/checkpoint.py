"""A training on disk: written after each round, whole or not at all, and gone on from bit by bit.

The file is a zip of JSON and arrays (``store.py``): weights, optimisers, multipliers and what was
kept. People are in it by a digest only, which tells whether they are the same ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from salus.synth.errors import BadInput
from salus.synth.generate.net.estimates import Estimate, Examiner
from salus.synth.generate.net.train import STEERED, TEACHERS, Kept, Training
from salus.synth.generate.store import read_model, write_model

__all__ = ["digest_of", "load", "save"]

KIND = "net training"
VERSION = 1
Arrays = dict[str, NDArray[Any]]


def digest_of(examiner: Examiner, options: Mapping[str, Any]) -> str:
    """Return what tells one training from another: its people, their sides and the options."""
    found = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    found.update(examiner.tokens.numpy().tobytes() + examiner.within.tobytes())
    for side in examiner.sides.sides:
        found.update(side.inside.tobytes() + b"|" + side.others.tobytes() + b"|")
    return found.hexdigest()


def save(path: str | Path, training: Training, digest: str) -> None:
    """Write all that the training needs to go on."""
    p = training.progress
    arrays: Arrays = {}
    for i, learner in enumerate(training.learners):
        arrays |= {f"learner{i}.{k}": v for k, v in learner.state().items()}
    kept = {"free": p.free, "best": p.best}
    for name, one in kept.items():
        for i, weights in enumerate(() if one is None else one.weights):
            arrays |= {f"{name}{i}.{k}": v for k, v in weights.items()}
    for i, held in enumerate(p.teachers):
        if held is not None:
            arrays |= {f"teacher{i}.{k}": v for k, v in held[0].items()}
    plain = {
        "version": VERSION,
        "torch": torch.__version__,
        "training": digest,
        "phase": p.phase,
        "rounds": p.rounds,
        "done": p.done,
        "free_round": p.free_round,
        "history": [[name, _plain(e)] for name, e in p.history],
        "kept": {
            k: None if v is None else {**_plain(v.estimate), "networks": len(v.weights)}
            for k, v in kept.items()
        },
        "places": {k: _place(training, v) for k, v in kept.items()},
        "teachers": [None if held is None else [held[1], held[2]] for held in p.teachers],
        "steering": None if p.steering is None else p.steering.state(),
    }
    write_model(path, KIND, plain, arrays)


def load(path: str | Path, training: Training, digest: str) -> bool:
    """Go on from a checkpoint; return whether there was one.

    Raises
    ------
    BadInput
        If the file is something else, or of another training or version.
    """
    if not Path(path).exists():
        return False
    kind, plain, arrays = read_model(path)
    _refuse_other(path, kind, plain, digest)
    p = training.progress
    p.phase, p.rounds, p.done = plain["phase"], plain["rounds"], plain["done"]
    p.free_round = plain["free_round"]
    p.history = [(name, _estimate(e)) for name, e in plain["history"]]
    for name in ("free", "best"):
        held = plain["kept"][name]
        if held is None:
            continue
        at = plain["places"][name]
        estimate = _estimate(held) if at is None else p.history[at][1]
        weights = tuple(_under(arrays, f"{name}{i}.") for i in range(held["networks"]))
        setattr(p, name, Kept(weights, estimate))
    p.teachers = [
        None if held is None else (_under(arrays, f"teacher{i}."), held[0], held[1])
        for i, held in enumerate(plain["teachers"])
    ]
    if p.phase in (TEACHERS, STEERED):
        training.learners = training.new_learners(p.phase)
    if p.phase == STEERED:
        training.teach()
    for i, learner in enumerate(training.learners):
        learner.restore(_under(arrays, f"learner{i}."))
    if plain["steering"] is not None:
        p.steering = training.new_steering()
        p.steering.restore(plain["steering"])
    return True


def _plain(estimate: Estimate) -> dict[str, Any]:
    copied = {str(k): v for k, v in estimate.copied.items()}
    return {**vars(estimate), "copied": copied}


def _estimate(plain: Mapping[str, Any]) -> Estimate:
    copied = {int(k): list(v) for k, v in plain["copied"].items()}
    return Estimate(dict(plain["risks"]), plain["utility"], plain["spread"], copied)


def _place(training: Training, kept: Kept | None) -> int | None:
    """Return where in the history a kept iterate's estimate is, if it is."""
    if kept is None:
        return None
    places = (i for i, (_, e) in enumerate(training.progress.history) if e is kept.estimate)
    return next(places, None)


def _refuse_other(path: str | Path, kind: str, plain: Mapping[str, Any], digest: str) -> None:
    remedy = "Name another file, or delete this one to train anew."
    if kind != KIND:
        raise BadInput(f"{str(path)!r} is no checkpoint of a network's training.", remedy=remedy)
    if plain.get("version") != VERSION or plain.get("torch") != torch.__version__:
        raise BadInput(
            f"the checkpoint {str(path)!r} was written by another version of Salus or PyTorch "
            f"(checkpoint {plain.get('version')}, PyTorch {plain.get('torch')}; this is {VERSION}, "
            f"{torch.__version__}).",
            remedy=remedy,
        )
    if plain["training"] != digest:
        raise BadInput(
            f"the checkpoint {str(path)!r} belongs to another training: its people, options or "
            "seed differ.",
            remedy=remedy,
        )


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
