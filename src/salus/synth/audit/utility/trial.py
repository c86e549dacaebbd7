"""Make the predictions of one trial: models learnt from synthetic rows, and from people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.anchors import independent_columns
from salus.synth.audit.groups import Subgroups
from salus.synth.audit.utility.task import Task, survival_task, task
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.table import Table

__all__ = ["Figures", "figures"]

Bools = NDArray[np.bool_]
Figures = Mapping[str, Any]
MOST = 10_000  # rows that a model learns from, or is tested on
MOST_SURVIVAL = 4_000  # the cost of concordance grows with their square
LEAST = 20  # rows with an outcome
FEWEST = 5  # people with the event


def figures(synthetic: Table, train: Table, test: Table, seed: int) -> Figures:
    """Return the predictions of one trial as plain arrays, to be pooled.

    Parameters
    ----------
    synthetic, train, test : Table
        Of one schema; the ``test`` people were seen by neither generator nor models.
    seed : int

    Returns
    -------
    mapping
        ``kind`` (``classes``, ``numbers``, ``survival`` or ``none``), ``reason`` (empty, or why
        nothing can be judged), ``left_out`` (rows without an outcome, by table), ``not_used``
        (columns that are no predictors), ``groups`` (masks (n,) of the declared subgroups among
        the people tested) and ``survival``, None or such a mapping of its own.

        Where there is no reason: ``people`` and ``truth`` (n,) or (n, 2) of those tested, their
        predictions ``tstr``, ``trtr`` and ``null`` (models, n, ...), by models learnt from the
        synthetic rows, the training people and these with each column permuted; ``made``, the
        outcomes of the synthetic rows, and ``trts``, their predictions by models learnt from
        people; ``train``, the outcomes of the training people; ``levels`` of the outcome; ``own``,
        a mapping of ``tstr``, ``trtr`` and ``null`` to the rows that were left out of a second fit
        on the same table, a third, with their outcomes and predictions (``tstr`` alone for numbers
        and survival).
    """
    rng = np.random.default_rng(seed)
    subgroups = Subgroups.fit(train)
    plain, survival = task(train.schema), survival_task(train.schema)
    out = dict(_trial(plain, "none", (synthetic, train, test), subgroups, seed, rng))
    out["survival"] = (
        None
        if survival is None
        else _trial(survival, "survival", (synthetic, train, test), subgroups, seed, rng)
    )
    return out


def _trial(
    task: Task | CannotJudge,
    kind: str,
    tables: tuple[Table, Table, Table],
    subgroups: Subgroups,
    seed: int,
    rng: np.random.Generator,
) -> Figures:
    if isinstance(task, CannotJudge):
        return _none(kind, task.reason, tables[2], subgroups)
    names = ("synthetic", "train", "test")
    left_out = {k: len(t) - len(task.known(t)) for k, t in zip(names, tables, strict=True)}
    made, real, held = (_with_outcome(t, task, rng) for t in tables)
    reason = _reason(task, made, real, held)
    out = {
        "kind": task.kind,
        "left_out": left_out,
        "not_used": [] if task.time is None else [task.time.name],
    }
    if reason:
        return {**_none(task.kind, reason, held, subgroups), **out}
    return {
        **out,
        "reason": "",
        "groups": subgroups.masks(held),
        "levels": task.outcome.levels,
        "people": held.people,
        "truth": task.truth(held),
        "made": task.truth(made),
        "train": task.truth(real),
        **_predictions(task, made, real, held, seed, rng),
    }


def _none(kind: str, reason: str, held: Table, subgroups: Subgroups) -> Figures:
    return {
        "kind": kind,
        "reason": reason,
        "left_out": {},
        "not_used": [],
        "groups": subgroups.masks(held),
    }


def _with_outcome(table: Table, task: Task, rng: np.random.Generator) -> Table:
    rows = task.known(table)
    most = MOST_SURVIVAL if task.kind == "survival" else MOST
    if len(rows) > most:
        rows = np.sort(rng.permutation(rows)[:most])
    return table.take(rows)


def _reason(task: Task, made: Table, real: Table, held: Table) -> str:
    """Say why nothing can be judged; nothing if it can."""
    if min(len(made), len(real), len(held)) < LEAST:
        return f"fewer than {LEAST} rows have an outcome"
    truth = task.truth(held)
    if task.kind == "survival":
        events = len(np.unique(held.people[truth[:, 1] > 0]))
        return f"fewer than {FEWEST} people held out had the event" if events < FEWEST else ""
    return "the people held out all have one outcome" if len(np.unique(truth)) < 2 else ""


def _predictions(
    task: Task, made: Table, real: Table, held: Table, seed: int, rng: np.random.Generator
) -> Figures:
    loose = independent_columns(real, rng)
    (tstr,) = task.predict(made, [held], seed)
    trtr, trts = task.predict(real, [held, made], seed)
    (null,) = task.predict(loose, [held], seed)
    own = {"tstr": _own(task, made, seed, rng)}
    if task.kind == "classes":  # where thresholds come from
        own |= {"trtr": _own(task, real, seed, rng), "null": _own(task, loose, seed, rng)}
    return {"tstr": tstr, "trtr": trtr, "null": null, "trts": trts, "own": own}


def _own(task: Task, table: Table, seed: int, rng: np.random.Generator) -> Figures:
    """Return a third of a table's rows, by person, as models see them that learnt from the rest."""
    people, at = np.unique(table.people, return_inverse=True)
    if len(people) < 3:
        people = at = np.arange(len(table))
    out: Bools = (rng.permutation(len(people)) % 3 == 0)[at.ravel()]
    (predicted,) = task.predict(table.take(~out), [table.take(out)], seed)
    return {"rows": np.flatnonzero(out), "truth": task.truth(table)[out], "predicted": predicted}
