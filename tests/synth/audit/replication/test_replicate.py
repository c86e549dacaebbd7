from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsmodels", reason="the extra 'replicate' is not installed")

from salus.datasets import load_pbc
from salus.synth.audit.replication.agreement import overlap
from salus.synth.audit.replication.replicate import replicate
from salus.synth.errors import MissingExtra, OptionError
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.codec import decode
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table


@pytest.fixture(autouse=True)
def _few_halvings(monkeypatch: pytest.MonkeyPatch) -> None:
    home = "salus.synth.audit.replication.replicate"
    monkeypatch.setattr(f"{home}.SPLITS", 4)
    monkeypatch.setattr(f"{home}.SHUFFLES", 2)


def cohort(n: int, seed: int, slope: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, sex = rng.normal(60, 10, n), rng.choice(["f", "m"], n)
    risk = slope * (0.05 * (age - 60) + 0.8 * (sex == "m"))
    days = np.ceil(rng.exponential(500 * np.exp(-risk))) + 1
    return pd.DataFrame(
        {
            "age": np.round(age, 1),
            "sex": sex,
            "death": (risk + rng.logistic(size=n) > 0).astype(int),
            "score": np.round(2 * risk + rng.normal(size=n), 3),
            "days": np.minimum(days, 900),
            "status": np.where(days < 900, "dead", "alive"),
        }
    )


MODELS = {
    "logistic": "death ~ age + sex",
    "linear": "score ~ age * sex",
    "cox": 'Surv(days, status == "dead") ~ age + sex',
}


def coefficients(finding: Any) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in finding.detail["coefficients"]}


def test_the_published_cox_model_of_pbc() -> None:
    """As fitted by R's survival::coxph (Therneau & Grambsch 2000), where age has more digits."""
    table = load_pbc()
    formula = 'Surv(time, status == "2") ~ age + edema + log(bili) + log(protime) + log(albumin)'
    sign, _ = replicate(formula, real=table, synthetic=table)
    found = {k: c["real"]["estimate"] for k, c in coefficients(sign).items()}
    published = {
        "age": 0.0396,
        "edema": 0.8963,
        "log(bili)": 0.8636,
        "log(protime)": 2.3868,
        "log(albumin)": -2.5069,
    }
    assert found == pytest.approx(published, abs=0.002)


def test_the_estimates_are_those_of_statsmodels() -> None:
    import statsmodels.formula.api as smf

    frame = cohort(300, 1)
    sign, _ = replicate("death ~ age * sex", real=frame, synthetic=frame)
    by_hand = smf.logit("death ~ age * sex", frame).fit(disp=0)
    found = coefficients(sign)
    assert found["age"]["real"]["estimate"] == pytest.approx(by_hand.params["age"], rel=1e-4)
    assert found["age:sex[m]"]["real"]["standard error"] == pytest.approx(
        by_hand.bse["age:sex[T.m]"], rel=1e-3
    )


@pytest.mark.parametrize("kind", MODELS)
def test_the_same_rows_agree_and_shuffled_ones_do_not(kind: str) -> None:
    real = cohort(400, 1)
    sign, shared = replicate(MODELS[kind], real=real, synthetic=real)
    assert sign.detail["model"] == kind
    assert isinstance(sign.result, Estimate) and sign.result.value == 1.0
    assert isinstance(shared.result, Estimate) and shared.result.value == pytest.approx(1.0)
    fresh, apart = (shared.anchors[k] for k in ("fresh real people", "independent columns"))
    assert isinstance(fresh, Estimate) and isinstance(apart, Estimate)
    assert fresh.value > apart.value + 0.2
    json.dumps([sign.to_dict(), shared.to_dict()], allow_nan=False)


def test_people_with_another_effect_are_told_apart() -> None:
    real = cohort(600, 1)
    like = replicate(MODELS["logistic"], real=real, synthetic=cohort(600, 2))[1].result
    unlike, shared = replicate(MODELS["logistic"], real=real, synthetic=cohort(600, 2, slope=-1.0))
    assert isinstance(unlike.result, Estimate) and unlike.result.high == 0.0
    assert isinstance(shared.result, Estimate) and isinstance(like, Estimate)
    assert shared.result.value == 0.0 and like.value > 0.3


