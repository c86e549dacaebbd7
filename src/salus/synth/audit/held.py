"""What attackers hold of a series: the new table alone, and every table that went out, together.

Rows of an earlier table must not hide what the new one gives away: shares of copied rows are thinned
by them, and an attack by density may be blurred. So each attack runs on both, as two attacks of one
family, and the stronger one decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.observation import (
    LEAST_PEOPLE,
    MOST_PEOPLE,
    PAIRS,
    Observation,
    observe,
)
from salus.synth.table.table import Table

__all__ = ["ALL", "observe_held"]

ALL = ", all tables"  # ends the name of an attack on everything that went out
Values = Mapping[str, NDArray[np.float64]]


def observe_held(
    made: Table,
    earlier: Sequence[Table],
    people: Table,
    member: NDArray[np.bool_],
    *,
    reference: Table | None = None,
    seed: int,
    most: int = MOST_PEOPLE,
) -> Observation:
    """Run every attack on the new table, and again on it with the earlier ones.

    Parameters
    ----------
    made : Table
    earlier : sequence of Table
        What went out before; without any, this is ``observe``.
    people : Table
    member : bool array (n,)
    reference : Table, optional
    seed, most : int
        As for ``observe``; both runs judge the same people.

    Returns
    -------
    Observation
        Attacks on all tables bear their usual name with ``ALL`` at its end.
    """
    if not earlier:
        return observe(made, people, member, reference=reference, seed=seed, most=most)
    held = Table.concat([made, *earlier])
    most = min(most, MOST_PEOPLE, max(LEAST_PEOPLE, PAIRS // (2 * len(held))))
    alone, both = (
        observe(rows, people, member, reference=reference, seed=seed, most=most)
        for rows in (made, held)
    )
    searched = [o.searched for o in (alone, both) if o.searched is not None]
    return replace(
        alone,
        membership=_joined(alone.membership, both.membership),
        exact=_joined(alone.exact, both.exact),
        near=_joined(alone.near, both.near),
        success=_joined(alone.success, both.success),
        sole=_joined(alone.sole, both.sole),
        linked=_joined(alone.linked, both.linked),
        singled=_joined(alone.singled, both.singled),
        searched=min(searched, default=None),
    )


def _joined(alone: Values, both: Values) -> dict[str, NDArray[np.float64]]:
    return {**alone, **{name + ALL: value for name, value in both.items()}}
