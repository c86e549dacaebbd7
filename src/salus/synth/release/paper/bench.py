"""Score tables by the same people, the same halves of them and the same seeds, whatever they are.

Q and P are those of ``salus.synth.audit.paper``; here stands only who is compared with whom. Two
tables that are scored on one bench meet the same random halves of the people held out and the same
copies of training people, so what differs between them is no luck of the draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from salus.synth.audit.paper.closeness import Closeness, Pool, closeness, pools
from salus.synth.audit.paper.halves import over_repeats, some_rows, split
from salus.synth.audit.paper.quality import Quality, quality
from salus.synth.audit.paper.settings import PaperSettings
from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.measure.distance import Encoder
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.table import Table

__all__ = ["LABEL", "WEIGHTS", "Bench", "Scores", "judged", "weighted"]

LABEL = "comparison only"
ROWS = 400  # of each table that are measured at least, where there are as many
WEIGHTS: Mapping[str, str] = {
    "D": "distribution",
    "A": "anomalies",
    "C": "association",
    "V": "diversity",
    "DCR": "closeness",
    "Q_delta": "quantiles",
    "I": "copies",
}
"""The weights by the paper's symbols: four of Q, three of P."""


@dataclass(frozen=True)
class Scores:
    """Hold Q and P of one setting, from one draw of rows for each seed.

    Parameters
    ----------
    q, p : tuple of Estimate
        For each draw, with the spread over random halves of the people held out.
    parts : mapping
        Means over the draws of the parts of Q and of P in its worst space.
    spaces : tuple of str
        The worst space of P in each draw.
    """

    q: tuple[Estimate, ...]
    p: tuple[Estimate, ...]
    parts: Mapping[str, float]
    spaces: tuple[str, ...]

    @property
    def utility(self) -> float:
        """Q, the mean over the draws."""
        return float(np.mean([e.value for e in self.q]))

    @property
    def privacy(self) -> float:
        """P, the mean over the draws."""
        return float(np.mean([e.value for e in self.p]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "label": LABEL,
            "Q": self.utility,
            "P": self.privacy,
            "Q of each draw": [e.to_dict() for e in self.q],
            "P of each draw": [e.to_dict() for e in self.p],
            "parts": dict(self.parts),
            "worst space of each draw": list(self.spaces),
        }


@dataclass(frozen=True)
class Bench:
    """Hold the training people and the people held out that tables are scored by.

    Parameters
    ----------
    train, held : Table
    settings : PaperSettings
    seed : int
        Of the random halves, the same for every table.
    encoder : Encoder
        Fitted on both.
    people, copies : Pool
        The people held out and copies of training people, beside the training people.
    """

    train: Table
    held: Table
    settings: PaperSettings
    seed: int
    encoder: Encoder
    people: Pool
    copies: Pool

    @classmethod
    def of(cls, train: Table, held: Table, settings: PaperSettings, seed: int) -> Bench:
        """Set the people up.

        Raises
        ------
        TooFewPeople
            If two halves of the people held out would be too few to compare.
        """
        least = settings.least_people
        if min(train.n_people, held.n_people) < least:
            raise TooFewPeople(
                f"{held.n_people} people are held out for Q and P, which need {least}.",
                remedy="A part is 15 % of the people: bring about "
                f"{int(np.ceil(least / 0.15)) + 1} of them.",
            )
        # each comparison takes as many rows as half of the people held out have: more only cost time
        settings = replace(settings, most_rows=min(settings.most_rows, max(ROWS, len(held))))
        encoder = Encoder.fit([train, held])
        with threadpool_limits(1):
            known = pools(train, {"held": held}, encoder, settings, np.random.default_rng(seed))
        return cls(train, held, settings, seed, encoder, known["held"], known["copies"])

    def closeness_of(self, tables: Mapping[str, Table]) -> dict[str, Closeness]:
        """Return P of each table, all by the same halves."""
        rng = np.random.default_rng(self.seed)
        with threadpool_limits(1):  # figures then don't depend on the machine's cores
            known = pools(self.train, tables, self.encoder, self.settings, rng)
            return {name: self._closeness(known[name]) for name in tables}

    def closeness_of_copies(self) -> Closeness:
        """Return P of copies of training people, by the same halves."""
        with threadpool_limits(1):
            return self._closeness(self.copies)

    def _closeness(self, pool: Pool) -> Closeness:
        rng = np.random.default_rng(self.seed)
        return closeness(pool, self.people, self.copies, self.settings, rng)

    def quality_of(
        self, made: Table | None, *, rows: int | None = None
    ) -> tuple[Estimate | CannotJudge, dict[str, float]]:
        """Return Q of a table against random halves of the people held out, and its parts.

        Parameters
        ----------
        made : Table or None
            Without one, the other half of the people takes its place: real against real.
        rows : int, optional
            At most so many rows are compared.
        """
        halves, draws = (np.random.default_rng([self.seed, k]) for k in range(2))
        found: list[Quality] = []
        with threadpool_limits(1):
            for _ in range(self.settings.repeats):
                one, mine = split(self.held.people, 2, halves)
                if made is not None:
                    mine = some_rows(made.people, len(made), draws)
                n = min(len(one), len(mine), rows or len(mine), self.settings.most_rows)
                table = (self.held if made is None else made).take(mine[:n])
                real = self.held.take(one[:n])
                found.append(quality(table, real, self.encoder, self.settings))
        names = dict.fromkeys(k for f in found for k in f.parts)
        parts = {k: float(np.mean([f.parts[k] for f in found if k in f.parts])) for k in names}
        scores = []
        for one_found in found:
            if isinstance(one_found.score, CannotJudge):
                return one_found.score, parts
            scores.append(one_found.score)
        return over_repeats(np.array(scores), n=self.held.n_people), parts

    def score(self, draws: Sequence[Table]) -> Scores:
        """Return Q and P of some draws of one setting.

        Raises
        ------
        TooFewPeople
            If either can't be judged with these people.
        """
        close = self.closeness_of({str(k): table for k, table in enumerate(draws)})
        q, p, parts = [], [], []
        for table, found in zip(draws, close.values(), strict=True):
            mark, of_q = self.quality_of(table)
            q.append(judged(mark, "Q"))
            p.append(judged(found.result, "P"))
            parts.append({**of_q, **found.parts})
        names = dict.fromkeys(k for each in parts for k in each)
        return Scores(
            tuple(q),
            tuple(p),
            {k: float(np.mean([e[k] for e in parts if k in e])) for k in names},
            tuple(found.worst for found in close.values()),
        )


def judged(result: Estimate | CannotJudge, name: str) -> Estimate:
    """Return the estimate of Q or P.

    Raises
    ------
    TooFewPeople
        If it can't be judged.
    """
    if isinstance(result, CannotJudge):
        raise TooFewPeople(f"{name} can't be judged: {result.reason}.")
    return result


def weighted(settings: PaperSettings, weights: Mapping[str, float] | None) -> PaperSettings:
    """Return the settings with weights changed, by the paper's symbols.

    Raises
    ------
    OptionError
        If there is no such weight, or they make no score.
    """
    unknown = sorted(set(weights or {}) - set(WEIGHTS))
    if unknown:
        raise OptionError(
            f"there is no weight {unknown[0]!r}.", remedy=f"Known: {', '.join(WEIGHTS)}."
        )
    asked = {WEIGHTS[k]: float(v) for k, v in (weights or {}).items()}
    if not all(isfinite(v) for v in asked.values()):
        raise OptionError("weights must be finite.")
    try:
        return PaperSettings(**{**asdict(settings), **asked})
    except ValueError as error:
        raise OptionError(f"{error}.") from error