def test_several_tables_are_combined() -> None:
    real = cohort(400, 1)
    many = [cohort(400, seed) for seed in (2, 3, 4)]
    found = {}
    for rule in ("simple", "proper", "raghunathan", "naive"):
        sign, _ = replicate(MODELS["linear"], real=real, synthetic=many, rule=rule)
        assert sign.detail["synthetic tables"] == 3
        low, high = coefficients(sign)["age"]["population interval"]
        found[rule] = high - low
    assert found["naive"] < found["simple"] < found["proper"]
    single = [
        coefficients(replicate(MODELS["linear"], real=real, synthetic=s)[0])["age"] for s in many
    ]
    mean = np.mean([c["synthetic"]["estimate"] for c in single])
    assert coefficients(sign)["age"]["synthetic"]["estimate"] == pytest.approx(mean)
    with pytest.raises(OptionError, match="two synthetic tables"):
        replicate(MODELS["linear"], real=real, synthetic=many[:1], rule="raghunathan")


def test_more_rows_than_people_do_not_narrow_the_interval() -> None:
    real, many = cohort(200, 1), cohort(2000, 2)
    row = coefficients(replicate(MODELS["linear"], real=real, synthetic=many)[0])["age"]
    assert row["synthetic"]["standard error"] == pytest.approx(
        row["real"]["standard error"], rel=0.2
    )


def test_missing_cells_are_left_out_and_counted() -> None:
    real, made = cohort(300, 1), cohort(300, 2)
    real.loc[:9, "age"] = np.nan
    made.loc[:19, "sex"] = None
    before = real.copy(deep=True), made.copy(deep=True)
    sign, _ = replicate(MODELS["logistic"], real=real, synthetic=made)
    assert sign.detail["real rows"] == 290 and sign.detail["real rows left out"] == 10
    assert sign.detail["synthetic rows"] == [280]
    assert sign.detail["synthetic rows left out"] == [20]
    pd.testing.assert_frame_equal(real, before[0])
    pd.testing.assert_frame_equal(made, before[1])


def test_a_level_that_the_synthetic_rows_lack_is_not_replicated() -> None:
    real, made = cohort(300, 1), cohort(300, 2)
    made["sex"] = "f"
    sign, shared = replicate(MODELS["logistic"], real=real, synthetic=made)
    row = coefficients(sign)["sex[m]"]
    assert row["synthetic"] is None and row["overlap"] == 0.0 and not row["same sign"]
    assert isinstance(shared.result, Estimate) and shared.result.value <= 0.5


def test_a_level_that_the_real_people_lack_is_left_out() -> None:
    real, made = cohort(300, 1), cohort(300, 2)
    made.loc[:29, "sex"] = "x"
    sign, _ = replicate(MODELS["logistic"], real=real, synthetic=made)
    assert sign.detail["synthetic rows"] == [270]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: f.assign(death=1), "on the synthetic rows, all complete rows"),
        (lambda f: f.assign(age=None), "too few"),
        (lambda f: f.iloc[:5], "too few"),
    ],
)
def test_what_cannot_be_fitted_cannot_be_judged(spoil: Any, told: str) -> None:
    for finding in replicate("death ~ age", real=cohort(200, 1), synthetic=spoil(cohort(200, 2))):
        assert isinstance(finding.result, CannotJudge) and told in finding.result.reason


def test_columns_that_repeat_or_separate_are_told() -> None:
    real = cohort(300, 1).assign(twice=lambda f: 2 * f["age"], same=1.0, tell=lambda f: f["death"])
    sign, _ = replicate("death ~ age + twice + same", real=real, synthetic=real)
    assert sign.detail["not determined by the real people"] == {
        "twice": "constant or aliased",
        "same": "constant or aliased",
    }
    sign, _ = replicate("death ~ age + tell", real=real, synthetic=real)
    assert sign.detail["not determined by the real people"] == {"tell": "separates the outcomes"}
    assert isinstance(sign.result, CannotJudge)


