"""Which budgets a frontier goes through, from the constraint off to limits that nothing meets.

One number tells how strict a point is: the limit on one risk. All other limits move with it: what
each leaves an attacker beyond guessing is multiplied by the same factor. Where the steward names
the risk, its limit alone moves and the others stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from salus.synth.budget import Budget
from salus.synth.errors import OptionError

__all__ = ["CHANCE", "FACTORS", "Step", "leading_risk", "no_limits", "plan_of"]

FACTORS = (20.0, 4.0, 2.0, 1.0, 0.6, 0.4, 0.2, 0.0)
"""By what the leading limit's distance from chance is multiplied where no limits are named."""
CHANCE = {"tpr_at_1pct": 0.01, "tpr_at_01pct": 0.001}
"""What guessing gives; 0 for every other risk."""
MOST = 50  # points; each is a whole audit
_DIGITS = 6


@dataclass(frozen=True)
class Step:
    """Hold one budget of the sweep.

    Parameters
    ----------
    number : int
        0 is the constraint off; the higher, the stricter.
    limit : float or None
        On the leading risk; ``None`` where there is no limit at all.
    budget : Budget
    """

    number: int
    limit: float | None
    budget: Budget


def no_limits() -> Budget:
    """Return the budget that limits nothing: a generator's constraint is off under it."""
    return Budget(**{f.name: None for f in fields(Budget)})


def leading_risk(budget: Budget, risk: str | None = None) -> str:
    """Return the risk whose limit tells how strict a point is.

    Parameters
    ----------
    budget : Budget
    risk : str, optional
        ``membership``, or the first that has a limit, where none is named.

    Raises
    ------
    OptionError
        If there is no such risk, or the budget sets no limit on it.
    """
    limits = budget.to_dict()
    if risk is not None and risk not in limits:
        raise OptionError(
            f"the budget knows no risk {risk!r}.", remedy=f"Known: {', '.join(sorted(limits))}."
        )
    set_ = [name for name, limit in limits.items() if limit is not None]
    if not set_:
        raise OptionError(
            "the budget sets no limit at all, so there is nothing to sweep.",
            remedy="Give one with --budget, such as: membership = 0.05",
        )
    lead = risk or set_[0]
    limit = limits[lead]
    if limit is None:
        raise OptionError(
            f"the budget sets no limit on {lead!r}, so it can't be swept.",
            remedy=f"Set one with --budget, or name one of: {', '.join(set_)}.",
        )
    if limit <= CHANCE.get(lead, 0.0):
        raise OptionError(
            f"the budget's limit on {lead!r}, {limit:g}, is no more than chance gives, so it can't "
            "be scaled.",
            remedy=f"Set one above {CHANCE.get(lead, 0.0):g} with --budget.",
        )
    return lead


def plan_of(
    budget: Budget, *, risk: str | None = None, limits: Sequence[float] | None = None
) -> tuple[Step, ...]:
    """Return the budgets of a sweep, from no limit to the strictest.

    Parameters
    ----------
    budget : Budget
        The limits at factor 1.
    risk : str, optional
        Of which the limit alone moves; all move together where none is named.
    limits : sequence of float, optional
        On the leading risk, in any order; ``FACTORS`` of the budget's own by default.

    Raises
    ------
    OptionError
        If a limit isn't between chance and 1, or nothing can be swept.

    Examples
    --------
    >>> [step.limit for step in plan_of(Budget())]
    [None, 1.0, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.0]
    >>> plan_of(Budget(), limits=[0.1])[1].budget.tpr_at_1pct
    0.05
    """
    lead = leading_risk(budget, risk)
    base = budget.to_dict()[lead]
    assert base is not None
    floor = CHANCE.get(lead, 0.0)
    if limits is None:
        wanted = [_scaled(base, floor, factor) for factor in FACTORS]
    else:
        wanted = [_checked(limit, lead, floor) for limit in limits]
        if not wanted:
            raise OptionError("no limit is given.", remedy="Such as: --budgets 0.2,0.1,0.05")
    if len(wanted) > MOST:
        raise OptionError(
            f"{len(wanted)} limits are more than {MOST}.",
            remedy="Each is a whole audit: give fewer.",
        )
    steps = [Step(0, None, no_limits())]
    for limit in sorted(set(wanted), reverse=True):
        factor = (limit - floor) / (base - floor)
        moved = {lead: limit} if risk is not None else _all_scaled(budget, factor, lead, limit)
        steps.append(Step(len(steps), limit, replace(budget, **moved)))
    return tuple(steps)


def _all_scaled(budget: Budget, factor: float, lead: str, limit: float) -> dict[str, float]:
    out = {
        name: _scaled(value, CHANCE.get(name, 0.0), factor)
        for name, value in budget.to_dict().items()
        if value is not None
    }
    return {**out, lead: limit}


def _scaled(limit: float, floor: float, factor: float) -> float:
    """Scale what a limit leaves beyond chance; one that leaves nothing stays as it is."""
    if limit <= floor:
        return limit
    return min(1.0, round(floor + factor * (limit - floor), _DIGITS))


def _checked(limit: float, lead: str, floor: float) -> float:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not floor <= limit <= 1:
        raise OptionError(
            f"a limit on {lead!r} must lie between {floor:g} (chance) and 1, got {limit!r}.",
            remedy="Such as: --budgets 0.2,0.1,0.05",
        )
    return float(limit)
