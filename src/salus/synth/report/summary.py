"""Make, check, read and write the report's dictionary: ``audit.json`` is the report.

Every other file of the report is a view of this dictionary. It holds plain JSON values only, and
none of a single person: counts below five are pooled (``pooling.py``).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salus.synth.audit.finding import Audit
from salus.synth.errors import BadInput, OptionError
from salus.synth.report.pooling import pool_pictures
from salus.synth.report.power import chances
from salus.synth.report.wording import VERDICTS

__all__ = ["FORMAT", "complete", "read_summary", "replace_text", "summarise", "write_summary"]

FORMAT = "salus-audit/1"

_DEFAULTS: Mapping[str, Any] = {
    "reasons": [],
    "next": [],
    "table": {},
    "price": [],
    "trace": [],
    "decisions": [],
    "rules": [],
    "claim": [],
    "pictures": {},
    "manifest": {},
    "purpose": "",
    "earlier": [],
    "ledger": {},
}
_KEYS = frozenset(_DEFAULTS) | {"format", "verdict", "headline", "audit"}
_HOPELESS = 0.2  # a table that leaks nothing passes less often than this
_GOOD = frozenset({"RELEASED", "LIMITS MET"})
_AUDIT_ONLY = {
    "MET": "LIMITS MET",
    "NOT MET": "LIMITS NOT MET",
    "CANNOT BE JUDGED": "CANNOT BE JUDGED",
}
_CLAIM = (
    "It speaks of the attacks that were run; a cleverer one, or more knowledge, is not ruled out.",
    "It speaks of this table alone. Each further table made from the same people adds to the risk.",
    "It is no guarantee of differential privacy.",
)
_ALWAYS = (
    "It is no legal judgement of anonymity.",
    "What is found in synthetic rows should be confirmed on real patients before it is acted upon.",
)


def summarise(
    *,
    audit: Audit | Mapping[str, Any],
    verdict: str | None = None,
    headline: str | None = None,
    reasons: Sequence[str] | None = None,
    next: Sequence[str] | None = None,  # the key of the dictionary
    table: Mapping[str, Any] | None = None,
    price: Sequence[Mapping[str, Any]] = (),
    trace: Sequence[Mapping[str, Any]] = (),
    decisions: Sequence[str] = (),
    rules: Sequence[Mapping[str, Any]] = (),
    claim: Sequence[str] | None = None,
    pictures: Mapping[str, Any] | None = None,
    manifest: Mapping[str, Any] | None = None,
    purpose: str = "",
    earlier: Sequence[Mapping[str, Any]] = (),
    ledger: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the report's dictionary from an audit and the facts of a release.

    Parameters
    ----------
    audit : Audit or mapping
        The findings, or their ``to_dict()``.
    verdict : str, optional
        ``RELEASED``, ``REFUSED`` or ``CANNOT BE JUDGED``. Without one the report is that of an
        audit alone, and says ``LIMITS MET``, ``LIMITS NOT MET`` or ``CANNOT BE JUDGED``.
    headline : str, optional
        The verdict's reason in one sentence.
    reasons, next, claim : sequence of str, optional
        Reasons for the verdict, what to do now, and the limits of the claim; worded from the
        findings where they are not given.
    table : mapping
        ``name``, ``rows``, ``people``, ``columns``, ``outcome`` and, for a release,
        ``released_rows``.
    price : sequence of mapping
        For each constraint ``name``, ``title``, ``limit``, ``value``, ``without``, ``multiplier``
        and ``utility_cost``.
    trace : sequence of mapping
        For each step of the solver ``step``, ``objective``, ``values`` and ``multipliers``, the
        values in the units of ``price``.
    decisions : sequence of str
        What was decided about the table, such as columns left out.
    rules : sequence of mapping
        ``rule``, ``real_violations`` and ``synthetic_violations``.
    pictures : mapping
        ``columns`` and ``pairs``; see ``report/README.md``.
    manifest : mapping
        Versions, seeds, hashes.
    purpose : str
        What the table is for, in the steward's own sentence.
    earlier : sequence of mapping
        Each earlier release of the same people: plain values by name.
    ledger : mapping
        What was asked of the private data before, as plain values.

    Raises
    ------
    OptionError
        If a value is not finite or not plain, or if the verdict contradicts the findings.
    """
    facts = dict(table or {})
    given = {
        "format": FORMAT,
        "audit": audit.to_dict() if isinstance(audit, Audit) else audit,
        "verdict": verdict,
        "headline": headline,
        "reasons": reasons,
        "next": next,
        "table": facts,
        "price": price,
        "trace": trace,
        "decisions": decisions,
        "rules": rules,
        "claim": claim,
        "pictures": pool_pictures(pictures or {}, facts.get("people") or facts.get("rows")),
        "manifest": manifest,
        "purpose": purpose,
        "earlier": earlier,
        "ledger": ledger,
    }
    return complete({key: value for key, value in given.items() if value is not None})


