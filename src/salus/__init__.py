"""Make synthetic health tables that are released only when every privacy limit is shown to hold.

>>> import salus
>>> table = salus.datasets.load_pbc()
>>> len(table), table.schema.outcome.name
(418, 'status')

All names below load on first use, so that ``import salus`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what ``__getattr__`` finds, for type checkers and editors
    from importlib.metadata import version as _version

    from salus import datasets, scorers, testing
    from salus.synth import errors
    from salus.synth.audit.run import audit
    from salus.synth.budget import Budget
    from salus.synth.errors import BadInput, Infeasible, SalusError, TooFewPeople
    from salus.synth.generate.cart import Cart
    from salus.synth.generate.copula import Copula
    from salus.synth.generate.forest import Forest
    from salus.synth.generate.gan.generator import Gan
    from salus.synth.generate.marginals import Marginals
    from salus.synth.generate.net.generator import Net
    from salus.synth.generate.store import load_model
    from salus.synth.report.frontier import Frontier, frontier
    from salus.synth.report.released import Release, release
    from salus.synth.table.files import read_table, write_table
    from salus.synth.table.parts import split
    from salus.synth.table.schema import Schema

    __version__: str = _version("salus")

__all__ = [
    "BadInput",
    "Budget",
    "Cart",
    "Copula",
    "Forest",
    "Frontier",
    "Gan",
    "Infeasible",
    "Marginals",
    "Net",
    "Release",
    "SalusError",
    "Schema",
    "TooFewPeople",
    "__version__",
    "audit",
    "datasets",
    "errors",
    "frontier",
    "load_model",
    "read_table",
    "release",
    "scorers",
    "split",
    "testing",
    "write_table",
]

_HOMES = {
    "BadInput": "salus.synth.errors",
    "Budget": "salus.synth.budget",
    "Cart": "salus.synth.generate.cart",
    "Copula": "salus.synth.generate.copula",
    "Forest": "salus.synth.generate.forest",
    "Frontier": "salus.synth.report.frontier",
    "Gan": "salus.synth.generate.gan.generator",
    "Infeasible": "salus.synth.errors",
    "Marginals": "salus.synth.generate.marginals",
    "Net": "salus.synth.generate.net.generator",
    "Release": "salus.synth.report.released",
    "SalusError": "salus.synth.errors",
    "Schema": "salus.synth.table.schema",
    "TooFewPeople": "salus.synth.errors",
    "audit": "salus.synth.audit.run",
    "frontier": "salus.synth.report.frontier",
    "load_model": "salus.synth.generate.store",
    "read_table": "salus.synth.table.files",
    "release": "salus.synth.report.released",
    "split": "salus.synth.table.parts",
    "write_table": "salus.synth.table.files",
}
_MODULES = {
    "datasets": "salus.datasets",
    "errors": "salus.synth.errors",
    "scorers": "salus.scorers",
    "testing": "salus.testing",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    elif name == "__version__":
        from importlib.metadata import version

        value = version("salus")
    else:
        raise AttributeError(f"module 'salus' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
