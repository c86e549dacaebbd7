"""What one column is: a proposal of kind, levels, missing codes and spelling, with its reason."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import TableError
from salus.synth.table.cells import Cells
from salus.synth.table.codec import EMPTY_SPELLINGS
from salus.synth.table.dates import read_as_date
from salus.synth.table.naming import (
    named_like_id,
    named_like_label,
    named_like_person,
    opaque,
)
from salus.synth.table.schema import Column
from salus.synth.table.special import MISSING_WORDS, far_codes, zero_hint
from salus.synth.table.spelling import number_style, parse_numbers

__all__ = ["propose"]

_FEW_LEVELS = 10  # whole numbers with no more values than this are grades, not measurements
_MANY_ROWS = 50  # ... if so many rows show no more of them
_FEW_TOKENS = 5  # words in a column of numbers that may be missing codes
_CODE = re.compile(r"[A-Za-z]{1,3}-?\d+(\.\d+)?")  # V57, E909.1: letters of a coding system
_ENOUGH = 20  # values that must be all different before "all different" means anything


def propose(name: str, cells: Cells) -> Column:
    """Return the proposal for one column.

    Raises
    ------
    TableError
        If most cells are numbers or dates and others are neither, nor missing codes.
    """
    return _propose(_Facts.of(name, cells))


@dataclass(frozen=True, eq=False)
class _Facts:
    """What a column shows: its distinct texts, how often each stands, and the numbers they are."""

    name: str
    cells: Cells
    counts: NDArray[np.int64]
    numbers: NDArray[np.float64]  # NaN where the text is none

    @classmethod
    def of(cls, name: str, cells: Cells) -> _Facts:
        return cls(name, cells, cells.counts, parse_numbers(cells.texts))

    @property
    def texts(self) -> tuple[str, ...]:
        return self.cells.texts

    @property
    def filled(self) -> int:
        return int(self.counts.sum())

    def keep(self, mask: NDArray[np.bool_]) -> _Facts:
        """Return the facts of the cells whose text is marked; the others count as empty."""
        kept = np.flatnonzero(mask)
        lookup = np.full(len(mask) + 1, -1, dtype=np.int64)
        lookup[kept] = np.arange(len(kept))
        cells = Cells(lookup[self.cells.codes], tuple(self.texts[k] for k in kept))
        return _Facts(self.name, cells, self.counts[kept], self.numbers[kept])


def _propose(facts: _Facts) -> Column:
    """Return the proposal for one column: kind, levels, missing codes, spelling, reason."""
    blank = np.array([t in EMPTY_SPELLINGS for t in facts.texts], dtype=bool)
    core = facts.keep(~blank)
    codes = tuple(t for t, b in zip(facts.texts, blank, strict=True) if b)
    column = _nothing(core) or _dates(core) or _numbers(core) or _words(core)
    if not codes or not (column.is_numeric or column.is_levelled):
        return column
    note = f"{len(codes)} spelling(s) of an empty cell are kept as missing codes"
    return replace(
        column, missing_codes=(*codes, *column.missing_codes), reason=f"{column.reason}; {note}"
    )


def _nothing(facts: _Facts) -> Column | None:
    if facts.filled:
        return None
    return Column(name=facts.name, kind="categorical", reason="no cell holds a value")


def _dates(facts: _Facts) -> Column | None:
    found = read_as_date(facts.name, facts.cells, facts.counts)
    if found is None:
        return None
    if len(facts.texts) - len(found.codes) < 2:
        return _constant(facts, found.codes)
    return Column(
        name=facts.name,
        kind=found.kind,
        date_format=found.date_format,
        missing_codes=found.codes,
        reason=found.reason,
    )


# ---------------------------------------------------------------- numbers


def _numbers(facts: _Facts) -> Column | None:
    """Propose a column of numbers, perhaps with words among them as missing codes."""
    is_number = ~np.isnan(facts.numbers)
    if not is_number.any() or _unsafe(facts):
        return None
    words = _words_among_numbers(facts, is_number)
    if words is None:
        return None
    core = facts.keep(is_number)
    identifier = _identifier_of_numbers(core)
    if identifier:
        return Column(name=facts.name, kind="identifier", reason=identifier)
    far = far_codes(core.numbers, core.counts)
    codes = (*words, *(core.texts[k] for k in np.flatnonzero(far)))
    reasons = []
    if words:
        reasons.append(f"{len(words)} word(s) among the numbers are taken for missing codes")
    if far.any():
        reasons.append(
            f"{int(far.sum())} repeated number(s) far outside the rest, such as surveys use for "
            "'not known', are taken for missing codes: " + ", ".join(_nameable(core, far))
        )
    column = _kind_of_numbers(core.keep(~far))
    return replace(
        column, missing_codes=codes, reason="; ".join([column.reason, *filter(None, reasons)])
    )


def _unsafe(facts: _Facts) -> bool:
    """Whether numbers would lose something: leading zeros, or more digits than are kept."""
    for text, value in zip(facts.texts, facts.numbers.tolist(), strict=True):
        digits = text.lstrip("+-")
        if not math.isnan(value) and len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            return True
        if abs(value) >= 2**53 and digits.isdigit():
            return True
    return False


def _words_among_numbers(facts: _Facts, is_number: NDArray[np.bool_]) -> tuple[str, ...] | None:
    """Return the words that are missing codes, None if the column isn't one of numbers.

    Raises
    ------
    TableError
        If most cells are numbers and the others are neither codes nor levels.
    """
    strange = np.flatnonzero(~is_number)
    known = [t.casefold() in MISSING_WORDS for t in facts.texts]
    open_ = np.array([k for k in strange if not known[k]], dtype=np.intp)
    if not len(open_):
        return tuple(facts.texts[k] for k in strange)
    distinct = int(is_number.sum())
    cells = int(facts.counts[is_number].sum())
    repeated = bool((facts.counts[open_] >= 2).all()) and len(open_) <= _FEW_TOKENS
    with_digits = any(any(ch.isdigit() for ch in facts.texts[k]) for k in open_)
    mostly = cells >= 0.5 * facts.filled
    if mostly and repeated and distinct > 2 and (distinct > 2 * _FEW_LEVELS or not with_digits):
        return tuple(facts.texts[k] for k in strange)
    infinite = [k for k in open_ if facts.texts[k].casefold().lstrip("+-") in ("inf", "infinity")]
    if mostly and infinite:
        raise TableError(
            "the number is infinite.",
            column=facts.name,
            row=facts.cells.row(int(infinite[0])),
            remedy="Leave the cell empty, or give a missing code such as 999.",
        )
    lettered = len(open_) > 1 and all(_CODE.fullmatch(facts.texts[k]) for k in open_)
    coded = (len(open_) > _FEW_TOKENS and facts.counts[open_].mean() >= 2) or (
        lettered and cells >= 3 * distinct
    )
    if distinct <= 2 * _FEW_LEVELS or not mostly or coded:
        return None  # levels such as 1, 2, 3a; or a coding system such as ICD-9
    raise TableError(
        f"{int(facts.counts[open_].sum())} cell(s) of this column of numbers hold none, "
        "the first in this row.",
        column=facts.name,
        row=min(facts.cells.row(int(k)) for k in open_[:50]),
        remedy="Correct the cells, or list them as 'missing_codes' (or declare the column "
        "categorical) in a schema: salus schema TABLE -o schema.json.",
    )


def _identifier_of_numbers(facts: _Facts) -> str | None:
    values, n = facts.numbers, facts.filled
    if (values != np.rint(values)).any() or len(values) < 2:
        return None
    share = len(values) / n
    enough = len(values) >= _ENOUGH
    if named_like_id(facts.name) and (share == 1 or (enough and share >= 0.2)):
        return f"named like an identifier, {len(values)} different whole numbers in {n} cells"
    if named_like_label(facts.name) and enough and share >= 0.95:
        return f"named like a label, {len(values)} different whole numbers in {n} cells"
    if enough and share == 1 and values.max() - values.min() + 1 == len(values):
        return "whole numbers in sequence, one for each row"
    if enough and share >= 0.99 and np.abs(values).min() >= 1e6:
        return "long whole numbers, nearly each of them once"
    return None


def _kind_of_numbers(facts: _Facts) -> Column:
    distinct = np.unique(facts.numbers)
    if len(distinct) < 2:
        return _constant(facts, ())
    whole = bool((distinct == np.rint(distinct)).all())
    if len(distinct) == 2:
        return Column(
            name=facts.name,
            kind="boolean",
            levels=_spellings(facts, distinct),
            reason="two different numbers",
        )
    if len(distinct) <= _FEW_LEVELS and facts.filled >= _MANY_ROWS:
        return Column(
            name=facts.name,
            kind="ordinal",
            levels=_spellings(facts, distinct),
            reason=f"{len(distinct)} different numbers in {facts.filled} cells: taken for grades "
            "in their order (make it categorical if they are codes without order)",
        )
    decimals, style = number_style(facts.texts)
    hint = zero_hint(facts.numbers, facts.counts)
    note = f"; {hint}" if hint else ""
    if whole:
        return Column(
            name=facts.name,
            kind="integer",
            decimals=0,
            number_style=None if style == "shortest" or (decimals or 0) > 0 else style,
            reason=f"whole numbers, {len(distinct)} different ones{note}",
        )
    places = "full precision" if decimals is None else f"up to {decimals} decimals"
    return Column(
        name=facts.name,
        kind="continuous",
        decimals=decimals,
        number_style=None if style == "shortest" else style,
        reason=f"numbers with {places}, {len(distinct)} different ones{note}",
    )


def _spellings(facts: _Facts, distinct: NDArray[np.float64]) -> tuple[str, ...]:
    """Return the most frequent spelling of each number: 1 and 1.0 are one level."""
    order = np.argsort(-facts.counts, kind="stable")
    spelling: dict[float, str] = {}
    for k in order:
        spelling.setdefault(float(facts.numbers[k]), facts.texts[k])
    return tuple(spelling[v] for v in distinct.tolist())


def _nameable(facts: _Facts, mask: NDArray[np.bool_]) -> list[str]:
    """Return the marked texts that at least five rows carry, and how many more there are."""
    common = [facts.texts[k] for k in np.flatnonzero(mask & (facts.counts >= 5))]
    rest = int(mask.sum()) - len(common)
    return [*common, f"{rest} rarer"] if rest else common


# ---------------------------------------------------------------- words


def _words(facts: _Facts) -> Column:
    missing = np.array([t.casefold() in MISSING_WORDS for t in facts.texts], dtype=bool)
    core = facts.keep(~missing)
    codes = tuple(t for t, m in zip(facts.texts, missing, strict=True) if m)
    refused = _not_modelled(core)
    if refused:
        return refused
    note = f"; {len(codes)} word(s) that say 'not known' are taken for missing codes"
    levels = tuple(sorted(core.texts))
    if not levels:
        return Column(
            name=facts.name, kind="categorical", missing_codes=codes, reason="only missing codes"
        )
    if len(levels) == 1:
        return _constant(core, codes)
    if len(levels) == 2:
        kind, reason = "boolean", "two different values"
    else:
        kind, reason = "categorical", f"{len(levels)} different texts in {core.filled} cells"
    return Column(
        name=facts.name,
        kind="boolean" if kind == "boolean" else "categorical",
        levels=levels,
        missing_codes=codes,
        reason=reason + (note if codes else ""),
    )


def _not_modelled(facts: _Facts) -> Column | None:
    """Return identifier or text if the column holds what must not be modelled."""
    distinct, n = len(facts.texts), facts.filled
    if distinct < 2:
        return None
    share = distinct / n
    lengths = np.array([len(t) for t in facts.texts])
    blanks = np.array([t.count(" ") for t in facts.texts])
    if share >= 0.5 and distinct >= 5 and lengths.mean() >= 30 and (blanks >= 2).mean() >= 0.5:
        return Column(
            name=facts.name,
            kind="text",
            reason=f"{lengths.mean():.0f} characters on average, {distinct} different texts in "
            f"{n} cells",
        )
    named_ = named_like_id(facts.name) and (share == 1 or (distinct >= _ENOUGH and share >= 0.2))
    person = named_like_person(facts.name) and distinct >= min(_ENOUGH, n)
    why = (
        "the texts are e-mail addresses, UUIDs, hashes or telephone numbers"
        if opaque(facts.texts)
        else "named like a person's name or address"
        if person
        else "named like an identifier"
        if named_
        else "nearly each text stands once"
        if share >= 0.95 and distinct >= 10
        else None
    )
    if why is None:
        return None
    reason = f"{why}; {distinct} different texts in {n} cells"
    return Column(name=facts.name, kind="identifier", reason=reason)


def _constant(facts: _Facts, codes: tuple[str, ...]) -> Column:
    levels = [t for t in facts.texts if t not in codes]
    return Column(
        name=facts.name,
        kind="categorical",
        levels=tuple(levels[:1]),
        missing_codes=codes,
        reason="one value in all filled cells" if levels else "no cell holds a value",
    )
