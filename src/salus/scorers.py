"""The audit's figures as scores for scikit-learn's model selection: greater is better.

A generator of synthetic rows stands in for the estimator. It is fitted on the people of the
training folds and judged against those of the test fold, whom it never saw; risks are negative.

>>> from sklearn.model_selection import cross_val_score
>>> from salus import Forest, datasets
>>> from salus.scorers import Synthesizer, make_scorer
>>> people = pandas.read_csv(datasets.pbc_path())  # doctest: +SKIP
>>> model = Synthesizer(Forest(), outcome="status", drop=["id"])
>>> cross_val_score(model, people, scoring=make_scorer("membership.advantage"))  # doctest: +SKIP

``GridSearchCV`` compares generators by ``{"generator": [Forest(), Marginals()]}``. The
generator of another tool is a function of the people and a seed that returns a function of the
number of rows:

>>> def from_sdv(people, seed):
...     made = GaussianCopulaSynthesizer(Metadata.detect_from_dataframe(people))
...     made.fit(people)
...     return made.sample
>>> model = Synthesizer(from_sdv)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from salus.synth.audit import clinical, fidelity, utility
from salus.synth.audit.finding import Finding
from salus.synth.audit.observation import observe
from salus.synth.audit.privacy import conclude
from salus.synth.audit.replication.replicate import replicate
from salus.synth.audit.run import LEAST
from salus.synth.budget import Budget
from salus.synth.errors import NotFitted, OptionError, TooFewPeople
from salus.synth.generate.protocol import Generator, Sampled
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.table.codec import decode
from salus.synth.table.files import read_table
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table
from salus.synth.table.together import Source, read_together

__all__ = ["Scorer", "Synthesizer", "figure", "make_scorer"]

_ROLES = ("schema", "outcome", "person", "time", "event", "sensitive", "known", "drop", "groups")
Draw = Callable[[int], pd.DataFrame]
Maker = Callable[[pd.DataFrame, int], Draw]
End = Literal["value", "worst"]


class Synthesizer(BaseEstimator):  # type: ignore[misc]
    """Wrap a generator as an estimator, whose ``fit`` remembers the people it learnt from.

    Parameters
    ----------
    generator : Generator or callable
        Unfitted, such as ``Forest()``, or ``make(people, seed)`` that returns ``draw(n)``.
    schema : Schema or path, optional
        What the columns are; inferred from the training folds if not given.
    outcome, person, time, event : str, optional
    sensitive, known, drop, groups : sequence of str, optional
        Roles, as in ``read_table``; scorers take them over.
    seed : int

    Attributes
    ----------
    train_ : DataFrame
        The people of ``fit``, as given.
    draw_ : callable
        Returns n rows.
    """

    def __init__(
        self,
        generator: Generator | Maker,
        *,
        schema: Schema | str | None = None,
        outcome: str | None = None,
        person: str | None = None,
        time: str | None = None,
        event: str | None = None,
        sensitive: Sequence[str] | None = None,
        known: Sequence[str] | None = None,
        drop: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        self.generator = generator
        self.schema = schema
        self.outcome = outcome
        self.person = person
        self.time = time
        self.event = event
        self.sensitive = sensitive
        self.known = known
        self.drop = drop
        self.groups = groups
        self.seed = seed

    @property
    def roles(self) -> dict[str, Any]:
        """Schema and roles that were given, as ``read_table`` takes them."""
        given = {name: getattr(self, name) for name in _ROLES}
        return {name: value for name, value in given.items() if value is not None}

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the people of ``X``; ``y`` is ignored, as the outcome is one of the columns."""
        self.train_ = X
        if isinstance(self.generator, Generator):
            model = copy.deepcopy(self.generator)  # an estimator never changes its arguments
            model.fit(read_table(X, **self.roles), seed=self.seed)
            self.draw_: Draw = lambda n: decode(model.sample(n, seed=self.seed).table)
        else:
            self.draw_ = self.generator(X, self.seed)
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Draw ``n`` rows.

        Raises
        ------
        NotFitted
        """
        if not hasattr(self, "draw_"):
            raise NotFitted("the synthesizer is not fitted.", remedy="Call fit first.")
        return self.draw_(n)


def figure(
    name: str,
    synthetic: Source,
    train: Source,
    holdout: Source,
    *,
    reference: Source | None = None,
    analysis: str | None = None,
    seed: int = 0,
    **roles: Any,
) -> Finding:
    """Compute one figure of the audit without the others, and without the anchors of privacy.

    Parameters
    ----------
    name : str
        Such as ``membership.advantage``, ``copies.exact``, ``attribute.COLUMN``, ``utility.auc``,
        ``fidelity.pairs``, ``replication.overlap``.
    synthetic, train, holdout, reference : path, DataFrame or Table
    analysis : str, optional
        The formula of a replication.
    seed : int
    **roles
        As in ``read_table``, with ``schema``.

    Raises
    ------
    OptionError
        If the audit of these tables has no such figure; the message lists those it has.
    TooFewPeople
    """
    sources = {"synthetic": synthetic, "train": train, "holdout": holdout}
    if reference is not None:
        sources["reference"] = reference
    tables = read_together(sources, **roles)[0]
    found = _family(name, tables, analysis, seed)
    for finding in found:
        if finding.name == name:
            return finding
    raise OptionError(
        f"the audit of these tables has no figure {name!r}.",
        remedy=f"Known here: {', '.join(f.name for f in found)}.",
    )


def make_scorer(
    name: str,
    *,
    end: End = "value",
    train: pd.DataFrame | None = None,
    rows: int | None = None,
    analysis: str | None = None,
    seed: int = 0,
    **roles: Any,
) -> Scorer:
    """Return a scorer ``scorer(estimator, X, y=None)`` of one figure of the audit.

    Parameters
    ----------
    name : str
        As for ``figure``.
    end : {"value", "worst"}
        Whether the figure counts or the end of its interval that is least good.
    train : DataFrame, optional
        The people that the estimator learnt from; ``estimator.train_`` otherwise.
    rows : int, optional
        How many to draw; as many as the training people have otherwise.
    analysis : str, optional
        The formula of a replication.
    seed : int
    **roles
        As in ``read_table``, with ``schema``; those of a ``Synthesizer`` otherwise.
    """
    if end not in ("value", "worst"):
        raise OptionError(f"the end {end!r} is unknown.", remedy="Use value or worst.")
    return Scorer(name, end, train, rows, analysis, seed, roles)


@dataclass(frozen=True, eq=False)
class Scorer:
    """Score a fitted estimator that has ``sample(n)``; see ``make_scorer``."""

    name: str
    end: End
    train: pd.DataFrame | None
    rows: int | None
    analysis: str | None
    seed: int
    roles: dict[str, Any] = field(default_factory=dict)

    def __call__(self, estimator: Any, X: pd.DataFrame, y: object = None) -> float:
        """Return the score of ``estimator`` against the people ``X``, who are strangers to it.

        Raises
        ------
        OptionError
            If nobody says whom the estimator learnt from.
        TooFewPeople
            If the figure can't be judged; scikit-learn then records its ``error_score``.
        """
        train = self.train if self.train is not None else getattr(estimator, "train_", None)
        if train is None:
            raise OptionError(
                "the scorer doesn't know whom the estimator learnt from.",
                remedy="Wrap it in salus.scorers.Synthesizer, or give make_scorer(train=...).",
            )
        drawn = estimator.sample(len(train) if self.rows is None else self.rows)
        finding = figure(
            self.name,
            drawn.table if isinstance(drawn, Sampled) else drawn,
            train,
            X,
            analysis=self.analysis,
            seed=self.seed,
            **(self.roles or getattr(estimator, "roles", {})),
        )
        if isinstance(finding.result, CannotJudge):
            raise TooFewPeople(f"{self.name} can't be judged: {finding.result.reason}.")
        return _greater_is_better(finding, finding.result, self.end)


def _greater_is_better(finding: Finding, result: Estimate, end: End) -> float:
    if finding.direction == "low":
        return 0.0 - (result.value if end == "value" else result.high)  # no -0.0
    if finding.direction == "high":
        return result.value if end == "value" else result.low
    ideal = finding.ideal if finding.ideal is not None else 0.0
    ends = [result.value] if end == "value" else [result.low, result.high]
    return 0.0 - max(abs(e - ideal) for e in ends)


def _family(
    name: str, tables: dict[str, Table], analysis: str | None, seed: int
) -> tuple[Finding, ...]:
    """Return the findings among which the named one is."""
    synthetic, train, holdout = tables["synthetic"], tables["train"], tables["holdout"]
    match name.partition(".")[0]:
        case "fidelity":
            return fidelity.findings(synthetic, holdout, baseline=train, seed=seed)
        case "utility" | "subgroup":
            return utility.findings(synthetic, train, holdout, seed=seed)
        case "clinical":
            return clinical.findings(synthetic, train, rules_of(train.schema))
        case "replication":
            if analysis is None:
                raise OptionError("a replication needs a formula.", remedy="Give analysis=...")
            return replicate(analysis, real=train, synthetic=synthetic, seed=seed)
    return _privacy(synthetic, train, holdout, tables.get("reference"), seed)


def _privacy(
    synthetic: Table, train: Table, holdout: Table, reference: Table | None, seed: int
) -> tuple[Finding, ...]:
    if min(train.n_people, holdout.n_people) < LEAST or not len(synthetic):
        raise TooFewPeople(
            f"{train.n_people} training and {holdout.n_people} held-out people are too few.",
            remedy=f"At least {LEAST} people on each side are needed.",
        )
    shift = int(train.people.max()) + 1 - int(holdout.people.min())  # nobody stands in both
    apart = Table(train.schema, holdout.values, holdout.states, holdout.people + shift)
    people = Table.concat([train, apart])
    member = np.arange(len(people)) < len(train)
    seen = observe(synthetic, people, member, reference=reference, seed=seed)
    return conclude([seen], Budget(), seed=seed)
