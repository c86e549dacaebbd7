"""Paper mode from end to end: refuse early, train, sample, choose, judge on people set apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from salus.synth.audit.anchors import shifted
from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.audit.paper import PaperSettings, findings, published_p
from salus.synth.audit.run import audit
from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, OptionError
from salus.synth.generate.protocol import Generator
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.release.judged import Progress
from salus.synth.release.paper.backbone import Backbone
from salus.synth.release.paper.bench import LABEL, Bench, Scores, weighted
from salus.synth.release.paper.feasibility import (
    FRESH,
    Feasibility,
    Scale,
    Threshold,
    anchors_of,
    check,
)
from salus.synth.release.paper.sampling import Grid, Tried, choose, nearest
from salus.synth.release.paper.strictness import Trained, train
from salus.synth.table.parts import Parts, split
from salus.synth.table.table import Table

__all__ = ["Afterwards", "PaperRun", "Word", "paper_mode"]

Word = Literal["CHOSEN", "OVERRIDDEN", "NOT FEASIBLE"]
SOURCE = (
    "PSyGenTAB (2026, arXiv:2606.18518), corrected; its formulas and constants are known second "
    "hand"
)


@dataclass(frozen=True, kw_only=True)
class Afterwards:
    """Hold what the audit part says of the table, once.

    Parameters
    ----------
    findings : tuple of Finding
        Q, P and the divergence as published, with the audit people held out.
    anchors : mapping of str to Estimate or CannotJudge
        P of releases whose leak is known, there.
    published : mapping of str to float
        P as a prototype's search computes it, with its faults, of the table and of known releases.
    audit : Audit
        The default audit, with TSTR and TRTS.
    """

    findings: tuple[Finding, ...]
    anchors: Mapping[str, Estimate | CannotJudge]
    published: Mapping[str, float]
    audit: Audit

    @property
    def claim(self) -> str:
        """What may be said of limits: only the default audit's upper bounds show any."""
        verdict = self.audit.verdict
        if verdict is Verdict.MET:
            return (
                "The default audit's upper bounds lie within its limits, so these are enforced on "
                "this table. P and P_min take no part in that."
            )
        return (
            f"The default audit's limits are {verdict}: whatever P is, no protection is shown for "
            "this table."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "scores": {"label": LABEL, **{f.name: f.to_dict() for f in self.findings}},
            "P of known releases": {k: v.to_dict() for k, v in self.anchors.items()},
            "P as published, with its faults": {"label": LABEL, **self.published},
            "claim": self.claim,
            "audit": self.audit.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class PaperRun:
    """Hold what paper mode came to.

    Parameters
    ----------
    word : {"CHOSEN", "OVERRIDDEN", "NOT FEASIBLE"}
        Whether a setting reached P_min; where none did, whether the nearest was asked for by name.
    threshold : Threshold
    feasibility : Feasibility
    trained : Trained
    tried : tuple of Tried
        The settings of the sampling stage.
    chosen : int or None
        Which of them, also where it was taken by override; None where nothing can be drawn.
    synthetic : Table or None
        The rows drawn by that setting with the first seed; None if not feasible.
    model : Generator or None
        That drew them.
    afterwards : Afterwards or None
        None if there is no table: the audit people then stay unseen.
    setup : mapping
        Settings, seeds and sizes as plain JSON values.
    """

    word: Word
    threshold: Threshold
    feasibility: Feasibility
    trained: Trained
    tried: tuple[Tried, ...]
    chosen: int | None
    synthetic: Table | None
    model: Generator | None
    afterwards: Afterwards | None
    setup: Mapping[str, Any]

    @property
    def gap(self) -> float | None:
        """P_min - P of the setting chosen or, where none is feasible, of the nearest."""
        at = nearest(self.tried) if self.chosen is None else self.chosen
        scores = None if at is None else self.tried[at].scores
        return None if scores is None else self.threshold.corrected - scores.privacy

    @property
    def headline(self) -> str:
        """What came of it, in a sentence."""
        p_min = f"P_min = {self.threshold.corrected:.2f}"
        known = [t for t in self.tried if t.scores is not None]
        if self.gap is None:
            return "No setting can draw as many rows as asked that obey the rules."
        if self.word == "CHOSEN":
            met = sum(t.scores.privacy >= self.threshold.corrected for t in known if t.scores)
            return (
                f"{met} of {len(self.tried)} settings reach {p_min}; the one of most Q was taken "
                f"({LABEL})."
            )
        missed = f"no setting reaches {p_min}: the nearest misses it by {self.gap:.3f} ({LABEL})."
        if self.word == "OVERRIDDEN":
            return f"WRITTEN BY OVERRIDE: {missed}"
        return f"Nothing is released: {missed}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        p_min = self.threshold.corrected
        return {
            "format": "salus-paper/1",
            "label": LABEL,
            "source": SOURCE,
            "verdict": self.word,
            "headline": self.headline,
            "override": {"stamp": self.headline, "gap": self.gap}
            if self.word == "OVERRIDDEN"
            else None,
            "P_min": self.threshold.to_dict(),
            "setup": dict(self.setup),
            "before training": self.feasibility.to_dict(),
            "training": _training(self.trained),
            "sampling": {
                "rule": "most Q among the settings with P of at least P_min; no multiplier",
                "settings": [t.to_dict(p_min) for t in self.tried],
                "chosen": self.chosen,
                "gap": self.gap,
            },
            "afterwards": None if self.afterwards is None else self.afterwards.to_dict(),
        }


def _training(trained: Trained) -> dict[str, Any]:
    return {
        "problem": "minimise 1 - Q subject to P_min - P <= 0 over the strictness of the limits in "
        "training",
        "trainings": [
            {
                "strictness": t.strictness,
                "slack": t.slack,
                "multiplier when asked for": m,
                "g": t.gap,
                **t.scores.to_dict(),
                "constraint in training": dict(t.account),
            }
            for t, m in zip(trained.trainings, trained.multipliers, strict=True)
        ],
        "kept": trained.kept,
        "feasible": trained.feasible,
        "price": trained.multiplier,
        "price means": "Q lost for each unit by which P_min is raised, on interpolants",
        "message": trained.message,
    }


def paper_mode(
    table: Table,
    *,
    backbone: str = "forest",
    p_min: float = 0.80,
    scale: Scale = "corrected",
    weights: Mapping[str, float] | None = None,
    grid: Grid | None = None,
    n: int | None = None,
    draws: int = 3,
    trainings: int = 6,
    options: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    settings: PaperSettings | None = None,
    override: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> PaperRun:
    """Make a synthetic table as PSyGenTAB means to: of most Q with P at least P_min.

    Four parts of the people: the generator learns from the first and is checked in training by the
    second, Q and P of every training and setting are by the third, and the fourth is looked at
    once, when the table stands.

    Parameters
    ----------
    table : Table
    backbone : str
        One of ``salus.synth.generate.KINDS()``.
    p_min : float
        On ``scale``: ``corrected`` runs from 0 to 1, ``published`` lies w2 + w3 lower.
    weights : mapping of str to float, optional
        Of D, A, C and V in Q, and of DCR, Q_delta and I in P (these must sum to 1).
    grid : Grid, optional
        Of the sampling stage, the published one by default; generators without temperature or
        top-p have fewer settings.
    n : int, optional
        Rows, for every setting and in the table; as many as there are by default.
    draws : int
        Of rows for each setting, with the same seeds for all.
    trainings : int
        At most.
    options : mapping, optional
        Further arguments of the generator.
    budget : Budget, optional
        Whose limits, times a slack, act in training; and that the default audit judges by.
    settings : PaperSettings, optional
        Every constant of the scores.
    override : bool
        Whether to return the nearest table, stamped, where no setting is feasible.
    seed : int
    progress : callable, optional
        Told what is being done and how far it is, from 0 to 1.

    Raises
    ------
    Infeasible
        Before training, if P_min lies above what P can be, on its scale or on this table.
    TooFewPeople
        Before training, if fresh people and copies are not told apart.
    OptionError
        If an option is out of its domain.
    """
    tell: Progress = progress or (lambda what, share: None)
    constants = weighted(settings or PaperSettings(), weights)
    rows = len(table) if n is None else n
    if draws < 1 or trainings < 1 or rows < constants.least_people:
        raise OptionError(
            f"a run needs a training, a draw and {constants.least_people} rows at least."
        )
    threshold = Threshold.of(p_min, scale, constants)
    constants = replace(constants, p_min=threshold.corrected)
    engine = Backbone(backbone, budget or Budget(), options or {})
    parts = split(table, seed=seed)
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(draws)]
    tell("checking the threshold", 0.0)
    bench = Bench.of(parts.train, parts.calibration, constants, seed)
    feasibility = check(bench, threshold, parts.reference, rows=rows)
    stage = _Stage(engine, parts, bench, rows, seeds, seed, trainings, tell)
    trained = stage.train(threshold.corrected)
    tried = stage.sample(trained, grid or Grid())
    chosen = choose(tried, threshold.corrected)
    word: Word = "NOT FEASIBLE" if chosen is None else "CHOSEN"
    if chosen is None and override:
        chosen = nearest(tried)
        word = word if chosen is None else "OVERRIDDEN"
    synthetic, model, afterwards = None, None, None
    if chosen is not None:
        model = engine.drawing(trained.model, tried[chosen].setting)
        synthetic = model.sample(rows, seed=seeds[0]).table
        tell("judging", 0.85)
        afterwards = _judge(synthetic, parts, constants, threshold, engine.budget, seed)
    return PaperRun(
        word=word,
        threshold=threshold,
        feasibility=feasibility,
        trained=trained,
        tried=tuple(tried),
        chosen=chosen,
        synthetic=synthetic,
        model=model,
        afterwards=afterwards,
        setup={
            "backbone": backbone,
            "options": dict(options or {}),
            "constraint in training": engine.is_constrained,
            "levers of sampling": list(engine.levers),
            "budget": engine.budget.to_dict(),
            "constants": asdict(constants),
            "rows": rows,
            "seed": seed,
            "seeds of the draws": seeds,
            "people": {k: t.n_people for k, t in vars(parts).items()},
            "columns": [c.name for c in table.schema.modelled],
        },
    )


@dataclass(frozen=True)
class _Stage:
    """Hold what both stages share: one bench, one list of seeds, one number of rows."""

    engine: Backbone
    parts: Parts
    bench: Bench
    rows: int
    seeds: list[int]
    seed: int
    most: int
    tell: Progress

    def train(self, p_min: float) -> Trained:
        made = [0]

        def attempt(strictness: float) -> tuple[Generator, Scores]:
            self.tell("training", 0.05 + 0.5 * made[0] / self.most)
            made[0] += 1
            model = self.engine.make(strictness)
            model.fit(self.parts.train, reference=self.parts.reference, seed=self.seed)
            drawn = self._draw(model)
            if drawn.scores is None:
                raise Infeasible(f"rows can't be drawn: {drawn.shortfall}")
            return model, drawn.scores

        return train(attempt, p_min, constrained=self.engine.is_constrained, most=self.most)

    def sample(self, trained: Trained, grid: Grid) -> list[Tried]:
        settings = grid.settings(self.engine.levers)
        out = []
        for k, setting in enumerate(settings):
            self.tell("sampling", 0.55 + 0.3 * k / len(settings))
            if all(v == 1 for v in setting.values()):  # as the training was scored
                out.append(Tried(setting, trained.trainings[trained.kept].scores))
            else:
                out.append(self._draw(self.engine.drawing(trained.model, setting), setting))
        return out

    def _draw(self, model: Generator, setting: Mapping[str, float] | None = None) -> Tried:
        """Score one setting: the same seeds and as many rows as for any other."""
        draws = []
        for seed in self.seeds:
            drawn = model.sample(self.rows, seed=seed)
            if drawn.shortfall is not None:
                return Tried(setting or {}, None, str(drawn.shortfall))
            draws.append(drawn.table)
        return Tried(setting or {}, self.bench.score(draws))


def _judge(
    synthetic: Table,
    parts: Parts,
    constants: PaperSettings,
    threshold: Threshold,
    budget: Budget,
    seed: int,
) -> Afterwards:
    """Look at the audit part, once; the calibration part, in no training, gives fresh people."""
    bench = Bench.of(parts.train, parts.audit, constants, seed)
    disguised = shifted(parts.train)
    known = {"the table": synthetic, FRESH: parts.calibration, "verbatim copy": parts.train}
    known |= {} if isinstance(disguised, CannotJudge) else {"shifted copy": disguised}
    with threadpool_limits(1):  # figures then don't depend on the machine's cores
        found = findings(synthetic, parts.train, parts.audit, settings=constants, seed=seed)
        published = {k: published_p(t, parts.train) for k, t in known.items()}
    return Afterwards(
        findings=found,
        anchors=anchors_of(bench, threshold, parts.calibration),
        published=published,
        audit=audit(synthetic, parts, budget=budget, seed=seed),
    )
