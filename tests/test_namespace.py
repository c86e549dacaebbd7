"""The public names are there, sorted, documented, and load on first use."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import salus
from salus.synth import errors


def modules() -> list[str]:
    return [m.name for m in pkgutil.walk_packages(salus.__path__, "salus.")]


def test_all_is_sorted_and_complete() -> None:
    assert salus.__all__ == sorted(salus.__all__)
    assert dir(salus) == salus.__all__
    assert set(salus.__all__) == set(salus._HOMES) | set(salus._MODULES) | {"__version__"}


@pytest.mark.parametrize("name", salus.__all__)
def test_every_public_name_loads_and_is_documented(name: str) -> None:
    value = getattr(salus, name)
    if name == "__version__":
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", value)
        return
    assert value is getattr(salus, name)
    assert inspect.getdoc(value)
    if name in salus._HOMES:
        assert value.__name__ == name
        assert value.__module__ == salus._HOMES[name]
        assert name in importlib.import_module(value.__module__).__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Privacy'"):
        _ = salus.Privacy
    assert not hasattr(salus, "annotations_of")


def test_type_checkers_see_the_same_names() -> None:
    """Each lazy name is imported from its home under TYPE_CHECKING too."""
    text = Path(salus.__file__).read_text(encoding="utf-8")
    for name, home in salus._HOMES.items():
        assert re.search(rf"from {re.escape(home)} import .*\b{name}\b", text), name


@pytest.mark.parametrize("name", [m for m in modules() if not m.endswith("__main__")])
def test_every_module_imports_and_has_what_it_names(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])  # its order is ruff's: RUF022
    assert len(set(public)) == len(public)
    assert [n for n in public if not hasattr(module, n)] == []


def test_a_fresh_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, salus; heavy = {'numpy', 'pandas', 'scipy', 'sklearn', 'pyarrow', 'rich', "
        "'typer', 'jinja2', 'joblib'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(salus.__file__).parent / "py.typed").is_file()


def test_the_tree_of_errors_is_the_one_drawn() -> None:
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"\b[A-Z]\w+(?=\s|\n|$)", errors.__doc__)) & set(errors.__all__)
    assert drawn == set(errors.__all__)
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.SalusError)
    for name in ("TableError", "SchemaError", "RuleError", "OptionError"):
        assert issubclass(getattr(errors, name), errors.BadInput)
        assert issubclass(getattr(errors, name), ValueError)
