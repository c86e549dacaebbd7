"""``salus demo``: the main job on the table of patients that ships with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salus.synth.cli import options
from salus.synth.cli.places import check_folder
from salus.synth.cli.release import carry_through
from salus.synth.cli.voice import Voice

__all__ = ["demo"]


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to write, new or empty.", metavar="DIR")
    ] = Path("salus-demo"),
    seed: options.Seed = 7,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Release a table that ships with Salus.

    The Mayo Clinic trial in primary biliary cirrhosis: 418 people, real missing values.
    """
    from salus.datasets import load_pbc

    voice = Voice(json=json, quiet=quiet)
    check_folder(output, force=force)
    voice.note("418 people of the Mayo Clinic trial in primary biliary cirrhosis; outcome: status.")
    return carry_through(load_pbc(), output, voice, name="pbc", seed=seed, force=force)
