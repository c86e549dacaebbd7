"""Read the formula of a published analysis, without running any code.

An analysis is written as in R:

- ``death ~ age + log(bili) + C(stage)``, logistic for an outcome of two values, else linear;
- ``status == "dead" ~ age * sex``, logistic, with the level that is the event;
- ``Surv(days, status == "dead") ~ age + sex``, Cox's proportional hazards.

The terms are joined by ``+ - : * ** /`` and brackets, as Wilkinson & Rogers (1973,
doi:10.2307/2346786) defined them; formulaic takes them apart. What a term holds is parsed with
``ast`` and walked over a closed list: columns, numbers, ``+ - * / **``, and ``C I abs exp log log10
log2 sqrt``. Names with blanks go between backticks. Nothing is ever handed to ``eval``.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from salus.synth.audit.replication.values import ARITHMETIC, FUNCTIONS, SIGNS
from salus.synth.errors import MissingExtra, OptionError

__all__ = ["Analysis", "Kind", "optional", "parse"]

Kind = Literal["logistic", "linear", "cox"]
_LONGEST = 1_000  # characters
_MOST_TERMS = 200
_LARGEST = 200  # parts of one factor
_QUOTED = re.compile(r"""'[^'\\]*'|"[^"\\]*"|`([^`]*)`""")
_POWER = re.compile(r"(?:\*\*|\^)\s*(\d+)")
_ALLOWED = "columns, numbers, + - * / : ** ( ) and C I abs exp log log10 log2 sqrt"


@dataclass(frozen=True)
class Analysis:
    """Hold a formula taken apart.

    Parameters
    ----------
    text : str
        As written.
    outcome : ast.expr
        What is explained: the follow-up time for a survival analysis.
    event : ast.expr or None
        Second part of ``Surv(time, event)``.
    factors : mapping of str to ast.expr
        Each different factor under a name of its own, ``factor0`` and so on.
    terms : tuple of tuple of str
        The names of the factors that each term multiplies; an empty term is the intercept.
    columns : tuple of str
    spelled : mapping of str to str
        Each factor as written.
    """

    text: str
    outcome: ast.expr
    event: ast.expr | None
    factors: Mapping[str, ast.expr]
    terms: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    spelled: Mapping[str, str]


def optional(module: str) -> Any:
    """Import a module of the extra ``replicate``.

    Raises
    ------
    MissingExtra
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{module.partition('.')[0]} isn't installed, which fits published analyses.",
            remedy="Install it with: pip install 'salus[replicate]'",
        ) from error


def parse(text: str) -> Analysis:
    """Take a formula apart.

    Raises
    ------
    OptionError
        If it isn't a formula, or holds something that isn't allowed, which the message names.
    MissingExtra
        Without formulaic.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise OptionError(
            f"a formula is a text of at most {_LONGEST} characters.",
            remedy="Such as: death ~ age + log(bili)",
        )
    plain, names = _without_backticks(text)
    left, sign, right = plain.partition("~")
    if not sign or not left.strip() or not right.strip() or "~" in right:
        raise _unreadable(text)
    outcome, event = _outcome(_expression(left, names, text), text)
    terms = _terms(right, text)
    known: dict[str, str] = {}  # factor as text: its name
    for term in terms:
        for factor in term:
            known.setdefault(factor, f"factor{len(known)}")
    factors = {alias: _expression(factor, names, text) for factor, alias in known.items()}
    for tree in factors.values():
        _check_factor(tree, text)
    trees = [outcome, *([] if event is None else [event]), *factors.values()]
    return Analysis(
        text=text.strip(),
        outcome=outcome,
        event=event,
        factors=factors,
        terms=tuple(tuple(known[f] for f in term) for term in terms),
        columns=tuple(dict.fromkeys(n for t in trees for n in _columns(t))),
        spelled={a: ast.unparse(tree) for a, tree in factors.items()},
    )


# ---------------------------------------------------------------- reading


def _terms(right: str, text: str) -> list[tuple[str, ...]]:
    """Return the factors of each term, as formulaic expands them; it evaluates nothing here."""
    strange = sorted(set(right) & set("|{}[]%;@&!$#\\?'\"=<>"))
    if strange:
        raise _refused(repr(strange[0]), text)
    if any(int(power) > 3 for power in _POWER.findall(_outside_calls(right))):
        raise _refused("a power of terms above 3", text)
    formulaic = optional("formulaic")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expanded = list(formulaic.Formula(right.strip()))
        terms = [
            tuple(f.expr for f in t.factors if f.eval_method.name != "LITERAL") for t in expanded
        ]
    except Exception as error:  # its errors have no common parent, and quote in colours
        raise _unreadable(text) from error
    if len(terms) > _MOST_TERMS:
        raise OptionError(f"the formula has more than {_MOST_TERMS} terms.")
    if not any(terms):
        raise OptionError(
            f"{text.strip()!r} explains the outcome by nothing.", remedy="Name at least one column."
        )
    return terms


