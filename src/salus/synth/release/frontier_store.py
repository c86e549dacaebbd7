"""The folder of a frontier: what was asked, and each point as soon as it is judged.

    settings.json     what was asked; the same again goes on where a run was stopped
    points/NN.json    a point, or ``anchors.json``
    budgets/NN.toml   the budget of a point, for ``salus release --budget``

Every file is written beside its place and moved there. ``settings.json`` holds a hash of the table,
by which somebody who knows all records but one could try values for the last: the folder stays
with the steward, and ``frontier.json`` and ``frontier.html`` don't hold it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salus.synth.errors import BadInput, OptionError
from salus.synth.table.files import write_text_atomic

__all__ = ["FORMAT", "Store", "budget_text", "finished_points", "json_text"]

FORMAT = "salus-frontier/1"
_OPTIONS = {
    "budget": "--budget",
    "columns": "the columns",
    "format": "the format of the folder",
    "generator": "--generator",
    "limits": "--budgets",
    "options": "--set",
    "repeats": "--repeats",
    "risk": "--risk",
    "rows": "--rows",
    "seed": "--seed",
    "split_seed": "the seed that the people were split by",
    "table": "the table",
    "version": "the version of salus",
}
"""Each setting as a user knows it."""
_PATIENT_FREE = ("table",)  # settings whose value isn't told
_OURS = ("settings.json", "frontier.json", "frontier.html")
_FOLDERS = {"points": ".json", "budgets": ".toml"}


class Store:
    """Keep points in a folder.

    Parameters
    ----------
    directory : path
    settings : mapping
        What was asked, as plain JSON values.
    force : bool
        Begin anew in the folder of another sweep.

    Raises
    ------
    OptionError
        If the folder holds the points of other settings (the first that differs is named), or
        something that is no frontier's.
    """

    def __init__(
        self, directory: str | Path, settings: Mapping[str, Any], *, force: bool = False
    ) -> None:
        self.directory = Path(directory)
        self.mark = _mark(settings)
        self._refuse_strangers()
        if force:
            self._clear()
        before = _settings(self.directory)
        if before is not None and _mark(before) != self.mark:
            if any((self.directory / "points").glob("[0-9]*.json")):
                _refuse_others(before, settings, self.directory)
            self._clear()  # the run before it, of other settings, came to nothing
            before = None
        try:
            for name in _FOLDERS:
                (self.directory / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"the output folder {str(self.directory)!r} can't be made ({type(error).__name__})."
            ) from error
        if before is None:
            write_text_atomic(self.directory / "settings.json", json_text(settings))

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a finished point, or nothing: one that can't be read is judged again."""
        told = _json_of(self.directory / "points" / f"{name}.json")
        if told is None or told.get("settings") != self.mark or "point" not in told:
            return None
        point: dict[str, Any] = told["point"]
        return point

    def write(self, name: str, point: Mapping[str, Any]) -> dict[str, Any]:
        """Write a finished point and return it as it will be read again."""
        text = json_text({"settings": self.mark, "point": point})
        write_text_atomic(self.directory / "points" / f"{name}.json", text)
        out: dict[str, Any] = json.loads(text)["point"]
        return out

    def write_budget(self, number: int, limits: Mapping[str, float | None]) -> None:
        """Write the budget of a point as TOML."""
        write_text_atomic(self.directory / "budgets" / f"{number:02d}.toml", budget_text(limits))

    def _refuse_strangers(self) -> None:
        if self.directory.exists() and not self.directory.is_dir():
            raise OptionError(
                f"the output {str(self.directory)!r} is a file.", remedy="Name a folder."
            )
        if not self.directory.exists():
            return
        ours = {*_OURS, *_FOLDERS}
        held = [e.name for e in self.directory.iterdir() if not e.name.endswith(".part")]
        strange = [name for name in held if name not in ours]
        if strange or (held and not (self.directory / "settings.json").exists()):
            raise OptionError(
                f"the output folder {str(self.directory)!r} holds something that is no frontier's.",
                remedy="Name a new or empty folder, or that of an earlier frontier.",
            )

    def _clear(self) -> None:
        """Take away the files of an earlier frontier, its settings last."""
        for folder, suffix in _FOLDERS.items():
            for path in (self.directory / folder).glob(f"*{suffix}"):
                path.unlink()
        for name in reversed(_OURS):
            (self.directory / name).unlink(missing_ok=True)


def finished_points(directory: str | Path) -> tuple[dict[str, Any], list[int]]:
    """Return what a folder's frontier was asked for, and the numbers of its finished points.

    Raises
    ------
    OptionError
        If the folder holds no frontier.
    """
    folder = Path(directory)
    whole = _json_of(folder / "frontier.json")
    if whole is not None and whole.get("format") == FORMAT:
        return whole["settings"], [p["number"] for p in whole["points"]]
    settings = _settings(folder)
    if settings is None or settings.get("format") != FORMAT:
        raise OptionError(
            f"{str(directory)!r} holds no frontier.", remedy="'salus frontier -o DIR' makes one."
        )
    mark = _mark(settings)
    told = [_json_of(path) for path in sorted((folder / "points").glob("[0-9]*.json"))]
    return settings, [t["point"]["number"] for t in told if t and t.get("settings") == mark]


def _settings(directory: Path) -> dict[str, Any] | None:
    """Return what stands in ``settings.json``; nothing where there is none."""
    path = directory / "settings.json"
    if not path.exists():
        return None
    told = _json_of(path)
    if told is None:
        raise BadInput(
            f"{str(path)!r} can't be read.",
            remedy="Name another folder, or begin anew with --force.",
        )
    return told


def _mark(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_text(settings).encode("utf-8")).hexdigest()


def budget_text(limits: Mapping[str, float | None]) -> str:
    """Return limits as TOML, a risk a line; ``"off"`` where there is none."""
    lines = [f"{name} = {'off' if v is None else v!r}" for name, v in limits.items()]
    return "\n".join(line.replace("= off", '= "off"') for line in lines) + "\n"


def json_text(data: Any) -> str:
    """Return plain values as JSON, the same text for the same values."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _refuse_others(before: Mapping[str, Any], settings: Mapping[str, Any], directory: Path) -> None:
    asked = json.loads(json_text(settings))
    for name in sorted({*before, *asked}):
        mine, theirs = asked.get(name), before.get(name)
        if mine == theirs:
            continue
        values = "" if name in _PATIENT_FREE else f" ({theirs!r} there, {mine!r} now)"
        raise OptionError(
            f"the folder {str(directory)!r} holds a frontier that differs in "
            f"{_OPTIONS.get(name, name)}{values}.",
            remedy="Name another folder, or begin anew there with --force.",
        )


def _json_of(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
