"""Checkpoints: a training that was stopped goes on to the same result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from salus.synth.errors import BadInput, OptionError
from salus.synth.generate.gan.generator import Gan
from salus.synth.generate.gan.train import Training
from salus.synth.generate.store import read_model, write_model
from tests.synth.generate.gan.toys import spread_out

SMALL: dict[str, Any] = {"members": 2, "width": 16, "noise": 8, "batch": 32, "steps": 20}


class Stop(Exception):
    """Stand in for a process that is killed."""


def fit(path: Path | None, **changes: Any) -> Gan:
    table = changes.pop("table", spread_out(60))
    seed = changes.pop("seed", 3)
    # a recall that so short a training misses, so that the constrained one follows
    return Gan(checkpoint=path, **{**SMALL, "minority_recall": 0.6, **changes}).fit(
        table, seed=seed
    )


def bytes_of(model: Gan, path: Path) -> bytes:
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("rounds", [3, 13])
def test_a_stopped_training_goes_on_to_the_same_result(
    rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(None)
    run, done = Training.run_round, [0]

    def run_or_stop(training: Training) -> None:
        if done[0] == rounds:
            raise Stop
        done[0] += 1
        run(training)

    with monkeypatch.context() as patched:
        patched.setattr(Training, "run_round", run_or_stop)
        with pytest.raises(Stop):
            fit(tmp_path / "c")
    kind, plain, _ = read_model(tmp_path / "c")
    assert kind == "gan-checkpoint" and plain["rounds"] == rounds
    resumed = fit(tmp_path / "c")
    assert resumed.account_ == whole.account_
    assert bytes_of(resumed, tmp_path / "a") == bytes_of(whole, tmp_path / "b")
    again = fit(tmp_path / "c")  # nothing left to train
    assert bytes_of(again, tmp_path / "d") == bytes_of(whole, tmp_path / "b")


def test_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    fit(path)
    for changes in ({"seed": 4}, {"width": 24}, {"rate": 2e-3}, {"table": spread_out(60, seed=1)}):
        with pytest.raises(BadInput, match=r"another training.*delete"):
            fit(path, **changes)


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    fit(path)
    kind, plain, arrays = read_model(path)
    for key, value in (("version", 0), ("torch", "1.0")):
        write_model(path, kind, {**plain, key: value}, arrays)
        with pytest.raises(BadInput, match=r"another version"):
            fit(path)
    write_model(path, kind, {**plain, "kind": "forest"}, arrays)
    with pytest.raises(BadInput, match="no checkpoint"):
        fit(path)
    path.write_bytes(b"something else")
    with pytest.raises(BadInput):
        fit(path)


def test_the_last_good_checkpoint_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c"

    usual = Training._set_rate

    def too_fast(self: Training, free: bool, i: int) -> None:
        usual(self, free, i)
        if self.progress.rounds == 3:
            for optimiser in self.optimisers.values():
                optimiser.param_groups[0]["lr"] = 1e18

    monkeypatch.setattr(Training, "_set_rate", too_fast)
    with pytest.raises(OptionError, match="not a finite number"):
        fit(path)
    assert read_model(path)[1]["rounds"] == 3