def _outside_calls(text: str) -> str:
    """Return the formula without what stands in I(...), log(...) and the like."""
    out, depth, call = [], 0, 0
    for k, sign in enumerate(text):
        if sign == "(":
            depth += 1
            if not call and k and (text[k - 1].isalnum() or text[k - 1] == "_"):
                call = depth
        out.append(" " if call else sign)
        if sign == ")":
            call = 0 if depth == call else call
            depth -= 1
    return "".join(out)


def _outcome(tree: ast.expr, text: str) -> tuple[ast.expr, ast.expr | None]:
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "Surv":
        if len(tree.args) != 2 or tree.keywords:
            raise OptionError(
                f"{text.strip()!r}: Surv takes a time and an event.",
                remedy='Such as: Surv(days, status == "dead") ~ age',
            )
        time, event = tree.args
        _check(time, text)
        _check_outcome(event, text)
        return time, event
    _check_outcome(tree, text)
    return tree, None


def _check_outcome(tree: ast.expr, text: str) -> None:
    """Refuse all but arithmetic and one comparison."""
    if not isinstance(tree, ast.Compare):
        _check(tree, text)
        return
    if len(tree.ops) != 1 or not isinstance(tree.ops[0], (*SIGNS, ast.In)):
        raise _refused("this comparison", text)
    _check(tree.left, text)
    right = tree.comparators[0]
    if isinstance(tree.ops[0], ast.In) != isinstance(right, ast.Tuple):
        raise _refused("'in' without a list, or a list without 'in'", text)
    for one in right.elts if isinstance(right, ast.Tuple) else [right]:
        if not (isinstance(one, ast.Constant) and isinstance(one.value, str)):
            _check(one, text)


def _check_factor(tree: ast.expr, text: str) -> None:
    match tree:
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name()], keywords=[]):
            return
        case _:
            _check(tree, text)


def _check(tree: ast.expr, text: str) -> None:
    """Refuse everything that isn't arithmetic of columns and numbers."""
    match tree:
        case ast.Name():
            return
        case ast.Constant(value=int() | float() as value) if _is_number(value):
            return
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, text)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in ARITHMETIC:
            _check(left, text)
            _check(right, text)
        case ast.Call(func=ast.Name(id=name), args=[inside], keywords=[]) if name in FUNCTIONS:
            _check(inside, text)
        case ast.Call(func=ast.Name(id=name)):
            raise _refused(f"{name}(...) in this form", text)
        case _:
            raise _refused(repr(ast.unparse(tree)), text)


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and abs(value) < 1e300


def _expression(part: str, names: Mapping[str, str], text: str) -> ast.expr:
    """Return the tree of a part of the formula, in which every name is a column's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(part.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _unreadable(text) from error
    if sum(1 for _ in ast.walk(tree)) > _LARGEST:  # keeps the walks down the tree shallow
        raise OptionError(f"{text.strip()!r} has a part with more than {_LARGEST} signs.")
    return _Columns(names).visit(tree)  # type: ignore[no-any-return]


class _Columns(ast.NodeTransformer):
    """Put columns' names in the place of stand-ins, and of dotted names such as alk.phos."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(id=self.names.get(node.id, node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        inside = self.visit(node.value)
        if isinstance(inside, ast.Name):
            return ast.Name(id=f"{inside.id}.{node.attr}")
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.args = [self.visit(a) for a in node.args]
        return node


def _columns(tree: ast.expr) -> list[str]:
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Replace `names in backticks` by stand-ins, and return what each stands for."""
    prefix = "column_"
    while prefix in text:
        prefix += "_"
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group(0)
        plain = f"{prefix}{len(names)}"
        names[plain] = match.group(1)
        return plain

    return _QUOTED.sub(stand_in, text), names


def _unreadable(text: str) -> OptionError:
    return OptionError(
        f"{text.strip()!r} is no formula.",
        remedy="Write it like: death ~ age + log(bili), or: Surv(days, status == 'dead') ~ age. "
        "Names with blanks go between backticks.",
    )


def _refused(what: str, text: str) -> OptionError:
    return OptionError(
        f"{text.strip()!r} holds {what}, which formulas don't allow.",
        remedy=f"Allowed: {_ALLOWED}.",
    )
