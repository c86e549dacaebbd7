"""One attack on membership: who the attacker is, and how each person is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.scene import Scene

__all__ = ["TABLE", "TABLE_AND_PEOPLE", "Attack"]

TABLE = "the synthetic table and the record in question"
TABLE_AND_PEOPLE = f"{TABLE}, and records of other people, not marked as members or others"


@dataclass(frozen=True)
class Attack:
    """Describe an attack that the conformance suite and every audit can run.

    Parameters
    ----------
    name : str
    says : str
        What the score is, in one line.
    knowledge : str
        What the attacker holds.
    score : callable
        From a ``Scene`` to an array (n,), higher meaning a member. Blind to who is one.
    source : str
        Publication, with year and arXiv number or DOI; empty for the plain ones.
    needs : str
        What a table must have for the attack to have any power; empty if nothing.
    unit_free : bool
        Whether a change of unit, or any monotone change of a number in all tables, leaves the
        scores as they are.
    """

    name: str
    says: str
    knowledge: str
    score: Callable[[Scene], NDArray[np.float64]]
    source: str
    needs: str = ""
    unit_free: bool = True
