"""What is encoded is decoded to the letter; what the schema doesn't allow is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import SchemaError, TableError
from salus.synth.table.codec import decode, decode_text, differences, encode, encode_many
from salus.synth.table.files import read_frame
from salus.synth.table.infer import infer
from salus.synth.table.schema import Column, Kind, Schema
from salus.synth.table.table import EMPTY, PRESENT, Table


def frame_of(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})


def one(kind: Kind, **options: object) -> Schema:
    return Schema([Column(name="x", kind=kind, **options)])  # type: ignore[arg-type]


def texts(table: Table) -> list[str | None]:
    return list(decode_text(table)["x"])


def test_values_and_states() -> None:
    schema = Schema(
        [
            Column(name="n", kind="continuous", decimals=1, missing_codes=("-9", "unknown")),
            Column(name="g", kind="ordinal", levels=("1", "2"), missing_codes=("9",)),
            Column(name="d", kind="date", date_format="%d.%m.%Y"),
            Column(name="t", kind="datetime", date_format="%Y-%m-%d %H:%M"),
            Column(name="id", kind="identifier", dropped=True),
        ]
    )
    frame = frame_of(
        n=["1.5", "-9", None, "unknown"],
        g=["2", "9", "1", None],
        d=["02.01.1970", None, "31.12.1969", "01.01.1970"],
        t=["1970-01-01 00:01", None, None, None],
    )
    table = encode(frame, schema)
    np.testing.assert_array_equal(table.values["n"], [1.5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(table.states["n"], [PRESENT, 2, EMPTY, 3])
    np.testing.assert_array_equal(table.values["g"], [1, -1, 0, -1])
    np.testing.assert_array_equal(table.states["g"], [PRESENT, 2, PRESENT, EMPTY])
    np.testing.assert_array_equal(table.values["d"], [1, np.nan, -1, 0])
    assert table.values["t"][0] == 60
    assert decode_text(table).to_dict("list") == frame.to_dict("list")


def test_numbers_are_kept_at_the_precision_of_the_schema() -> None:
    table = encode(frame_of(x=["58.7652292950034", "2.25"]), one("continuous", decimals=1))
    np.testing.assert_array_equal(table.values["x"], [58.8, 2.2])
    assert texts(encode(decode_text(table), table.schema)) == texts(table)


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        ({"decimals": 2}, [1.5, 2.0, -0.001], ["1.5", "2", "0"]),
        ({"decimals": 2, "number_style": "fixed"}, [1.5, 2.0], ["1.50", "2.00"]),
        ({"decimals": 2, "number_style": "point"}, [1.5, 2.0, 1.254], ["1.5", "2.0", "1.25"]),
        ({}, [1.5, 1e-7, 1e20], ["1.5", "0.0000001", "100000000000000000000"]),
    ],
)
def test_numbers_are_rounded_and_spelled_in_writing(
    options: dict[str, object], values: list[float], expected: list[str]
) -> None:
    assert texts(Table(one("continuous", **options), {"x": np.array(values)})) == expected


def test_sampled_values_between_the_grains_are_written_whole() -> None:
    assert texts(Table(one("integer"), {"x": np.array([1.6, -0.4])})) == ["2", "0"]
    assert texts(Table(one("integer", number_style="point"), {"x": np.array([1.6])})) == ["2.0"]
    assert texts(Table(one("date"), {"x": np.array([0.7, 1e9, -1e9])})) == [
        "1970-01-02",
        "9999-12-31",
        "0001-01-01",
    ]
    clock = one("datetime", date_format="%H:%M %-d.%-m.%Y")
    assert texts(Table(clock, {"x": np.array([59.0, 3600.0])})) == [
        "00:01 1.1.1970",
        "01:00 1.1.1970",
    ]


@pytest.mark.parametrize(
    ("schema", "cells", "row", "message"),
    [
        (one("continuous"), ["1", "zwei"], 2, "no finite number"),
        (one("continuous"), ["1", "inf"], 2, "no finite number"),
        (one("continuous"), ["1", "1_000"], 2, "no finite number"),
        (one("continuous", low=0), ["1", None, "-3"], 3, "below the declared 0"),
        (one("continuous", high=10), ["11", "3"], 1, "above the declared 10"),
        (one("integer"), ["1", "1.5"], 2, "isn't whole"),
        (one("integer", decimals=0), ["1", "1.5"], 2, "isn't whole"),
        (one("boolean", levels=("0", "1")), ["0", "1", "2"], 3, "none of the schema's levels"),
        (one("categorical", levels=("007",)), ["007", "7"], 2, "none of the schema's levels"),
        (one("date"), ["2020-01-01", "2020-02-30"], 2, "no date in the form %Y-%m-%d"),
    ],
)
def test_cells_outside_the_schema_are_told_by_column_and_row(
    schema: Schema, cells: list[object], row: int, message: str
) -> None:
    with pytest.raises(TableError, match=message) as info:
        encode(frame_of(x=cells), schema)
    assert (info.value.column, info.value.row) == ("x", row)
    assert info.value.remedy
    assert "zwei" not in str(info.value)


def test_numbers_are_compared_by_value() -> None:
    schema = one("ordinal", levels=("0", "0.5", "1"), missing_codes=("-9",))
    assert texts(encode(frame_of(x=["0.0", "0.50", "1", "-9.0"]), schema)) == [
        "0",
        "0.5",
        "1",
        "-9",
    ]
    schema = one("integer", missing_codes=("-9", "999"))
    table = encode(pd.DataFrame({"x": [1.0, -9.0, 999.0, np.nan]}), schema)
    np.testing.assert_array_equal(table.states["x"], [PRESENT, 2, 3, EMPTY])


def test_absent_columns_are_named_and_extra_ones_left() -> None:
    schema = Schema([Column(name=n, kind="integer") for n in "abc"])
    with pytest.raises(TableError, match=r"2 column\(s\) of the schema are absent: 'a', 'c'"):
        encode(frame_of(b=["1"]), schema)
    assert len(encode(frame_of(c=["1"], b=["1"], a=["1"], d=["x"]), schema)) == 1


def test_people_come_from_the_person_column() -> None:
    who = Column(name="who", kind="identifier", roles=frozenset({"person"}))
    schema = Schema([who, Column(name="x", kind="integer")])
    table = encode(frame_of(who=["p", "q", "p"], x=["1", "2", "3"]), schema)
    assert table.people.tolist() == [0, 1, 0]
    assert list(decode_text(table).columns) == ["x"]
    assert encode(decode_text(table), schema).n_people == 3
    with pytest.raises(TableError, match=r"column 'who', row 2: the person is not given"):
        encode(frame_of(who=["p", None], x=["1", "2"]), schema)


def test_too_many_codes_are_refused() -> None:
    codes = tuple(str(-k) for k in range(1, 130))
    with pytest.raises(SchemaError, match="129 missing codes"):
        encode(frame_of(x=["1"]), one("integer", missing_codes=codes))


# ---------------------------------------------------------------- typed


def test_decode_is_typed_for_people() -> None:
    frame = frame_of(
        i=["1", "20", "300"],
        gap=["1", None, "300"],
        code=["1", "-9", None],
        word=["1.5", "unknown", None],
        f=["1.5", "2", None],
        b=["True", "False", "True"],
        s=["x", "y", None],
        zip=["007", "010", "100"],
        d=["2020-01-01", "2021-05-05", None],
        t=["2020-01-01 10:00", "2021-05-05 11:30", "2021-05-06 11:30"],
        stage=["1", "2", "3a"],
    )
    schema = Schema(
        [
            Column(name="i", kind="integer"),
            Column(name="gap", kind="integer"),
            Column(name="code", kind="integer", missing_codes=("-9",)),
            Column(name="word", kind="continuous", missing_codes=("unknown",)),
            Column(name="f", kind="continuous"),
            Column(name="b", kind="boolean", levels=("False", "True")),
            Column(name="s", kind="boolean", levels=("x", "y")),
            Column(name="zip", kind="categorical", levels=("007", "010", "100")),
            Column(name="d", kind="date"),
            Column(name="t", kind="datetime", date_format="%Y-%m-%d %H:%M"),
            Column(name="stage", kind="ordinal", levels=("1", "2", "3a")),
        ]
    )
    out = decode(encode(frame, schema))
    assert [str(out[n].dtype) for n in ("i", "gap", "code", "word", "f", "b")] == [
        "int64", "Int64", "Int64", "object", "float64", "bool",
    ]  # fmt: skip
    assert out["code"][1] == -9
    assert out["word"].tolist() == [1.5, "unknown", None]
    assert out["s"].tolist() == ["x", "y", None]
    assert out["zip"].tolist() == ["007", "010", "100"]
    assert out["stage"].tolist() == ["1", "2", "3a"]
    assert out["d"].dt.year.tolist()[:2] == [2020, 2021]
    assert out["t"][1] == pd.Timestamp("2021-05-05 11:30")
    again = encode(out.assign(t=frame["t"]), schema)  # a Timestamp is spelled with its seconds
    assert decode_text(again).equals(decode_text(encode(frame, schema)))


# ---------------------------------------------------------------- many


def test_tables_of_other_makers_share_one_widened_schema() -> None:
    schema = Schema(
        [
            Column(name="g", kind="categorical", levels=("1", "2")),
            Column(name="n", kind="integer", low=0, missing_codes=("NA",)),
            Column(name="m", kind="continuous"),
        ]
    )
    real = frame_of(g=["1", "2"], n=["3", "NA"], m=["1.5", None])
    vendor = frame_of(extra=["x", "y", "z"], m=["NaN", "2", "3"], n=["-1", "2.5", "NA"],
                      g=["1.0", "3.0", "b"])  # fmt: skip
    third = frame_of(g=["3"], n=["1"], m=["1"])
    tables = encode_many([real, vendor, third], schema)
    assert len({id(t.schema) for t in tables}) == 1
    assert tables[0].schema["g"].levels == ("1", "2", "3", "b")
    assert tables[1].values["g"].tolist() == [0, 2, 3]
    assert tables[2].values["g"].tolist() == [2]
    np.testing.assert_array_equal(tables[1].values["n"], [-1, 2.5, np.nan])
    assert tables[1].states["n"].tolist() == [PRESENT, PRESENT, 2]
    assert tables[1].states["m"].tolist() == [EMPTY, PRESENT, PRESENT]
    assert decode_text(tables[0]).equals(decode_text(encode(real, schema)))
    notes = differences(vendor, schema)
    assert any("extra" in n for n in notes)
    assert any("'g': 2 level(s)" in n for n in notes)
    assert differences(real, schema) == ()
    with pytest.raises(TableError, match="absent: 'm'"):
        encode_many([real, vendor.drop(columns="m")], schema)
    with pytest.raises(TableError, match="column 'm', row 2"):
        encode_many([frame_of(g=["1", "1"], n=["1", "1"], m=["1", "oops"])], schema)


# ---------------------------------------------------------------- properties

WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=6
).filter(lambda t: bool(t.strip()))


def cells_from(pool: list[str | None]) -> st.SearchStrategy[list[str | None]]:
    return st.lists(st.sampled_from(pool), min_size=12, max_size=12)


HOSTILE = st.one_of(
    cells_from(["60", "65", "70", None]),  # heaped
    cells_from(["0", "0", "0", "0", "17", "23", "401"]),  # zero-inflated
    cells_from(["120", "130", "-9", "999", None, "unknown", "NA"]),  # codes
    cells_from(["only"]),
    cells_from(["5"]),
    cells_from([None]),
    cells_from(["007", "7", "07"]),
    cells_from(["1.50", "2.25", "0.00"]),
    cells_from(["1.5", "2.25", "3.0"]),
    cells_from(["31.12.1999", "01.02.2003", None]),
    cells_from(["2020-01-01T00:00", "1890-01-01T23:59"]),
    cells_from(["True", "False", None]),
    st.lists(st.integers(-(10**6), 10**6).map(str), min_size=12, max_size=12),
    st.lists(
        st.floats(-1e6, 1e6).map(lambda v: f"{v:.3f}").filter(lambda t: float(t) != 0),
        min_size=12,
        max_size=12,
    ),
    st.lists(WORD, min_size=3, max_size=3).map(lambda w: (w * 4)[:12]),  # unicode
)


@settings(max_examples=80, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_any_hostile_frame_comes_back_to_the_letter(columns: list[list[str | None]]) -> None:
    frame = read_frame(frame_of(**{f"c{k}": list(v) for k, v in enumerate(columns)}))
    try:
        schema = infer(frame)
    except TableError as error:
        assert error.row is not None
        return
    back = decode_text(encode(frame, schema))
    for name in back.columns:
        column = schema[name]
        for was, now in zip(frame[name], back[name], strict=True):
            if was != now:  # several spellings of a number merge; the number itself stays
                assert was is not None
                assert now is not None
                assert float(was) == float(now)
                assert len({len(str(t)) for t in frame[name]}) > 1, column


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30),
    st.integers(0, 6),
    st.sampled_from(["shortest", "fixed", "point"]),
)
def test_encoding_what_was_decoded_changes_nothing(
    values: list[float], decimals: int, style: str
) -> None:
    schema = one("continuous", decimals=decimals, number_style=style)
    first = decode_text(Table(schema, {"x": np.array(values)}))
    assert decode_text(encode(first, schema)).equals(first)


def test_a_thousand_levels_and_one_row() -> None:
    levels = [f"lävel {k}" for k in range(1000)]
    frame = read_frame(frame_of(x=levels * 2, y=["z"] * 2000))
    schema = infer(frame)
    assert len(schema["x"].levels) == 1000
    assert decode_text(encode(frame, schema)).equals(frame)
    single = read_frame(frame_of(x=["1.5"], y=[None]))
    assert decode_text(encode(single, infer(single))).equals(single)
