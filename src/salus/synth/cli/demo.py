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

# On 418 people an interval is about 0.1 wide: tighter limits could hardly be shown to hold.
LIMITS = {"membership": 0.1, "tpr_at_1pct": 0.05, "attribute": 0.1}


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
    from salus.synth.budget import Budget

    voice = Voice(json=json, quiet=quiet)
    check_folder(output, force=force)
    voice.note("418 people of the Mayo Clinic trial in primary biliary cirrhosis; outcome: status.")
    budget = Budget(**LIMITS)
    limits = ", ".join(f"{k} {v:g}" for k, v in LIMITS.items())
    voice.note(f"Limits of this demonstration: {limits}. The defaults are tighter.")
    return carry_through(
        load_pbc(), output, voice, name="pbc", budget=budget, seed=seed, force=force
    )
