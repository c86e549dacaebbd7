"""Checkpoints: a training that was stopped goes on to the same result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from salus.synth.budget import Budget
from salus.synth.errors import BadInput, OptionError
from salus.synth.generate.net import checkpoint, plan
from salus.synth.generate.net.generator import Net
from salus.synth.generate.net.learner import Learner
from salus.synth.generate.net.train import FREE, STEERED, TEACHERS, Training
from salus.synth.generate.store import read_model, write_model
from salus.synth.table.table import Table
from tests.synth.generate.net.toys import noise

# a short training that breaks a limit on the way, so that all three phases come
SMALL: dict[str, Any] = {"members": 2, "width": 8, "batch": 20, "epochs": 4, "rate": 0.03}
SMALL |= {"dropout": 0.1, "slack": 0.1, "budget": Budget(near_copies=None, attribute=None)}


class Stop(Exception):
    """Stand in for a process that is killed."""


def fit(path: Path | None, **changes: Any) -> Net:
    table = changes.pop("table", noise(60))
    reference = changes.pop("reference", None)
    seed = changes.pop("seed", 3)
    model = Net(checkpoint=path, **{**SMALL, **changes})
    return model.fit(table, reference=reference, seed=seed)


def bytes_of(model: Net, path: Path) -> bytes:
    model.save(path)
    return path.read_bytes()


def stop_in(phase: str, rounds: int, path: Path, patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Fit until so many rounds of a phase are done, then die."""
    run = Training.run_round

    def run_or_stop(training: Training) -> None:
        if (training.progress.phase, training.progress.rounds) == (phase, rounds):
            raise Stop
        run(training)

    with patch.context() as patched:
        patched.setattr(Training, "run_round", run_or_stop)
        with pytest.raises(Stop):
            fit(path, **changes)


@pytest.fixture(scope="module", autouse=True)
def few_rounds() -> Iterator[None]:
    """Let trainings be of few rounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "ROUNDS", 6)
        yield


@pytest.fixture(scope="module")
def whole(few_rounds: None) -> Net:
    return fit(None)


@pytest.mark.parametrize(
    ("phase", "rounds"),
    [(FREE, 2), (TEACHERS, 0), (TEACHERS, 3), (STEERED, 0), (STEERED, 4)],
)
def test_a_stopped_training_goes_on_to_the_same_result(
    phase: str, rounds: int, whole: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in(phase, rounds, tmp_path / "c", monkeypatch)
    kind, plain, _ = read_model(tmp_path / "c")
    assert kind == checkpoint.KIND and (plain["phase"], plain["rounds"]) == (phase, rounds)
    resumed = fit(tmp_path / "c")
    assert resumed.account_ == whole.account_
    assert bytes_of(resumed, tmp_path / "a") == bytes_of(whole, tmp_path / "b")
    again = fit(tmp_path / "c")  # nothing left to train
    assert bytes_of(again, tmp_path / "d") == bytes_of(whole, tmp_path / "b")


def test_a_training_stopped_twice(
    whole: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for phase, rounds in ((FREE, 3), (TEACHERS, 2), (STEERED, 2), (STEERED, 4)):
        stop_in(phase, rounds, tmp_path / "c", monkeypatch)
    resumed = fit(tmp_path / "c")
    assert bytes_of(resumed, tmp_path / "a") == bytes_of(whole, tmp_path / "b")


def test_a_checkpoint_with_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"reference": noise(30, seed=5)}
    stop_in(STEERED, 2, tmp_path / "c", monkeypatch, **more)
    a, b = fit(tmp_path / "c", **more), fit(None, **more)
    assert bytes_of(a, tmp_path / "a") == bytes_of(b, tmp_path / "b")
    with pytest.raises(BadInput, match="another training"):
        fit(tmp_path / "c", reference=noise(30, seed=6))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 4},
        {"width": 16},
        {"rate": 0.02},
        {"slack": 0.2},
        {"epochs": 20},
        {"table": noise(60, seed=1)},
        {"table": noise(61)},
        {"budget": None},
        {"reference": noise(30, seed=5)},
        {"precision": "bfloat16"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_another_training_is_refused(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    stop_in(FREE, 1, path, monkeypatch)
    before = path.read_bytes()
    with pytest.raises(BadInput, match=r"another training.*delete"):
        fit(path, **changes)
    assert path.read_bytes() == before


def test_other_values_of_one_person_are_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, table = tmp_path / "c", noise(60)
    stop_in(FREE, 1, path, monkeypatch)
    ill = table.values["ill"].copy()
    ill[7] = 1 - ill[7]
    with pytest.raises(BadInput, match="another training"):
        fit(path, table=table.replace("ill", ill))


def test_another_version_or_file_is_refused_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    stop_in(FREE, 1, path, monkeypatch)
    kind, plain, arrays = read_model(path)
    rest = {k: v for k, v in plain.items() if k not in ("format", "kind")}
    for key, value in (("version", 0), ("torch", "1.0")):
        write_model(path, kind, {**rest, key: value}, arrays)
        before = path.read_bytes()
        with pytest.raises(BadInput, match=r"another version.*delete"):
            fit(path)
        assert path.read_bytes() == before
    fit(None).save(path)
    before = path.read_bytes()
    with pytest.raises(BadInput, match="no checkpoint"):
        fit(path)
    assert path.read_bytes() == before
    path.write_bytes(b"something else")
    with pytest.raises(BadInput):
        fit(path)
    assert path.read_bytes() == b"something else"


def test_the_last_good_state_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c"
    usual = Learner.descend

    def diverge(self: Learner, loss: Tensor) -> None:
        usual(self, loss * float("nan") if self.step == 7 else loss)

    monkeypatch.setattr(Learner, "descend", diverge)
    with pytest.raises(OptionError, match="not a finite number"):
        fit(path)
    _, plain, arrays = read_model(path)
    assert plain["rounds"] == 3 and plain["phase"] == FREE  # of two steps each
    assert all(np.isfinite(a).all() for a in arrays.values())


def test_the_file_holds_no_value_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a number as it stood in the table, nor tokens, nor who was learnt from."""
    table = noise(60)
    people = np.arange(60) + 5_000_000
    numbered = Table(table.schema, table.values, table.states, people)
    stop_in(STEERED, 2, tmp_path / "c", monkeypatch, table=numbered)
    _, plain, arrays = read_model(tmp_path / "c")
    assert not {"tokens", "people"} & set(plain)
    stored = np.concatenate([a.ravel().astype(float) for a in arrays.values()])
    for column in table.schema.modelled:
        if column.is_numeric:
            own = table.values[column.name]
            assert not np.isin(own, stored).any()
            assert not np.isin(own.astype(np.float32).astype(float), stored).any()
            text = (tmp_path / "c").read_bytes()
            assert not any(repr(float(v)).encode() in text for v in own)
    assert all(a.dtype.kind == "f" or a.size == 1 for a in arrays.values())
    assert not np.isin(people, stored).any()


def test_without_a_checkpoint_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit(None)
    assert list(tmp_path.iterdir()) == []
