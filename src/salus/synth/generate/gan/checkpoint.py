"""A training on disk after every round, from which it goes on to the same result, bit for bit.

One file of JSON and arrays, written whole or not at all (``store.py``). It names the training it
belongs to: the people (as a digest), options, seed and versions. It holds what networks learnt from
patients and belongs where their data are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from salus.synth.errors import BadInput
from salus.synth.generate.gan.calibrate import Calibration
from salus.synth.generate.gan.estimates import Estimate, Side
from salus.synth.generate.gan.train import Kept, Training
from salus.synth.generate.store import read_model, write_model
from salus.synth.table.table import Table

__all__ = ["digest_of", "load", "save"]

KIND = "gan-checkpoint"
VERSION = 1

Arrays = dict[str, NDArray[Any]]


def digest_of(people: Table, sides: tuple[Side, ...], options: Mapping[str, Any]) -> str:
    """Return a name for a training: equal if people, folds and options are."""
    found = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    found.update(json.dumps(people.schema.to_dict(), sort_keys=True).encode())
    for column in people.schema.modelled:
        found.update(np.ascontiguousarray(people.values[column.name]).tobytes())
        found.update(np.ascontiguousarray(people.states[column.name]).tobytes())
    for side in sides:
        found.update(side.members.astype(np.int64).tobytes() + b"|")
        found.update(side.others.astype(np.int64).tobytes() + b"|")
    return found.hexdigest()


def save(path: str | Path, training: Training, digest: str) -> None:
    """Write all that the training needs to go on."""
    progress = training.progress
    arrays: Arrays = {}
    for name, network in _networks(training).items():
        arrays |= {f"{name}.{k}": v.cpu().numpy() for k, v in network.state_dict().items()}
    for name, optimiser in training.optimisers.items():
        for i, state in optimiser.state_dict()["state"].items():
            arrays |= {f"adam.{name}.{i}.{k}": v.cpu().numpy() for k, v in state.items()}
    kept = {"free": progress.free, "best": progress.best}
    for name, one in kept.items():
        if one is not None:
            arrays |= {f"{name}.weights.{k}": v for k, v in one.weights.items()}
            arrays |= {f"{name}.calibration.{k}": v for k, v in vars(one.calibration).items()}
    plain = {
        "version": VERSION,
        "torch": torch.__version__,
        "training": digest,
        "rounds": progress.rounds,
        "step": training.step,
        "random": training.rng.bit_generator.state,
        "estimates": [vars(e) for e in progress.estimates],
        "kept": {k: None if v is None else vars(v.estimate) for k, v in kept.items()},
        "above": progress.above,
        "steering": None if progress.steering is None else progress.steering.state(),
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
    for name, network in _networks(training).items():
        mine = _under(arrays, f"{name}.")
        network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in mine.items()})
    for name, optimiser in training.optimisers.items():
        state = optimiser.state_dict()
        mine = _under(arrays, f"adam.{name}.")
        for key, value in mine.items():
            i, what = key.split(".", 1)
            state["state"].setdefault(int(i), {})[what] = torch.from_numpy(value.copy())
        optimiser.load_state_dict(state)
    progress = training.progress
    progress.rounds = plain["rounds"]
    progress.estimates = [Estimate(**e) for e in plain["estimates"]]
    progress.above = dict(plain["above"])
    for name in ("free", "best"):
        estimate = plain["kept"][name]
        if estimate is not None:
            weights = _under(arrays, f"{name}.weights.")
            calibration = Calibration(**_under(arrays, f"{name}.calibration."))
            setattr(progress, name, Kept(weights, calibration, Estimate(**estimate)))
    if plain["steering"] is not None:
        progress.steering = training.new_steering()
        progress.steering.restore(plain["steering"])
    training.step = plain["step"]
    training.rng.bit_generator.state = plain["random"]
    return True


def _refuse_other(path: str | Path, kind: str, plain: Mapping[str, Any], digest: str) -> None:
    remedy = "Name another file, or delete this one to train anew."
    if kind != KIND:
        raise BadInput(f"{str(path)!r} is no checkpoint of a GAN's training.", remedy=remedy)
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


def _networks(training: Training) -> dict[str, torch.nn.Module]:
    return {
        "generator": training.generator,
        "mean": training.mean,
        "critic": training.critic,
        "auxiliary": training.auxiliary,
    }


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
