"""Fail unless every runtime dependency of the installed Salus has an allowed licence.

Walks ``Requires-Dist`` from ``salus`` without extras, as installed here, and reads each package's
``License-Expression``, classifiers or ``License`` field. What may pass stands in ``licences.toml``
beside this file. Needs nothing but the standard library.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

POLICY = Path(__file__).with_name("licences.toml")
ROOT = "salus"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PREFIX = "License :: OSI Approved :: "

Find = Callable[[str], Distribution]


@dataclass(frozen=True)
class Policy:
    """Hold the allowed identifiers, old spellings of them, and the exceptions of each package."""

    allowed: frozenset[str]
    spellings: Mapping[str, str]
    exceptions: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = POLICY) -> Policy:
        """Read the policy; every exception needs a reason."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for one in data.get("exceptions", []):
            if not one.get("reason"):
                raise SystemExit(f"{path.name}: the exception of {one['package']} has no reason.")
        return cls(
            frozenset(data["allowed"]),
            data.get("spellings", {}),
            {
                canonical(one["package"]): frozenset(one["licences"])
                for one in data.get("exceptions", [])
            },
        )

    def objection(self, name: str, licence: str) -> str | None:
        """Say what speaks against a package's licence expression, or ``None``."""
        if not licence:
            return "names no licence that this check can read"
        may = self.allowed | self.exceptions.get(name, frozenset())
        if holds(licence, lambda identifier: identifier in may):
            return None
        return f"is under {licence}"


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def holds(expression: str, allowed: Callable[[str], bool]) -> bool:
    """Evaluate an SPDX expression: ``OR`` is our choice, ``AND`` binds us to both."""
    words = re.findall(r"\(|\)|[^\s()]+", expression)
    place = 0

    def either() -> bool:
        nonlocal place
        value = both()
        while place < len(words) and words[place].upper() == "OR":
            place += 1
            value = both() or value
        return value

    def both() -> bool:
        nonlocal place
        value = one()
        while place < len(words) and words[place].upper() == "AND":
            place += 1
            value = one() and value
        return value

    def one() -> bool:
        nonlocal place
        if place >= len(words):
            return False
        word = words[place]
        place += 1
        if word == "(":
            value = either()
            place += 1  # the closing bracket
            return value
        if place < len(words) and words[place].upper() == "WITH":
            place += 2
            return False  # an exception to a licence is judged by a person
        return allowed(word)

    value = either()
    return value and place >= len(words)


def licence_of(package: Distribution, spellings: Mapping[str, str]) -> str:
    """Return a package's licence as an SPDX expression, or an empty text."""
    metadata = package.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classified = [
        str(c).removeprefix(_PREFIX)
        for c in metadata.get_all("Classifier") or []
        if str(c).startswith(_PREFIX)
    ]
    if classified:  # several are read as all binding, the careful reading
        return " AND ".join(spellings.get(c.lower(), c.replace(" ", "-")) for c in classified)
    written = str(metadata.get("License") or "").strip()
    first = written.splitlines()[0].strip() if written else ""
    return spellings.get(first.lower(), first.replace(" ", "-"))


def requirements(package: Distribution) -> list[str]:
    """Return the names a package requires at run time, extras left out.

    A requirement for another system or Python is listed too; if it isn't installed here, it is not
    needed here.
    """
    parts = [text.partition(";") for text in package.requires or []]
    wanted = [_NAME.match(name.strip()) for name, _, marker in parts if "extra" not in marker]
    return [canonical(match.group()) for match in wanted if match]


def closure(root: str = ROOT, find: Find = distribution) -> dict[str, Distribution]:
    """Return the installed runtime dependencies of a package, itself included."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = canonical(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = find(name)
        except PackageNotFoundError:
            if name == canonical(root):
                raise
            continue
        waiting += requirements(found[name])
    return found


def objections(packages: Mapping[str, Distribution], policy: Policy) -> list[str]:
    """Return a line for each package that may not be depended on."""
    lines = []
    for name, package in sorted(packages.items()):
        said = policy.objection(name, licence_of(package, policy.spellings))
        if said:
            lines.append(f"{name} {package.version} {said}")
    return lines


def main() -> int:
    """Check what is installed; return 1 if anything may not be depended on."""
    policy = Policy.read()
    packages = closure()
    lines = objections(packages, policy)
    for line in lines:
        print(f"licences: {line}", file=sys.stderr)
    if lines:
        print(
            f"licences: choose another package, or add an exception with its reason to {POLICY}.",
            file=sys.stderr,
        )
        return 1
    print(f"licences: {len(packages)} runtime packages, all allowed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
