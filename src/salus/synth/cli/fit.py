"""``salus fit``: learn a table under a budget and keep the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.arguments import read_arguments
from salus.synth.cli.exits import RELEASED
from salus.synth.cli.ledger import record
from salus.synth.cli.places import check_file, check_ledger
from salus.synth.cli.roles import NO_ROLES, Roles, spread
from salus.synth.cli.voice import Voice
from salus.synth.errors import OptionError

if TYPE_CHECKING:
    from salus.synth.budget import Budget
    from salus.synth.generate.protocol import Generator

__all__ = ["fit", "read_budget"]


@spread
def fit(
    table: options.TableFile,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Model file to write.", metavar="FILE", show_default=False
        ),
    ],
    roles: Roles = NO_ROLES,
    seed: options.Seed = 0,
    schema: options.SchemaFile = None,
    budget: options.Budget = None,
    generator: options.Generator = options.GeneratorName.forest,
    setting: options.Setting = None,
    ledger: options.Ledger = None,
    force: options.ForceFile = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Learn a table and keep the model.

    The model holds no patient's row, but what it gives away only an audit says: 'salus release'.
    """
    from salus.synth.table.files import read_table

    voice = Voice(json=json, quiet=quiet)
    check_file(output, table, schema, budget, force=force)
    check_ledger(ledger, output, table, schema, budget)
    limits = read_budget(budget)
    model = _unfitted(generator.value, limits, read_arguments(setting))
    with voice.progress("learning") as tell:
        data = read_table(
            table,
            schema=schema,
            **roles.given(schema=schema),
        )
        record(ledger, "fit", data, name=table.name, seed=seed, touched="all people")
        tell("learning", 0.0)
        model = model.fit(data, seed=seed)
        model.save(output)
    voice.say(
        f"{generator.value}: {data.n_people} people, {len(data)} rows, "
        f"{len(data.schema.modelled)} columns learnt into {output}."
    )
    card = model.card()
    for line in _constraint_lines(card.get("constraint")):
        voice.say(line)
    voice.say("Nobody has judged it: 'salus release' learns, judges and releases or refuses.")
    voice.result({"status": RELEASED, "model": str(output), "card": card})
    return RELEASED


def _constraint_lines(constraint: Mapping[str, Any] | None) -> list[str]:
    """Say what the constraint did: a line for each risk, with its price."""
    from salus.synth.report.wording import LIKELIHOOD, SMOOTH

    if not constraint or not constraint.get("risks"):
        return ["No constraint acted on the fit."]
    lines = [
        f"  {risk['name']}: {risk['value']:.3g} (limit {risk['limit']:.3g}; without the constraint "
        f"{risk['without']:.3g}; price {risk['multiplier']:.3g})"
        for risk in constraint["risks"]
    ]
    met = "met" if constraint.get("feasible", True) else "NOT met"
    smooth = {risk["name"] for risk in constraint["risks"]} <= SMOOTH
    return [f"The constraint is {met}:", *lines, *([LIKELIHOOD] if smooth else [])]


def read_budget(path: Path | None) -> Budget | None:
    """Read the budget file; ``None`` if none is given."""
    from salus.synth.budget import Budget

    return None if path is None else Budget.read(path)


def _unfitted(name: str, budget: Budget | None, arguments: Mapping[str, Any]) -> Generator:
    """Return the generator of that name, under the budget where it takes one."""
    from salus.synth.generate import KINDS
    from salus.synth.release.settings import Setting, arguments_of

    takes = arguments_of(name, arguments)
    if budget is None:
        made: Generator = KINDS()[name](**arguments)  # those that take a budget have a default
        return made
    if "budget" not in takes:
        raise OptionError(
            f"the generator {name!r} takes no budget.",
            remedy="Use forest or copula, or leave --budget out; 'salus release' judges all.",
        )
    return Setting(name, options=arguments).make(budget)
