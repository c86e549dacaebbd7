"""What an audit says: findings, each with its interval, its limit and its anchors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from salus.synth.measure.estimate import CannotJudge, Estimate

__all__ = ["Audit", "Finding", "Verdict"]


class Verdict(StrEnum):
    """The answer to one limit, or to all of them."""

    MET = "MET"
    NOT_MET = "NOT MET"
    CANNOT_BE_JUDGED = "CANNOT BE JUDGED"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Answer one question about a synthetic table.

    Parameters
    ----------
    name : str
        Key, such as ``membership.nearest`` or ``fidelity.shape.albumin``.
    group : str
        ``privacy``, ``fidelity``, ``utility``, ``subgroup`` (gaps between declared groups),
        ``replication`` (published analyses run again), ``clinical`` or ``comparison`` (figures of
        other frameworks, which never decide).
    title, meaning : str
        A short name and one plain sentence for a data steward.
    result : Estimate or CannotJudge
    ideal : float, optional
        The value that fresh real people would have (0 for a risk, 0.5 for an AUC of detection).
    direction : {"low", "high", "near"}
        Which values are good: low, high, or near ``ideal``.
    limit : float, optional
        The budget; a finding without one never decides.
    verdict : Verdict, optional
        Set exactly when ``limit`` is.
    because : str
        Why the verdict is what it is, where that needs words.
    anchors : mapping of str to Estimate or CannotJudge
        The same figure for known releases: ``verbatim copy``, ``shifted copy``, ``fresh real people``,
        ``independent columns``, ``bootstrap``.
    detail : mapping
        Further plain JSON values, such as the figures of each single attack.
    """

    name: str
    group: Literal[
        "privacy", "fidelity", "utility", "subgroup", "replication", "clinical", "comparison"
    ]
    title: str
    meaning: str
    result: Estimate | CannotJudge
    ideal: float | None = None
    direction: Literal["low", "high", "near"] = "low"
    limit: float | None = None
    verdict: Verdict | None = None
    because: str = ""
    anchors: Mapping[str, Estimate | CannotJudge] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "group": self.group,
            "title": self.title,
            "meaning": self.meaning,
            "result": self.result.to_dict(),
            "ideal": self.ideal,
            "direction": self.direction,
            "limit": self.limit,
            "verdict": None if self.verdict is None else str(self.verdict),
            "because": self.because,
            "anchors": {k: v.to_dict() for k, v in self.anchors.items()},
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Hold all findings about one synthetic table, or about the procedure that makes such tables.

    Parameters
    ----------
    findings : tuple of Finding
    subject : str
        What was judged, in words ("the table", "the procedure, by 20 cross-fits").
    context : mapping
        Sizes, seeds, columns left out, the wording of the claim: plain JSON values.
    """

    findings: tuple[Finding, ...]
    subject: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the findings that have one."""
        verdicts = {f.verdict for f in self.findings if f.verdict is not None}
        for worst in (Verdict.NOT_MET, Verdict.CANNOT_BE_JUDGED):
            if worst in verdicts:
                return worst
        return Verdict.MET if verdicts else Verdict.CANNOT_BE_JUDGED

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "subject": self.subject,
            "verdict": str(self.verdict),
            "findings": [f.to_dict() for f in self.findings],
            "context": dict(self.context),
        }
