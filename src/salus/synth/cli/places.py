"""Where a run may write: looked at before the work, filled whole or not at all after it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salus.synth.errors import OptionError

__all__ = ["OURS", "check_file", "check_folder", "new_folder"]

OURS = frozenset(
    {
        "audit.json",
        "card.md",
        "manifest.json",
        "model.salus",
        "report.html",
        "schema.json",
        "synthetic.csv",
        "synthetic.parquet",
        "withheld-unjudged.csv",
        "withheld-unjudged.parquet",
    }
)
"""Names of the files that a release or an audit leaves in its folder."""


def check_file(target: Path, *inputs: Path | None) -> None:
    """Refuse a file that can't be written, or that would overwrite what the run reads.

    Raises
    ------
    OptionError
    """
    if target.is_dir():
        raise OptionError(f"{str(target)!r} is a folder.", remedy="Name a file.")
    _check_parent(target)
    for source in inputs:
        if source is not None and source.exists() and target.exists() and target.samefile(source):
            raise OptionError(
                f"the output {str(target)!r} is also read.", remedy="Name another file."
            )


def check_folder(target: Path, *, force: bool) -> None:
    """Refuse a folder that holds something, unless it is to be replaced and holds only our files.

    Raises
    ------
    OptionError
    """
    _check_parent(target)
    if not target.exists():
        return
    if not target.is_dir():
        raise OptionError(f"{str(target)!r} is a file.", remedy="Name a folder.")
    held = {entry.name for entry in target.iterdir()}
    if held and not force:
        raise OptionError(
            f"the folder {str(target)!r} exists and isn't empty.",
            remedy="Name another one, or replace what is there with --force.",
        )
    if held - OURS:
        raise OptionError(
            f"the folder {str(target)!r} holds {len(held - OURS)} file(s) that Salus didn't write.",
            remedy="Only a folder of an earlier run is replaced; name another one.",
        )


@contextmanager
def new_folder(target: Path, *, force: bool) -> Iterator[Path]:
    """Give a folder to fill that takes the target's place when all went well.

    If anything fails, or the run is interrupted, the target stays as it was and what was begun is
    removed.
    """
    check_folder(target, force=force)
    begun = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    begun.mkdir()
    try:
        yield begun
        check_folder(target, force=force)  # somebody may have filled it meanwhile
        if target.exists():
            shutil.rmtree(target)
        os.replace(begun, target)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _check_parent(target: Path) -> None:
    parent = target.parent
    if not parent.is_dir():
        raise OptionError(
            f"the folder {str(parent)!r} doesn't exist.", remedy="Make it, or name another place."
        )
    if not os.access(parent, os.W_OK):
        raise OptionError(
            f"the folder {str(parent)!r} may not be written to.", remedy="Name another place."
        )
