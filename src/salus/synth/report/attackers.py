"""Say who was supposed to attack, with what in hand, and what each single attack found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salus.synth.report.breakdown import Grid
from salus.synth.report.wording import is_share, number, share

__all__ = ["Attacker", "attack_grid", "attackers", "exceeds"]

_KINDS: Sequence[tuple[str, str, str]] = (
    (
        "membership.refits",
        "Was this person in the data? With refits",
        "Holds everybody else's record and the generator, runs it again and again with and without "
        "the person, and compares the tables.",
    ),
    (
        "membership.model",
        "Was this person in the data? From the model",
        "Holds the fitted model, which is never part of a release.",
    ),
    (
        "membership.",
        "Was this person in the data?",
        "Holds the synthetic table, the full record of the person in question, and records of other "
        "people of the same kind. Knows neither the model nor who was in the data.",
    ),
    (
        "attribute.",
        "What is this person's value?",
        "Holds the synthetic table and the person's other values (those declared known, else all "
        "that are not sensitive), and guesses the outcome or a sensitive value.",
    ),
    (
        "copies.",
        "Is this row a patient?",
        "Holds the synthetic table alone and takes its rows for people.",
    ),
    (
        "linkage",
        "Do these two parts belong to one person?",
        "Holds the synthetic table and two sets of columns of many people, not knowing which parts "
        "belong together.",
    ),
    (
        "singling_out",
        "Which condition holds for one person alone?",
        "Holds the synthetic table alone and reads conditions off it.",
    ),
)
"""How a finding's name begins, the attacker's question, and what is in the attacker's hands."""

_HOLD_MORE = ("membership.refits", "membership.model")
"""Attackers who hold more than the table: what a single attack says of its knowledge is too little."""


@dataclass(frozen=True)
class Attacker:
    """Hold one attacker: the question, the knowledge, and the attacks that were run.

    Parameters
    ----------
    question, knows : str
    attacks : tuple of str
    says : mapping of str to str
        What an attack does, of those of which the audit says so.
    """

    question: str
    knows: str
    attacks: tuple[str, ...]
    says: Mapping[str, str]


def attackers(
    findings: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None
) -> list[Attacker]:
    """List the attackers that these findings speak of, one for each kind of knowledge.

    What the audit itself says of an attack (``context.attacks``: for each name ``knowledge`` and
    ``says``) goes before the words here.
    """
    registry = _registry((context or {}).get("attacks"))
    told = {n: _sentence(a["knowledge"]) for n, a in registry.items() if a.get("knowledge")}
    says = {n: a["says"] for n, a in registry.items() if a.get("says")}
    out: list[Attacker] = []
    for start, question, knows in _KINDS:
        mine = [f for f in findings if _kind(f) == start]
        named = dict.fromkeys(name for f in mine for name in _attacks(f))
        by_knowledge: dict[str, list[str]] = {}
        more = start in _HOLD_MORE
        for name in named:
            by_knowledge.setdefault(knows if more else told.get(name, knows), []).append(name)
        if mine and not named:
            by_knowledge[knows] = []
        for holds, names in by_knowledge.items():
            mine_say = {n: says[n] for n in names if n in says and not more}
            out.append(Attacker(question, holds, tuple(names), mine_say))
    order = [question for start, question, _ in _KINDS if start not in _HOLD_MORE]
    return sorted(out, key=lambda a: order.index(a.question) if a.question in order else len(order))


def _kind(finding: Mapping[str, Any]) -> str | None:
    """Return how the finding's name begins, the first of the kinds that fits."""
    if finding["group"] not in ("privacy", "subgroup"):
        return None
    return next((start for start, *_ in _KINDS if str(finding["name"]).startswith(start)), None)


def _registry(attacks: Any) -> dict[str, dict[str, str]]:
    """Read what is told of each attack, from a mapping by name or a list; texts alone are kept."""
    if isinstance(attacks, list):
        attacks = {a.get("name"): a for a in attacks if isinstance(a, Mapping)}
    out: dict[str, dict[str, str]] = {}
    for name, told in (attacks if isinstance(attacks, Mapping) else {}).items():
        told = told if isinstance(told, Mapping) else {"knowledge": told}
        out[str(name)] = {k: v.strip() for k, v in told.items() if isinstance(v, str) and v.strip()}
    return out


def _sentence(knowledge: str) -> str:
    text = knowledge.strip()
    start = "" if text.startswith(("Holds", "Knows", "holds", "knows")) else "Holds "
    text = start + text
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")


def attack_grid(finding: Mapping[str, Any]) -> Grid | None:
    """Return what each attack behind a finding found, the strongest first; ``None`` without any."""
    attacks = _attacks(finding)
    if not attacks:
        return None
    write = share if is_share(finding) else number
    strongest = str(finding["detail"].get("strongest", ""))
    found = [(name, *_read(entry)) for name, entry in attacks.items()]
    found.sort(key=lambda f: (not strongest.endswith(f[0]), -(f[1] or 0.0)))
    areas = any(area is not None for *_, area, _ in found)
    ranges = any(ends for _, _, ends, _, _ in found)
    head = ("Attack", "Figure", *(("Interval",) if ranges else ()))
    head += ("AUC", "its interval") if areas else ()
    rows = []
    for name, value, ends, area, area_ends in found:
        row = [name, "–" if value is None else write(value)]
        row += [_range(ends, write)] if ranges else []
        if areas:
            row += ["–" if area is None else number(area), _range(area_ends, number)]
        rows.append(tuple(row))
    return Grid("", head, tuple(rows))


def exceeds(finding: Mapping[str, Any]) -> bool:
    """Whether a single attack shows more than the finding, which is freed of the luck of choosing."""
    values = [value for value, *_ in map(_read, _attacks(finding).values()) if value is not None]
    return "value" in finding["result"] and max(values, default=0.0) > finding["result"]["value"]


def _attacks(finding: Mapping[str, Any]) -> Mapping[str, Any]:
    attacks = finding["detail"].get("attacks")
    return attacks if isinstance(attacks, Mapping) else {}


def _read(entry: Any) -> tuple[float | None, Any, float | None, Any]:
    """Read one attack: a number alone (as older reports have it), or figures with intervals."""
    if not isinstance(entry, Mapping):
        return (entry if isinstance(entry, int | float) else None), None, None, None
    value, area = entry.get("value"), entry.get("AUC")
    return value, entry.get("interval"), area, entry.get("AUC interval")


def _range(ends: Any, write: Any) -> str:
    return f"{write(ends[0])} to {write(ends[1])}" if isinstance(ends, list) and ends else "–"
