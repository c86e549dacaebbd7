"""``salus replicate``: run a published analysis on real people and on synthetic rows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salus.synth.cli import options
from salus.synth.cli.exits import CANNOT_BE_JUDGED, RELEASED
from salus.synth.cli.voice import Voice

if TYPE_CHECKING:
    import pandas as pd

    from salus.synth.audit.finding import Finding
    from salus.synth.table.table import Table

__all__ = ["replicate"]


class _Rule(StrEnum):
    """The combining rules, known here without loading them."""

    simple = "simple"
    proper = "proper"
    raghunathan = "raghunathan"
    naive = "naive"


def replicate(
    formula: Annotated[
        str,
        typer.Argument(
            help="Such as 'death ~ age + log(bili)' or 'Surv(days, status == \"dead\") ~ age'.",
            metavar="FORMULA",
            show_default=False,
        ),
    ],
    real: Annotated[
        Path, typer.Option(help="The real people.", metavar="FILE", show_default=False)
    ],
    synthetic: Annotated[
        list[Path],
        typer.Option(
            help="Synthetic rows made from them; repeated for several releases of one model.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    schema: options.SchemaFile = None,
    rule: Annotated[
        _Rule, typer.Option(help="How the interval for the population is combined.")
    ] = _Rule.simple,
    seed: options.Seed = 0,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Compare the coefficients of one analysis.

    Logistic, linear or Cox, fitted on the real people and on the synthetic rows. Needs the extra
    'replicate'.
    """
    from salus.synth.audit.replication.replicate import replicate as run

    voice = Voice(json=json, quiet=quiet)
    with voice.progress("fitting"):
        people, rows = _read(real, synthetic, schema)
        found = run(formula, real=people, synthetic=rows, rule=rule.value, seed=seed)
    judged = all("value" in f.result.to_dict() for f in found)
    status = RELEASED if judged else CANNOT_BE_JUDGED
    for line in _lines(found):
        voice.say(line)
    voice.result({"status": status, "findings": [f.to_dict() for f in found]})
    return status


def _read(
    real: Path, synthetic: list[Path], schema: Path | None
) -> tuple[Table | pd.DataFrame, list[Table | pd.DataFrame]]:
    """Read the tables as they stand, or under a schema, which knows codes for missing cells."""
    from salus.synth.table.files import read_frame
    from salus.synth.table.together import read_together

    if schema is None:
        return read_frame(real), [read_frame(path) for path in synthetic]
    each = [read_together({"train": real, "synthetic": s}, schema=schema)[0] for s in synthetic]
    return each[0]["train"], [tables["synthetic"] for tables in each]


def _lines(found: tuple[Finding, ...]) -> list[str]:
    """Return the coefficients and the two figures, a line each."""
    detail = found[0].detail
    lines = [
        f"{detail['formula']}  ({detail['model']})",
        f"  real rows {detail['real rows']} ({detail['real rows left out']} left out), synthetic "
        f"{_listed(detail['synthetic rows'])} ({_listed(detail['synthetic rows left out'])} "
        "left out)",
    ]
    table = [_HEAD, *(_row(c) for c in detail.get("coefficients", ()))]
    if len(table) > 1:
        widths = [max(len(row[k]) for row in table) for k in range(len(_HEAD))]
        lines.append("")
        lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in table]
    lines += [
        f"  {name}: not determined by the real people ({why})"
        for name, why in detail.get("not determined by the real people", {}).items()
    ]
    return [*lines, "", *(_figure(f) for f in found)]


_HEAD = ("", "real", "synthetic", "population", "sign", "overlap", "difference")


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    from salus.synth.report.wording import number

    real, synthetic = row["real"], row["synthetic"]
    if synthetic is None:
        return row["name"], _spread(real), f"none: {row['absent']}", "", "", "0", ""
    low, high = row["population interval"]
    sign = "same" if row["same sign"] else "other"
    return (
        row["name"],
        _spread(real),
        _spread(synthetic),
        f"{number(low)} to {number(high)}",
        sign if row["sign determined"] else f"({sign})",
        f"{row['overlap']:.2f}",
        f"{row['standardised difference']:+.2f}".replace("-", "\N{MINUS SIGN}"),
    )


def _spread(coefficient: Mapping[str, float]) -> str:
    from salus.synth.report.wording import number

    low, high = number(coefficient["low"]), number(coefficient["high"])
    return f"{number(coefficient['estimate'])} ({low} to {high})"


def _figure(finding: Finding) -> str:
    told = finding.to_dict()
    title = finding.title.partition(":")[0]
    if "value" not in told["result"]:
        return f"{title}: cannot be judged: {told['result']['cannot_judge']}."
    beside = told["anchors"].get("fresh real people", {})
    halves = f"; real halves {beside['value']:.2f}" if "value" in beside else ""
    result = told["result"]
    return f"{title}: {result['value']:.2f} ({result['low']:.2f} to {result['high']:.2f}){halves}"


def _listed(counts: list[int]) -> str:
    return ", ".join(map(str, counts))
