"""Read and evaluate the small expressions of clinical rules, without running any code.

An expression is parsed with ``ast`` and walked over a closed list of constructs:

- columns by name; in backticks where a name holds blanks, dots or a Python word: `` `blood sugar` ``
- numbers and quoted texts; ``+ - * / ** // %``; ``abs ceil exp floor log max min round sqrt``
- ``== != < <= > >=`` (also chained), ``in ('a', 'b')``, ``not in``, ``and or not``
- ``missing(column)``, which is the only way to speak about missing cells

Columns of levels are texts beside a text and numbers beside a number (where every level is one);
ordered levels compare in their order. Dates compare with a quoted date; in arithmetic dates count
days and datetimes seconds. Anything else that touches a missing cell, or has no finite value, is
*unknown* for that row.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from salus.synth.table.rule_operand import (
    Fault,
    Floats,
    Levels,
    Mask,
    Numbers,
    Operand,
    Truth,
    as_numbers,
    column_of,
    compare,
    in_all,
    on_one_clock,
)
from salus.synth.table.table import Table

__all__ = ["Expression"]

_SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
# each with the fewest and the most arguments it takes
_FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "abs": (np.abs, 1, 1),
    "ceil": (np.ceil, 1, 1),
    "exp": (np.exp, 1, 1),
    "floor": (np.floor, 1, 1),
    "log": (np.log, 1, 1),
    "max": (lambda *a: np.maximum.reduce(np.broadcast_arrays(*a)), 2, 9),
    "min": (lambda *a: np.minimum.reduce(np.broadcast_arrays(*a)), 2, 9),
    "round": (np.round, 1, 1),
    "sqrt": (np.sqrt, 1, 1),
}
_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`([^`]*)`""")
_LONGEST = 2_000  # characters; an expression of a clinical rule has a few dozen
_LARGEST = 400  # parts; keeps the walk down the tree shallow


