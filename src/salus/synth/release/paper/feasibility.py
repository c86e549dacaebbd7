"""Refuse a threshold that can't be met, or can't be judged, before anything is trained.

P has a highest value by its form: 1 on the corrected scale and w1 on the published one, which is
lower by w2 + w3. It also has one on a table: people who were never used leak nothing, so a P_min
above all that their interval reaches asks for more than an ideal generator gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np

from salus.synth.audit.anchors import independent_columns, planted, shifted
from salus.synth.audit.paper.settings import PaperSettings
from salus.synth.errors import Infeasible, OptionError
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.release.paper.bench import Bench, judged
from salus.synth.table.table import Table

__all__ = ["FRESH", "Feasibility", "Scale", "Threshold", "anchors_of", "check", "tolerated"]

Scale = Literal["corrected", "published"]
FRESH = "fresh real people"
COPY = "verbatim copy"
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Threshold:
    """Hold P_min on both scales.

    Parameters
    ----------
    asked : float
    scale : {"corrected", "published"}
        That it was asked on.
    corrected, published : float
        Where P is 0 to 1, and where it is w1 lower at most: P - (w2 + w3).
    highest : float
        What P can be at most on the scale asked.
    """

    asked: float
    scale: Scale
    corrected: float
    published: float
    highest: float

    @classmethod
    def of(cls, asked: float, scale: Scale, settings: PaperSettings) -> Threshold:
        """Place P_min on both scales.

        Raises
        ------
        OptionError
            If it isn't a number of that scale.
        Infeasible
            If it lies above the highest value that P can have.
        """
        if scale not in get_args(Scale):
            raise OptionError(
                f"there is no scale {scale!r}.", remedy=f"Known: {', '.join(get_args(Scale))}."
            )
        apart = settings.quantiles + settings.copies
        lower = apart if scale == "published" else 0.0
        highest = 1.0 - lower
        if not (isfinite(asked) and asked >= -lower):
            raise OptionError(f"P_min must be at least {-lower:g} on the {scale} scale.")
        if asked > highest + 1e-12:
            raise Infeasible(
                f"P_min = {asked:g} is above {highest:g}, the highest P that any table can have on "
                f"the {scale} scale.",
                remedy=f"Ask for at most {highest:g}; 0.8 on the corrected scale is "
                f"{0.8 - apart:g} on the published one.",
            )
        corrected = min(asked + lower, 1.0)
        return cls(asked, scale, corrected, corrected - apart, highest)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "tolerates": tolerated(self.corrected)}


@dataclass(frozen=True)
class Feasibility:
    """Hold what is known before training.

    Parameters
    ----------
    anchors : mapping of str to Estimate or CannotJudge
        P of releases whose leak is known.
    real : Estimate
        Q of real people against real people.
    notes : tuple of str
        Where the threshold is near what fresh people have, or what copies have.
    """

    anchors: Mapping[str, Estimate | CannotJudge]
    real: Estimate
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "P of known releases": {k: v.to_dict() for k, v in self.anchors.items()},
            "Q of real people against real people": self.real.to_dict(),
            "notes": list(self.notes),
        }


def tolerated(p_min: float) -> str:
    """Say how many verbatim copies a P_min of the corrected scale tolerates.

    Examples
    --------
    >>> tolerated(0.8)
    'P_min = 0.80 tolerates one verbatim copy in five rows'
    >>> tolerated(0.87)
    'P_min = 0.87 tolerates one verbatim copy in 7.7 rows'
    >>> tolerated(1.0)
    'P_min = 1.00 tolerates no verbatim copy'
    """
    share = 1 - p_min
    if share < 1e-9:
        return f"P_min = {p_min:.2f} tolerates no verbatim copy"
    every = 1 / share
    if every < 2 - 1e-9:
        return f"P_min = {p_min:.2f} tolerates verbatim copies in {share:.0%} of the rows"
    whole = round(every)
    near = abs(every - whole) < 0.005 * every
    word = _WORDS[whole - 2] if near and whole <= len(_WORDS) + 1 else f"{every:.2g}"
    if every >= 100:
        word = f"{every:.0f}"
    return f"P_min = {p_min:.2f} tolerates one verbatim copy in {word} rows"


def check(bench: Bench, threshold: Threshold, fresh: Table, *, rows: int) -> Feasibility:
    """Measure releases whose leak is known, and refuse a threshold that can't be met.

    Parameters
    ----------
    bench : Bench
    threshold : Threshold
    fresh : Table
        People who are neither training people nor those of the bench, and were used for nothing.
    rows : int
        Of the tables to be scored: real people are compared with as many.

    Raises
    ------
    TooFewPeople
        If fresh people and copies are not told apart.
    Infeasible
        If P_min lies above the interval of fresh people.
    """
    best = judged(bench.closeness_of({FRESH: fresh})[FRESH].result, "P")
    p_min, off = threshold.corrected, threshold.corrected - threshold.asked
    if p_min > best.high:
        raise Infeasible(
            f"P_min = {threshold.asked:g} is above {best.high - off:.3f}, the highest P that people "
            f"who were never used may have on this table ({best.value - off:.3f}, 95 % interval "
            f"from {best.low - off:.3f}). Nothing was fitted.",
            remedy=f"Ask for at most {best.low - off:.2f}, or bring more people.",
        )
    real = judged(bench.quality_of(None, rows=rows)[0], "Q")
    anchors = {FRESH: best, **_disguises(bench, threshold, fresh)}
    notes = []
    if p_min > best.low:
        notes.append(
            f"P of people who were never used is {best.value:.3f} ({best.low:.3f} to "
            f"{best.high:.3f}): with so few of them a table that leaks nothing may miss P_min."
        )
    copies = {k: anchors[k] for k in (COPY, "bootstrap", "shifted copy")}
    passing = [k for k, v in copies.items() if isinstance(v, Estimate) and v.value >= p_min]
    if passing:
        notes.append(f"P_min asks for nothing: it is met by the {' and the '.join(passing)}.")
    return Feasibility(anchors, real, tuple(notes))


def anchors_of(
    bench: Bench, threshold: Threshold, fresh: Table
) -> dict[str, Estimate | CannotJudge]:
    """Return P of fresh people, of these with the copies that P_min tolerates, and of copies."""
    return {
        FRESH: bench.closeness_of({FRESH: fresh})[FRESH].result,
        **_disguises(bench, threshold, fresh),
    }


def _disguises(
    bench: Bench, threshold: Threshold, fresh: Table
) -> dict[str, Estimate | CannotJudge]:
    train, share = bench.train, 1 - threshold.corrected
    rng = np.random.default_rng(bench.seed)
    made: dict[str, Table | CannotJudge] = {
        f"{100 * share:.3g}% verbatim copies among fresh people": planted(
            train, fresh, rng, share=share
        ),
        "bootstrap": train.take(rng.integers(0, len(train), len(train))),
        "shifted copy": shifted(train),
        "independent columns": independent_columns(train, rng),
    }
    found = bench.closeness_of({k: t for k, t in made.items() if isinstance(t, Table)})
    return {
        **{k: t if isinstance(t, CannotJudge) else found[k].result for k, t in made.items()},
        COPY: bench.closeness_of_copies().result,
    }
