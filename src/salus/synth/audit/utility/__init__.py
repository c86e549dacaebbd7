"""Compare models learnt from synthetic rows with models learnt from people.

TSTR trains on synthetic rows and tests on people held out, TRTR trains on the real training people,
TRTS trains on these and tests on synthetic rows (Esteban et al. 2017, arXiv:1706.02633); TSTS
trains and tests on synthetic rows. Models and scores are fixed beforehand. The headline is the mean
over the models; each model's own figure stands in the detail.

``figures`` makes the predictions of one trial, ``pool`` scores those of one or many: a person who
is tested in several trials is one unit of the bootstrap.
"""

from __future__ import annotations

from salus.synth.audit.finding import Finding
from salus.synth.audit.utility.pooled import pool
from salus.synth.audit.utility.trial import Figures, figures
from salus.synth.table.table import Table

__all__ = ["Figures", "figures", "findings", "pool"]


def findings(synthetic: Table, train: Table, test: Table, *, seed: int) -> tuple[Finding, ...]:
    """Compare models learnt from synthetic rows with models learnt from real people.

    Parameters
    ----------
    synthetic, train, test : Table
        Of one schema; the ``test`` people were seen by neither generator nor models.
    seed : int
    """
    return pool([figures(synthetic, train, test, seed)], seed=seed)
