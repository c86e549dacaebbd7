"""The floor: every column drawn on its own, from its frequencies and its share of missing cells.

It keeps each column's distribution and nothing of what joins two columns, so any generator worth
its risk does better on every relation; what it leaks is what a table of marginals leaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from salus.synth.generate.chained import ChainGenerator
from salus.synth.generate.order import modelling_order
from salus.synth.generate.sequence import Chain, fit_chain
from salus.synth.generate.stage import Growth, Shrinkage
from salus.synth.table.table import Table

__all__ = ["Marginals"]


@dataclass(kw_only=True)
class Marginals(ChainGenerator):
    """Draw columns independently: levels, missing codes and numbers by their frequencies.

    Examples
    --------
    >>> from salus.datasets import load_pbc
    >>> model = Marginals().fit(load_pbc(), seed=7)
    >>> len(model.sample(10, seed=7).table)
    10
    """

    kind: ClassVar[str] = "marginals"

    def _learn(
        self, table: Table, reference: Table | None, rng: np.random.Generator
    ) -> tuple[Chain, dict[str, Any]]:
        everyone = np.full(len(table), -1, np.intp)
        stump = Growth(trees=1, min_leaf=len(table) + 1, linear=False)
        chain = fit_chain(table, modelling_order(table), everyone, growth=stump, rng=rng)
        alone = Shrinkage(weight=1.0)  # all weight on the marginal
        return chain.with_stages([s.stage.with_shrinkage(alone) for s in chain.steps]), {}
