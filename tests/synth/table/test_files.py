"""Files of every make are read whole as text, written whole or not at all."""

from __future__ import annotations

import datetime as dt
import errno
import gzip
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salus.synth.errors import BadInput, SalusError, SchemaError, TableError, TooFewPeople
from salus.synth.table.codec import decode_text
from salus.synth.table.files import (
    read_frame,
    read_table,
    reading,
    write_bytes_atomic,
    write_table,
    write_text_atomic,
)
from salus.synth.table.schema import Column, Schema

DATA = Path(__file__).parents[3] / os.environ.get("SALUS_DATA", "../shared/data")


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def write(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def cells(frame: pd.DataFrame) -> list[list[str | None]]:
    return frame.to_numpy(dtype=object).tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_are_told_from_the_file(tmp_path: Path, delimiter: str) -> None:
    text = lines("a,b,c", '1,"x, y; z",3', "4,,6").replace(",", delimiter)
    text = text.replace(f"x{delimiter} y", "x, y")
    frame = read_frame(write(tmp_path, text))
    assert list(frame.columns) == ["a", "b", "c"]
    assert cells(frame)[1] == ["4", None, "6"]
    assert reading(tmp_path / "t.csv").delimiter == delimiter


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_encodings_are_told_from_the_file(tmp_path: Path, encoding: str, told: str) -> None:
    path = write(tmp_path, lines("größe,ort", "1,Zürich", "2,Genève").encode(encoding))
    frame = read_frame(path)
    assert list(frame.columns) == ["größe", "ort"]
    assert frame["ort"].tolist() == ["Zürich", "Genève"]
    how = reading(path)
    assert how.encoding == told
    assert bool(how.decisions) == (not told.startswith("utf-8"))
    assert frame.attrs["decisions"] == list(how.decisions)


def test_mixed_encodings_are_refused_with_the_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b"a,b\n1,\xc3\xbc\n2,\xfc\n")
    with pytest.raises(TableError, match=r"mixes encodings: line 2 is UTF-8.*line\(s\) 3") as info:
        read_frame(path)
    assert info.value.row == 2
    assert "UTF-8" in str(info.value.remedy)


@pytest.mark.parametrize(
    "data", [b"a,b\n\x81\x8d,1\n", b"a,b\n1,\x00\x01\n", b"\xff\xfea,b\n1,2\n3", os.urandom(4000)]
)
def test_bytes_of_no_known_encoding_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(TableError):
        read_frame(write(tmp_path, data))


def test_decimal_commas_are_read_as_points_column_by_column(tmp_path: Path) -> None:
    text = lines("bmi;n;list;mixed", "22,5;1;1,2,3;1.5", "31;2;2,1;2,5", ";3;;3", "-1,25;4;1;4")
    frame = read_frame(write(tmp_path, text))
    assert frame["bmi"].tolist() == ["22.5", "31", None, "-1.25"]
    assert frame["list"].tolist() == ["1,2,3", "2,1", None, "1"]
    assert frame["mixed"].tolist() == ["1.5", "2,5", "3", "4"]
    assert reading(tmp_path / "t.csv").comma_columns == ("bmi",)
    assert any("bmi" in d for d in frame.attrs["decisions"])


def test_comma_files_keep_their_commas(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path, lines("a,b", '"1,5",2', '"2,5",3')))
    assert frame["a"].tolist() == ["1,5", "2,5"]


def test_only_the_empty_cell_is_missing_and_outer_blanks_go(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path, lines("a, b", "NA, None", '"",  ', "nan,x")))
    assert list(frame.columns) == ["a", "b"]
    assert cells(frame) == [["NA", "None"], [None, None], ["nan", "x"]]
    assert any("Blanks" in d for d in frame.attrs["decisions"])


def test_line_ends_quotes_and_inner_newlines(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path, 'a,b\r\n1,"x ""y""\nz"\r\n\r\n2,w'))
    assert cells(frame) == [["1", 'x "y"\nz'], ["2", "w"]]


def test_one_column_keeps_its_empty_cells(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path, 'a\n1\n""\n\n2\n\n'))
    assert frame["a"].tolist() == ["1", None, None, "2"]


def test_a_gzip_file_is_read_by_its_content(tmp_path: Path) -> None:
    data = gzip.compress(lines("a,b", "1,2", "3,4").encode())
    assert len(read_frame(write(tmp_path, data, "t.csv.gz"))) == 2
    with pytest.raises(TableError, match="damaged"):
        read_frame(write(tmp_path, data[:-12], "u.csv.gz"))


def test_a_trailing_delimiter_is_left_out_with_a_note(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path, lines("a,b,", "1,2,", "3,4,")))
    assert list(frame.columns) == ["a", "b"]
    assert "without name" in frame.attrs["decisions"][0]


