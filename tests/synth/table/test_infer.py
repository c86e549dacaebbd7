"""Kinds are proposed with reasons, and the reasons tell of nobody."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.synth.errors import BadInput, TableError
from salus.synth.table.codec import encode
from salus.synth.table.files import read_frame
from salus.synth.table.infer import infer
from salus.synth.table.schema import Column, Schema

DATA = Path(__file__).parents[3] / os.environ.get("SALUS_DATA", "../shared/data")
RNG = np.random.default_rng(1)


def column(values: list[object] | np.ndarray, name: str = "x", **options: object) -> Column:
    return infer(pd.DataFrame({name: values}), **options)[name]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (RNG.normal(size=100).round(2), "continuous"),
        (RNG.integers(0, 500, 100), "integer"),
        (RNG.integers(0, 2, 100), "boolean"),
        (["yes", "no", None] * 20, "boolean"),
        (RNG.integers(1, 6, 100), "ordinal"),
        (RNG.choice([0, 0.5, 1], 100), "ordinal"),
        (list(range(5)) * 9, "integer"),  # fewer than fifty rows
        (["a", "b", "c"] * 10, "categorical"),
        (["007", "012", "130"] * 10, "categorical"),
        ([None] * 20, "categorical"),
        (["3"] * 20, "categorical"),
        (["x"] * 20, "categorical"),
        ([f"level {k}" for k in range(1000)] * 2, "categorical"),
        (["1", "2", "3a", "3b"] * 20, "categorical"),
        ([f"{k}.5" if k % 9 else f"V{k % 30}" for k in range(200)] * 3, "categorical"),
    ],
)
def test_kinds(values: list[object], kind: str) -> None:
    found = column(values)
    assert found.kind == kind
    assert found.reason
    assert found.low is None
    assert found.high is None


def test_levels_stand_in_order() -> None:
    assert column(list(range(1, 11)) * 8).levels == tuple(str(k) for k in range(1, 11))
    assert column(["b", "a", "c"] * 9).levels == ("a", "b", "c")
    assert column(["1", "1.0", "0"] * 9).levels == ("0", "1")
    assert column(["3"] * 9).levels == ("3",)
    assert column([None] * 9).levels == ()


@pytest.mark.parametrize(
    ("texts", "decimals", "style"),
    [
        (["1.5", "2", "2.25", "3"] * 9, 2, None),
        (["1.50", "2.00", "2.25", "3.00"] * 9, 2, "fixed"),
        (["1.5", "2.0", "2.25", "3.0"] * 9, 2, "point"),
        (["58.7652292950034", "56", "70.072553045859"], 13, None),
        (["0.12345678901234567", "0.2", "0.3"], None, None),
        (["1e-05", "2", "3"], 5, None),
    ],
)
def test_the_spelling_of_numbers(texts: list[str], decimals: int, style: str | None) -> None:
    found = column(texts)
    assert (found.kind, found.decimals, found.number_style) == ("continuous", decimals, style)


def test_whole_numbers_written_with_a_point_stay_whole() -> None:
    found = column([f"{k}.0" for k in range(30)] * 2)
    assert (found.kind, found.decimals, found.number_style) == ("integer", 0, "point")


# ---------------------------------------------------------------- missing codes


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([*range(18, 90), *[-9] * 5], ("-9",)),
        ([*range(18, 90), *[999] * 5], ("999",)),
        ([*range(18, 90), *[99] * 5], ()),  # an age
        ([*([1, 2, 3] * 20), *[7] * 3, *[9] * 4], ("7", "9")),
        ([*([1, 2, 3] * 20), *[77] * 3, *[88] * 4, *[99] * 3], ("77", "88", "99")),
        (list(range(1, 10)) * 9, ()),  # 7, 8, 9 of a scale
        ([*([1, 2] * 40), *[9] * 4], ("9",)),
        ([*range(18, 90), 999], ()),  # once is no code
        ([-1, 0, 1] * 30, ()),
        ([*range(12), *range(12), *[-1] * 4], ("-1",)),
        ([*np.linspace(-3, 3, 70), *[-99] * 4], ("-99.0",)),
        ([0] * 40 + list(range(44, 190)), ()),
        (["1.5", "2.5", "3.5", "unknown", "NA", ".", "?"] * 10, ("NA", ".", "?", "unknown")),
        (
            [*map(str, range(40)), *map(str, range(40)), "refused by him", "refused by him"],
            ("refused by him",),
        ),
        (["a", "b", "c", "n/a", "NULL", "unknown"] * 9, ("n/a", "NULL", "unknown")),
        (["a", "b", "None"] * 9, ()),
        (["?"] * 9, ("?",)),
    ],
)
def test_missing_codes_are_proposed(values: list[object], codes: tuple[str, ...]) -> None:
    found = column(values)
    assert found.missing_codes == codes
    if codes:
        assert "missing code" in found.reason
    table = encode(pd.DataFrame({"x": values}), infer(pd.DataFrame({"x": values})))
    assert len(table) == len(values)


def test_zeros_are_only_hinted_at() -> None:
    found = column([0] * 10 + list(range(44, 190)))
    assert found.missing_codes == ()
    assert "10 cells are 0" in found.reason
    assert "0 while" not in column([0] * 10 + list(range(1, 190))).reason


@pytest.mark.parametrize("cell", ["7.4 mmol", "inf", "12,5"])
def test_a_stray_cell_among_numbers_is_an_error_with_column_and_row(cell: str) -> None:
    values = [*(f"{k}.5" for k in range(40)), cell, "4"]
    with pytest.raises(TableError) as info:
        column(values)
    assert (info.value.column, info.value.row) == ("x", 41)
    assert info.value.remedy
    assert cell not in str(info.value) or cell == "inf"


def test_detection_limits_are_kept_as_codes() -> None:
    found = column([*(f"{k}.5" for k in range(40)), "<0.5", "<0.5"])
    assert found.kind == "continuous"
    assert found.missing_codes == ("<0.5",)


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("texts", "kind", "date_format"),
    [
        (["2020-01-31", "2021-12-01", "1999-05-05"], "date", "%Y-%m-%d"),
        (["2020/01/31", "2021/12/01"], "date", "%Y/%m/%d"),
        (["31.01.2020", "01.12.2021"], "date", "%d.%m.%Y"),
        (["31/01/2020", "01/12/2021"], "date", "%d/%m/%Y"),
        (["01/31/2020", "12/01/2021"], "date", "%m/%d/%Y"),
        (["1/31/2020", "12/1/2021"], "date", "%-m/%-d/%Y"),
        (["01-Jan-2020", "15-Mar-2021"], "date", "%d-%b-%Y"),
        (["2020-01-31 10:15", "2021-12-01 00:00"], "datetime", "%Y-%m-%d %H:%M"),
        (["2020-01-31T10:15:59Z", "2021-12-01T00:00:00Z"], "datetime", "%Y-%m-%dT%H:%M:%SZ"),
        (["31.01.2020 9:05", "01.12.2021 10:00"], "datetime", "%d.%m.%Y %-H:%M"),
        (["2020-01-31 10:15:59.125"] * 2 + ["2020-01-31 10:15:59.250"], "datetime",
         "%Y-%m-%d %H:%M:%S.%3f"),
    ],
)  # fmt: skip
def test_dates(texts: list[str], kind: str, date_format: str) -> None:
    found = column([*texts, None])
    assert (found.kind, found.date_format) == (kind, date_format)


def test_day_and_month_that_nothing_tells_apart_are_reported() -> None:
    found = column(["01/02/2020", "03/04/2020"])
    assert found.date_format == "%d/%m/%Y"
    assert "the day is read first" in found.reason


def test_a_date_that_is_none_is_an_error_with_column_and_row() -> None:
    with pytest.raises(TableError, match="column 'x', row 3") as info:
        column(["2020-01-31", "2020-02-01", "2020-02-31", "2020-03-01"])
    assert "2020" not in str(info.value)
    days = [f"2020-02-{d:02d}" for d in range(1, 9)]
    assert column([*days, "0000-00-00", "0000-00-00", "unknown"]).missing_codes == (
        "0000-00-00",
        "unknown",
    )


def test_eight_digits_are_dates_only_by_name() -> None:
    values = [f"2020{m:02d}{d:02d}" for m in range(1, 13) for d in (1, 9, 28)]
    assert column(values, "birth_date").kind == "date"
    assert column([*values, *values]).kind == "integer"


# ---------------------------------------------------------------- identifiers and text


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", list(range(1, 101)), "identifier"),
        ("patient_id", RNG.permutation(10**6)[:100], "identifier"),
        ("case no", RNG.permutation(10**5)[:100], "identifier"),
        ("patient_nbr", np.repeat(RNG.permutation(10**6)[:60], 2), "identifier"),
        ("x", RNG.permutation(10**8)[:100] + 10**8, "identifier"),
        ("x", [f"S{k:04d}" for k in range(50)], "identifier"),
        ("x", [f"{k}.{k}@clinic.org" for k in range(30)] * 2, "identifier"),
        ("last_name", [f"Name{k}" for k in range(40)] * 3, "identifier"),
        ("admission_type_id", list(range(1, 9)) * 20, "ordinal"),
        ("age_days", RNG.permutation(30000)[:100], "integer"),
        ("x", RNG.normal(size=200), "continuous"),
        ("x", [f"The patient number {k} slept well and had no pain" for k in range(50)], "text"),
    ],
)
def test_identifiers_and_text(name: str, values: list[object], kind: str) -> None:
    found = column(values, name)
    assert found.kind == kind
    if kind in ("identifier", "text"):
        assert found.levels == found.missing_codes == ()


def test_dropped_and_person_columns_keep_no_level() -> None:
    frame = pd.DataFrame({"who": ["a", "a", "b"] * 5, "y": [0, 1, 1] * 5, "z": ["p", "q", "r"] * 5})
    schema = infer(frame, person="who", drop=["z"], outcome="y")
    assert schema.person is not None
    assert schema["who"].levels == schema["z"].levels == ()
    assert schema["z"].dropped
    assert schema["z"].reason == "left out on request"
    assert schema.outcome is not None


# ---------------------------------------------------------------- outcome and names


def test_an_outcome_that_does_not_exist_names_candidates() -> None:
    frame = pd.DataFrame({"death": [0, 1] * 9, "age": range(18)})
    with pytest.raises(BadInput, match="Did you mean 'death'"):
        infer(frame, outcome="deaths")
    with pytest.raises(BadInput, match="Columns: 'death', 'age'"):
        infer(frame, outcome="zzz")


@pytest.mark.parametrize("values", [["1"] * 18, [None] * 18, ["1", "?"] * 9])
def test_a_constant_outcome_is_refused(values: list[object]) -> None:
    frame = pd.DataFrame({"y": values, "other": [0, 1] * 9})
    with pytest.raises(BadInput, match="Candidates: 'other'") as info:
        infer(frame, outcome="y")
    assert info.value.column == "y"


def test_an_outcome_that_is_an_identifier_is_refused() -> None:
    with pytest.raises(BadInput, match="identifier"):
        infer(pd.DataFrame({"id": range(50), "y": [0, 1] * 25}), outcome="id")
    with pytest.raises(BadInput, match="left out"):
        infer(pd.DataFrame({"x": [0, 1, 2] * 5, "y": [0, 1, 0] * 5}), outcome="x", drop=["x"])


def test_a_continuous_outcome_stays_numeric_and_gaps_are_kept() -> None:
    frame = pd.DataFrame({"y": [*RNG.normal(size=50), None], "x": [0, 1, 2] * 17})
    schema = infer(frame, outcome="y")
    assert schema["y"].kind == "continuous"
    assert len(encode(frame, schema)) == 51


def test_reasons_tell_of_nobody() -> None:
    frame = pd.DataFrame(
        {
            "a": [*RNG.integers(200, 400, 99), 98765],
            "b": [*["x", "y", "z"] * 33, "secret"],
            "c": [*range(40), *range(40), *["ill"] * 2, *range(18)],
        }
    )
    told = " ".join(c.reason for c in infer(frame).columns)
    assert "98765" not in told
    assert "secret" not in told
    assert "ill" not in told.replace("will", "")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.sampled_from(["NA", "1", "2.5", "-9", "x", "2020-01-01", "inf", "0", "007"]),
            st.text(max_size=4),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_column_is_proposed_or_refused_by_name(values: list[str | None]) -> None:
    frame = read_frame(pd.DataFrame({"x": values}, dtype=object))
    try:
        schema = infer(frame)
    except TableError as error:
        assert error.column == "x"
        assert error.row is not None
        assert error.remedy
    else:
        encode(frame, schema)


def test_a_large_table_takes_seconds() -> None:
    n = 20_000  # a fifth of the size promised, so that the suite stays quick
    rng = np.random.default_rng(0)
    frame = read_frame(
        pd.DataFrame(
            {f"n{k}": rng.normal(size=n).round(3) for k in range(10)}
            | {f"c{k}": rng.choice(["a", "b", "c"], n) for k in range(10)}
        )
    )
    start = time.perf_counter()
    encode(frame, infer(frame))
    assert time.perf_counter() - start < 4


@pytest.mark.skipif(not DATA.is_dir(), reason="the development tables are absent")
@pytest.mark.parametrize(
    ("name", "identifiers"),
    [
        ("diabetes130.csv.gz", {"encounter_id", "patient_nbr"}),
        ("covid_testing.csv.gz", {"subject_id", "fake_first_name", "fake_last_name"}),
        ("parkinsons.csv", {"name"}),
        ("nafld1.csv.gz", {"id", "case.id"}),
        ("wdbc.csv", {"id"}),
        ("cirrhosis.csv", {"ID"}),
        ("pima_diabetes.csv", set()),
        ("whas500.csv", set()),
        ("heart_failure.csv", set()),
    ],
)
def test_identifiers_of_real_tables(name: str, identifiers: set[str]) -> None:
    schema = infer(read_frame(DATA / name))
    assert {c.name for c in schema.columns if c.kind in ("identifier", "text")} == identifiers


def test_a_person_column_that_is_also_dropped_still_groups_rows() -> None:
    frame = pd.DataFrame({"who": ["a", "a", "b"] * 5, "y": [0, 1, 1] * 5})
    schema = infer(frame, person="who", drop=["who"])
    assert schema.person is not None
    assert encode(frame, schema).n_people == 2


def survival_frame():
    return pd.DataFrame(
        {
            "days": [str(100 + 7 * (k % 13)) for k in range(40)],
            "state": ["alive", "dead"] * 20,
            "sex": ["f", "f", "m", "m"] * 10,
        }
    )


def test_groups_time_and_event_are_roles_of_their_columns():
    schema = infer(survival_frame(), outcome="state", groups=["sex"], time="days", event="dead")
    assert schema.time is not None and schema.time.name == "days"
    assert [c.name for c in schema.groups] == ["sex"]
    assert schema.outcome is not None and schema.outcome.event == "dead"
    assert Schema.from_dict(schema.to_dict()) == schema


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"event": "dead"}, "outcome"),
        ({"outcome": "state", "event": "gone"}, "levels"),
        ({"time": "sex"}, "follow-up time"),
        ({"groups": ["age"]}, "age"),
        ({"groups": ["sex"], "drop": ["sex"]}, "left out"),
    ],
)
def test_roles_that_contradict_the_table_are_refused(options, said):
    with pytest.raises(BadInput, match=said):
        infer(survival_frame(), **options)
