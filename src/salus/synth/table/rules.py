"""Clinical rules: what every row of a table obeys, as objects that are checked and explained.

==============================  ====================================================================
``{"rule": "range", ...}``      ``column`` between ``low`` and ``high`` (either may be left out)
``{"rule": "order", ...}``      ``columns`` from lowest to highest; ``"strict": true`` forbids ties
``{"rule": "implication", ..}`` ``if`` one condition, ``then`` another
``{"rule": "formula", ...}``    ``column`` ``equals`` an expression, up to a ``tolerance``
``{"rule": "combinations", }``  the values of ``columns`` are one of the rows of ``allowed``
==============================  ====================================================================

A rule says nothing about a row in which one of its cells is missing: there it holds. Only
``missing(column)`` in a condition speaks about missing cells. A formula whose value isn't finite
(a division by zero) says nothing about that row either. The columns of an order are compared two
by two, so a missing one does not hide a contradiction between the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from salus.synth.errors import RuleError
from salus.synth.table.rule_kinds import AllowedCombinations, Formula, Implication, Order, Range
from salus.synth.table.rule_operand import Mask
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = [
    "AllowedCombinations",
    "Formula",
    "Implication",
    "Order",
    "Range",
    "Rule",
    "RuleCheck",
    "check",
    "parse",
    "rules_of",
]


@runtime_checkable
class Rule(Protocol):
    """Demand something of every row."""

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        ...

    def describe(self) -> str:
        """Return the rule as one sentence for people."""
        ...

    def judged(self, table: Table) -> Mask:
        """Return the rows (n,) that it says something about."""
        ...

    def holds(self, table: Table) -> Mask:
        """Return the rows (n,) that obey it, those it says nothing about included."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as the JSON object that ``parse`` reads."""
        ...


@dataclass(frozen=True)
class RuleCheck:
    """Count how often a table breaks a rule.

    Parameters
    ----------
    rule : Rule
    judged : int
        Rows that the rule says something about.
    violations : int
        Rows that break it.
    rows : tuple of int
        The first of these, counted from 1 below the header.

    """

    rule: Rule
    judged: int
    violations: int
    rows: tuple[int, ...]

    def __str__(self) -> str:
        if not self.violations:
            return f"{self.rule.describe()}: holds in all {self.judged} rows judged."
        shown = ", ".join(map(str, self.rows)) + (", …" if self.violations > len(self.rows) else "")
        return (
            f"{self.rule.describe()}: broken in {self.violations} of {self.judged} rows judged "
            f"(rows {shown}). Correct those rows, or relax the rule."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; no row numbers, so that no single person is pointed at."""
        return {
            "rule": self.rule.describe(),
            "judged": self.judged,
            "violations": self.violations,
        }


def check(table: Table, rules: Sequence[Rule], *, show: int = 10) -> tuple[RuleCheck, ...]:
    """Count the rows of a table that break each rule, and number the first ``show`` of them."""
    checks = []
    for rule in rules:
        broken = np.flatnonzero(~rule.holds(table))
        rows = tuple(int(i) + 1 for i in broken[:show])
        checks.append(RuleCheck(rule, int(rule.judged(table).sum()), len(broken), rows))
    return tuple(checks)


_KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {  # needed, optional
    "range": (frozenset({"column"}), frozenset({"low", "high"})),
    "order": (frozenset({"columns"}), frozenset({"strict"})),
    "implication": (frozenset({"if", "then"}), frozenset()),
    "formula": (frozenset({"column", "equals"}), frozenset({"tolerance"})),
    "combinations": (frozenset({"columns", "allowed"}), frozenset()),
}


def parse(data: Mapping[str, Any], schema: Schema) -> Rule:
    """Build a rule from its JSON object and try it on the schema's columns.

    Raises
    ------
    RuleError
        If the object isn't a rule, or names a column or level that the schema doesn't have.

    Examples
    --------
    >>> from salus.synth.table.schema import Column
    >>> schema = Schema([Column(name="age", kind="integer")])
    >>> parse({"rule": "range", "column": "age", "low": 0, "high": 110}, schema).describe()
    'age lies between 0 and 110'

    """
    kind = data.get("rule") if isinstance(data, Mapping) else None
    if not isinstance(kind, str) or kind not in _KEYS:
        raise RuleError(
            "a rule must be a JSON object whose key 'rule' is one of those known.",
            remedy=f"Known: {', '.join(_KEYS)}.",
        )
    needed, optional = _KEYS[kind]
    given = set(data) - {"rule"}
    wrong = sorted(given - needed - optional) or sorted(needed - given)
    if wrong:
        raise RuleError(
            f"the key {wrong[0]!r} of a rule {kind!r} is "
            f"{'missing' if wrong[0] in needed else 'unknown'}.",
            remedy=f"Needed: {', '.join(sorted(needed))}; "
            f"optional: {', '.join(sorted(optional)) or 'none'}.",
        )
    rule = _build(kind, data)
    rule.holds(_no_rows(schema))
    return rule


def rules_of(schema: Schema) -> tuple[Rule, ...]:
    """Return the rules that a schema states, tried on its columns."""
    return tuple(parse(data, schema) for data in schema.rules)


def _build(kind: str, data: Mapping[str, Any]) -> Rule:
    """Build the rule of one kind from an object whose keys are right."""
    match kind:
        case "range":
            column = _text(data["column"], "column", kind)
            return Range(column, data.get("low"), data.get("high"))
        case "order":
            return Order(data["columns"], bool(data.get("strict", False)))
        case "implication":
            return Implication(_text(data["if"], "if", kind), _text(data["then"], "then", kind))
        case "formula":
            equals = _text(data["equals"], "equals", kind)
            tolerance = data.get("tolerance", 0.0)
            return Formula(_text(data["column"], "column", kind), equals, tolerance)
    return AllowedCombinations(data["columns"], data["allowed"])


def _no_rows(schema: Schema) -> Table:
    """Return a table of the schema without rows, on which a rule meets every column's kind."""
    return Table(schema, {c.name: np.empty(0) for c in schema.modelled})


def _text(value: Any, key: str, kind: str) -> str:
    if not isinstance(value, str) or not value:
        raise RuleError(f"the key {key!r} of a rule {kind!r} must be a non-empty text.")
    return value
