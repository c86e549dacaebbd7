"""Sequential trees: one tree a column on the columns before it, values drawn from its leaves.

The method of synthpop (Nowok, Raab & Dibben 2016, doi:10.18637/jss.v074.i11), as the field's
reference to compare with. It differs in three points: missing states are levels of their own, a
leaf holds counts over quantile bins and not its people's values, and draws are smoothed slightly.
Nothing constrains what its members give away; the audit says how much that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from salus.synth.errors import OptionError
from salus.synth.generate.chained import ChainGenerator
from salus.synth.generate.order import modelling_order
from salus.synth.generate.sequence import Chain, fit_chain
from salus.synth.generate.stage import Growth, Shrinkage
from salus.synth.table.table import Table

__all__ = ["Cart"]

SMOOTHED = Shrinkage(kappa=0.5, bandwidth=0.03, weight=0.001)


@dataclass(kw_only=True)
class Cart(ChainGenerator):
    """Learn a table as a chain of single trees, without a privacy constraint.

    Parameters
    ----------
    min_leaf : int
        Least people in a leaf.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Cart().fit(load_pbc(), seed=7)
    >>> len(model.sample(10, seed=7).table)
    10
    """

    kind: ClassVar[str] = "cart"

    min_leaf: int = 5

    def _learn(
        self, table: Table, reference: Table | None, rng: np.random.Generator
    ) -> tuple[Chain, dict[str, Any]]:
        if self.min_leaf < 1:
            raise OptionError(f"min_leaf must be at least 1, got {self.min_leaf}.")
        growth = Growth(
            trees=1,
            min_leaf=self.min_leaf,
            max_features=1.0,
            max_people=len(table),
            share=1.0,
            bins=100,
            linear=False,
        )
        everyone = np.full(len(table), -1, np.intp)
        chain = fit_chain(table, modelling_order(table), everyone, growth=growth, rng=rng)
        stages = [s.stage.with_shrinkage(SMOOTHED) for s in chain.steps]
        return chain.with_stages(stages), {"min_leaf": self.min_leaf}
