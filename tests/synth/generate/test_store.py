"""Model files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from salus.synth.errors import BadInput, OptionError
from salus.synth.generate.forest import Forest
from salus.synth.generate.stage import Growth
from salus.synth.generate.store import load_model, read_model, write_model
from tests.synth.generate.tables import mixed


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays = {"a.b": np.arange(6.0).reshape(2, 3), "c": np.array([1, 2], np.int32)}
    write_model(tmp_path / "m", "forest", {"x": [1, None, "ü"]}, arrays)
    kind, plain, back = read_model(tmp_path / "m")
    assert kind == "forest" and plain["x"] == [1, None, "ü"]
    assert sorted(back) == ["a.b", "c"]
    for name, value in arrays.items():
        assert np.array_equal(back[name], value) and back[name].dtype == value.dtype


def test_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    a, b = np.zeros(3), np.ones(2)
    write_model(tmp_path / "1", "k", {"p": 1, "q": 2}, {"a": a, "b": b})
    write_model(tmp_path / "2", "k", {"q": 2, "p": 1}, {"b": b, "a": a})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_nothing_that_runs_is_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        write_model(tmp_path / "m", "k", {}, {"a": np.array([object()])})
    assert not (tmp_path / "m").exists()


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        load_model(tmp_path / "absent")
    (tmp_path / "text").write_text("age,sex\n1,2\n")
    with pytest.raises(BadInput):
        load_model(tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("other", "x")
    with pytest.raises(BadInput):
        load_model(tmp_path / "zip")
    with zipfile.ZipFile(tmp_path / "new", "w") as archive:
        archive.writestr("model.json", json.dumps({"format": "salus-model/9", "kind": "forest"}))
    with pytest.raises(BadInput, match="format"):
        load_model(tmp_path / "new")
    write_model(tmp_path / "kind", "dream", {}, {})
    with pytest.raises(BadInput, match="dream"):
        load_model(tmp_path / "kind")


def test_no_mean_of_a_sub_model_is_stored(tmp_path: Path) -> None:
    """Means of five sub-models, with their sizes, would give the sum over whom each left out."""
    path = tmp_path / "model.salus"
    table = mixed(120)
    model = Forest(budget=None, growth=Growth(trees=2)).fit(table, seed=1)
    model.save(path)
    _, _, arrays = read_model(path)
    assert not [name for name in arrays if name.endswith("center")]
