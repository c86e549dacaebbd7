"""The claim of differential privacy, and the account that alone can make one.

Every step that touches the patients registers what it spent. A step that isn't private registers
as such, and from then on there is no claim, only the reason why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from salus.synth.errors import Infeasible, OptionError
from salus.synth.generate.dp.accounting import (
    check_delta,
    check_epsilon,
    epsilon_of,
    rho_of,
    sgd_epsilon,
)

__all__ = ["NOT_COVERED", "Account", "Claim", "NoClaim", "Spend", "Training", "together"]

_ROUNDING = 1e-9  # relative; sums of floats

NOT_COVERED = (
    "the verdict and the figures of the audit and the report, which are computed from the real "
    "table without noise, and whether a table was released at all",
    "the number of synthetic rows, if it was set to the number of real ones: set it to another "
    "figure, or to the model's own noisy total",
    "choosing among several models or settings in view of the real table: each fit spends again, "
    "and what was spent adds up",
    "what was released about the same people before or elsewhere",
    "people beyond their own rows, such as relatives, and what the table as a whole says about "
    "people like them",
    "how long the fit took",
)


@dataclass(frozen=True, kw_only=True)
class Spend:
    """Record one private step.

    Parameters
    ----------
    step : {"bounds", "categories", "selection", "measurements"} or another name
        The purpose that it served.
    mechanism : str
    rho : float
        zCDP spent.
    delta : float
        Probability with which it may fail altogether.
    detail : mapping
        Noise and sensitivity, as JSON values.
    """

    step: str
    mechanism: str
    rho: float
    delta: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.rho >= 0 and 0 <= self.delta < 1):
            raise ValueError(f"a step can't spend rho {self.rho} and delta {self.delta}")


@dataclass(frozen=True, kw_only=True)
class Training:
    """Record a training with noisy gradients of random batches.

    Parameters
    ----------
    step : str
    noise_multiplier : float
        Deviation of the noise, in clipping norms.
    rate : float
        Probability with which each person is in a batch (Poisson).
    steps : int
    """

    step: str
    noise_multiplier: float
    rate: float
    steps: int


@dataclass(frozen=True)
class NoClaim:
    """Say why no claim can be made."""

    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"claim": None, "refused_because": list(self.reasons)}


@dataclass(frozen=True)
class Claim:
    """State a guarantee: (epsilon, delta)-differential privacy for one person more or less.

    Epsilon can't be set: it is what the recorded spends add up to, or the budget that they were held
    to. The budget counts where steps were chosen in view of earlier ones, since then only a cap
    fixed beforehand is a guarantee (Feldman & Zrnic 2021, arXiv:2008.11193).

    Parameters
    ----------
    spends : sequence of Spend
    trainings : sequence of Training
    delta : float
    budget : float or None
        Epsilon that was promised before the first step.
    rows_per_person : int
        Rows of each person that were used at most.

    Raises
    ------
    Infeasible
        If the spends add up to more than the budget, or to more delta than there is.
    """

    spends: tuple[Spend, ...]
    trainings: tuple[Training, ...]
    delta: float
    budget: float | None = None
    rows_per_person: int = 1
    rho: float = field(init=False)
    composed: float = field(init=False)

    def __init__(
        self,
        spends: Sequence[Spend],
        trainings: Sequence[Training] = (),
        *,
        delta: float,
        budget: float | None = None,
        rows_per_person: int = 1,
    ) -> None:
        rho = sum(s.rho for s in spends)
        left = delta - sum(s.delta for s in spends)
        if not spends and not trainings:
            raise Infeasible("nothing was spent, so there is nothing to claim.")
        if not 0 < left < 1:
            raise Infeasible("the steps may fail with a higher probability than delta.")
        if trainings:
            runs = [(t.noise_multiplier, t.rate, t.steps) for t in trainings]
            composed = sgd_epsilon(runs, left, rho=rho)
        else:
            composed = epsilon_of(rho, left)
        if budget is not None and composed > budget * (1 + 1e-6):
            raise Infeasible(
                f"epsilon {composed:.6g} was spent, more than the {budget:g} promised."
            )
        for name, value in (
            ("spends", tuple(spends)),
            ("trainings", tuple(trainings)),
            ("delta", delta),
            ("budget", budget),
            ("rows_per_person", rows_per_person),
            ("rho", rho),
            ("composed", composed),
        ):
            object.__setattr__(self, name, value)

    @property
    def epsilon(self) -> float:
        """The guarantee."""
        return self.composed if self.budget is None else self.budget

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: the guarantee, what spent it, what it assumes and leaves out."""
        return {
            "claim": {
                "epsilon": self.epsilon,
                "delta": self.delta,
                "unit": "person",
                "adjacency": "one person with all their rows is added or removed",
                "rows_per_person": self.rows_per_person,
                "accountant": "privacy loss distributions or Renyi orders"
                if self.trainings
                else "zCDP",
                "composed_epsilon": self.composed,
                "rho": self.rho,
                "spent": [
                    *_by_step(self.spends),
                    *(
                        {
                            "step": t.step,
                            "mechanism": "noisy gradients of Poisson batches",
                            "noise_multiplier": t.noise_multiplier,
                            "rate": t.rate,
                            "steps": t.steps,
                        }
                        for t in self.trainings
                    ),
                ],
                "covers": "the model file and every row drawn from it, however many",
                "not_covered": list(NOT_COVERED),
            }
        }


