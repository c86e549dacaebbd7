"""Where a run may write: looked at before the work, filled whole or not at all after it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salus.synth.errors import OptionError

__all__ = ["OURS", "check_file", "check_folder", "check_ledger", "check_suffix", "new_folder"]

OURS = frozenset(
    {
        "audit.json",
        "card.md",
        "frontier.html",
        "frontier.json",
        "manifest.json",
        "model.salus",
        "paper.json",
        "paper.md",
        "report.html",
        "schema.json",
        "synthetic.csv",
        "synthetic.parquet",
        "withheld-unjudged.csv",
        "withheld-unjudged.parquet",
    }
)
"""Names of the files that a verb leaves in its folder."""
_SWEEP = frozenset({"budgets", "points", "settings.json"})  # what took long, and can go on


def check_file(target: Path, *inputs: Path | None, force: bool) -> None:
    """Refuse a file that can't be written, or that would overwrite what stands there.

    What the run reads is never overwritten, another file only with ``force``.

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
    if target.exists() and not force:
        raise OptionError(
            f"the file {str(target)!r} exists.", remedy="Name another, or replace it with --force."
        )


def check_suffix(target: Path, *known: str) -> None:
    """Refuse a file whose name promises another format than those that can be written.

    Raises
    ------
    OptionError
    """
    if not target.name.lower().endswith(known):
        raise OptionError(
            f"what kind of file is {str(target)!r}?",
            remedy=f"Let its name end in one of {', '.join(known)}.",
        )


def check_ledger(ledger: Path | None, output: Path | None, *inputs: Path | None) -> None:
    """Refuse a ledger that can't be written, or that the run reads or writes as something else.

    A ledger is the one file that can't be made again, so nothing may take its place, or its key's.

    Raises
    ------
    OptionError
    """
    if ledger is None:
        return
    if ledger.is_dir():
        raise OptionError(
            f"the ledger {str(ledger)!r} is a folder.",
            remedy="Name a file, beside the patients' data.",
        )
    _check_parent(ledger)
    own = {_real(ledger), _real(ledger.with_name(f"{ledger.name}.key"))}
    for other in inputs:
        if other is not None and _real(other) in own:
            raise OptionError(
                f"the ledger {str(ledger)!r} is also read as something else.",
                remedy="Name another file.",
            )
    if output is not None and any(_real(output) in (path, *path.parents) for path in own):
        raise OptionError(
            f"the output {str(output)!r} would take the place of the ledger or of its key.",
            remedy="Keep the ledger in another place, beside the patients' data.",
        )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def check_folder(target: Path, *inputs: Path | None, force: bool) -> None:
    """Refuse a folder that holds something, unless it is to be replaced and holds only our files.

    A folder that holds what the run reads is never replaced.

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
    if held >= _SWEEP:
        raise OptionError(
            f"the folder {str(target)!r} holds a frontier, which only 'salus frontier' begins anew.",
            remedy="Name another folder.",
        )
    if held - OURS:
        raise OptionError(
            f"the folder {str(target)!r} holds {len(held - OURS)} file(s) that Salus didn't write.",
            remedy="Only a folder of an earlier run is replaced; name another one.",
        )
    for source in inputs:
        if source is not None and _real(target) in _real(source).parents:
            raise OptionError(
                f"the folder {str(target)!r} holds {source.name!r}, which is read.",
                remedy="Name another folder.",
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
