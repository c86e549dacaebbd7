"""Assertions for the tests of other people's pipelines, whatever tool made the table.

>>> def test_release(tmp_path):
...     salus.testing.assert_private("synth.csv", "train.csv", "holdout.csv", outcome="death")
...     salus.testing.assert_useful("synth.csv", "train.csv", "holdout.csv", outcome="death")

Messages name columns and figures, never the value of a patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from salus.synth.audit.finding import Audit, Finding
    from salus.synth.budget import Budget
    from salus.synth.generate.protocol import Sampled
    from salus.synth.table.table import Table

    People = str | Path | pd.DataFrame | Table
    Rows = People | Sampled

__all__ = ["assert_private", "assert_useful"]

_NOT_MET, _UNJUDGED = "NOT MET", "CANNOT BE JUDGED"


def assert_private(
    synthetic: Rows,
    train: People,
    holdout: People,
    *,
    reference: People | None = None,
    budget: Budget | None = None,
    allow_unjudged: bool = False,
    seed: int = 0,
    **roles: Any,
) -> None:
    """Pass if every privacy limit is shown to be met.

    Parameters
    ----------
    synthetic : path, DataFrame, Table or what a generator's ``sample`` returns
    train, holdout : path, DataFrame or Table
        The people it was made from; people of the same kind whom its maker never saw.
    reference : path, DataFrame or Table, optional
        Further such people, for calibrated attacks.
    budget : Budget, optional
        The limits; the defaults of ``Budget`` otherwise.
    allow_unjudged : bool
        Pass where too few people are there to tell; a limit that is shown to be broken still fails.
    seed : int
    **roles
        As in ``read_table``: schema, outcome, person, sensitive, known, drop, groups, time, event.

    Raises
    ------
    AssertionError
        With a line for each limit that isn't met or (unless allowed) can't be judged.
    BadInput
        If the tables can't be read together.
    """
    from salus.synth.audit.run import audit
    from salus.synth.errors import TooFewPeople

    tables = _tables(synthetic, train, holdout, reference, roles)
    try:
        judged = audit(
            tables["synthetic"],
            train=tables["train"],
            holdout=tables["holdout"],
            reference=tables.get("reference"),
            budget=budget,
            seed=seed,
        )
    except TooFewPeople as error:
        if allow_unjudged:
            return
        raise AssertionError(f"{_UNJUDGED}: {error}") from None
    bad = {_NOT_MET} if allow_unjudged else {_NOT_MET, _UNJUDGED}
    found = [f for f in judged.findings if f.verdict is not None and str(f.verdict) in bad]
    if not judged.findings or (not found and str(judged.verdict) in bad):
        raise AssertionError(f"{_UNJUDGED}: the budget sets no limit.")
    if found:
        raise AssertionError(_message(found, judged))


def assert_useful(
    synthetic: Rows,
    train: People,
    holdout: People,
    *,
    outcome: str | None = None,
    kept: float = 0.9,
    end: Literal["low", "value", "high"] = "low",
    seed: int = 0,
    **roles: Any,
) -> None:
    """Pass if models learnt from the synthetic rows predict nearly as well as real ones.

    The figure is ``utility.ratio``: how models learnt from the synthetic rows do on the people
    held out, as a share of what models learnt from the training people do (TSTR / TRTR).

    Parameters
    ----------
    synthetic, train, holdout, seed, **roles
        As in ``assert_private``.
    outcome : str, optional
        The column to predict; it may stand in a schema instead.
    kept : float
        The share to keep.
    end : {"low", "value", "high"}
        What must reach ``kept``: the lower end of the 95 % interval (it is shown that so much is
        kept, which takes many people), the value, or the upper end (it isn't shown that less is).

    Raises
    ------
    AssertionError
        If it doesn't, or nothing can be judged.
    BadInput
        If the tables can't be read together, or for an unknown ``end``.
    """
    from salus.synth.audit import utility
    from salus.synth.errors import OptionError
    from salus.synth.measure.estimate import CannotJudge

    if end not in ("low", "value", "high"):
        raise OptionError(f"the end {end!r} is unknown.", remedy="Use low, value or high.")
    tables = _tables(synthetic, train, holdout, None, {**roles, "outcome": outcome})
    found = utility.findings(tables["synthetic"], tables["train"], tables["holdout"], seed=seed)
    ratio = next((f for f in found if f.name == "utility.ratio"), None)
    if ratio is None or isinstance(ratio.result, CannotJudge):
        result = (ratio or found[0]).result
        reason = result.reason if isinstance(result, CannotJudge) else "no ratio was found"
        raise AssertionError(f"the usefulness {_UNJUDGED}: {reason}.")
    reached = float(getattr(ratio.result, end))
    if reached < kept:
        told = {"low": "lower end", "value": "value", "high": "upper end"}[end]
        raise AssertionError(
            f"the synthetic rows are not useful enough: {ratio.title.lower()} "
            f"{ratio.result.value:.3f} ({ratio.result.low:.3f} to {ratio.result.high:.3f}); its "
            f"{told} is below {kept:g}.\n  {ratio.meaning}"
        )


def _tables(
    synthetic: Rows, train: People, holdout: People, reference: People | None, roles: Any
) -> dict[str, Table]:
    from salus.synth.generate.protocol import Sampled
    from salus.synth.table.together import read_together

    rows = synthetic.table if isinstance(synthetic, Sampled) else synthetic
    sources: dict[str, People] = {"synthetic": rows, "train": train, "holdout": holdout}
    if reference is not None:
        sources["reference"] = reference
    return read_together(sources, **roles)[0]


def _message(found: list[Finding], judged: Audit) -> str:
    """Return the limits that fail, a line each, worst first."""
    limits = sum(f.verdict is not None for f in judged.findings)
    broken = sum(str(f.verdict) == _NOT_MET for f in found)
    lines = [
        f"the synthetic table is not shown to be private: of {limits} limits, {broken} are not met "
        f"and {len(found) - broken} cannot be judged."
    ]
    lines += [_line(f) for f in sorted(found, key=lambda f: str(f.verdict) != _NOT_MET)]
    sizes = judged.context
    lines.append(
        f"  ({sizes.get('train_people')} training and {sizes.get('holdout_people')} held-out "
        f"people, {sizes.get('synthetic_rows')} synthetic rows, seed {sizes.get('seed')})"
    )
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    from salus.synth.measure.estimate import CannotJudge

    result, limit = finding.result, finding.limit
    if isinstance(result, CannotJudge):
        figure, needed = result.reason, result.needed
    else:
        figure = f"{result.value:.3g}, at most {result.high:.3g}"
        needed = finding.detail.get("needed")
    parts = [f"  {finding.verdict!s:<16}  {finding.name}: {figure}; limit {limit:.3g}"]
    strongest = finding.detail.get("strongest")
    parts += [f"strongest attack: {strongest}"] if strongest else []
    parts += [f"about {needed} people would decide"] if needed else []
    return "; ".join(parts)
