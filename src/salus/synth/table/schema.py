"""What each column of a table is: kind, unit, range, levels, missing codes, role.

A schema is data: inferred with reasons (``infer.py``), written as JSON, corrected by a person
and kept under version control.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from salus.synth.errors import SchemaError

__all__ = ["Column", "Kind", "Role", "Schema"]

Kind = Literal[
    "continuous",
    "integer",
    "ordinal",
    "categorical",
    "boolean",
    "date",
    "datetime",
    "identifier",
    "text",
]
Role = Literal["person", "outcome", "sensitive", "known", "group", "time"]

_NUMERIC: frozenset[str] = frozenset({"continuous", "integer", "date", "datetime"})
_LEVELLED: frozenset[str] = frozenset({"ordinal", "categorical", "boolean"})
FORMAT = "salus-schema/1"


@dataclass(frozen=True, kw_only=True)
class Column:
    """Describe one column.

    Parameters
    ----------
    name : str
        Name of the column, unique in the table.
    kind : Kind
        ``continuous``, ``integer``, ``date`` and ``datetime`` are numbers to the models (dates are
        days, datetimes seconds since 1970-01-01); ``ordinal``, ``categorical`` and ``boolean`` are
        levels; ``identifier`` and ``text`` are never modelled.
    levels : tuple of str
        The levels of a levelled column, as text; in their order where the kind is ordinal.
    missing_codes : tuple of str
        Cell texts that mean "missing for a stated reason" (``-9``, ``999``, ``unknown``). They are
        kept apart from the empty cell and from each other.
    unit : str, optional
        UCUM unit, such as ``mg/dL``; carried along, never converted.
    low, high : float, optional
        Range that the column may not leave (days or seconds for dates).
    decimals : int, optional
        Digits after the point that the published values carry; 0 for integers.
    number_style : {"shortest", "fixed", "point"}, optional
        How numbers are written: 4 and 1.5 (``shortest``, the default), 4.00 and 1.50 (``fixed``,
        always ``decimals`` digits) or 4.0 and 1.5 (``point``, never without a point).
    date_format : str, optional
        ``strftime`` format in which dates are read and written (``%-d``, ``%-m`` and ``%-H`` without
        a leading zero and ``%3f`` for milliseconds work on every system).
    roles : frozenset of Role
        ``person`` groups rows of one person; ``outcome`` is what models predict; ``sensitive``
        columns are guarded against inference; ``known`` ones an attacker may know (all columns that
        are not sensitive, if none is marked). ``group`` columns (sex, centre, age band) name the
        subgroups in which utility and privacy are compared; ``time`` is the follow-up time of a
        survival outcome.
    event : str, optional
        Of a survival outcome: the level that counts as the event; all others are censored.
    dropped : bool
        The decision to leave the column out of the model and of the release.
    reason : str
        Why the column was taken for what it is.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    missing_codes: tuple[str, ...] = ()
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    number_style: Literal["shortest", "fixed", "point"] | None = None
    date_format: str | None = None
    roles: frozenset[Role] = frozenset()
    event: str | None = None
    dropped: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise SchemaError("A column name must be a non-empty text.")
        if self.kind not in get_args(Kind):
            raise SchemaError(
                f"kind {self.kind!r} is unknown.",
                column=self.name,
                remedy=f"Use one of {', '.join(get_args(Kind))}.",
            )
        unknown = sorted(set(self.roles) - set(get_args(Role)))
        if unknown:
            raise SchemaError(
                f"role {unknown[0]!r} is unknown.",
                column=self.name,
                remedy=f"Use some of {', '.join(get_args(Role))}.",
            )
        if self.number_style not in (None, "shortest", "fixed", "point"):
            raise SchemaError(
                f"number_style {self.number_style!r} is unknown.",
                column=self.name,
                remedy="Use shortest, fixed or point.",
            )
        if len(set(self.levels)) != len(self.levels):
            raise SchemaError("a level is listed twice.", column=self.name, remedy="List it once.")
        if set(self.levels) & set(self.missing_codes):
            raise SchemaError(
                "a missing code is also listed as a level.",
                column=self.name,
                remedy="Keep it in one of the two lists.",
            )
        if self.event is not None and self.event not in self.levels:
            raise SchemaError(
                "the event is none of the column's levels.",
                column=self.name,
                remedy=f"Levels: {', '.join(self.levels[:20]) or 'none, the column is numeric'}.",
            )
        for bound in (self.low, self.high):
            if bound is not None and not math.isfinite(bound):
                raise SchemaError("low and high must be finite.", column=self.name)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise SchemaError("low is above high.", column=self.name, remedy="Swap them.")

    @property
    def is_numeric(self) -> bool:
        """Whether models see numbers (continuous, integer, date, datetime)."""
        return self.kind in _NUMERIC

    @property
    def is_levelled(self) -> bool:
        """Whether models see levels (ordinal, categorical, boolean)."""
        return self.kind in _LEVELLED

    @property
    def is_modelled(self) -> bool:
        """Whether the column takes part in the model and in the release."""
        return (
            not self.dropped
            and "person" not in self.roles
            and (self.is_numeric or self.is_levelled)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON values, defaults left out."""
        out: dict[str, Any] = {"name": self.name, "kind": self.kind}
        for key in ("unit", "low", "high", "decimals", "number_style", "date_format", "event"):
            if getattr(self, key) is not None:
                out[key] = getattr(self, key)
        if self.levels:
            out["levels"] = list(self.levels)
        if self.missing_codes:
            out["missing_codes"] = list(self.missing_codes)
        if self.roles:
            out["roles"] = sorted(self.roles)
        if self.dropped:
            out["dropped"] = True
        if self.reason:
            out["reason"] = self.reason
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Column:
        """Build a column from ``to_dict``'s form, refusing unknown keys."""
        known = set(cls.__dataclass_fields__)
        name = data.get("name")
        extra = sorted(set(data) - known)
        if extra:
            raise SchemaError(
                f"unknown key {extra[0]!r} in the schema.",
                column=name if isinstance(name, str) else None,
                remedy=f"Known keys: {', '.join(sorted(known))}.",
            )
        if "name" not in data or "kind" not in data:
            raise SchemaError("every column of a schema needs 'name' and 'kind'.")
        values = dict(data)
        for key in ("levels", "missing_codes"):
            values[key] = tuple(str(v) for v in values.get(key, ()))
        values["roles"] = frozenset(values.get("roles", ()))
        return cls(**values)


@dataclass(frozen=True)
class Schema:
    """Describe a table: its columns in order and the rules that its rows obey.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the file.
    rules : sequence of mapping
        Clinical rules as JSON objects; ``rules.parse`` turns them into ``Rule`` objects.
    """

    columns: tuple[Column, ...]
    rules: tuple[Mapping[str, Any], ...] = field(default=())

    def __init__(self, columns: Sequence[Column], rules: Sequence[Mapping[str, Any]] = ()) -> None:
        object.__setattr__(self, "columns", tuple(columns))
        object.__setattr__(self, "rules", tuple(dict(r) for r in rules))
        names = [c.name for c in self.columns]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise SchemaError("the name stands twice.", column=twice[0], remedy="Rename one.")
        for role in ("person", "outcome", "time"):
            holders = [c.name for c in self.columns if role in c.roles]
            if len(holders) > 1:
                raise SchemaError(
                    f"{len(holders)} columns have the role {role!r}: {', '.join(holders)}.",
                    remedy="Give it to one.",
                )

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(
            "the table has no such column.",
            column=name,
            remedy=f"Columns: {', '.join(self.names)}.",
        )

    def __contains__(self, name: object) -> bool:
        return any(c.name == name for c in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in order."""
        return tuple(c.name for c in self.columns)

    @property
    def modelled(self) -> tuple[Column, ...]:
        """The columns that models learn and releases hold, in order."""
        return tuple(c for c in self.columns if c.is_modelled)

    @property
    def outcome(self) -> Column | None:
        """The column with the role ``outcome``."""
        return next((c for c in self.columns if "outcome" in c.roles), None)

    @property
    def person(self) -> Column | None:
        """The column that groups rows by person."""
        return next((c for c in self.columns if "person" in c.roles), None)

    @property
    def time(self) -> Column | None:
        """The modelled column with the role ``time``: follow-up time of a survival outcome."""
        return next((c for c in self.modelled if "time" in c.roles), None)

    @property
    def groups(self) -> tuple[Column, ...]:
        """The modelled columns whose levels (or quartiles) are compared as subgroups."""
        return tuple(c for c in self.modelled if "group" in c.roles)

    @property
    def sensitive(self) -> tuple[Column, ...]:
        """The modelled columns declared sensitive."""
        return tuple(c for c in self.modelled if "sensitive" in c.roles)

    @property
    def known(self) -> tuple[Column, ...]:
        """What an attacker may know: the marked columns, or all modelled non-sensitive ones."""
        marked = tuple(c for c in self.modelled if "known" in c.roles)
        return marked or tuple(c for c in self.modelled if "sensitive" not in c.roles)

    def with_column(self, name: str, **changes: Any) -> Schema:
        """Return a schema in which one column has other properties."""
        column = replace(self[name], **changes)
        return Schema([column if c.name == name else c for c in self.columns], self.rules)

    def with_rules(self, rules: Sequence[Mapping[str, Any]]) -> Schema:
        """Return a schema with these rules in place of its own."""
        return Schema(self.columns, rules)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain JSON values."""
        out: dict[str, Any] = {"format": FORMAT, "columns": [c.to_dict() for c in self.columns]}
        if self.rules:
            out["rules"] = [dict(r) for r in self.rules]
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """Build a schema from ``to_dict``'s form."""
        if not isinstance(data, Mapping) or "columns" not in data:
            raise SchemaError("a schema is a JSON object with a list 'columns'.")
        if data.get("format", FORMAT) != FORMAT:
            raise SchemaError(
                f"the schema's format is {data['format']!r}.",
                remedy=f"This version reads {FORMAT}.",
            )
        return cls([Column.from_dict(c) for c in data["columns"]], data.get("rules", ()))

    def to_json(self) -> str:
        """Return the schema as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: str | Path) -> Schema:
        """Read a schema from a JSON file."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SchemaError(
                f"the schema file {str(path)!r} can't be read ({type(error).__name__}).",
                remedy="Write one with 'salus schema TABLE -o schema.json'.",
            ) from error
        return cls.from_dict(data)
