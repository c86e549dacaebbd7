"""Every error that Salus raises on purpose, as one tree.

    SalusError
    ├── BadInput (ValueError)            the user's input; the command line ends with status 2
    │   ├── TableError                   a file or table that can't be read or modelled
    │   ├── SchemaError                  a schema that contradicts itself or the table
    │   ├── RuleError                    a rule that can't be parsed, or that real rows break
    │   └── OptionError                  an option, budget or argument outside its domain
    ├── TooFewPeople (ValueError)        nothing can be judged at this size; status 4
    ├── Infeasible (RuntimeError)        no setting meets the constraints
    ├── NotFitted (RuntimeError)         a model was asked for rows before ``fit``
    └── MissingExtra (ImportError)       an optional part isn't installed

A message says what is wrong, where (column, row, rule, option), and what to do. It never
quotes a patient's value: rows are named by number, columns by name.
"""

from __future__ import annotations

__all__ = [
    "BadInput",
    "Infeasible",
    "MissingExtra",
    "NotFitted",
    "OptionError",
    "RuleError",
    "SalusError",
    "SchemaError",
    "TableError",
    "TooFewPeople",
]


class SalusError(Exception):
    """Say what went wrong, where, and what to do about it.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence.
    column : str, optional
        Name of the column concerned.
    row : int, optional
        Row concerned, counted from 1 below the header.
    remedy : str, optional
        What the user can do.
    """

    def __init__(
        self,
        message: str,
        *,
        column: str | None = None,
        row: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.column = column
        self.row = row
        self.remedy = remedy
        where = [f"column {column!r}"] if column is not None else []
        where += [f"row {row}"] if row is not None else []
        text = f"{', '.join(where)}: {message}" if where else message
        super().__init__(f"{text} {remedy}" if remedy else text)


class BadInput(SalusError, ValueError):
    """Report input that the user has to change."""


class TableError(BadInput):
    """Report a file or table that can't be read or modelled."""


class SchemaError(BadInput):
    """Report a schema that contradicts itself or its table."""


class RuleError(BadInput):
    """Report a clinical rule that can't be parsed or that the real table breaks."""


class OptionError(BadInput):
    """Report an option, budget or argument outside its domain."""


class TooFewPeople(SalusError, ValueError):
    """Report that a table holds too few people for the question asked."""


class Infeasible(SalusError, RuntimeError):
    """Report that no setting meets the constraints."""


class NotFitted(SalusError, RuntimeError):
    """Report that a model was used before it was fitted."""


class MissingExtra(SalusError, ImportError):
    """Report an optional part that isn't installed, and the extra that brings it."""