def _by_step(spends: Sequence[Spend]) -> list[dict[str, Any]]:
    """Return the spends as JSON values, those of one step and mechanism together."""
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for s in spends:
        one = out.setdefault(
            (s.step, s.mechanism),
            {
                "step": s.step,
                "mechanism": s.mechanism,
                "rho": 0.0,
                "delta": 0.0,
                "times": 0,
                "each": [],
            },
        )
        one["rho"] += s.rho
        one["delta"] += s.delta
        one["times"] += 1
        one["each"].append({**s.detail, "rho": s.rho})
    return list(out.values())


class Account:
    """Add up what is spent on one group of people, and refuse a step beyond the budget.

    Parameters
    ----------
    epsilon : float or None
        The budget; without one (noisy gradients, whose noise is set beforehand) the claim is what
        was spent.
    delta : float
        In all. It must not be chosen in view of the table.
    set_aside : float, optional
        The part of delta that is kept for steps that may fail.
    rows_per_person : int, optional

    Attributes
    ----------
    rho : float
        The budget in zCDP; infinite without one.
    """

    def __init__(
        self,
        epsilon: float | None,
        delta: float,
        *,
        set_aside: float = 0.0,
        rows_per_person: int = 1,
    ) -> None:
        if epsilon is not None:
            check_epsilon(epsilon)
        check_delta(delta)
        check_delta(delta - set_aside)
        self.epsilon = epsilon
        self.delta = delta
        self.rows_per_person = rows_per_person
        self.rho = float("inf") if epsilon is None else rho_of(epsilon, delta - set_aside)
        self._set_aside = set_aside
        self._spends: list[Spend] = []
        self._trainings: list[Training] = []
        self._reasons: list[str] = []

    @property
    def spent(self) -> float:
        """What was spent so far, in zCDP."""
        return sum(s.rho for s in self._spends)

    @property
    def left(self) -> float:
        """What may still be spent, in zCDP."""
        return max(0.0, self.rho - self.spent)

    @property
    def delta_left(self) -> float:
        """The part of delta that no recorded step may use up by failing."""
        return self.delta - sum(s.delta for s in self._spends)

    def spend(self, spend: Spend) -> None:
        """Record a private step, before it is taken.

        Raises
        ------
        Infeasible
            If it would spend more than the budget.
        """
        failing = sum(s.delta for s in self._spends) + spend.delta
        over = self.spent + spend.rho > self.rho * (1 + _ROUNDING)
        if over or failing > self._set_aside * (1 + _ROUNDING):
            raise Infeasible(
                f"the step {spend.step!r} would spend more privacy than there is.",
                remedy="Raise epsilon, or take fewer steps.",
            )
        self._spends.append(spend)

    def train(self, training: Training) -> None:
        """Record a training with noisy gradients, before it begins."""
        self._trainings.append(training)

    def not_private(self, reason: str) -> None:
        """Record that a step wasn't private: from here on there is no claim."""
        if reason not in self._reasons:
            self._reasons.append(reason)

    def claim(self) -> Claim | NoClaim:
        """Return the claim that the records support, or why there is none."""
        if self._reasons:
            return NoClaim(tuple(self._reasons))
        if not self._spends and not self._trainings:
            return NoClaim(("No private step was recorded.",))
        return Claim(
            self._spends,
            self._trainings,
            delta=self.delta,
            budget=self.epsilon,
            rows_per_person=self.rows_per_person,
        )


def together(claims: Sequence[Claim]) -> Claim:
    """Return what several claims about the same people amount to, all of them released.

    Deltas add up. What was promised counts, not what was left unspent: the rest of each budget is
    recorded as spent.

    Raises
    ------
    OptionError
        If there is none, or they differ in the rows used of each person.
    """
    if not claims:
        raise OptionError("there is no claim to compose.")
    rows = {c.rows_per_person for c in claims}
    if len(rows) > 1:
        raise OptionError(
            "the claims use different numbers of rows of each person.",
            remedy="Fit the models with the same rows_per_person.",
        )
    spends: list[Spend] = []
    for claim in claims:
        spends += claim.spends
        if claim.budget is not None and not claim.trainings:
            failing = sum(s.delta for s in claim.spends)
            unspent = rho_of(claim.budget, claim.delta - failing) - claim.rho
            if unspent > 0:
                spends.append(Spend(step="unspent", mechanism="none", rho=unspent))
    trainings = [t for c in claims for t in c.trainings]
    return Claim(spends, trainings, delta=sum(c.delta for c in claims), rows_per_person=rows.pop())
