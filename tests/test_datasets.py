"""The shipped tables are what they say."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from salus.datasets import load_pbc, pbc_path
from salus.synth.table.codec import decode_text
from salus.synth.table.files import read_frame
from salus.synth.table.schema import Schema

CIRRHOSIS = (
    Path(__file__).parents[1] / os.environ.get("SALUS_DATA", "../shared/data") / "cirrhosis.csv"
)


def test_pbc_is_the_published_table() -> None:
    table = load_pbc()
    assert len(table) == table.n_people == 418
    assert len(table.schema.modelled) == 19
    assert sum(int((s > 0).sum()) for s in table.states.values()) == 1033
    assert table.schema.outcome is not None
    counts = np.bincount(table.values["status"].astype(int))
    assert dict(zip(table.schema.outcome.levels, counts.tolist(), strict=True)) == {
        "0": 232,
        "1": 25,
        "2": 161,
    }
    assert [c.name for c in table.schema.sensitive] == ["stage"]
    assert table.schema["id"].dropped
    assert table.schema["bili"].unit == "mg/dL"


def test_pbc_comes_back_to_the_letter_but_for_the_age() -> None:
    frame, back = read_frame(pbc_path()), decode_text(load_pbc())
    for name in back.columns:
        if name == "age":
            assert all(len(text.partition(".")[2]) <= 1 for text in back[name])
        else:
            assert back[name].tolist() == frame[name].tolist(), name


def test_schema_and_source_are_shipped_and_true() -> None:
    schema = Schema.read(pbc_path().with_suffix(".schema.json"))
    assert schema == load_pbc().schema
    assert all(c.reason for c in schema.columns)
    source = (pbc_path().parent / "SOURCE.md").read_text(encoding="utf-8")
    digest = re.search(r"`([0-9a-f]{64})`", source)
    assert digest is not None
    assert digest[1] == hashlib.sha256(pbc_path().read_bytes()).hexdigest()
    for author in ("Fleming", "Therneau", "Dickson"):
        assert author in source


def test_importing_the_datasets_loads_no_pandas() -> None:
    code = "import sys, salus.datasets; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not CIRRHOSIS.is_file(), reason="the development tables are absent")
def test_pbc_equals_the_uci_copy() -> None:
    with pbc_path().open(newline="") as ours, CIRRHOSIS.open(newline="") as theirs:
        pairs = list(zip(csv.DictReader(ours), csv.DictReader(theirs), strict=True))
    names = {"time": "N_Days", "bili": "Bilirubin", "chol": "Cholesterol", "stage": "Stage",
             "copper": "Copper", "trig": "Tryglicerides", "protime": "Prothrombin"}  # fmt: skip
    for own, other in pairs:
        for name, twin in names.items():
            a, b = own[name], other[twin]
            assert (a == "") == (b == "")
            assert a == "" or float(a) == float(b)
        assert {"0": "C", "1": "CL", "2": "D"}[own["status"]] == other["Status"]
        assert abs(float(own["age"]) * 365.25 - float(other["Age"])) < 0.01
