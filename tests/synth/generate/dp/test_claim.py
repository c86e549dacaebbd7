from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from salus.synth.errors import Infeasible, OptionError
from salus.synth.generate.dp.accounting import epsilon_of, rho_of, sgd_epsilon
from salus.synth.generate.dp.claim import Account, Claim, NoClaim, Spend, Training, together


def spend(rho: float, step: str = "measurements", **more: Any) -> Spend:
    return Spend(step=step, mechanism="discrete Gaussian", rho=rho, **more)


def test_a_claim_is_the_sum_of_what_was_spent() -> None:
    claim = Claim([spend(0.1), spend(0.15)], delta=1e-6)
    assert claim.rho == pytest.approx(0.25)
    assert claim.epsilon == epsilon_of(claim.rho, 1e-6)


def test_epsilon_cannot_be_set() -> None:
    with pytest.raises(TypeError):
        Claim([spend(0.1)], delta=1e-6, epsilon=0.1)  # type: ignore[call-arg]
    claim = Claim([spend(0.1)], delta=1e-6)
    with pytest.raises((FrozenInstanceError, AttributeError)):
        claim.epsilon = 0.1  # type: ignore[misc]


def test_a_budget_is_what_is_claimed_and_never_less_than_was_spent() -> None:
    rho = rho_of(1.0, 1e-6)
    assert Claim([spend(rho / 2)], delta=1e-6, budget=1.0).epsilon == 1.0
    with pytest.raises(Infeasible, match="promised"):
        Claim([spend(1.01 * rho)], delta=1e-6, budget=1.0)


def test_steps_that_may_fail_take_their_part_of_delta() -> None:
    claim = Claim([spend(0.1, delta=4e-7)], delta=1e-6)
    assert claim.epsilon == epsilon_of(0.1, 6e-7)
    with pytest.raises(Infeasible, match="delta"):
        Claim([spend(0.1, delta=1e-6)], delta=1e-6)


def test_nothing_spent_is_no_claim() -> None:
    with pytest.raises(Infeasible):
        Claim([], delta=1e-6)
    assert isinstance(Account(1.0, 1e-6).claim(), NoClaim)


def test_an_account_refuses_more_than_its_budget() -> None:
    account = Account(1.0, 1e-6)
    account.spend(spend(0.7 * account.rho))
    assert account.left == pytest.approx(0.3 * account.rho)
    with pytest.raises(Infeasible, match="more privacy"):
        account.spend(spend(0.31 * account.rho))
    account.spend(spend(account.left))
    claim = account.claim()
    assert isinstance(claim, Claim) and claim.epsilon == 1.0
    assert claim.composed == pytest.approx(1.0, rel=1e-6)


def test_an_account_keeps_delta_for_steps_that_may_fail() -> None:
    account = Account(1.0, 1e-6, set_aside=2e-7)
    assert account.rho == rho_of(1.0, 8e-7)
    account.spend(spend(account.rho / 2, delta=2e-7))
    with pytest.raises(Infeasible):
        account.spend(spend(account.rho / 4, delta=1e-9))
    with pytest.raises(OptionError):
        Account(1.0, 1e-6, set_aside=1e-6)


def test_one_step_without_privacy_ends_the_claim() -> None:
    account = Account(1.0, 1e-6)
    account.spend(spend(account.rho / 2))
    account.not_private("The metric was computed from the rows.")
    account.spend(spend(account.rho / 4))
    account.not_private("The metric was computed from the rows.")
    refused = account.claim()
    assert isinstance(refused, NoClaim)
    assert refused.to_dict() == {
        "claim": None,
        "refused_because": ["The metric was computed from the rows."],
    }


def test_a_claim_is_plain_and_complete() -> None:
    account = Account(2.0, 1e-6, rows_per_person=3, set_aside=1e-7)
    account.spend(spend(0.01, "bounds", detail={"sigma": 5.0}))
    account.spend(spend(0.01, "categories", delta=1e-7))
    account.spend(spend(0.02))
    account.spend(spend(0.03))
    claim = account.claim()
    plain = claim.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    told = plain["claim"]
    assert (told["epsilon"], told["delta"], told["unit"]) == (2.0, 1e-6, "person")
    assert "added or removed" in told["adjacency"] and told["rows_per_person"] == 3
    spent = {s["step"]: s for s in told["spent"]}
    assert list(spent) == ["bounds", "categories", "measurements"]
    assert spent["measurements"]["rho"] == pytest.approx(0.05)
    assert spent["measurements"]["times"] == 2
    assert spent["bounds"]["each"] == [{"sigma": 5.0, "rho": 0.01}]
    assert any("audit" in text for text in told["not_covered"])


def test_trainings_are_composed_with_counts() -> None:
    pytest.importorskip("dp_accounting")
    account = Account(None, 1e-6)
    account.train(Training(step="training", noise_multiplier=2.0, rate=0.01, steps=100))
    alone = account.claim()
    assert isinstance(alone, Claim)
    assert alone.epsilon == sgd_epsilon([(2.0, 0.01, 100)], 1e-6)
    account.spend(spend(0.01, "bounds"))
    both = account.claim()
    assert isinstance(both, Claim)
    assert both.epsilon == sgd_epsilon([(2.0, 0.01, 100)], 1e-6, rho=0.01) > alone.epsilon
    told = both.to_dict()["claim"]["spent"]
    assert told[-1]["noise_multiplier"] == 2.0


def test_several_claims_add_up() -> None:
    rho = rho_of(1.0, 1e-6)
    one = Claim([spend(rho)], delta=1e-6, budget=1.0)
    both = together([one, one])
    assert both.delta == 2e-6
    assert both.epsilon == pytest.approx(epsilon_of(2 * rho, 2e-6))
    assert 1.0 < both.epsilon < 2.0
    # what was promised but left over counts all the same
    half = Claim([spend(rho / 2)], delta=1e-6, budget=1.0)
    assert together([half, one]).epsilon == pytest.approx(both.epsilon, rel=1e-6)


def test_claims_that_do_not_add_up() -> None:
    with pytest.raises(OptionError):
        together([])
    one = Claim([spend(0.1)], delta=1e-6)
    other = Claim([spend(0.1)], delta=1e-6, rows_per_person=2)
    with pytest.raises(OptionError, match="rows_per_person"):
        together([one, other])


def test_a_spend_is_checked() -> None:
    with pytest.raises(ValueError, match="rho"):
        spend(-0.1)
    with pytest.raises(ValueError, match="delta"):
        spend(0.1, delta=1.0)
