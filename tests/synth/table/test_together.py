from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from salus.synth.errors import OptionError, SalusError, TableError
from salus.synth.table.schema import Column, Schema
from salus.synth.table.together import read_together
from tests.synth.simulate import simulated


def people(n: int, seed: int, first: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "weight": np.round(rng.normal(70, 10, n), 2),
            "sex": rng.choice(["f", "m"], n),
            "id": np.arange(first, first + n),
        }
    )


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    made = people(50, 3).drop(columns="id")
    return {"synthetic": made, "train": people(60, 1), "holdout": people(60, 2, first=1000)}


def test_all_tables_share_the_schema_of_the_people(frames: dict[str, pd.DataFrame]) -> None:
    frames["holdout"].loc[0, "sex"] = "x"  # a level of one part alone
    frames["synthetic"].loc[0, "sex"] = "y"
    tables, notes = read_together(frames, person="id")
    assert {name: len(t) for name, t in tables.items()} == {k: len(f) for k, f in frames.items()}
    assert len({t.schema.to_json() for t in tables.values()}) == 1
    assert tables["train"].schema["sex"].levels == ("f", "m", "x", "y")
    assert notes == ["Column 'sex': 1 level(s) that the schema doesn't list."]
    assert tables["train"].n_people == 60


def test_inputs_stay_as_they_were(frames: dict[str, pd.DataFrame]) -> None:
    before = {k: f.copy(deep=True) for k, f in frames.items()}
    read_together(frames, person="id")
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_files_and_frames_give_the_same(frames: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    paths = {}
    for name, frame in frames.items():
        paths[name] = tmp_path / f"{name}.csv"
        frame.to_csv(paths[name], index=False)
    one, other = (read_together(s, person="id")[0] for s in (frames, paths))
    for name in frames:
        np.testing.assert_array_equal(one[name].values["weight"], other[name].values["weight"])


def test_tables_of_one_schema_are_taken_as_they_are() -> None:
    given = {k: simulated(30, seed=s) for s, k in enumerate(("synthetic", "train", "holdout"))}
    tables, notes = read_together(given)
    assert all(tables[k] is given[k] for k in given) and notes == []


def test_a_table_beside_frames_lends_its_schema_and_its_people() -> None:
    real, made = simulated(40, seed=1), simulated(30, seed=2)
    tables, _ = read_together({"train": real, "synthetic": made}, outcome="target")
    assert tables["train"].schema["age"] == real.schema["age"]
    np.testing.assert_array_equal(tables["train"].values["gain"], real.values["gain"])
    assert tables["train"].n_people == 40


BAD: list[tuple[str, Any, str]] = [
    ("synthetic", lambda f: f.drop(columns="sex"), "the synthetic table.*'sex'"),
    ("holdout", lambda f: f.drop(columns="sex"), "absent from the holdout table"),
    ("synthetic", lambda f: f.assign(weight="heavy"), "the synthetic table.*'weight', row 1"),
    ("holdout", lambda f: f.assign(weight="heavy"), "'weight': no cell of the holdout table"),
    ("synthetic", lambda f: f.iloc[:0], "the synthetic table.*no row"),
    ("train", lambda f: f.iloc[:0], "the training table.*no row"),
    ("holdout", lambda f: f.assign(id=f["id"] - 1000), "60 people of the training table"),
]


@pytest.mark.parametrize(("name", "change", "told"), BAD)
def test_what_does_not_fit_is_told_with_its_table(
    frames: dict[str, pd.DataFrame], name: str, change: Any, told: str
) -> None:
    frames[name] = change(frames[name])
    with pytest.raises(TableError, match=told) as error:
        read_together(frames, person="id")
    assert "heavy" not in str(error.value)


def test_a_row_is_counted_in_its_own_table(frames: dict[str, pd.DataFrame]) -> None:
    schema = Schema(
        [
            Column(name="weight", kind="continuous", decimals=2),
            Column(name="sex", kind="boolean", levels=("f", "m")),
        ]
    )
    frames = {k: f.drop(columns="id", errors="ignore") for k, f in frames.items()}
    frames["holdout"].loc[4, "sex"] = "secret"
    with pytest.raises(TableError, match="the holdout table: column 'sex', row 5") as error:
        read_together(frames, schema=schema)
    assert error.value.row == 5 and "secret" not in str(error.value)


def test_an_unknown_part_and_no_people_are_refused(frames: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(OptionError, match="'test'"):
        read_together({**frames, "test": frames["train"]})
    with pytest.raises(OptionError, match="people are missing"):
        read_together({"synthetic": frames["synthetic"]})


def test_a_dropped_column_may_be_absent(frames: dict[str, pd.DataFrame]) -> None:
    frames["holdout"] = frames["holdout"].drop(columns="id")
    tables, _ = read_together(frames, drop=["id"])
    assert [c.name for c in tables["train"].schema.modelled] == ["weight", "sex"]


def test_an_absent_file_is_told(frames: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(SalusError, match="the holdout table: the file"):
        read_together({**frames, "holdout": tmp_path / "none.csv"})
