"""What a release may try, and what is fitted anew for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pytest

from salus.synth import generate
from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate.protocol import Sampled
from salus.synth.release import settings
from salus.synth.release.large import choose_by_calibration
from salus.synth.release.series import Series
from salus.synth.release.settings import Setting, drawn_from, ladders_of
from salus.synth.table.parts import split
from salus.synth.table.table import Table
from tests.synth.simulate import simulated

LOOSE = Budget(membership=0.9, tpr_at_1pct=0.9, copies=0.9, near_copies=0.9, attribute=0.9)


@dataclass(kw_only=True)
class Heated:
    """A generator whose rows depend on a temperature: above 1.1 columns lose their relations."""

    budget: Budget | None = None
    slack: float = 1.7
    temperature: float = 1.0
    fits: list[float] = field(default_factory=list, init=False, compare=False)

    seen = []  # shared on purpose: every fit

    def fit(self, table: Table, *, reference: Table | None = None, seed: int) -> Self:
        Heated.seen.append(self.slack)
        self.table = table
        return self

    def sample(self, n: int, *, given: Mapping[str, Any] | None = None, seed: int) -> Sampled:
        rng = np.random.default_rng(seed)
        rows = self.table.take(rng.integers(len(self.table), size=n))
        if self.temperature <= 1.1:
            return Sampled(rows)
        mixed = {k: rows.take(rng.permutation(n)) for k in rows.values}
        values = {k: t.values[k] for k, t in mixed.items()}
        return Sampled(Table(rows.schema, values, {k: t.states[k] for k, t in mixed.items()}))

    def card(self) -> dict[str, Any]:
        return {"kind": "heated"}


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    from salus.synth.generate.marginals import Marginals

    Heated.seen = []
    monkeypatch.setattr(settings, "KINDS", lambda: {"heated": Heated, "marginals": Marginals})


def test_settings_go_from_the_safest_to_the_boldest() -> None:
    ladders, absent = ladders_of("heated", {}, small=False)
    assert [(s.slack, s.temperature) for s in ladders[0]] == [
        (0.5, 1.2),
        (0.5, None),
        (1.0, None),
        (1.7, None),
    ]
    assert absent == ()
    small, _ = ladders_of("heated", {}, small=True)
    assert [(s.slack, s.temperature) for s in small[0]] == [(0.5, None), (1.0, None)]
    assert ladders_of("marginals", {}, small=False) == ([[Setting("marginals")]], ())


def test_what_the_user_sets_stays() -> None:
    ladders, _ = ladders_of("heated", {"temperature": 0.9}, small=False)
    made = [s.make(LOOSE) for s in ladders[0]]
    assert [m.temperature for m in made] == [0.9] * 3
    assert [m.slack for m in made] == [0.5, 1.0, 1.7]
    assert all(m.budget is LOOSE for m in made)
    assert [s.to_dict()["options"] for s in ladders[0]] == [{"temperature": 0.9}] * 3
    only, _ = ladders_of("heated", {"slack": 3.0}, small=True)
    assert [s.make(LOOSE).slack for s in only[0]] == [3.0]


@pytest.mark.parametrize("setting", [Setting("heated"), Setting("heated", 0.5, 1.2, {"a": 1})])
def test_a_setting_is_read_back(setting: Setting) -> None:
    assert Setting.from_dict(setting.to_dict()) == setting


def test_wrong_names_are_told() -> None:
    with pytest.raises(OptionError, match=r"'woods'.*auto"):
        ladders_of("woods", {}, small=True)
    with pytest.raises(OptionError, match=r"'warmth'.*slack, temperature"):
        ladders_of("heated", {"warmth": 2}, small=True)
    with pytest.raises(OptionError, match=r"'slack'.*--generator"):
        ladders_of("auto", {"slack": 2}, small=True)


def test_networks_are_tried_where_a_setting_costs_one_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KINDS", generate.KINDS)
    monkeypatch.setattr(settings, "_is_installed", lambda generator: True)
    ladders, why = ladders_of("auto", {}, small=False)
    assert why == ()
    assert [ladder[0].generator for ladder in ladders] == ["forest", "copula", "net", "gan"]
    ladders, why = ladders_of("auto", {}, small=True)
    assert [ladder[0].generator for ladder in ladders] == ["forest", "copula"]
    assert len(why) == 1
    assert "net, gan" in why[0] and "--generator" in why[0]


def test_only_what_changes_the_fit_is_fitted_again() -> None:
    fitted = Heated(slack=0.5).fit(simulated(50, seed=1), seed=1)
    warm = drawn_from(Heated(slack=0.5, temperature=1.2), fitted)
    assert warm is not None and warm.temperature == 1.2 and warm.table is fitted.table
    assert fitted.temperature == 1.0
    assert drawn_from(Heated(slack=1.0), fitted) is None
    assert drawn_from(Heated(slack=0.5), None) is None


def test_a_temperature_is_a_candidate_of_the_certified_choice() -> None:
    """Rows drawn at chance are safe and certified; the copies after them are not."""
    ladders, _ = ladders_of("heated", {}, small=False)
    choice = choose_by_calibration(
        [[(s.to_dict(), lambda s=s: s.make(LOOSE)) for s in ladders[0]]],
        split(simulated(1200, seed=2), seed=1),
        Budget(membership=0.5, tpr_at_1pct=0.5, copies=0.3, near_copies=0.5, attribute=0.9),
        rows=600,
        seed=1,
        series=Series(),
        tell=lambda what, share: None,
    )
    assert [s["certified"] for s in choice.steps] == [True, False]
    assert choice.setting["temperature"] == 1.2
    assert Heated.seen == [0.5]  # one fit for both


@pytest.mark.parametrize("kind", ["net", "gan"])
def test_what_is_no_number_or_file_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KINDS", generate.KINDS)
    for name in ("members", "rate", "minority_recall", "temperature"):
        with pytest.raises(OptionError, match=rf"'{name}' of '{kind}' is a number, got 'x'"):
            settings.arguments_of(kind, {name: "x"})
    with pytest.raises(OptionError, match=r"'checkpoint'.*name of a file, got 3"):
        settings.arguments_of(kind, {"checkpoint": 3})
    assert "rate" in settings.arguments_of(kind, {"rate": 1e-3, "checkpoint": "a", "device": "cpu"})
