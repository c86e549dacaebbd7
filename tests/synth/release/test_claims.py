from __future__ import annotations

from salus.synth.release.claims import claim_of, statement

CLAIM = {
    "epsilon": 1.0,
    "delta": 1e-6,
    "adjacency": "one person with all their rows is added or removed",
    "covers": "the model file and every row drawn from it, however many",
    "not_covered": ["the figures of the audit"],
}
CARD = {"differential_privacy": {"claim": CLAIM}}


def test_a_claim_names_its_figures_and_what_it_leaves_out() -> None:
    first, second = statement(CARD, [])
    assert "epsilon 1, delta 1e-06" in first and "every row drawn" in first
    assert "not cover: the figures of the audit" in second


def test_what_was_spent_before_adds_up() -> None:
    told = statement(CARD, [{**CLAIM, "epsilon": 2.5, "delta": 1e-7}])
    assert "at most epsilon 3.5, delta 1.1e-06" in told[-1]


def test_no_claim_gives_its_reason_and_other_models_say_nothing() -> None:
    card = {"differential_privacy": {"claim": None, "refused_because": ["A step wasn't private."]}}
    assert claim_of(card) is None
    assert statement(card, [CLAIM]) == (
        "Differential privacy is not claimed. A step wasn't private.",
    )
    assert statement({"kind": "forest"}, [CLAIM]) == ()