@pytest.mark.parametrize(
    ("text", "message", "row"),
    [
        ("", "is empty", None),
        (" \n\n", "is empty", None),
        ("a,b\n", "header and no row", None),
        ("a,b\n1,2\n3\n", "has 1 cells, the header 2", 2),
        ("a,b\n1,2\n3,4,5\n", "has 3 cells, the header 2", 2),
        ('a,b\n1,"2\n3,4\n', "can't be read", 1),
        ("a,a,b\n1,2,3\n", "stand twice: 'a'", None),
        ("a, a,b\n1,2,3\n", "stand twice: 'a'", None),
        (",b\n1,2\n", "column 1 has no name", None),
        ("PK\x03\x04zip", "spreadsheet", None),
        ("PAR1", "Parquet", None),
    ],
)
def test_bad_files_are_named_with_row_and_remedy(
    tmp_path: Path, text: str, message: str, row: int | None
) -> None:
    with pytest.raises(TableError, match=message) as info:
        read_frame(write(tmp_path, text))
    assert info.value.row == row
    assert info.value.remedy


def test_absent_files_and_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="doesn't exist"):
        read_frame(tmp_path / "none.csv")
    with pytest.raises(TableError, match="folder"):
        read_frame(tmp_path)
    with pytest.raises(TableError, match="no Parquet file"):
        read_frame(write(tmp_path, "a,b\n1,2\n", "t.parquet"))


def test_one_row_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(TooFewPeople, match="one row"):
        read_table(write(tmp_path, lines("a,b", "1,2")))


# ---------------------------------------------------------------- DataFrames


def test_typed_cells_become_exact_text() -> None:
    stamps = pd.to_datetime(["2020-01-02 03:04:05", None])
    frame = pd.DataFrame(
        {
            "int": [1, 2],
            "big": [2**60 + 1, 3],
            "gap": [1.0, np.nan],
            "float": [0.1, 2.0],
            "f32": np.array([0.1, 1.5], dtype=np.float32),
            "bool": [True, False],
            "Int64": pd.array([7, None], dtype="Int64"),
            "Float64": pd.array([0.25, None], dtype="Float64"),
            "boolean": pd.array([True, None], dtype="boolean"),
            "string": pd.array(["x", None], dtype="string"),
            "category": pd.Categorical(["b", None], categories=["a", "b"]),
            "numbers": pd.Categorical([2, 1]),
            "day": pd.to_datetime(["2020-01-02", None]),
            "time": stamps,
            "zone": stamps.tz_localize("Europe/Zurich"),
            "gone": [None, pd.NA],
            "mixed": [1, "x"],
            "truth": [True, 1],
            "decimal": [Decimal("1.50"), dt.date(2020, 1, 2)],
            "delta": pd.to_timedelta(["1 days", None]),
            5: [" x ", ""],
        }
    )
    out = read_frame(frame).to_dict("list")
    assert out == {
        "int": ["1", "2"],
        "big": [str(2**60 + 1), "3"],
        "gap": ["1", None],
        "float": ["0.1", "2.0"],
        "f32": ["0.1", "1.5"],
        "bool": ["True", "False"],
        "Int64": ["7", None],
        "Float64": ["0.25", None],
        "boolean": ["True", None],
        "string": ["x", None],
        "category": ["b", None],
        "numbers": ["2", "1"],
        "day": ["2020-01-02", None],
        "time": ["2020-01-02 03:04:05", None],
        "zone": ["2020-01-02 03:04:05", None],
        "gone": [None, None],
        "mixed": ["1", "x"],
        "truth": ["True", "1"],
        "decimal": ["1.50", "2020-01-02"],
        "delta": ["86400", None],
        "5": ["x", None],
    }


def test_reading_a_text_frame_again_changes_nothing() -> None:
    frame = read_frame(pd.DataFrame({"a": ["1", None, "x"], "b": [1.5, 2, None]}))
    pd.testing.assert_frame_equal(read_frame(frame), frame)


def test_clashing_names_of_a_frame_are_refused() -> None:
    with pytest.raises(TableError, match="stand twice: '1'"):
        read_frame(pd.DataFrame([[1, 2]], columns=[1, "1"]))


@pytest.mark.parametrize("values", [[1.0, np.inf], [1, -np.inf, None, "x"]])
def test_infinity_is_refused_with_column_and_row(values: list[object]) -> None:
    with pytest.raises(TableError, match=r"column 'x', row 2: the number is infinite"):
        read_frame(pd.DataFrame({"x": values}))


def test_cells_that_are_no_cells_are_refused() -> None:
    with pytest.raises(TableError, match=r"column 'x', row 2: a cell of type list"):
        read_frame(pd.DataFrame({"x": [1, [2]]}))


