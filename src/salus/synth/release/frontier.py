"""The frontier: what each strictness of the budget costs in use and saves in risk.

A sweep fits and judges one generator under budgets from *off* to limits that nothing meets, always
on the same people and with the same random numbers, so that points differ by their budgets. Each
finished point is kept in a folder, and a run that was stopped goes on. A steward who picks a point
has looked at what these people show: the release of it is judged anew, and the ledger says that
there was a look.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from salus.synth.budget import Budget
from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.release.frontier_document import document_of
from salus.synth.release.frontier_plan import Step, leading_risk, plan_of
from salus.synth.release.frontier_points import Bench, Halves, SetApart, anchor_figures, judge
from salus.synth.release.frontier_store import FORMAT, Store, finished_points, json_text
from salus.synth.release.judged import Progress
from salus.synth.release.ledger import Ledger
from salus.synth.release.procedure import FEWEST, MANY
from salus.synth.release.series import Series, digest, series_of
from salus.synth.release.settings import SLACKS, Setting, arguments_of, known_generators
from salus.synth.table.table import Table

__all__ = ["KIND", "REPEATS", "arguments_of_point", "picked", "release_seed", "sweep"]

KIND = "frontier"  # of a line in a ledger
REPEATS = 4  # of the cross-fit of a point; a release makes 10
ANOTHER_SEED = 1000  # by which the seed of a release differs from its frontier's


def sweep(
    table: Table,
    *,
    budget: Budget | None = None,
    generator: str = "forest",
    options: Mapping[str, Any] | None = None,
    limits: Sequence[float] | None = None,
    risk: str | None = None,
    repeats: int = REPEATS,
    n: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    directory: str | Path | None = None,
    force: bool = False,
    ledger: Ledger | None = None,
    cohort_name: str = "",
    name: str = "",
    when: str = "",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fit and judge one generator under one budget after the other.

    Parameters
    ----------
    table : Table
    budget : Budget, optional
        The limits that the sweep scales (``frontier_plan.py``).
    generator : str
        One that takes a budget.
    options : mapping, optional
        Further arguments of the generator. ``slack`` is that of a release's boldest step, if it
        isn't named.
    limits : sequence of float, optional
        On the leading risk.
    risk : str, optional
        Of which the limit alone moves.
    repeats : int
        Of the cross-fit of a table under 6,000 people; each is two fits.
    n : int, optional
        Rows to release; as many as the table has by default.
    seed : int
    jobs : int, optional
        Processes; one a core by default. The figures don't depend on it.
    directory : path, optional
        Where points are kept; a sweep stopped there goes on.
    force : bool
        Begin anew in the folder of another sweep.
    ledger : Ledger, optional
        Where the sweep is recorded before it begins, once.
    cohort_name, name, when : str
        For the ledger: what the people are called, what the table is called, and the time.
    progress : callable, optional

    Returns
    -------
    dict
        ``frontier.json``: see ``frontier_document.document_of``.

    Raises
    ------
    TooFewPeople
        With fewer than 60 people.
    OptionError
        If an option is out of its domain, or the folder holds other settings.
    """
    budget = Budget() if budget is None else budget
    setting = _setting(generator, dict(options or {}))
    steps = plan_of(budget, risk=risk, limits=limits)
    _check(table, repeats, n)
    small = table.n_people < MANY
    asked: dict[str, Any] = {
        "format": FORMAT,
        "version": _version(),
        "generator": generator,
        "options": setting.to_dict().get("options", {}) | _slack(setting),
        "budget": budget.to_dict(),
        "risk": risk,
        "limits": [s.limit for s in steps[1:]],
        "rows": len(table) if n is None else n,
        "repeats": repeats if small else None,
        "seed": seed,
        "columns": [c.name for c in table.schema.modelled],
    }
    series, split_seed = _before(ledger, table, asked, small, cohort_name)
    asked["split_seed"] = None if small else split_seed
    store = None
    if directory is not None:
        store = Store(directory, {**asked, "table": _hash(table)}, force=force)
    if ledger is not None:
        _record(ledger, table, asked, cohort_name=cohort_name, name=name, when=when)
    tell: Progress = progress or (lambda what, share: None)
    jobs = jobs or os.cpu_count() or 1
    if store is not None:
        for step in steps:
            store.write_budget(step.number, step.budget.to_dict())
    bench: Bench
    if small:
        bench = Halves(table, rows=asked["rows"], repeats=repeats, seed=seed, jobs=jobs)
    else:
        bench = SetApart(
            table, split_seed=asked["split_seed"], rows=asked["rows"], seed=seed, jobs=jobs
        )
    anchors = _kept(store, "anchors")
    if anchors is None:
        tell("judging known releases", 0.0)
        anchors = _keep(store, "anchors", anchor_figures(bench, budget, seed))
    points = []
    for step in steps:
        point = _kept(store, f"{step.number:02d}")
        if point is None:
            fresh = anchors.get("fresh real people", {}).get("risks", {})
            point = _keep(
                store,
                f"{step.number:02d}",
                judge(bench, step, setting, fresh, seed=seed, tell=_part(tell, step, len(steps))),
            )
        points.append(point)
    column = table.schema.outcome
    return document_of(
        asked,
        points,
        anchors,
        lead=leading_risk(budget, risk),
        table={
            "name": name,
            "rows": len(table),
            "people": table.n_people,
            "columns": len(table.schema.modelled),
            "outcome": None if column is None else column.name,
        },
        judged=bench.facts(),
        went_out=len(series.out),
    )


