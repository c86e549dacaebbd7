"""Take a finding's detail apart: what has the shape of a table becomes one, the rest are lines.

Details are written by many audits, each with its own keys. What is read here is the shape alone:
figures by name that share their names stand side by side (a column beside its floor), mappings of
mappings and lists of mappings are tables already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salus.synth.report.wording import number

__all__ = ["FLOOR", "Grid", "cell", "grids", "is_estimate", "with_intervals"]

FLOOR = " of fresh real people"
"""What the key of a floor ends in: the same figures for real people nothing was learnt from."""
_INTERVAL = " interval"
_FIRST = ("number", "name", "real", "synthetic")  # else columns stand in the order of the file
_MOST = 60  # rows of one table; the rest is in audit.json
_SHARED = 0.5  # of the names, from which two lists of figures stand in one table


@dataclass(frozen=True)
class Grid:
    """Hold one table of texts.

    Parameters
    ----------
    title : str
        Empty where the heading above it says enough.
    head : tuple of str
    rows : tuple of tuple of str
        Each as long as the head.
    left_out : int
        Rows that are in ``audit.json`` alone.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def grids(detail: Mapping[str, Any]) -> tuple[list[Grid], dict[str, Any]]:
    """Return the tables in a detail, and what is none.

    A key that ends in ``FLOOR`` stands beside the key without it. Rows come with the widest gap
    from the floor first, else in their own order.
    """
    flat = {k: v for k, v in detail.items() if _is_flat(v) and not is_estimate(v)}
    out = [_side_by_side(names, flat) for names in _together(flat)]
    rest: dict[str, Any] = {}
    for key, value in detail.items():
        if key in flat:
            continue
        if isinstance(value, Mapping) and value and all(_is_record(v) for v in value.values()):
            out.append(_records(key, list(value.values()), list(value)))
        elif isinstance(value, list) and value and all(_is_record(v) for v in value):
            out.append(_records(key, value, None))
        else:
            rest[key] = value
    return out, rest


def cell(value: Any) -> str:
    """Write one value for a cell: a figure with its interval, a reason, a list, a word."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if is_estimate(value):
        if "cannot_judge" in value:
            return str(value["cannot_judge"])
        middle = value["estimate"] if "estimate" in value else value["value"]
        return f"{number(middle)} ({number(value['low'])} to {number(value['high'])})"
    if isinstance(value, list):
        return (" to " if _is_ends(value) else ", ").join(cell(v) for v in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {cell(v)}" for k, v in value.items())
    return str(value)


def is_estimate(value: Any) -> bool:
    """Tell whether a value is an estimate with its interval, or the reason why there is none."""
    if not isinstance(value, Mapping):
        return False
    figure = any({name, "low", "high"} <= set(value) for name in ("value", "estimate"))
    return figure or "cannot_judge" in value


def with_intervals(record: Mapping[str, Any]) -> dict[str, Any]:
    """Join each figure with the interval that stands beside it as ``NAME interval``."""
    out: dict[str, Any] = {}
    for key, value in record.items():
        base = key.removesuffix(_INTERVAL)
        if base != key and _is_number(record.get(base)) and _is_ends(value):
            continue
        ends: Any = record.get(f"{key}{_INTERVAL}")
        if _is_number(value) and _is_ends(ends):
            out[key] = {"value": value, "low": ends[0], "high": ends[1]}
        else:
            out[key] = value
    return out


def _is_ends(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(v) for v in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_cell(value: Any) -> bool:
    simple = value is None or isinstance(value, str | int | float | bool) or is_estimate(value)
    listed = isinstance(value, list) and all(isinstance(v, str | int | float) for v in value)
    return simple or (listed and len(value) <= 6)


def _is_flat(value: Any) -> bool:
    """Tell whether a value is figures by name."""
    if not isinstance(value, Mapping) or not value:
        return False
    return all(v is None or _is_number(v) or is_estimate(v) for v in value.values())


def _is_record(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value or is_estimate(value):
        return False
    return all(_is_cell(v) for v in value.values())


def _together(flat: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Gather the keys whose figures have most of their names in common."""
    out: list[list[str]] = []
    for key in sorted(flat, key=lambda k: (k.removesuffix(FLOOR) not in flat, _place(k, flat))):
        for names in out:
            one, other = set(flat[names[0]]), set(flat[key])
            if len(one & other) >= _SHARED * len(one | other):
                names.append(key)
                break
        else:
            out.append([key])
    return out


def _place(key: str, flat: Mapping[str, Any]) -> tuple[int, bool]:
    """Sort a floor right behind what it is the floor of."""
    keys = list(flat)
    base = key.removesuffix(FLOOR)
    return keys.index(base if base in flat else key), key.endswith(FLOOR)


def _side_by_side(names: Sequence[str], flat: Mapping[str, Mapping[str, Any]]) -> Grid:
    first, floor = flat[names[0]], flat.get(f"{names[0]}{FLOOR}", {})
    rows = list(dict.fromkeys(row for name in names for row in flat[name]))
    if floor:
        rows.sort(key=lambda r: -_gap(first.get(r), floor.get(r)))
    head = ("", *(_headed(name, names[0]) for name in names))
    body = [(row, *(cell(flat[name].get(row)) for name in names)) for row in rows]
    title = names[0] if len(names) > 1 or names[0] != "columns" else ""
    return _grid(title, head, body)


def _headed(name: str, first: str) -> str:
    if name == first:
        return "figure"
    return FLOOR.strip().removeprefix("of ") if name == f"{first}{FLOOR}" else name


def _gap(one: Any, other: Any) -> float:
    a, b = _figure(one), _figure(other)
    return 0.0 if a is None or b is None else abs(a - b)


def _figure(value: Any) -> float | None:
    value = value.get("value") if isinstance(value, Mapping) else value
    return float(value) if _is_number(value) else None


def _records(title: str, records: Sequence[Mapping[str, Any]], names: Sequence[str] | None) -> Grid:
    records = [with_intervals(record) for record in records]
    keys = [
        key
        for key in dict.fromkeys(key for record in records for key in record)
        if any(record.get(key) not in (None, "") for record in records)  # else nothing to read
    ]
    keys.sort(key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    body = [tuple(cell(record.get(key)) for key in keys) for record in records]
    if names is None:
        return _grid(title, tuple(keys), body)
    return _grid(title, ("", *keys), [(n, *row) for n, row in zip(names, body, strict=True)])


def _grid(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Grid:
    return Grid(title, head, tuple(rows[:_MOST]), max(0, len(rows) - _MOST))