def test_no_determined_sign_cannot_be_judged() -> None:
    rng = np.random.default_rng(0)
    noise = pd.DataFrame({"x": rng.normal(size=100), "y": rng.normal(size=100)})
    sign, shared = replicate("y ~ x", real=noise, synthetic=noise)
    assert isinstance(sign.result, CannotJudge) and isinstance(shared.result, Estimate)


def test_a_table_and_its_frame_give_the_same() -> None:
    table = load_pbc()
    formula = 'status == "2" ~ age + C(stage) + sex'
    one, other = (replicate(formula, real=t, synthetic=t)[0] for t in (table, decode(table)))
    assert {k: c["real"]["estimate"] for k, c in coefficients(one).items()} == pytest.approx(
        {k: c["real"]["estimate"] for k, c in coefficients(other).items()}
    )


def test_the_schema_names_the_event() -> None:
    schema = Schema(
        [
            Column(name="x", kind="continuous"),
            Column(
                name="out",
                kind="categorical",
                levels=("a", "b", "c"),
                event="b",
                roles=frozenset({"outcome"}),
            ),
        ]
    )
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    table = Table(schema, {"x": x, "out": np.where(x + rng.normal(size=200) > 0, 1, 2)})
    sign, _ = replicate("out ~ x", real=table, synthetic=table)
    assert coefficients(sign)["x"]["real"]["estimate"] > 0.5
    plain = Schema([schema["x"], Column(name="out", kind="categorical", levels=("a", "b", "c"))])
    three = Table(plain, {"x": x, "out": rng.integers(0, 3, 200)})
    with pytest.raises(OptionError, match="3 values"):
        replicate("out ~ x", real=three, synthetic=three)


@pytest.mark.parametrize(
    ("formula", "kind"),
    [("death ~ age", "cox"), ("score ~ age", "logistic"), (MODELS["cox"], "linear")],
)
def test_another_model_than_the_formula_says_is_refused(formula: str, kind: Any) -> None:
    with pytest.raises(OptionError):
        replicate(formula, real=cohort(100, 1), synthetic=cohort(100, 2), kind=kind)


def test_a_linear_model_of_two_values_can_be_asked_for() -> None:
    sign, _ = replicate("death ~ age", real=cohort(100, 1), synthetic=cohort(100, 2), kind="linear")
    assert sign.detail["model"] == "linear"


def test_texts_for_numbers_are_refused_without_quoting_them() -> None:
    made = cohort(100, 2).assign(age="ninety")
    with pytest.raises(OptionError, match="holds texts") as error:
        replicate("death ~ age", real=cohort(100, 1), synthetic=made)
    assert error.value.column == "age" and "ninety" not in str(error.value)


def test_labels_distinguish_several_analyses() -> None:
    found = replicate("score ~ age", real=cohort(100, 1), synthetic=cohort(100, 2), label="2")
    assert [f.name for f in found] == ["replication.sign.2", "replication.overlap.2"]


def test_the_seed_decides() -> None:
    real, made = cohort(150, 1), cohort(150, 2)
    one, two = (replicate("score ~ age", real=real, synthetic=made, seed=3) for _ in range(2))
    assert one[1].to_dict() == two[1].to_dict()


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.regression.linear_model", None)
    with pytest.raises(MissingExtra, match=r"salus\[replicate\]"):
        replicate("score ~ age", real=cohort(100, 1), synthetic=cohort(100, 2))


@pytest.mark.parametrize(
    ("real", "made", "share"),
    [((0, 2), (0, 2), 1.0), ((0, 2), (1, 3), 0.5), ((0, 1), (2, 3), 0.0), ((0, 4), (1, 2), 0.625)],
)
def test_overlap_by_hand(
    real: tuple[float, float], made: tuple[float, float], share: float
) -> None:
    assert float(overlap(real, made)) == pytest.approx(share)
