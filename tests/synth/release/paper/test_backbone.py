from __future__ import annotations

import numpy as np
import pytest

from salus.synth.errors import OptionError
from salus.synth.generate import KINDS
from salus.synth.release.paper.backbone import Backbone
from tests.synth.release.paper.copier import Copier
from tests.synth.simulate import simulated


@pytest.mark.parametrize("name", ["forest", "copula", "net", "gan"])
def test_the_backbones_have_limits_to_tighten(name: str) -> None:
    if name not in KINDS():
        pytest.skip(f"there is no generator {name!r} yet")
    engine = Backbone(name)
    assert engine.is_constrained
    off, tight = engine.make(0.0), engine.make(1.0)
    assert off.budget is None  # type: ignore[attr-defined]
    assert tight.budget == engine.budget  # type: ignore[attr-defined]
    assert tight.slack == pytest.approx(0.1)  # type: ignore[attr-defined]


def test_the_transformer_has_the_published_levers() -> None:
    if "net" not in KINDS():
        pytest.skip("there is no generator 'net' yet")
    assert Backbone("net").levers == ("temperature", "top_p")


def test_strictness_runs_from_loose_to_tight() -> None:
    slack = [Backbone("forest").slack(s) for s in np.linspace(0, 1, 6)]
    assert slack[0] is None
    known = [s for s in slack if s is not None]
    assert len(known) == 5 and known == sorted(known, reverse=True)
    assert Backbone("forest").slack(1e-9) == pytest.approx(8.0)
    assert Backbone("marginals").slack(1.0) is None


def test_what_the_user_set_is_not_varied() -> None:
    engine = Backbone("forest", options={"slack": 0.5})
    assert not engine.is_constrained
    assert engine.make(0.0).slack == 0.5  # type: ignore[attr-defined]
    assert engine.make(0.0).budget == engine.budget  # type: ignore[attr-defined]


def test_drawing_otherwise_leaves_the_model_as_it_is() -> None:
    model = Copier().fit(simulated(60, seed=1), reference=simulated(60, seed=2), seed=0)
    other = Backbone("forest").drawing(model, {"temperature": 0.7})
    assert (model.temperature, other.temperature) == (1.0, 0.7)  # type: ignore[attr-defined]
    assert other.table_ is model.table_  # type: ignore[attr-defined]


def test_an_unknown_generator_or_option_is_bad_input() -> None:
    with pytest.raises(OptionError, match="Known"):
        Backbone("other")
    with pytest.raises(OptionError, match="depth"):
        Backbone("forest", options={"depth": 3})
