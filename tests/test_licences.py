"""The licence check walks the runtime dependencies and lets nothing else pass."""

from __future__ import annotations

import importlib.util
import sys
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "checks" / "licences.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["licences"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


licences = load()
POLICY = licences.Policy.read()


class Package(Distribution):
    """Stand for an installed package."""

    def __init__(self, fields: dict[str, str | list[str]], requires: tuple[str, ...] = ()) -> None:
        self._message = Message()
        self._message["Version"] = "1.0"
        for key, value in fields.items():
            for one in [value] if isinstance(value, str) else value:
                self._message[key] = one
        self._requires = list(requires)

    @property
    def metadata(self):
        return self._message

    @property
    def requires(self):
        return self._requires

    def read_text(self, filename):
        return None

    def locate_file(self, path):
        return Path(path)


def judged(**fields: str | list[str]) -> list[str]:
    package = Package({k.replace("_", "-"): v for k, v in fields.items()})
    return licences.objections({"thing": package}, POLICY)


def test_what_is_installed_here_passes() -> None:
    packages = licences.closure()
    assert {"numpy", "pandas", "pyarrow", "scikit-learn", "typer"} <= set(packages)
    assert not {"pytest", "ruff", "torch"} & set(packages)
    assert licences.objections(packages, POLICY) == []


@pytest.mark.parametrize(
    "expression",
    ["MIT", "Apache-2.0 OR GPL-3.0-only", "(MIT OR GPL-2.0-only) AND BSD-2-Clause"],
)
def test_an_allowed_expression_passes(expression: str) -> None:
    assert judged(License_Expression=expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-only",
        "MIT AND LGPL-2.1-only",
        "BUSL-1.1",
        "BSD-3-Clause-Clear",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MIT AND",
        "0BSD",  # numpy's exception is numpy's alone
    ],
)
def test_anything_else_fails(expression: str) -> None:
    (line,) = judged(License_Expression=expression)
    assert "thing 1.0" in line and expression in line


def test_old_metadata_is_read() -> None:
    approved = "License :: OSI Approved :: "
    assert judged(Classifier=[approved + "MIT License"]) == []
    assert judged(License="Apache 2.0") == []
    assert judged(Classifier=[approved + "GNU General Public License v3 (GPLv3)"])
    both = [approved + "MIT License", approved + "GNU General Public License v3 (GPLv3)"]
    assert judged(Classifier=both), "several classifiers bind together"
    assert judged(), "no licence at all"


def test_the_walk_follows_requirements_and_leaves_extras_out() -> None:
    world = {
        "root": Package({}, ("One-Package>=1", 'extra-only ; extra == "plots"')),
        "one-package": Package({}, ("two_package; python_version > '3'", "not-here; os == 'x'")),
        "two-package": Package({}, ("root",)),
        "extra-only": Package({}),
    }

    def find(name: str) -> Package:
        if name not in world:
            raise PackageNotFoundError(name)
        return world[name]

    assert set(licences.closure("root", find)) == {"root", "one-package", "two-package"}
    with pytest.raises(PackageNotFoundError):
        licences.closure("absent", find)


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        'allowed = ["MIT"]\n[[exceptions]]\npackage = "x"\nlicences = ["0BSD"]\nreason = ""\n'
    )
    with pytest.raises(SystemExit, match="no reason"):
        licences.Policy.read(path)


def test_an_objection_fails_the_run(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    strange = {"strange": Package({"License-Expression": "SSPL-1.0"})}
    monkeypatch.setattr(licences, "closure", lambda: strange)
    assert licences.main() == 1
    assert "strange 1.0 is under SSPL-1.0" in capsys.readouterr().err
