"""Say in sentences whose data this is, and who was seen by what: the unit and the parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salus.synth.report.wording import number, whole

__all__ = ["parts_lines", "unit_lines"]

_ROLES: Mapping[str, str] = {
    "train_people": "the table was made from them",
    "holdout_people": "its maker never saw them: what an attack finds on them is chance",
    "reference_people": "further people of the same kind, known to the attackers",
    "calibration_people": "the setting was chosen on them, before the verdict",
}


def unit_lines(full: Mapping[str, Any]) -> list[str]:
    """Say what is protected, and how many rows one person has."""
    people, rows = full["table"].get("people"), full["table"].get("rows")
    lines = ["What is protected is the person with all of their rows, not the single row."]
    if people and rows:
        each = "one row each" if rows == people else f"{number(rows / people, 2)} rows on average"
        lines.append(f"{whole(people)} people, {whole(rows)} rows: {each}.")
    if people and rows and rows > people:
        lines.append("Parts, folds and intervals keep the rows of one person together.")
    return lines


def parts_lines(full: Mapping[str, Any]) -> list[str]:
    """Say who was seen by the generator, by the attackers and by the verdict."""
    context, lines = full["audit"]["context"], [f"Judged was {full['audit']['subject']}."]
    for key, role in _ROLES.items():
        if context.get(key):
            lines.append(f"{whole(context[key])} people: {role}.")
    if context.get("trials") and context.get("people"):
        lines.append(
            f"{whole(context['people'])} people, {whole(context['trials'])} fits: each learnt from a "
            "random half of the people and was attacked on all; the other half were the strangers."
        )
        lines.append(
            "The table itself is learnt from all of them, by the procedure that was so judged."
        )
    if isinstance(context.get("parts"), Mapping):
        lines += [f"{name}: {_count(value)}." for name, value in context["parts"].items()]
    if context.get("synthetic_rows"):
        lines.append(f"{whole(context['synthetic_rows'])} synthetic rows were attacked.")
    return lines


def _count(value: Any) -> str:
    return f"{whole(value)} people" if isinstance(value, int | float) else str(value)