@dataclass(frozen=True)
class Expression:
    """Hold a parsed expression.

    Parameters
    ----------
    text : str
        As written.

    Raises
    ------
    Fault
        If the text can't be parsed, holds a construct that isn't allowed, or names no column.

    Examples
    --------
    >>> Expression("weight / (`body height`/100)**2").columns
    ('weight', 'body height')

    """

    text: str
    columns: tuple[str, ...] = field(init=False, compare=False)
    _tree: ast.expr = field(init=False, compare=False, repr=False)
    _names: Mapping[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise Fault("the expression must be a non-empty text.")
        if len(self.text) > _LONGEST:
            raise Fault(f"the expression is longer than {_LONGEST} characters.")
        plain, names = _without_backticks(self.text)
        tree = _parsed(plain.strip(), self.text)
        nodes = list(ast.walk(tree))
        called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
        spoken = [n for n in nodes if isinstance(n, ast.Name) and id(n) not in called]
        spoken.sort(key=lambda n: (n.lineno, n.col_offset))
        found = dict.fromkeys(names.get(n.id, n.id) for n in spoken)
        if not found:
            raise Fault(f"{self.text!r} names no column.")
        object.__setattr__(self, "columns", tuple(found))
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "_names", names)

    def truth(self, table: Table) -> tuple[Mask, Mask]:
        """Return where the condition is true (n,) and where it is known (n,)."""
        found = self._evaluate(self._tree, table)
        if not isinstance(found, Truth):
            raise Fault(f"{self.text!r} is not a condition.", remedy="Compare it with something.")
        return _full(found.values & found.known, table), _full(found.known, table)

    def numbers(self, table: Table) -> tuple[Floats, Mask]:
        """Return the values (n,) and where they are known and finite (n,)."""
        found = as_numbers(self._evaluate(self._tree, table), self.text)
        known = found.known & np.isfinite(found.values)
        return np.broadcast_to(found.values, (len(table),)), _full(known, table)

    def _evaluate(self, node: ast.expr, table: Table) -> Operand:
        """Return what a node of the tree stands for in a table."""
        with np.errstate(all="ignore"):  # a value that isn't finite counts as unknown
            match node:
                case ast.Name():
                    return column_of(table, self._names.get(node.id, node.id))
                case ast.Constant(value=str() as text):
                    return text
                case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                    return Numbers.single(number)
                case ast.UnaryOp(op=ast.Not()):
                    inside = self._condition(node.operand, table)
                    return Truth(~inside.values, inside.known)
                case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign):
                    operand = self._number(node.operand, table)
                    factor = -1.0 if isinstance(sign, ast.USub) else 1.0
                    return Numbers(factor * operand.values, operand.known)
                case ast.BinOp() if type(node.op) in _ARITHMETIC:
                    left, right = on_one_clock(
                        self._number(node.left, table), self._number(node.right, table)
                    )
                    value = _ARITHMETIC[type(node.op)](left.values, right.values)
                    return Numbers(value, left.known & right.known)
                case ast.BoolOp():
                    parts = [self._condition(v, table) for v in node.values]
                    join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
                    return Truth(
                        join.reduce(np.broadcast_arrays(*(p.values for p in parts))),
                        in_all(*(p.known for p in parts)),
                    )
                case ast.Compare():
                    return self._comparison(node, table)
                case ast.Call():
                    return self._call(node, table)
        raise Fault(
            f"{self.text!r} holds something that rules don't allow.",
            remedy="Use columns, numbers, quoted texts, arithmetic, comparisons, and, or, not.",
        )

    def _number(self, node: ast.expr, table: Table) -> Numbers:
        return as_numbers(self._evaluate(node, table), self.text)

    def _condition(self, node: ast.expr, table: Table) -> Truth:
        found = self._evaluate(node, table)
        if not isinstance(found, Truth):
            raise Fault(
                f"a part of {self.text!r} beside 'and', 'or' or 'not' is not a condition.",
                remedy="Write each part as a comparison, such as sex == 'f'.",
            )
        return found

    def _comparison(self, node: ast.Compare, table: Table) -> Truth:
        terms, parts = [node.left, *node.comparators], []
        for left, sign, right in zip(terms, node.ops, terms[1:], strict=False):
            item = self._evaluate(left, table)
            if isinstance(sign, ast.In | ast.NotIn):
                parts.append(self._member(item, right, table, isinstance(sign, ast.NotIn)))
            elif type(sign) in _SIGNS:
                parts.append(compare(item, _SIGNS[type(sign)], self._evaluate(right, table)))
            else:
                raise Fault(f"{self.text!r} holds 'is'.", remedy="Use == or missing(column).")
        values = in_all(*(p.values for p in parts))
        return Truth(values, in_all(*(p.known for p in parts)))

    def _member(self, item: Operand, group: ast.expr, table: Table, outside: bool) -> Truth:
        if not (isinstance(group, ast.Tuple | ast.List | ast.Set) and group.elts):
            raise Fault(f"{self.text!r}: 'in' needs a list.", remedy="Such as sex in ('f', 'm').")
        parts = [compare(item, "==", self._evaluate(e, table)) for e in group.elts]
        values = np.logical_or.reduce(np.broadcast_arrays(*(p.values for p in parts)))
        return Truth(values ^ outside, in_all(*(p.known for p in parts)))

    def _call(self, node: ast.Call, table: Table) -> Operand:
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if name == "missing" and len(node.args) == 1 and not node.keywords:
            found = self._evaluate(node.args[0], table)
            if not isinstance(found, Numbers | Levels) or not isinstance(node.args[0], ast.Name):
                raise Fault(f"{self.text!r}: missing() takes one column.")
            return Truth(~found.known, np.ones(len(table), dtype=bool))
        if name not in _FUNCTIONS or node.keywords:
            raise Fault(
                f"{self.text!r} calls something that rules don't know.",
                remedy=f"Known: {', '.join([*_FUNCTIONS, 'missing'])}.",
            )
        function, fewest, most = _FUNCTIONS[name]
        if not fewest <= len(node.args) <= most:
            raise Fault(f"{self.text!r}: {name}() takes {fewest} to {most} arguments.")
        parts = [self._number(a, table) for a in node.args]
        return Numbers(function(*(p.values for p in parts)), in_all(*(p.known for p in parts)))


def _parsed(plain: str, text: str) -> ast.expr:
    """Return the tree of an expression; ``text`` is the expression as its author wrote it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on style are not about the rule
            tree = ast.parse(plain, mode="eval").body
        nodes = list(ast.walk(tree))
        [float(n.value) for n in nodes if isinstance(n, ast.Constant) and type(n.value) is int]
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        raise Fault(
            f"{text!r} is not an expression.",
            remedy="Write it like age >= 18 and sex == 'f'; a column whose name holds blanks, dots "
            "or a Python word goes between backticks.",
        ) from None
    if len(nodes) > _LARGEST:
        raise Fault(f"the expression has more than {_LARGEST} parts.", remedy="Split the rule.")
    return tree


def _full(mask: Mask, table: Table) -> Mask:
    return np.broadcast_to(mask, (len(table),)).copy()


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Replace `names in backticks` by plain ones, and return what each stands for."""
    prefix = "column_"
    while prefix in text:
        prefix += "_"
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group(0)  # a quoted text
        plain = f"{prefix}{len(names)}"
        names[plain] = match.group(1)
        return plain

    return _TOKEN.sub(stand_in, text), names
