"""The values of a checked expression in the rows of a sheet: a walk over a closed list of signs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.replication.sheet import Sheet
from salus.synth.errors import OptionError
from salus.synth.table.spelling import numbers_as_text, parse_numbers

__all__ = ["ARITHMETIC", "FUNCTIONS", "SIGNS", "evaluate", "truth"]

Floats = NDArray[np.float64]
FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "I": lambda x: x,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "sqrt": np.sqrt,
}
ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
SIGNS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def evaluate(tree: ast.expr, sheet: Sheet) -> Floats:
    """Return the numbers (n,) of an expression, NaN where a part is missing or undefined."""
    with np.errstate(all="ignore"):
        found = np.broadcast_to(np.asarray(_number(tree, sheet), float), (len(sheet),)).copy()
    found[~np.isfinite(found)] = np.nan
    return found


def truth(tree: ast.expr, sheet: Sheet) -> Floats:
    """Return 1 where a comparison holds, 0 where not and NaN where a cell is missing, (n,)."""
    assert isinstance(tree, ast.Compare)
    (sign,), (right,) = tree.ops, tree.comparators
    wanted = right.elts if isinstance(right, ast.Tuple) else [right]
    if any(isinstance(w, ast.Constant) and isinstance(w.value, str) for w in wanted) or (
        isinstance(tree.left, ast.Name) and tree.left.id not in sheet.numbers
    ):
        return _among(tree.left, sign, wanted, sheet)
    left = evaluate(tree.left, sheet)
    against = [evaluate(w, sheet) for w in wanted]
    compare = SIGNS[ast.Eq if isinstance(sign, ast.In) else type(sign)]
    held = np.logical_or.reduce([compare(left, a) for a in against])
    gone = np.isnan(left) | np.logical_or.reduce([np.isnan(a) for a in against])
    return np.where(gone, np.nan, held.astype(float))


def _among(left: ast.expr, sign: ast.cmpop, wanted: list[ast.expr], sheet: Sheet) -> Floats:
    """Return where a column's label is one of the texts (n,), or is none of them."""
    if not (
        isinstance(left, ast.Name)
        and isinstance(sign, ast.Eq | ast.NotEq | ast.In)
        and all(isinstance(w, ast.Constant) for w in wanted)
    ):
        raise OptionError(
            "texts can only be compared by ==, != or in, a column with its levels.",
            remedy='Such as: status == "dead"',
        )
    given = [w.value for w in wanted if isinstance(w, ast.Constant)]
    texts = [str(v) for v in given]
    by_value = parse_numbers(  # 2, 2.0 and "2.0" are one number; "007" is a code
        [t for t, v in zip(texts, given, strict=True) if not isinstance(v, str)]
        if left.id not in sheet.numbers
        else texts
    )
    known = {*texts, *numbers_as_text(by_value[~np.isnan(by_value)], None)}
    labels = sheet.labels[left.id]
    gone = np.array([t is None for t in labels], dtype=bool)
    held = np.array([t in known for t in labels], dtype=bool)
    return np.where(gone, np.nan, (held ^ isinstance(sign, ast.NotEq)).astype(float))


def _number(tree: ast.expr, sheet: Sheet) -> Any:
    match tree:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            if name not in sheet.numbers:
                raise OptionError(
                    "the column holds texts, and the formula takes it for numbers.",
                    column=name,
                    remedy='Compare it with a level, such as status == "dead", or leave it alone.',
                )
            return sheet.numbers[name]
        case ast.UnaryOp(operand=operand):
            return -_number(operand, sheet)
        case ast.BinOp(left=left, op=sign, right=right):
            return ARITHMETIC[type(sign)](_number(left, sheet), _number(right, sheet))
        case ast.Call(func=ast.Name(id=name), args=[inside]):
            return FUNCTIONS[name](_number(inside, sheet))
    raise AssertionError("the formula was checked before")
