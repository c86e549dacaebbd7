from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from salus import testing
from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.budget import Budget
from salus.synth.errors import OptionError, TableError
from salus.synth.generate.protocol import Sampled
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.codec import decode
from tests.synth.simulate import simulated

LOOSE = Budget(**dict.fromkeys(("membership", "tpr_at_1pct", "near_copies", "attribute"), 1.0))


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    names = ("synthetic", "train", "holdout")
    return {name: decode(simulated(120, seed=k)) for k, name in enumerate(names)}


def test_a_copy_fails_and_the_message_says_why(frames: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(AssertionError) as error:
        testing.assert_private(frames["train"], frames["train"], frames["holdout"])
    text = str(error.value)
    assert "NOT MET           copies.exact: 1, at most 1; limit 0.005" in text
    assert "strongest attack" in text and "120 training and 120 held-out people" in text
    assert len(text.splitlines()) > 3


def test_fresh_people_pass_under_limits_that_their_number_can_show(
    frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    paths = []
    for name, frame in frames.items():
        paths.append(tmp_path / f"{name}.csv")
        frame.to_csv(paths[-1], index=False)
    testing.assert_private(*paths, budget=LOOSE)


def fake(monkeypatch: pytest.MonkeyPatch, verdict: Verdict, result: Estimate | CannotJudge) -> None:
    finding = Finding(
        name="membership.advantage",
        group="privacy",
        title="Membership",
        meaning="",
        result=result,
        limit=0.05,
        verdict=verdict,
        detail={"strongest": "nearest distance", "needed": 900},
    )
    monkeypatch.setattr(
        "salus.synth.audit.run.audit", lambda *_, **__: Audit(findings=(finding,), subject="it")
    )


WIDE = Estimate(0.02, -0.1, 0.12, 50, "bound")


def test_the_unjudged_fails_unless_allowed(
    frames: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, Verdict.CANNOT_BE_JUDGED, WIDE)
    with pytest.raises(AssertionError, match="about 900 people would decide"):
        testing.assert_private(**frames)
    testing.assert_private(**frames, allow_unjudged=True)
    fake(monkeypatch, Verdict.NOT_MET, WIDE)
    with pytest.raises(
        AssertionError, match=r"at most 0.12; limit 0.05; strongest attack: nearest"
    ):
        testing.assert_private(**frames, allow_unjudged=True)
    fake(monkeypatch, Verdict.CANNOT_BE_JUDGED, CannotJudge("nobody was left", needed=40))
    with pytest.raises(AssertionError, match=r"nobody was left.*about 40 people"):
        testing.assert_private(**frames)
    fake(monkeypatch, Verdict.MET, WIDE)
    testing.assert_private(**frames)


def test_three_people_cannot_be_judged(frames: dict[str, pd.DataFrame]) -> None:
    few = {k: f.iloc[:3] for k, f in frames.items()}
    with pytest.raises(AssertionError, match="CANNOT BE JUDGED"):
        testing.assert_private(**few)


def test_a_budget_without_limits_shows_nothing(frames: dict[str, pd.DataFrame]) -> None:
    off = Budget.from_dict(dict.fromkeys(Budget().to_dict(), "off"))
    with pytest.raises(AssertionError, match="sets no limit"):
        testing.assert_private(**frames, budget=off)


def test_bad_tables_are_bad_input_and_no_verdict(frames: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(TableError, match="age"):
        testing.assert_private(
            frames["synthetic"].drop(columns="age"), frames["train"], frames["holdout"]
        )


def test_tables_and_draws_are_taken() -> None:
    a, b, c = (simulated(120, seed=k) for k in range(3))
    testing.assert_useful(Sampled(a), b, c, kept=0.5, end="value")


def test_independent_columns_are_not_useful(frames: dict[str, pd.DataFrame]) -> None:
    made = frames["synthetic"].apply(lambda c: c.sample(frac=1, random_state=1).to_numpy())
    with pytest.raises(AssertionError, match=r"its lower end is below 0.9"):
        testing.assert_useful(made, frames["train"], frames["holdout"], outcome="target")
    testing.assert_useful(
        frames["train"], frames["train"], frames["holdout"], outcome="target", kept=0.99
    )


def test_no_outcome_cannot_be_judged(frames: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(AssertionError, match="CANNOT BE JUDGED: no outcome"):
        testing.assert_useful(**frames)


def test_an_unknown_end_is_refused(frames: dict[str, pd.DataFrame]) -> None:
    wrong: Any = "middle"
    with pytest.raises(OptionError, match="middle"):
        testing.assert_useful(**frames, outcome="target", end=wrong)
