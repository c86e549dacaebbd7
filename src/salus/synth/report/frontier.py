"""A frontier as its user holds it: the points, and the folder with its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.release.frontier import REPEATS, arguments_of_point, sweep
from salus.synth.release.frontier_store import budget_text, json_text
from salus.synth.release.ledger import Ledger
from salus.synth.report.frontier_page import COMMAND, render_frontier
from salus.synth.table.files import write_text_atomic
from salus.synth.table.table import Table

__all__ = ["Frontier", "frontier"]


class Frontier:
    """Hold what each strictness of a budget costs in use and saves in risk.

    Parameters
    ----------
    summary : mapping
        As ``salus.synth.release.frontier.sweep`` returns it.

    Attributes
    ----------
    summary : dict
        All figures as plain JSON values; ``frontier.json`` holds them.
    """

    def __init__(self, summary: Mapping[str, Any]) -> None:
        self.summary = dict(summary)

    def __repr__(self) -> str:
        return f"Frontier({len(self.points)} points)"

    @property
    def points(self) -> list[dict[str, Any]]:
        """The points, from the constraint off to the strictest."""
        return list(self.summary["points"])

    @property
    def anchors(self) -> dict[str, Any]:
        """Releases of known quality, by name."""
        return dict(self.summary["anchors"])

    def budget(self, point: int) -> Budget:
        """Return the budget of a point.

        Raises
        ------
        OptionError
            If there is no such point.
        """
        for one in self.points:
            if one["number"] == point:
                return Budget(**one["budget"])
        raise OptionError(
            f"there is no point {point}.", remedy=f"They go from 0 to {len(self.points) - 1}."
        )

    def picked(self, point: int) -> dict[str, Any]:
        """Return a point as arguments of a release: ``salus.release(table, **this)``.

        Raises
        ------
        OptionError
            If there is no such point, or it has no limits.
        """
        numbers = [p["number"] for p in self.points]
        return arguments_of_point(self.summary["settings"], numbers, point)

    def write(
        self,
        directory: str | Path,
        *,
        command: Sequence[str] = COMMAND,
        force: bool = False,
    ) -> None:
        """Write ``frontier.json``, ``frontier.html`` and a budget file for each point.

        Parameters
        ----------
        directory : path
            The folder of the sweep, or a new one.
        command : sequence of str
            The first words of the commands that the page tells, up to the table and its columns'
            roles.
        force : bool
            Replace the files of another frontier.

        Raises
        ------
        OptionError
            If the folder holds another frontier.
        """
        folder = Path(directory)
        text = json_text(self.summary)
        whole = folder / "frontier.json"
        if whole.exists() and not force and whole.read_text(encoding="utf-8") != text:
            raise OptionError(
                f"the folder {str(folder)!r} holds another frontier.",
                remedy="Name another, or replace it with force=True (--force).",
            )
        try:
            (folder / "budgets").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"the output folder {str(folder)!r} can't be made ({type(error).__name__})."
            ) from error
        for point in self.points:
            name = f"{point['number']:02d}.toml"
            write_text_atomic(folder / "budgets" / name, budget_text(point["budget"]))
        write_text_atomic(whole, text)
        page = render_frontier(self.summary, folder=str(folder), command=command)
        write_text_atomic(folder / "frontier.html", page)


def frontier(
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
    directory: str | Path | None = None,
    force: bool = False,
    name: str = "table",
    ledger: Ledger | str | Path | None = None,
    cohort: str = "",
    when: str = "",
    jobs: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Frontier:
    """Sweep a budget from *off* to limits that nothing meets, and see what each point costs.

    Parameters
    ----------
    table : Table
        From ``read_table``.
    budget : Budget, optional
        The limits that are scaled; the defaults of ``Budget`` otherwise.
    generator : str
        One that takes a budget, such as ``forest`` or ``copula``.
    options : mapping, optional
        Further arguments of the generator.
    limits : sequence of float, optional
        On the leading risk, ``membership`` unless ``risk`` names another; all other limits are
        scaled by the same factor.
    risk : str, optional
        Sweep the limit on this risk alone, the others staying as they are.
    repeats : int
        Of the cross-fit of a small table; each is two fits a point. A release makes 10, so intervals
        here are wider.
    n : int, optional
        Rows to release; as many as the table has by default.
    seed : int
        The same seed gives the same frontier. From 6,000 people on it also splits them, so a release
        of a point has to be given the same one.
    directory : path, optional
        Where each point is kept as soon as it is judged; a sweep that was stopped goes on there.
    force : bool
        Begin anew in the folder of another sweep.
    name : str
        What the table is called on the page.
    ledger : Ledger or path, optional
        Where this look at the people is recorded.
    cohort, when : str
        For the ledger: a name of these people that stays the same when their records change, and the
        time.
    jobs : int, optional
        Processes; one a core by default.
    progress : callable, optional
        Called with what is being done and the share of it, 0 to 1.

    Raises
    ------
    TooFewPeople, OptionError
        See ``salus.synth.release.frontier.sweep``.
    """
    return Frontier(
        sweep(
            table,
            budget=budget,
            generator=generator,
            options=options,
            limits=limits,
            risk=risk,
            repeats=repeats,
            n=n,
            seed=seed,
            jobs=jobs,
            directory=directory,
            force=force,
            ledger=ledger if ledger is None or isinstance(ledger, Ledger) else Ledger(ledger),
            cohort_name=cohort,
            name=name,
            when=when,
            progress=progress,
        )
    )
