"""From an analysis and a sheet of columns to the numbers that a model is fitted on."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salus.synth.audit.replication.formula import Analysis, Kind, optional
from salus.synth.audit.replication.sheet import Sheet
from salus.synth.audit.replication.values import evaluate, truth
from salus.synth.errors import OptionError
from salus.synth.table.spelling import numbers_as_text

__all__ = ["Design", "Plan", "make_plan"]

Floats = NDArray[np.float64]
_MOST_LEVELS = 40  # of a column that is explained by; more are a name or a code
_INTERCEPT = "Intercept"


@dataclass(frozen=True, eq=False)
class Design:
    """Hold n complete rows.

    Parameters
    ----------
    names : tuple of str
        Of the p coefficients; ``Intercept`` is one.
    matrix : array (n, p)
    outcome : array (n,)
        Number, 0 or 1, or follow-up time.
    event : array (n,) or None
        1 where the follow-up ended with the event.
    people : int array (n,)
    rows : int
        Of the table, before incomplete rows were left out.
    """

    names: tuple[str, ...]
    matrix: Floats
    outcome: Floats
    event: Floats | None
    people: NDArray[np.int64]
    rows: int

    def __len__(self) -> int:
        return len(self.outcome)

    def take(self, rows: NDArray[np.bool_]) -> Design:
        """Return the rows where a mask holds."""
        event = None if self.event is None else self.event[rows]
        people = self.people[rows]
        return Design(
            self.names, self.matrix[rows], self.outcome[rows], event, people, int(rows.sum())
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """Hold how columns become numbers: what the real people decide for every table.

    Parameters
    ----------
    analysis : Analysis
    kind : {"logistic", "linear", "cox"}
    levels : mapping of str to tuple of str
        Of each factor that is no number; the first level is the one compared with.
    outcome_level, event_level : float or str or None
        What counts as 1 where the formula doesn't say.
    """

    analysis: Analysis
    kind: Kind
    levels: Mapping[str, tuple[str, ...]]
    outcome_level: float | str | None
    event_level: float | str | None

    def design(self, sheet: Sheet) -> Design:
        """Return the complete rows of a sheet; rows of levels that the real people lack go too."""
        found = self._outcomes(sheet)
        columns: dict[str, pd.Series[Any]] = {}
        complete = ~np.isnan(found[0])
        if found[1] is not None:
            complete &= ~np.isnan(found[1])
        for name, tree in self.analysis.factors.items():
            if name in self.levels:
                codes = _codes(sheet.labels[_column(tree)], self.levels[name])
                complete &= codes >= 0
                levels = pd.Index(self.levels[name])
                columns[name] = pd.Series(pd.Categorical.from_codes(codes, categories=levels))
            else:
                values = evaluate(tree, sheet)
                complete &= ~np.isnan(values)
                columns[name] = pd.Series(values)
        frame = pd.DataFrame(columns)[complete].reset_index(drop=True)
        names, matrix = self._matrix(frame)
        event = None if found[1] is None else found[1][complete]
        return Design(names, matrix, found[0][complete], event, sheet.people[complete], len(sheet))

    def _outcomes(self, sheet: Sheet) -> tuple[Floats, Floats | None]:
        outcome, event = self.analysis.outcome, self.analysis.event
        if self.kind == "linear":
            return evaluate(outcome, sheet), None
        if self.kind == "logistic":
            return _binary(outcome, self.outcome_level, sheet), None
        assert event is not None
        return evaluate(outcome, sheet), _binary(event, self.event_level, sheet)

    def _matrix(self, frame: pd.DataFrame) -> tuple[tuple[str, ...], Floats]:
        """Return the coded terms; Cox's model has no intercept, but its factors are coded as if."""
        if not len(frame):
            return (), np.zeros((0, 0))
        terms = [":".join(term) or "1" for term in self.analysis.terms]
        if self.kind == "cox" and "1" not in terms:
            terms = ["1", *terms]
        formula = " + ".join(terms if "1" in terms else ["0", *terms])
        made: Any = optional("formulaic").model_matrix(formula, frame)
        names = [self._called(str(c)) for c in made.columns]
        kept = [k for k, n in enumerate(names) if self.kind != "cox" or n != _INTERCEPT]
        return tuple(names[k] for k in kept), np.asarray(made, dtype=float)[:, kept]

    def _called(self, coded: str) -> str:
        spelled = re.sub(r"factor\d+", lambda m: self.analysis.spelled[m.group(0)], coded)
        return spelled.replace("[T.", "[")


