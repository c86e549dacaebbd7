"""The default generator: a chain of ridge predictors and shrunken forests, under a privacy limit.

Each column is modelled given the columns before it (``order.py``): a regularised linear predictor
on normal scores plus trees on its leave-one-out residuals, or, for levels and missing states, trees
that also see the linear scores. How far each conditional is pulled from its leaf toward its
ancestors and the marginal, and its bandwidth, are continuous; they are chosen to make left-out
people most likely while what members gain stays under the budget (``shrinkage.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate.chained import ChainGenerator, people_of
from salus.synth.generate.order import modelling_order
from salus.synth.generate.sequence import Chain, fit_chain
from salus.synth.generate.shrinkage import SLACK, Price, choose_shrinkage, gap_limits
from salus.synth.generate.stage import Growth
from salus.synth.table.table import Table

__all__ = ["Forest"]

FULL_TREES = 2_000  # rows up to which all the trees asked for are grown


@dataclass(kw_only=True)
class Forest(ChainGenerator):
    """Learn a table as a chain of shrunken forests under a privacy budget.

    Parameters
    ----------
    budget : Budget or None
        Limits whose membership part constrains the fit; ``None`` switches the constraint off.
    slack : float
        How far the likelihood gap may exceed that of an attacker on a table (``gap_limits``).
        ``release`` tightens it where an audit asks for it.
    folds : int
        Number of sub-models; each leaves one fold of people out.
    growth : Growth
        How trees are grown.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Forest().fit(load_pbc(), seed=7)
    >>> len(model.sample(10, seed=7).table)
    10
    """

    kind: ClassVar[str] = "forest"

    budget: Budget | None = field(default_factory=Budget)
    slack: float = SLACK
    folds: int = 5
    growth: Growth = field(default_factory=Growth)

    def _learn(
        self, table: Table, reference: Table | None, rng: np.random.Generator
    ) -> tuple[Chain, dict[str, Any]]:
        if not self.slack > 0:
            raise OptionError(f"slack must be positive, got {self.slack}.")
        fold = people_of(table, self.folds, rng)
        growth = self.growth
        # the more people, the fewer trees are needed: each sees more of them
        few = int(growth.trees * np.sqrt(FULL_TREES / max(len(table), FULL_TREES)))
        growth = replace(growth, trees=max(min(growth.trees, 3), few))
        chain = fit_chain(table, modelling_order(table), fold, growth=growth, rng=rng)
        limits = gap_limits(self.budget, self.slack)
        choice = choose_shrinkage(chain, table, fold, reference=reference, limits=limits, rng=rng)
        return choice.chain, {
            "budget": None if self.budget is None else self.budget.to_dict(),
            "slack": self.slack,
            "constraint": account_of(choice),
        }


def account_of(choice: Price) -> dict[str, Any]:
    """Return what the constraint did, as plain JSON values: the price of privacy and its trace."""
    solution = choice.solution
    risks = [
        {
            "name": name,
            "limit": limit,
            "value": choice.chosen[name],
            "without": choice.free[name],
            "multiplier": 0.0 if solution is None else float(solution.multipliers[name]),
        }
        for name, limit in choice.limits.items()
    ]
    trace = (
        []
        if solution is None
        else [
            {
                "step": s.step,
                "objective": s.objective,
                "values": {k: v + choice.limits[k] for k, v in s.values.items()},
                "multipliers": dict(s.multipliers),
            }
            for s in solution.trace
        ]
    )
    return {
        "risks": risks,
        "utility": choice.utility,
        "utility_without": choice.free_utility,
        "feasible": solution is None or solution.feasible,
        "message": "constraint off" if solution is None else solution.message,
        "trace": trace,
    }