def test_empty_frames_are_refused() -> None:
    with pytest.raises(TableError, match="no row"):
        read_frame(pd.DataFrame({"a": []}))
    with pytest.raises(TableError, match="no column"):
        read_frame(pd.DataFrame(index=[1, 2]))


# ---------------------------------------------------------------- read_table


def patients(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "patient_id": np.arange(1000, 1000 + n),
            "note": [
                f"Patient number {k} was seen and felt rather well that day" for k in range(n)
            ],
            "age": rng.integers(20, 90, n),
            "death": rng.integers(0, 2, n),
        }
    )


def test_identifiers_and_text_are_refused_all_at_once() -> None:
    with pytest.raises(TableError, match="2 column") as info:
        read_table(patients(), outcome="death")
    assert "'patient_id' (identifier)" in str(info.value)
    assert "'note' (free text)" in str(info.value)
    assert "drop=['patient_id', 'note']" in str(info.value)


def test_identifiers_pass_when_dropped_or_named_as_person() -> None:
    table = read_table(patients(), outcome="death", person="patient_id", drop=["note"])
    assert table.schema.person is not None
    assert table.n_people == 60
    assert set(table.values) == {"age", "death"}
    assert table.schema["note"].dropped
    assert table.schema["note"].reason == "left out on request"


def test_a_given_schema_decides(tmp_path: Path) -> None:
    table = read_table(patients(), outcome="death", drop=["note", "patient_id"])
    path = tmp_path / "schema.json"
    write_text_atomic(path, table.schema.to_json())
    again = read_table(patients(), schema=path, sensitive=["age"])
    assert [c.name for c in again.schema.sensitive] == ["age"]
    assert decode_text(again).equals(decode_text(table))
    with pytest.raises(
        SchemaError, match=r"1 column\(s\) of the table aren't in the schema: 'new'"
    ):
        read_table(patients().assign(new=1), schema=table.schema)
    with pytest.raises(TableError, match="absent: 'age'"):
        read_table(patients().drop(columns="age"), schema=table.schema)
    left = patients().drop(columns="note")  # a dropped column may be absent
    assert len(read_table(left, schema=table.schema)) == 60
    with pytest.raises(BadInput, match="left out"):
        read_table(patients(), schema=table.schema, outcome="note")


def test_a_schema_with_open_identifiers_is_refused() -> None:
    schema = Schema([Column(name="a", kind="text"), Column(name="b", kind="integer")])
    with pytest.raises(TableError, match="'a'"):
        read_table(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), schema=schema)
    with pytest.raises(TableError, match="no column is left"):
        read_table(pd.DataFrame({"a": ["x", "y"]}), drop=["a"])


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame(
        {
            "x": ["1.5", None, "-9", "-9", "-9", "2.25"] * 10,
            "y": ["a", "b, c", 'd"', "é\n", None, "unknown"] * 10,
            "z": ["1", "2", "3", "4", "n/a", None] * 10,
        }
    )
    table = read_table(frame)
    write_table(table, tmp_path / name)
    write_table(table, tmp_path / f"again-{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()
    again = read_table(tmp_path / name, schema=table.schema)
    assert decode_text(again).equals(decode_text(table))
    if name != "t.parquet":
        assert cells(read_frame(tmp_path / name)) == cells(read_frame(frame))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, f"again-{name}"])


def test_parquet_of_pandas_with_index_and_gaps(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.Categorical(["x", "y"])})
    frame.to_parquet(tmp_path / "a.parquet")
    assert cells(read_frame(tmp_path / "a.parquet")) == [["1", "x"], [None, "y"]]
    frame.rename_axis("who").to_parquet(tmp_path / "b.parquet")
    assert list(read_frame(tmp_path / "b.parquet").columns) == ["who", "a", "b"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.csv"
    write_text_atomic(target, "before\n")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SalusError, match="No space left"):
        write_bytes_atomic(target, b"after")
    assert target.read_text() == "before\n"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_bytes_atomic(tmp_path / "out.csv", b"x")
    assert not list(tmp_path.iterdir())


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be written") as info:
        write_text_atomic(tmp_path / "no" / "out.csv", "x")
    assert "folder" in str(info.value.remedy)


@pytest.mark.skipif(not DATA.is_dir(), reason="the development tables are absent")
@pytest.mark.parametrize("name", ["diabetes130.csv.gz", "hypothyroid.csv", "pn2012.csv", "opt.csv"])
def test_real_tables_come_back_to_the_letter(name: str) -> None:
    from salus.synth.table.codec import encode
    from salus.synth.table.infer import infer

    frame = read_frame(DATA / name).head(4000)
    back = decode_text(encode(frame, infer(frame)))
    for column in back.columns:
        assert back[column].tolist() == frame[column].tolist(), column
