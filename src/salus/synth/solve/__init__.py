"""Constraints: minimise under smooth limits and price each of them. Knows nothing of tables."""

from __future__ import annotations

from salus.synth.solve.augmented import Solution, Step, solve
from salus.synth.solve.constraint import Constraint, Problem
from salus.synth.solve.feasible import Nearest, nearest
from salus.synth.solve.multipliers import NuPI, Penalty, augmented_lagrangian
from salus.synth.solve.steering import Steering

__all__ = [
    "Constraint",
    "Nearest",
    "NuPI",
    "Penalty",
    "Problem",
    "Solution",
    "Steering",
    "Step",
    "augmented_lagrangian",
    "nearest",
    "solve",
]
