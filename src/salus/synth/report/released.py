"""A release as its user holds it: the verdict, the report, and the folder that may be handed over."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from salus.synth.budget import Budget
from salus.synth.errors import OptionError, SalusError
from salus.synth.generate.protocol import Generator
from salus.synth.release.ledger import Ledger
from salus.synth.release.procedure import STATUS, Outcome, Word, carry_out
from salus.synth.report.card import write_card
from salus.synth.report.page import write_page
from salus.synth.report.summary import summarise, write_summary
from salus.synth.table.files import write_table, write_text_atomic
from salus.synth.table.schema import Schema
from salus.synth.table.table import Table

__all__ = ["Release", "release"]

_TITLES = {
    "membership gap": "Average gain of members",
    "membership tail": "Gain of the most exposed 5 %",
    "membership ratio": "Rows that tell of members",
    "membership ratio, tail": "Rows that tell most of members",
    "near copies": "Near copies of members",
    "missed minority": "Rarest class not recalled",
}
_PACKAGES = ("salus", "numpy", "scipy", "pandas", "scikit-learn")


class Release:
    """Hold a release, or the refusal of one.

    Parameters
    ----------
    outcome : Outcome
    name : str
        What the table is called in the report.
    purpose : str
        What the table is for, in the steward's own sentence.

    Attributes
    ----------
    summary : dict
        The report as plain JSON values.
    """

    def __init__(self, outcome: Outcome, *, name: str = "table", purpose: str = "") -> None:
        self.outcome = outcome
        self.summary = {**_summary(outcome, name), "purpose": purpose}

    def __repr__(self) -> str:
        return f"Release({self.verdict})"

    @property
    def verdict(self) -> Word:
        """RELEASED, REFUSED or CANNOT BE JUDGED."""
        return self.outcome.verdict

    @property
    def status(self) -> int:
        """Exit status of the command line: 0, 3 or 4."""
        return STATUS[self.outcome.verdict]

    @property
    def synthetic(self) -> Table | None:
        """The synthetic table, if released."""
        return self.outcome.synthetic if self.verdict == "RELEASED" else None

    @property
    def model(self) -> Generator | None:
        """The fitted model, if released."""
        return self.outcome.model if self.verdict == "RELEASED" else None

    def report(self, path: str | Path) -> None:
        """Write the report as one HTML file."""
        write_page(self.summary, path)

    def save(
        self,
        directory: str | Path,
        *,
        withheld_ok: bool = False,
        force: bool = False,
        parquet: bool = False,
    ) -> None:
        """Write everything into a folder, whole or not at all.

        ``audit.json``, ``report.html``, ``card.md`` and ``manifest.json`` are always there;
        ``synthetic.csv`` and its ``schema.json`` only if released. The model is not: what was judged
        is the table, and a model tells more about its people than a table drawn from it
        (``model.save`` writes it, for those who may see the people).

        Parameters
        ----------
        directory : path
            A new or empty folder.
        withheld_ok : bool
            Also hand over a table that CANNOT BE JUDGED, in a file named ``withheld-unjudged.csv``
            and marked so in the report. A refused one is never written.
        force : bool
            Replace a folder that isn't empty.
        parquet : bool
            Write ``synthetic.parquet`` in place of CSV.

        Raises
        ------
        OptionError
            If the folder isn't empty, or a table is asked for that the ledger holds as withheld.
        """
        if withheld_ok and self.verdict == "CANNOT BE JUDGED" and self.outcome.went_out is False:
            raise OptionError(
                "the ledger says that this table was withheld.",
                remedy="Give withheld_ok to release(), so that the ledger counts the table.",
            )
        target = Path(directory)
        if target.exists() and (not target.is_dir() or any(target.iterdir())) and not force:
            raise OptionError(
                f"the output folder {str(target)!r} exists and isn't empty.",
                remedy="Name another, or say --force to replace it.",
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        except OSError as error:
            raise OptionError(
                f"the output folder {str(target)!r} can't be made ({type(error).__name__})."
            ) from error
        try:
            self._fill(scratch, withheld_ok=withheld_ok, suffix="parquet" if parquet else "csv")
            if target.exists():
                shutil.rmtree(target)
            scratch.chmod(0o755)
            os.replace(scratch, target)
        except OSError as error:
            raise SalusError(
                f"the output folder could not be written ({type(error).__name__}); nothing was left "
                "behind.",
                remedy="Is the disk full, or the folder protected?",
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _fill(self, folder: Path, *, withheld_ok: bool, suffix: str) -> None:
        hashes: dict[str, str] = {}
        outcome = self.outcome
        table = None
        if self.verdict == "RELEASED":
            table = f"synthetic.{suffix}"
        elif self.verdict == "CANNOT BE JUDGED" and withheld_ok:
            table = f"withheld-unjudged.{suffix}"
        if table is not None and outcome.synthetic is not None:
            write_table(outcome.synthetic, folder / table)
            schema = _schema_of(outcome.synthetic)
            write_text_atomic(folder / "schema.json", schema.to_json())
        for path in sorted(folder.iterdir()):
            hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        summary = dict(self.summary)
        summary["manifest"] = {**summary["manifest"], "sha256": hashes}
        if table is not None and self.verdict != "RELEASED":
            summary["decisions"] = [
                *summary["decisions"],
                f"The table was handed over as {table} although its limits can't be judged, because "
                "that was asked for by name.",
            ]
        write_summary(summary, folder / "audit.json")
        write_page(summary, folder / "report.html")
        write_card(summary, folder / "card.md")
        write_text_atomic(folder / "manifest.json", _json(summary["manifest"]))


def release(
    table: Table,
    *,
    budget: Budget | None = None,
    generator: str = "forest",
    options: Mapping[str, Any] | None = None,
    n: int | None = None,
    seed: int = 0,
    name: str = "table",
    purpose: str = "",
    ledger: Ledger | str | Path | None = None,
    earlier: Sequence[Table] = (),
    cohort: str = "",
    when: str = "",
    withheld_ok: bool = False,
    jobs: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Release:
    """Learn, judge and release a synthetic table, or refuse: the main job in one call.

    Parameters
    ----------
    table : Table
        From ``read_table``.
    budget : Budget, optional
        Limits on each risk; the defaults of ``Budget`` otherwise.
    generator : str
        ``forest`` (default), ``copula``, ``cart``, ``marginals``, ``mst`` or ``aim``; or ``auto``:
        the most useful of those whose limits hold.
    options : mapping, optional
        Further arguments of the generator, such as ``{"epsilon": 1.0}``.
    n : int, optional
        Rows to release; as many as the table has by default.
    seed : int
        The same seed gives the same release.
    name : str
        What the table is called in the report.
    purpose : str
        What the table is for, in the steward's own sentence.
    ledger : Ledger or path, optional
        Where looks at these people and tables that went out are recorded and accounted for.
    earlier : sequence of Table
        Tables of these people that went out before; needed from 6,000 people on.
    cohort, when : str
        For the ledger: a name of these people that stays the same when their records change, and the
        time.
    withheld_ok : bool
        Whether a table that can't be judged will be handed over all the same (see ``Release.save``);
        the ledger then holds it as gone out.
    jobs : int, optional
        Processes; one a core by default.
    progress : callable, optional
        Called with what is being done and the share of it, 0 to 1.

    Raises
    ------
    TooFewPeople, Infeasible, OptionError
        See ``salus.synth.release.procedure.carry_out``.
    """
    outcome = carry_out(
        table,
        budget=budget,
        generator=generator,
        options=options,
        n=n,
        seed=seed,
        jobs=jobs,
        ledger=ledger if ledger is None or isinstance(ledger, Ledger) else Ledger(ledger),
        earlier=earlier,
        cohort_name=cohort,
        name=name,
        when=when,
        withheld_ok=withheld_ok,
        progress=progress,
    )
    return Release(outcome, name=name, purpose=purpose)


def _summary(outcome: Outcome, name: str) -> dict[str, Any]:
    table, card = outcome.source, outcome.settings["model"]
    constraint: Mapping[str, Any] = card.get("constraint", {})
    cost = constraint.get("utility_without", 0.0) - constraint.get("utility", 0.0)
    price = [
        {
            "name": risk["name"],
            "title": _TITLES.get(risk["name"], risk["name"]),
            "limit": risk["limit"],
            "value": risk["value"],
            "without": risk["without"],
            "multiplier": risk["multiplier"],
            "utility_cost": cost,
        }
        for risk in constraint.get("risks", ())
    ]
    column = table.schema.outcome
    return summarise(
        audit=outcome.audit,
        verdict=outcome.verdict,
        reasons=list(outcome.reasons) or None,
        table={
            "name": name,
            "rows": len(table),
            "people": table.n_people,
            "columns": len(table.schema.modelled),
            "outcome": None if column is None else column.name,
            "released_rows": 0 if outcome.verdict != "RELEASED" else _rows(outcome),
        },
        price=price,
        trace=list(constraint.get("trace", ())),
        decisions=list(outcome.decisions),
        rules=[
            {
                "rule": f"{check.rule.name}: {check.rule.describe()}",
                "real_violations": check.violations,
                "synthetic_violations": broken,
            }
            for check, broken in outcome.rules
        ],
        pictures=dict(outcome.pictures) or None,
        manifest={
            "versions": _versions(),
            "generator": outcome.settings["generator"],
            "budget": outcome.settings["budget"],
            "seed": outcome.settings["seed"],
            "settings tried": outcome.settings["settings tried"],
            "constraint": {k: constraint[k] for k in ("feasible", "message") if k in constraint},
        },
    )


def _schema_of(table: Table) -> Schema:
    """Return the schema of what is handed over: no level that no synthetic row holds."""
    columns = []
    for column in table.schema.modelled:
        held = set(np.unique(table.values[column.name]).tolist()) if column.is_levelled else set()
        levels = tuple(level for k, level in enumerate(column.levels) if k in held)
        columns.append(replace(column, levels=levels))
    return Schema(columns, table.schema.rules)


def _rows(outcome: Outcome) -> int:
    return 0 if outcome.synthetic is None else len(outcome.synthetic)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"
