"""Draw exactly n rows that obey every rule, or say which rule stood in the way.

Rows are made to obey in two ways. A column with a formula is recomputed from the others, so it
holds by construction. Every other rule rejects: candidates that break one are thrown away and more
are drawn, in batches sized by the share accepted so far, until there are n or the cap is reached.
Rejection keeps the model's distribution, given the rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np

from salus.synth.errors import OptionError, RuleError
from salus.synth.generate.protocol import Sampled, Shortfall
from salus.synth.table.rule_kinds import published_decimals
from salus.synth.table.rules import Formula, Rule
from salus.synth.table.table import Table

__all__ = ["Draw", "enforce"]

Draw = Callable[[int, np.random.Generator], Table]
"""Draws a number of candidate rows."""


def enforce(
    draw: Draw,
    n: int,
    rules: Sequence[Rule],
    rng: np.random.Generator,
    *,
    keep: Collection[str] = (),
    candidates: int | None = None,
) -> Sampled:
    """Draw ``n`` rows that obey every rule.

    Numbers are rounded to the decimals that they are published with before a rule judges them, so
    that the rules hold in the file and not just in memory.

    Parameters
    ----------
    draw : callable
        ``draw(m, rng)`` returns a table of m candidate rows.
    n : int
        Rows wanted.
    rules : sequence of Rule
    rng : numpy.random.Generator
        The same state gives the same rows.
    keep : collection of str
        Columns that no formula may recompute, such as those of a condition.
    candidates : int, optional
        Cap on the rows drawn, 200 n + 10,000 by default. Drawing stops earlier where even a
        lucky run could not reach n before it.

    Returns
    -------
    Sampled
        Exactly n rows; or those that could be made, with a ``Shortfall``.

    Raises
    ------
    OptionError
        If ``n`` is negative.
    RuleError
        If formulas depend on each other in a circle, or two compute one column.

    """
    if n < 0:
        raise OptionError(f"the number of rows must be 0 or more, got {n}.")
    if n == 0:
        return Sampled(draw(1, rng).take(np.empty(0, dtype=np.int64)))
    if not rules:
        return Sampled(draw(n, rng))
    cap = 200 * n + 10_000 if candidates is None else max(n, candidates)
    tally = _Tally(rules, _in_order(rules, keep))
    kept: list[Table] = []
    size = min(n, cap)
    while size > 0:
        batch = draw(size, rng)
        if not len(batch):
            break
        kept.append(tally.sift(batch))
        size = _next_size(n, tally.accepted, tally.drawn, cap)
    table = _stacked(kept, n) if kept else batch
    if len(table) == n:
        return Sampled(table)
    return Sampled(table, tally.shortfall(n))


class _Tally:
    """Sift candidates and count what each rule costs."""

    def __init__(self, rules: Sequence[Rule], formulas: Sequence[Formula]) -> None:
        self.rules = rules
        self.formulas = formulas
        self.drawn = 0
        self.accepted = 0
        self.broken = np.zeros(len(rules), dtype=np.int64)  # candidates that break each rule
        self.alone = np.zeros(len(rules), dtype=np.int64)  # candidates that break just this one

    def sift(self, batch: Table) -> Table:
        """Return the candidates that obey every rule."""
        table = _published(batch)
        for formula in self.formulas:
            table = formula.apply(table)
        breaks = np.array([~rule.holds(table) for rule in self.rules])  # (rules, candidates)
        total = breaks.sum(axis=0)
        self.drawn += len(table)
        self.accepted += int((total == 0).sum())
        self.broken += breaks.sum(axis=1)
        self.alone += (breaks & (total == 1)).sum(axis=1)
        return table.take(total == 0)

    def shortfall(self, n: int) -> Shortfall:
        """Say which rule cost most, and what would help."""
        worst = int(np.argmax(self.broken)) if self.drawn else 0
        rate = self.accepted / self.drawn if self.drawn else 0.0
        share = self.broken[worst] / self.drawn if self.drawn else 0.0
        without = (self.accepted + self.alone[worst]) / self.drawn if self.drawn else 0.0
        gain = (
            f"without it {without:.2%} would do"
            if self.alone[worst]
            else "other rules stand in the way of the same rows"
        )
        some = f", or ask for at most {self.accepted} rows" if self.accepted else ""
        return Shortfall(
            asked=n,
            made=self.accepted,
            rule=self.rules[worst].name,
            accepted=rate,
            remedy=(
                f"This rule turns down {share:.2%} of the candidates; {gain}. Check it on the real "
                f"table and relax it{some}."
            ),
        )


def _next_size(n: int, accepted: int, drawn: int, cap: int) -> int:
    """Return how many candidates to draw next, 0 to stop."""
    wanted, left = n - accepted, cap - drawn
    if wanted <= 0 or left <= 0:
        return 0
    luckiest = min(1.0, (accepted + 3.0 * math.sqrt(accepted + 1.0) + 7.0) / drawn)
    if luckiest * left < wanted:
        return 0
    likely = (accepted + 0.5) / (drawn + 1.0)
    size = math.ceil(1.1 * wanted / likely) + 16
    return min(size, left, max(4 * n, 10_000))  # the last bound is one of memory


def _published(table: Table) -> Table:
    """Return the table with its numbers at the decimals that a file of it would show."""
    values = dict(table.values)
    for column in table.schema.modelled:
        digits = published_decimals(column) if column.is_numeric else None
        cells = values[column.name].astype(np.float64)
        if column.kind == "datetime":  # a format without seconds cuts them off
            unit = _clock(column.date_format)
            values[column.name] = np.floor(cells / unit) * unit
        elif digits is not None:  # + 0.0 turns -0 into 0
            values[column.name] = np.round(cells, digits) + 0.0
    return Table(table.schema, values, table.states, table.people)


def _clock(date_format: str | None) -> int:
    """Return the seconds in the finest unit that a format of datetimes shows."""
    if date_format is None or any(sign in date_format for sign in ("%S", "%T", "%X", "%c")):
        return 1
    if any(sign in date_format for sign in ("%M", "%R")):
        return 60
    return 3600 if any(sign in date_format for sign in ("%H", "%I")) else 86_400


def _in_order(rules: Sequence[Rule], keep: Collection[str]) -> tuple[Formula, ...]:
    """Return the formulas such that each comes after those that it is computed from."""
    waiting = [r for r in rules if isinstance(r, Formula)]
    targets = [f.column for f in waiting]
    twice = sorted({c for c in targets if targets.count(c) > 1})
    if twice:
        raise RuleError("two formulas compute it.", column=twice[0], remedy="Drop one of them.")
    ordered: list[Formula] = []
    while waiting:
        open_columns = {f.column for f in waiting}
        ready = [f for f in waiting if not open_columns & set(f.inputs)]
        if not ready:
            raise RuleError(
                f"the formulas of {', '.join(sorted(open_columns))} depend on each other in a "
                "circle.",
                remedy="Drop one of them.",
            )
        ordered += ready
        waiting = [f for f in waiting if f not in ready]
    return tuple(f for f in ordered if f.column not in keep)


def _stacked(tables: Sequence[Table], n: int) -> Table:
    """Return the first ``n`` rows of some tables, people numbered anew."""
    people, first = [], 0
    for table in tables:
        people.append(table.people - table.people.min() + first if len(table) else table.people)
        first = int(people[-1].max()) + 1 if len(table) else first
    joined = Table.concat(tables).take(np.arange(min(n, sum(map(len, tables)))))
    numbers = np.unique(np.concatenate(people)[: len(joined)], return_inverse=True)[1]
    return Table(joined.schema, joined.values, joined.states, numbers.astype(np.int64))
