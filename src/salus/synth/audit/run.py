"""The audit of one synthetic table, whoever made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from salus.synth.audit import clinical, fidelity, utility
from salus.synth.audit.anchors import make_anchors
from salus.synth.audit.attacks import REGISTRY
from salus.synth.audit.copies import chance_p, record_keys
from salus.synth.audit.finding import Audit, Finding
from salus.synth.audit.held import observe_held
from salus.synth.audit.observation import Observation, observe
from salus.synth.audit.paper.scores import findings as paper_findings
from salus.synth.audit.privacy import judge_privacy
from salus.synth.audit.trials import ERROR
from salus.synth.budget import Budget
from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.measure.estimate import CannotJudge
from salus.synth.table.parts import Parts
from salus.synth.table.rules import rules_of
from salus.synth.table.table import Table

__all__ = ["CLAIM", "anchor_observations", "audit"]

LEAST = 20  # people on each side
ANCHOR_PEOPLE = 1_500  # members, and others, judged for an anchor
ANCHOR_MEMBERS = 20_000  # people that an anchor is made from
_OTHERS = (
    ("copies", "counts rows that equal a person's record, or nearly do", "the synthetic table", ""),
    (
        "guessing",
        "learns from the synthetic rows to guess the outcome and each sensitive column",
        "the synthetic table and a person's other columns",
        "",
    ),
    (
        "linking",
        "links two sets of columns that are near the same synthetic rows",
        "the synthetic table and two sets of columns of many people",
        "Giomi et al. 2022, arXiv:2211.10459",
    ),
    (
        "singling out",
        "reads conditions off the synthetic rows that one person alone may meet",
        "the synthetic table",
        "Cohen and Nissim 2020, arXiv:1904.06009",
    ),
)
TOO_ALIKE = 0.01  # share of held-out records that may equal training records at all
SURE = 1e-6  # chance below which they are the same people
CLAIM = (
    "The figures are for the attacks that were run, on people like these; they don't speak of "
    "attacks that nobody has thought of.",
    "A person in several releases of the same data is exposed more than any one report says.",
    "This is no differential privacy: no epsilon is claimed.",
)


def audit(
    synthetic: Table,
    parts: Parts | None = None,
    *,
    train: Table | None = None,
    holdout: Table | None = None,
    reference: Table | None = None,
    budget: Budget | None = None,
    earlier: Sequence[Table] = (),
    error: float = ERROR,
    paper: bool = False,
    jobs: int = 1,
    seed: int = 0,
) -> Audit:
    """Judge a synthetic table against the people it was made from and people it never saw.

    Parameters
    ----------
    synthetic : Table
        Made by any tool from ``train``.
    parts : Parts, optional
        Gives train, holdout (its audit part) and reference, in place of the next three.
    train, holdout : Table
        The people it was made from; people of the same kind who were never used.
    reference : Table, optional
        Further such people, for calibrated attacks; else all people judged, blind to who is who.
    budget : Budget, optional
        The limits; the defaults of ``Budget`` otherwise.
    earlier : sequence of Table
        Tables of the same people that went out before: attackers hold them too. Use and likeness are
        those of ``synthetic`` alone.
    error : float
        Of each one-sided bound of a risk.
    paper : bool
        Whether to add the scores of arXiv:2606.18518, for comparison; they decide nothing.
    jobs : int
        Processes that judge the anchors.
    seed : int

    Raises
    ------
    TooFewPeople
        With fewer than 20 people on either side.
    OptionError
        If people are missing.
    """
    if parts is not None:
        train, holdout, reference = parts.train, parts.audit, parts.reference
    if train is None or holdout is None:
        raise OptionError("an audit needs the training people and held-out people.")
    if min(train.n_people, holdout.n_people) < LEAST or not len(synthetic):
        raise TooFewPeople(
            f"{train.n_people} training and {holdout.n_people} held-out people (with "
            f"{len(synthetic)} synthetic rows) are too few for an audit.",
            remedy=f"At least {LEAST} people on each side are needed; some hundred decide more.",
        )
    _refuse_same_people(train, holdout)
    budget = Budget() if budget is None else budget
    people = _together(train, holdout)
    member = np.arange(len(people)) < len(train)
    with threadpool_limits(1):  # figures then don't depend on the machine's cores
        seen = observe_held(synthetic, earlier, people, member, reference=reference, seed=seed)
        anchors = anchor_observations(train, holdout, reference=reference, seed=seed, jobs=jobs)
        privacy = judge_privacy([seen], budget, anchors=anchors, seed=seed, error=error)
        findings: list[Finding] = [*privacy.findings]
        findings += fidelity.findings(synthetic, holdout, baseline=train, seed=seed)
        findings += utility.findings(synthetic, train, holdout, seed=seed)
        findings += clinical.findings(synthetic, train, rules_of(train.schema))
        if paper:
            findings += paper_findings(synthetic, train, holdout, seed=seed)
    context: dict[str, Any] = {
        "train_people": train.n_people,
        "holdout_people": holdout.n_people,
        "reference_people": 0 if reference is None else reference.n_people,
        "synthetic_rows": len(synthetic),
        "rows of earlier tables": sum(len(t) for t in earlier),
        "seed": seed,
        "attacks": attackers(),
        "power": privacy.power,
        "claim": list(CLAIM),
    }
    return Audit(findings=tuple(findings), subject="the synthetic table", context=context)


def anchor_observations(
    train: Table, holdout: Table, *, reference: Table | None = None, seed: int, jobs: int = 1
) -> dict[str, Sequence[Observation] | CannotJudge]:
    """Run the attacks on each anchor release.

    Half of the holdout are the others who are judged; the other half is released as the fresh real
    people. So an anchor's interval is wider than the release's own.
    """
    train = _at_most(train, ANCHOR_MEMBERS, seed)
    half = _half(holdout, seed)
    judged, fresh = holdout.take(~half), holdout.take(half)
    people = _together(train, judged)
    member = np.arange(len(people)) < len(train)
    made = make_anchors(train, fresh, seed=seed)
    tables = {name: t for name, t in made.items() if isinstance(t, Table)}
    seen = Parallel(n_jobs=jobs)(
        delayed(_observe_alone)(table, people, member, reference, seed) for table in tables.values()
    )
    found = dict(zip(tables, seen, strict=True))
    out: dict[str, Sequence[Observation] | CannotJudge] = {}
    for name, table in made.items():
        out[name] = table if isinstance(table, CannotJudge) else [found[name]]
    return out


def _observe_alone(
    table: Table, people: Table, member: NDArray[np.bool_], reference: Table | None, seed: int
) -> Observation:
    with threadpool_limits(1):
        return observe(table, people, member, reference=reference, seed=seed, most=ANCHOR_PEOPLE)


def _refuse_same_people(train: Table, holdout: Table) -> None:
    """Refuse a holdout that holds training people: an attack on them would seem to fail.

    Strangers are alike by chance where columns are few. How often is told by the training people
    among themselves; more than that, by far, are the same people.
    """
    mine, theirs = _records(train, holdout)
    count = Counter(mine)
    alike = sum(n for n in count.values() if n > 1)
    rate = min((alike + 2) / (len(mine) + 4), 1.0)
    same = sum(record in count for record in theirs)
    if same > TOO_ALIKE * len(theirs) and chance_p(same, len(theirs), rate) < SURE:
        raise OptionError(
            f"{same} of {len(theirs)} held-out records are also training records, where chance "
            f"would make about {round(alike / max(len(mine), 1) * len(theirs))}.",
            remedy="Hold out people whom the table's maker never saw, each person in one file only.",
        )


def _records(*tables: Table) -> list[list[tuple[int, ...]]]:
    """Return each person's rows as numbers, equal where all that is known of two people is equal."""
    out = []
    for table, keys in zip(tables, record_keys(tables), strict=True):
        order = np.lexsort((keys, table.people))
        cuts = np.flatnonzero(np.diff(table.people[order])) + 1
        out.append([tuple(rows.tolist()) for rows in np.split(keys[order], cuts)])
    return out


def attackers() -> dict[str, dict[str, str]]:
    """Return every attack of an audit by name: what it does, what the attacker holds, its source."""
    out = {a.name: {"says": a.says, "knowledge": a.knowledge, "source": a.source} for a in REGISTRY}
    for name, says, knowledge, source in _OTHERS:
        out[name] = {"says": says, "knowledge": knowledge, "source": source}
    return out


def _together(train: Table, holdout: Table) -> Table:
    """Stack the two; people of the holdout get numbers of their own."""
    shift = int(train.people.max(initial=0)) + 1 - int(holdout.people.min(initial=0))
    apart = Table(train.schema, holdout.values, holdout.states, holdout.people + shift)
    return Table.concat([train, apart])


def _at_most(table: Table, most: int, seed: int) -> Table:
    """Return all rows of at most so many people."""
    people = np.unique(table.people)
    if len(people) <= most:
        return table
    chosen = np.random.default_rng(seed).permutation(people)[:most]
    return table.take(np.isin(table.people, chosen))


def _half(table: Table, seed: int) -> NDArray[np.bool_]:
    """Return a random half of the people, as a mask over the rows."""
    people, inverse = np.unique(table.people, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(people))
    return np.asarray(order[inverse] % 2 == 0)