def complete(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Check a dictionary of the report and fill in what it leaves out.

    Returns a new dictionary; completing it again changes nothing.

    Raises
    ------
    OptionError
        If a key is unknown, a value not plain or not finite, or the verdict contradicts the audit.
    """
    unknown = sorted(set(summary) - _KEYS)
    if unknown:
        raise OptionError(
            f"the report knows no key {unknown[0]!r}.", remedy=f"Known: {', '.join(sorted(_KEYS))}."
        )
    if summary.get("format", FORMAT) != FORMAT:
        raise OptionError("the report has another format.", remedy=f"This version reads {FORMAT}.")
    out: dict[str, Any] = _plain(dict(summary), "report")
    out["format"] = FORMAT
    for key, default in _DEFAULTS.items():
        out.setdefault(key, type(default)())
        if not isinstance(out[key], type(default)):
            raise OptionError(f"{key!r} of the report must be a {type(default).__name__}.")
    _check_audit(out)
    _check_verdict(out)
    out["headline"] = out.get("headline") or _headline(out)
    out["reasons"] = out["reasons"] or _reasons(out)
    out["next"] = out["next"] or _next(out)
    out["claim"] = out["claim"] or [*(out["audit"]["context"].get("claim") or _CLAIM), *_ALWAYS]
    return out


def read_summary(path: str | Path) -> dict[str, Any]:
    """Read ``audit.json``, check it and fill in what it leaves out."""
    remedy = "Give the audit.json that 'salus release' or 'salus audit' wrote."
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"there is no report {str(path)!r}.", remedy=remedy) from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BadInput(f"the report {str(path)!r} can't be read ({why}).", remedy=remedy) from error
    except ValueError as error:  # no UTF-8, or no JSON
        raise BadInput(f"{str(path)!r} is no report of Salus.", remedy=remedy) from error
    if not isinstance(data, dict) or not isinstance(data.get("audit"), dict):
        raise BadInput(f"{str(path)!r} is no report of Salus.", remedy=remedy)
    return complete(data)


def write_summary(summary: Mapping[str, Any], path: str | Path) -> None:
    """Write the completed dictionary as JSON with sorted keys, whole or not at all."""
    replace_text(
        path,
        json.dumps(complete(summary), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        + "\n",
        errors="backslashreplace",  # a lone surrogate becomes its own JSON escape
    )


def replace_text(path: str | Path, text: str, *, errors: str = "replace") -> None:
    """Write a text in UTF-8 so that the file is the old one or the new one, never half of it.

    Raises
    ------
    BadInput
        If the folder can't be written to or the disk is full.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(text.encode("utf-8", errors))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        raise BadInput(
            f"{str(path)!r} can't be written ({error.strerror or type(error).__name__}).",
            remedy="Choose a folder that exists, may be written to and has room.",
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _plain(value: Any, where: str) -> Any:
    """Turn a value into plain JSON, naming the place of what can't be."""
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return _plain(value.tolist(), where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise OptionError(
                f"{where} is not a finite number.", remedy="Use CannotJudge, or leave it out."
            )
        return float(value)
    if isinstance(value, Mapping):
        # Sorted as audit.json is, so that a page written from the file is the first one again.
        told = {str(k): v for k, v in value.items()}
        return {k: _plain(told[k], f"{where}.{k}") for k in sorted(told)}
    if isinstance(value, list | tuple):
        return [_plain(v, f"{where}[{k}]") for k, v in enumerate(value)]
    raise OptionError(f"{where} is a {type(value).__name__}, which JSON can't hold.")


def _check_audit(out: dict[str, Any]) -> None:
    audit = out.get("audit")
    if not isinstance(audit, dict) or not isinstance(audit.get("findings"), list):
        raise OptionError("the report needs an 'audit' with a list 'findings'.")
    audit.setdefault("subject", "the table")
    audit.setdefault("context", {})
    if audit.setdefault("verdict", "CANNOT BE JUDGED") not in _AUDIT_ONLY:
        raise OptionError(f"the audit's verdict {audit['verdict']!r} is unknown.")
    for k, finding in enumerate(audit["findings"]):
        if not isinstance(finding, dict) or not {"name", "group", "result"} <= set(finding):
            raise OptionError(f"finding {k} of the report needs a name, a group and a result.")
        figures = [finding["result"].get(key) for key in ("value", "low", "high")]
        has_figure = all(isinstance(f, int | float) for f in figures)
        if not has_figure and "cannot_judge" not in finding["result"]:
            raise OptionError(f"finding {finding['name']!r} has neither figure nor reason.")
        finding["title"] = finding.get("title") or finding["name"]
        for key, default in (("meaning", ""), ("because", ""), ("anchors", {}), ("detail", {})):
            finding.setdefault(key, default)
        for key in ("ideal", "limit", "verdict"):
            finding.setdefault(key, None)
        finding.setdefault("direction", "low")


def _check_verdict(out: dict[str, Any]) -> None:
    verdict = out.setdefault("verdict", _AUDIT_ONLY[out["audit"]["verdict"]])
    if verdict not in VERDICTS:
        raise OptionError(
            f"the verdict {verdict!r} is unknown.", remedy=f"Use one of {', '.join(VERDICTS)}."
        )
    worst = [f["name"] for f in out["audit"]["findings"] if f["verdict"] not in (None, "MET")]
    if verdict in _GOOD and (worst or out["audit"]["verdict"] != "MET"):
        raise OptionError(
            f"the verdict {verdict!r} contradicts the audit"
            + (f": {worst[0]!r} is not met." if worst else ", in which no limit was judged.")
        )


def _limited(out: Mapping[str, Any], *verdicts: str) -> list[Mapping[str, Any]]:
    return [f for f in out["audit"]["findings"] if f["verdict"] in verdicts]


def _headline(out: Mapping[str, Any]) -> str:
    count = len(_limited(out, "MET", "NOT MET", "CANNOT BE JUDGED"))
    failed, unclear = _limited(out, "NOT MET"), _limited(out, "CANNOT BE JUDGED")
    if out["verdict"] in _GOOD:
        return f"Every privacy limit holds: {count} of {count}, each with 95 % confidence."
    if failed:
        return f"{len(failed)} of {count} privacy limits {_are(failed)} not met."
    if unclear:
        return f"{len(unclear)} of {count} privacy limits cannot be decided with so few people."
    return "No privacy limit was judged."


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"


def _reasons(out: Mapping[str, Any]) -> list[str]:
    """Name the limits that do not hold, those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for finding in _limited(out, "NOT MET") + _limited(out, "CANNOT BE JUDGED"):
        why = finding["because"] or finding["result"].get("cannot_judge", "")
        by_reason.setdefault(why, []).append(f"“{finding['title']}”")
    return [
        f"{', '.join(titles)}: {why}" if why else ", ".join(titles)
        for why, titles in by_reason.items()
    ]


def _next(out: Mapping[str, Any]) -> list[str]:
    verdict = out["verdict"]
    if verdict == "RELEASED":
        return [
            "You may pass on the synthetic table. Keep this report and audit.json with it.",
            "Make no second table of the same people without a new audit: the risks add up.",
        ]
    if verdict == "LIMITS MET":
        return [
            "Nothing here speaks against passing the table on within the limits that were set.",
            "Ask its maker how it was made: this audit saw the tables, not the procedure.",
        ]
    if verdict == "REFUSED":
        return [
            "No synthetic table was left behind, so there is nothing to delete.",
            "To try again: leave out or coarsen the columns that single people out, bring more "
            "people, or raise a limit if you can justify it in writing.",
            *_hopeless(out),
        ]
    if verdict == "LIMITS NOT MET":
        return [
            "Do not pass this table on. Ask its maker for one that meets the limits.",
            *_hopeless(out),
        ]
    needed = [
        n
        for f in _limited(out, "CANNOT BE JUDGED")
        for n in (f["result"].get("needed"), f["detail"].get("needed"))
        if isinstance(n, int | float)
    ]
    first = "Treat the table as not released. It was withheld unless you asked for it by name."
    if "released_rows" not in out["table"]:
        first = "Do not pass the table on yet: the figures allow neither yes nor no."
    ask = f"About {max(needed):,.0f} people would decide it." if needed else "Bring more people."
    return [first, f"{ask} Fewer sensitive columns or wider limits need fewer."]


def _hopeless(out: Mapping[str, Any]) -> list[str]:
    """Say so where hardly any table would pass: then another table alone doesn't help."""
    passed = [row.passed for row in chances(out) if row.harmless]
    if not passed or passed[0] >= _HOPELESS:
        return []
    return [
        "Another table alone will hardly help: with so few people, even one that leaks nothing "
        f"would pass {round(100 * passed[0])} of 100 audits like this one. More people are needed "
        "too, or wider limits.",
    ]
