from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salus.synth.audit.replication.formula import parse
from salus.synth.audit.replication.sheet import read_sheet
from salus.synth.audit.replication.values import evaluate, truth
from salus.synth.errors import OptionError

pytest.importorskip("formulaic", reason="the extra 'replicate' is not installed")

ALLOWED = {
    "death ~ age + log(bili)": ("death", "age", "bili"),
    'Surv(days, status == "dead") ~ age * sex': ("days", "status", "age", "sex"),
    "y ~ (a + b + c)**2 - a:b": ("y", "a", "b", "c"),
    "`blood sugar` ~ C(stage) + alk.phos": ("blood sugar", "stage", "alk.phos"),
    "y ~ log(alk.phos) + I(age**2 / 100) - 1": ("y", "alk.phos", "age"),
    "status in ('a', 'b') ~ x": ("status", "x"),
    "log(y) ~ sqrt(`body height`)": ("y", "body height"),
}
REFUSED = [
    "y ~ __import__('os').system('true')",
    "y ~ open(a)",
    "y ~ eval(a)",
    "y ~ I(open(a))",
    "y ~ a.b.c(3)",
    "y ~ (lambda: 1)()",
    "y ~ [x for x in a]",
    "y ~ {a}",
    "y ~ I(a if b else c)",
    "y ~ I((a, b))",
    "y ~ I(a := 3)",
    "y ~ I(a[0])",
    "y ~ f'{a}'",
    "y ~ poly(x, 2)",
    "y ~ log(x, base=2)",
    "y ~ C(log(a))",
    "y ~ (a + b)**9",
    "y ~ .",
    "y ~ a | b",
    "open('x') ~ a",
    "y == b == c ~ a",
    "y is b ~ a",
    "y in b ~ a",
    "Surv(a) ~ x",
    "Surv(a, b, c) ~ x",
    "y ~ 1",
    "y",
    "~ x",
    "y ~",
    "y ~ a ~ b",
    "y ~ I(9e999 * a)",
    "",
    "y ~ " + "a + " * 400 + "a",
    "y ~ I(" + "-" * 900 + "a)",
]


@pytest.mark.parametrize(("text", "columns"), ALLOWED.items())
def test_the_columns_of_a_formula(text: str, columns: tuple[str, ...]) -> None:
    assert sorted(parse(text).columns) == sorted(columns)


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse(text)


def test_the_error_names_what_is_not_allowed() -> None:
    with pytest.raises(OptionError, match=r"holds open\(\.\.\.\)"):
        parse("y ~ open(a)")


def test_terms_are_expanded() -> None:
    found = parse("y ~ a * b + log(c) - 1")
    spelled = [tuple(found.spelled[f] for f in term) for term in found.terms]
    assert spelled == [("a",), ("b",), ("log(c)",), ("a", "b")]


FRAME = pd.DataFrame(
    {
        "x": [1.0, 2.0, np.nan, 0.0],
        "s": ["a", "b", None, "b"],
        "code": ["007", "07", "7", "007"],
        "grade": [1.0, 2.0, np.nan, 2.0],
    }
)


def test_numbers_and_labels() -> None:
    sheet = read_sheet(FRAME, ["x", "s", "code", "grade"])
    assert set(sheet.numbers) == {"x", "grade"}
    assert sheet.levels["s"] == ("a", "b") and sheet.levels["code"] == ("007", "07", "7")
    assert sheet.labels["grade"].tolist() == ["1", "2", None, "2"]
    tree = parse("y ~ log(x)").factors["factor0"]
    np.testing.assert_allclose(evaluate(tree, sheet), [0, np.log(2), np.nan, np.nan])


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('s == "b"', [0, 1, np.nan, 1]),
        ('s != "b"', [1, 0, np.nan, 0]),
        ('s in ("a", "b")', [1, 1, np.nan, 1]),
        ("x > 1", [0, 1, np.nan, 0]),
        ("x in (1, 2)", [1, 1, np.nan, 0]),
        ('grade == "2"', [0, 1, np.nan, 1]),
        ('grade == "2.0"', [0, 1, np.nan, 1]),
        ("grade == 2", [0, 1, np.nan, 1]),
        ('code == "007"', [1, 0, 0, 1]),
    ],
)
def test_comparisons(text: str, held: list[float]) -> None:
    sheet = read_sheet(FRAME, ["x", "s", "code", "grade"])
    np.testing.assert_array_equal(truth(parse(f"{text} ~ x").outcome, sheet), held)


def test_texts_do_not_compare_by_size() -> None:
    sheet = read_sheet(FRAME, ["s"])
    with pytest.raises(OptionError, match="levels"):
        truth(parse('s > "a" ~ x').outcome, sheet)
    with pytest.raises(OptionError, match="holds texts") as error:
        evaluate(parse("y ~ log(s)").factors["factor0"], sheet)
    assert error.value.column == "s"


def test_an_unknown_column_is_told_with_a_guess() -> None:
    with pytest.raises(OptionError, match="'grade'") as error:
        read_sheet(FRAME, ["grad"])
    assert error.value.column == "grad"
