from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from salus import Cart, Marginals
from salus.scorers import Synthesizer, figure, make_scorer
from salus.synth.errors import NotFitted, OptionError, TooFewPeople
from salus.synth.generate.protocol import Sampled
from salus.synth.measure.estimate import Estimate
from salus.synth.table.codec import decode
from tests.synth.simulate import simulated


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return decode(simulated(160, seed=1))


def copies(people: pd.DataFrame, seed: int) -> Callable[[int], pd.DataFrame]:
    """The worst generator: it draws from the people themselves."""
    return lambda n: people.sample(n, replace=True, random_state=seed)


def test_a_risk_is_negative_and_greater_is_better(people: pd.DataFrame) -> None:
    score = make_scorer("membership.advantage")
    given = {"scoring": score, "cv": KFold(2), "error_score": "raise"}
    safe = cross_val_score(Synthesizer(Marginals(), outcome="target"), people, **given)
    leaking = cross_val_score(Synthesizer(copies, outcome="target"), people, **given)
    assert (leaking < -0.3).all() and (safe > leaking).all()


def test_grid_search_chooses_among_generators(people: pd.DataFrame) -> None:
    search = GridSearchCV(
        Synthesizer(Marginals(), outcome="target"),
        {"generator": [Marginals(), Cart()], "seed": [0]},
        scoring=make_scorer("fidelity.pairs"),
        cv=KFold(2),
        error_score="raise",
    ).fit(people)
    assert not isinstance(search.best_params_["generator"], Marginals)
    assert len(search.best_estimator_.sample(7)) == 7
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_an_estimator_keeps_and_clones_its_parameters(people: pd.DataFrame) -> None:
    model = Synthesizer(Marginals(), drop=["country"], seed=3)
    again = clone(model)
    assert again.get_params()["drop"] == ["country"] and again.seed == 3
    before = people.copy(deep=True)
    fitted = model.fit(people)
    assert fitted is model and not hasattr(model.generator, "chain_")
    pd.testing.assert_frame_equal(people, before)
    with pytest.raises(NotFitted):
        again.sample(2)


def test_any_object_that_samples_can_be_scored(people: pd.DataFrame) -> None:
    made = SimpleNamespace(sample=lambda n: Sampled(simulated(n, seed=9)))
    fresh = decode(simulated(160, seed=2))
    with pytest.raises(OptionError, match="whom the estimator learnt from"):
        make_scorer("copies.exact")(made, fresh)
    value, worst = (
        make_scorer("fidelity.shape", train=people, end=end, outcome="target")(made, fresh)
        for end in ("value", "worst")
    )
    assert worst < value


def test_a_score_near_its_ideal_is_best(people: pd.DataFrame) -> None:
    made = SimpleNamespace(train_=people, sample=lambda n: people.assign(age=90).iloc[:n])
    found = figure("fidelity.detection", people.assign(age=90), people, people.iloc[::2])
    assert isinstance(found.result, Estimate)
    score = make_scorer("fidelity.detection", rows=len(people))(made, people.iloc[::2])
    if found.direction == "near":
        assert found.ideal is not None
        assert score == pytest.approx(-abs(found.result.value - found.ideal))
    else:
        assert score == pytest.approx(-found.result.value)


def test_a_replication_scores_too(people: pd.DataFrame) -> None:
    pytest.importorskip("statsmodels", reason="the extra 'replicate' is not installed")
    fresh = decode(simulated(160, seed=2))
    found = figure("replication.overlap", people, people, fresh, analysis="hours ~ age + sex")
    assert isinstance(found.result, Estimate) and found.result.value == pytest.approx(1.0)
    with pytest.raises(OptionError, match="formula"):
        figure("replication.overlap", people, people, fresh)


def test_what_is_not_there_is_told(people: pd.DataFrame) -> None:
    fresh = decode(simulated(160, seed=2))
    with pytest.raises(OptionError, match=r"Known here: .*fidelity\.shape"):
        figure("fidelity.taste", people, people, fresh)
    with pytest.raises(TooFewPeople):
        figure("membership.advantage", people, people, fresh.iloc[:5])
    made = SimpleNamespace(train_=people, sample=lambda n: people.iloc[:n])
    with pytest.raises(TooFewPeople, match="no outcome was named"):
        make_scorer("utility.auc")(made, fresh)
    with pytest.raises(OptionError, match="best"):
        make_scorer("utility.auc", end="best")
