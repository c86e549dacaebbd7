"""Tell what was made from these people before, and what was asked of their data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salus.synth.report.breakdown import Grid, cell, grids

__all__ = ["earlier_grid", "ledger_grids", "ledger_lines"]

_KEYS = ("earlier", "earlier releases", "earlier_releases")


def earlier_grid(full: Mapping[str, Any]) -> Grid | None:
    """Return the earlier releases of the same people as a table; ``None`` if none is known."""
    context = full["audit"]["context"]
    earlier: Any = full.get("earlier") or next((context[k] for k in _KEYS if context.get(k)), [])
    records = [e if isinstance(e, Mapping) else {"release": e} for e in _listed(earlier)]
    if not records:
        return None
    keys = list(dict.fromkeys(key for record in records for key in record))
    rows = [tuple(cell(record.get(key)) for key in keys) for record in records]
    return Grid("", tuple(keys), tuple(rows))


def ledger_lines(full: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the ledger says in single figures, a name and a text each."""
    return [(key, cell(value)) for key, value in grids(_ledger(full))[1].items()]


def ledger_grids(full: Mapping[str, Any]) -> list[Grid]:
    """Return what the ledger holds as tables, such as its queries."""
    return grids(_ledger(full))[0]


def _ledger(full: Mapping[str, Any]) -> Mapping[str, Any]:
    ledger = full.get("ledger") or full["audit"]["context"].get("ledger") or {}
    return ledger if isinstance(ledger, Mapping) else {"entries": ledger}


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [{"release": k, **v} if isinstance(v, Mapping) else v for k, v in value.items()]
    return list(value) if isinstance(value, list | tuple) else [value]