def make_plan(analysis: Analysis, real: Sheet, kind: str = "auto") -> Plan:
    """Decide from the real people which model the formula means, and the levels of its factors.

    Raises
    ------
    OptionError
        If the outcome doesn't suit the model, or a factor has too many levels.
    """
    levels = {
        name: _levels_of(tree, real)
        for name, tree in analysis.factors.items()
        if _is_label(tree, real)
    }
    if analysis.event is not None:
        _agree(kind, "cox", analysis)
        event = _level(analysis.event, real, analysis, "event")
        time = evaluate(analysis.outcome, real)
        if (time[~np.isnan(time)] < 0).any():
            raise OptionError("the follow-up time is negative in some row.")
        return Plan(analysis, "cox", levels, None, event)
    if kind == "cox":
        raise OptionError(
            "a Cox model needs a time and an event.",
            remedy="Such as: Surv(days, status == 'dead') ~ age",
        )
    found: Kind = "logistic" if _is_binary(analysis.outcome, real) else "linear"
    if kind == "linear" and not _is_text(analysis.outcome, real):
        found = "linear"
    if _is_text(analysis.outcome, real):
        found = "logistic"
    _agree(kind, found, analysis)
    level = _level(analysis.outcome, real, analysis, "outcome") if found == "logistic" else None
    return Plan(analysis, found, levels, level, None)


def _agree(kind: str, found: str, analysis: Analysis) -> None:
    if kind not in ("auto", found):
        raise OptionError(
            f"{analysis.text!r} is a {found} analysis, not {kind!r}.",
            remedy="Write the outcome as a comparison for a logistic model, or leave 'kind' out.",
        )


def _is_text(tree: ast.expr, sheet: Sheet) -> bool:
    return isinstance(tree, ast.Name) and tree.id not in sheet.numbers


def _is_binary(tree: ast.expr, sheet: Sheet) -> bool:
    if isinstance(tree, ast.Compare):
        return True
    if _is_text(tree, sheet):
        return True
    values = evaluate(tree, sheet)
    return len(np.unique(values[~np.isnan(values)])) == 2


def _level(tree: ast.expr, sheet: Sheet, analysis: Analysis, what: str) -> float | str | None:
    """Return the value that counts as 1: the schema's event, or the higher of two."""
    if isinstance(tree, ast.Compare):
        return None
    if isinstance(tree, ast.Name) and tree.id in sheet.events:
        return sheet.events[tree.id]
    there: list[Any]
    if isinstance(tree, ast.Name) and tree.id not in sheet.numbers:
        there = list(sheet.levels[tree.id])
    else:
        values = evaluate(tree, sheet)
        there = np.unique(values[~np.isnan(values)]).tolist()
    if len(there) > 2 or not there:
        raise OptionError(
            f"the {what} of {analysis.text!r} has {len(there)} values; two are needed.",
            remedy="Say which one counts, such as: status == 'dead' ~ age",
        )
    if len(there) == 1 and there[0] == 0:
        return 1.0  # nobody had the event
    chosen: float | str = there[-1]
    return chosen


def _binary(tree: ast.expr, level: float | str | None, sheet: Sheet) -> Floats:
    if isinstance(tree, ast.Compare):
        return truth(tree, sheet)
    if isinstance(level, str):
        assert isinstance(tree, ast.Name)
        labels = sheet.labels[tree.id]
        gone = np.array([t is None for t in labels], dtype=bool)
        return np.where(gone, np.nan, (labels == level).astype(float))
    values = evaluate(tree, sheet)
    return np.where(np.isnan(values), np.nan, (values == level).astype(float))


def _codes(labels: NDArray[Any], levels: tuple[str, ...]) -> NDArray[np.intp]:
    """Return the level of each row (n,): -1 for a missing cell and a level not among them."""
    index = {level: k for k, level in enumerate(levels)}
    return np.array([index.get(t, -1) for t in labels], dtype=np.intp)


def _column(tree: ast.expr) -> str:
    inside = tree.args[0] if isinstance(tree, ast.Call) else tree
    assert isinstance(inside, ast.Name)
    return inside.id


def _is_label(tree: ast.expr, sheet: Sheet) -> bool:
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "C":
        return True
    return isinstance(tree, ast.Name) and tree.id not in sheet.numbers


def _levels_of(tree: ast.expr, sheet: Sheet) -> tuple[str, ...]:
    name = _column(tree)
    if name in sheet.levels:
        found = sheet.levels[name]
    else:
        values = np.unique(sheet.numbers[name])
        found = tuple(numbers_as_text(values[~np.isnan(values)], None))
    if not 2 <= len(found) <= _MOST_LEVELS:
        raise OptionError(
            f"the column has {len(found)} levels; a formula takes 2 to {_MOST_LEVELS}.",
            column=name,
            remedy="Take it out of the formula.",
        )
    return found