def picked(directory: str | Path, point: int) -> dict[str, Any]:
    """Return what a point was made by, as arguments of a release.

    Parameters
    ----------
    directory : path
        Of a frontier, finished or not.
    point : int
        The number of a finished point.

    Returns
    -------
    dict
        ``generator``, ``options``, ``budget`` (a ``Budget``), ``n`` and ``seed``: another than the
        frontier's where all people were looked at; the same where people were set apart, so that
        those whom the release is judged by are those whom the frontier never saw.

    Raises
    ------
    OptionError
        If there is no such folder or point, or the point has no limits.
    """
    asked, finished = finished_points(directory)
    return arguments_of_point(asked, finished, point)


def arguments_of_point(
    asked: Mapping[str, Any], finished: Sequence[int], point: int
) -> dict[str, Any]:
    """Return what ``picked`` does, from the settings and the numbers of the finished points."""
    steps = {s.number: s for s in _steps(asked)}
    if point not in finished:
        told = ", ".join(map(str, finished)) or "none yet"
        raise OptionError(
            f"the frontier has no finished point {point}.", remedy=f"Finished: {told}."
        )
    if steps[point].limit is None:
        raise OptionError(
            f"point {point} has no limits, so no release of it could be judged.",
            remedy="Pick a point with limits, or give --budget to a release of your own.",
        )
    return {
        "generator": asked["generator"],
        "options": dict(asked["options"]),
        "budget": steps[point].budget,
        "n": int(asked["rows"]),
        "seed": release_seed(asked),
    }


def release_seed(settings: Mapping[str, Any]) -> int:
    """Return the seed by which a picked point is released."""
    if settings["split_seed"] is not None:
        return int(settings["split_seed"])
    return int(settings["seed"]) + ANOTHER_SEED


def _steps(asked: Mapping[str, Any]) -> tuple[Step, ...]:
    return plan_of(Budget(**asked["budget"]), risk=asked["risk"], limits=asked["limits"])


def _setting(generator: str, options: dict[str, Any]) -> Setting:
    if generator not in known_generators() or generator == "auto":
        told = "picks among several" if generator == "auto" else "isn't known"
        raise OptionError(
            f"a frontier is of one generator, and {generator!r} {told}.",
            remedy="Name one that takes a budget, such as forest or copula.",
        )
    takes = arguments_of(generator, options)
    if "budget" not in takes:
        raise OptionError(
            f"the generator {generator!r} takes no budget, so a frontier of it would be one point.",
            remedy="Name one that takes a budget, such as forest or copula.",
        )
    slack = SLACKS[-1] if "slack" in takes and "slack" not in options else None
    return Setting(generator, slack=slack, options=options)


def _slack(setting: Setting) -> dict[str, Any]:
    """Return the slack as an option, so that a release of a point judges this very setting."""
    return {} if setting.slack is None else {"slack": setting.slack}


def _check(table: Table, repeats: int, n: int | None) -> None:
    if repeats < 2 or (n is not None and n < 1):
        raise OptionError("at least 1 row must be asked for, and 2 repeats.")
    if not table.schema.modelled:
        raise OptionError("no column is left to learn.", remedy="Drop fewer columns.")
    if table.n_people < FEWEST:
        raise TooFewPeople(
            f"{table.n_people} people are too few: with fewer than {FEWEST} no limit can be shown to "
            "be met or broken.",
            remedy=f"Bring at least {FEWEST} people; a few hundred are needed for usual limits.",
        )


def _before(
    ledger: Ledger | None, table: Table, asked: Mapping[str, Any], small: bool, cohort_name: str
) -> tuple[Series, int]:
    """Return what came before, and the seed that these people were split by first."""
    if ledger is None:
        return Series(), int(asked["seed"])
    series, cohort = series_of(ledger, table, asked, (), by_crossfit=small, name=cohort_name)
    looks = [
        e.content["settings"]["split_seed"]
        for e in ledger.entries()
        if e.content.get("kind") == KIND and e.is_about(cohort, cohort_name)
    ]
    seeds = [series.split_seed, *looks, asked["seed"]]
    return series, int(next(s for s in seeds if s is not None))


def _record(
    ledger: Ledger,
    table: Table,
    asked: Mapping[str, Any],
    *,
    cohort_name: str,
    name: str,
    when: str,
) -> None:
    """Record the look once, however often the run is stopped and goes on."""
    cohort = ledger.cohort(table)
    for entry in ledger.entries():
        same = entry.content.get("kind") == KIND and entry.content["settings"] == asked
        if same and entry.cohort.whole == cohort.whole:
            return
    small = asked["split_seed"] is None
    ledger.record(
        {
            "kind": KIND,
            "verb": "frontier",
            "touched": "all people, by cross-fitting"
            if small
            else "train, reference and calibration parts",
            "name": name,
            "cohort_name": cohort_name,
            "when": when,
            "settings": dict(asked),
        },
        cohort,
    )


def _kept(store: Store | None, name: str) -> dict[str, Any] | None:
    return None if store is None else store.read(name)


def _keep(store: Store | None, name: str, point: dict[str, Any]) -> dict[str, Any]:
    """Keep a point; the same as if it had been read."""
    return _json(point) if store is None else store.write(name, point)


def _json(point: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(json_text(point))
    return out


def _part(tell: Progress, step: Step, steps: int) -> Progress:
    """Return the progress of one point as a part of the whole."""
    label = "without limits" if step.limit is None else f"limit {step.limit:g}"
    return lambda what, share: tell(f"{label}: {what}", (step.number + share) / steps)


def _hash(table: Table) -> str:
    text = table.schema.to_json() + digest(table)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _version() -> str:
    try:
        return version("salus")
    except PackageNotFoundError:
        return "not installed as a package"
