"""Fill the frontier's page from its dictionary: one self-contained HTML file, as the report's."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from salus.synth.audit.observed import limit_of
from salus.synth.audit.titles import title_and_meaning
from salus.synth.budget import Budget
from salus.synth.release.frontier import release_seed
from salus.synth.report import wording
from salus.synth.report.frontier_chart import Spot, Triple, scatter

__all__ = ["COMMAND", "commands", "label_of", "point_rows", "render_frontier", "state_of"]

COMMAND = ("salus", "release", "TABLE")
_TRAINING = {
    "membership gap": "Average gain of members",
    "membership tail": "Gain of the most exposed 5 %",
}
_TRAINED = ("risk in training, in standard deviations", "use in training, in nats a person")
_WORDS = {
    "no rows": ("No rows", "bad", "✕"),
    "refused in training": ("Can't be met", "bad", "✕"),
    "infeasible": ("Can't be met", "bad", "✕"),
    "off": ("No limits", "none", "–"),
}


def render_frontier(
    document: Mapping[str, Any], *, folder: str = "DIR", command: Sequence[str] = COMMAND
) -> str:
    """Render a frontier as one HTML page.

    Parameters
    ----------
    document : mapping
        As ``salus.synth.release.frontier.sweep`` returns it.
    folder : str
        Where the budgets of the points are, for the commands that the page tells.
    command : sequence of str
        The first words of these commands, up to the table and its columns' roles.
    """
    settings, rows = document["settings"], point_rows(document)
    charts = [_chart(document, name) for name in _risks(document)] if document["utility"] else []
    limited = {f["name"] for p in document["points"] for f in p["risks"] if f["limit"] is not None}
    return _template().render(
        d=document,
        title=document["table"]["name"] or "a table of patients",
        lead=_lead(document),
        facts=_facts(document),
        charts=[c for c in charts if c["name"] in limited],
        unlimited=[c for c in charts if c["name"] not in limited],
        use=document["utility"],
        rows=rows,
        prices=max((r["prices"] for r in rows), key=len),
        lead_title=_title_of_limit(document),
        moved="this limit alone moves; the others stay as given"
        if settings["risk"]
        else "all limits move alike: what each leaves beyond chance is scaled by one factor",
        training=_training_charts(document),
        smooth=wording.LIKELIHOOD if _is_smooth(document) else "",
        trouble=[(r["label"], said) for r in rows for said in r["infeasible"]],
        reasons=_reasons(document),
        commands=[
            (number, rows[number], line)
            for number, line in commands(document, folder=folder, command=command)
        ],
        anchors=[(k, wording.ANCHORS[k]) for k in document["anchors"] if k in wording.ANCHORS],
        circumstances=_circumstances(settings),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("salus.synth.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("frontier.html")


def label_of(point: Mapping[str, Any]) -> str:
    """Name a point by its limit."""
    return "off" if point["limit"] is None else wording.share(point["limit"])


def named(point: Mapping[str, Any]) -> str:
    """Name a point by its number, which the pictures show, and its limit."""
    return f"{point['number']} · {label_of(point)}"


def state_of(point: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return words, tone and sign of a point: its limits' verdict, or why there is none."""
    if point["state"] != "judged":
        return _WORDS[point["state"]]
    if point["infeasible"]:
        return _WORDS["infeasible"]
    return _WORDS["off"] if point["verdict"] is None else wording.answer(point["verdict"])


def point_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each point what a table of them shows, as texts."""
    leading = _leading(document)
    out = []
    for point in document["points"]:
        use = _figure(point["utility"], (document["utility"] or {}).get("name", ""))
        word, tone, sign = state_of(point)
        training = point["training"] or {}
        out.append(
            {
                "number": point["number"],
                "label": label_of(point),
                "word": word,
                "tone": tone,
                "sign": sign,
                "message": point["message"],
                "infeasible": point["infeasible"],
                "use": _written(use, percent=False),
                "risks": [_risk_cell(point, name) for name in _risks(document, limited=True)],
                "leading": [_risk_cell(point, name) for name in leading],
                "learnt": "–"
                if training.get("utility") is None
                else wording.number(training["utility"], 5),
                "prices": [
                    (_TRAINING.get(r["name"], r["name"]), wording.number(r["multiplier"]))
                    for r in training.get("risks", ())
                ],
            }
        )
    return out


def commands(
    document: Mapping[str, Any], *, folder: str, command: Sequence[str] = COMMAND
) -> list[tuple[int, str]]:
    """Return the number and the command that releases it, for each point that has limits."""
    asked = document["settings"]
    words = [*command, "--generator", asked["generator"]]
    for name, value in asked["options"].items():
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    if asked["rows"] != document["table"]["rows"]:
        words += ["--rows", str(asked["rows"])]
    words += ["--seed", str(release_seed(asked))]
    out = []
    for point in document["points"]:
        if point["limit"] is None or point["infeasible"] or point["state"] != "judged":
            continue
        number = f"{point['number']:02d}"
        mine = ["--budget", f"{folder}/budgets/{number}.toml", "-o", f"release-{number}"]
        out.append((point["number"], shlex.join([*words, *mine])))
    return out


def _risks(document: Mapping[str, Any], *, limited: bool = False) -> list[str]:
    """Return the names of the risks, those with a limit first."""
    found: dict[str, bool] = {}
    for point in document["points"]:
        for f in point["risks"]:
            found[f["name"]] = found.get(f["name"], False) or f["limit"] is not None
    names = sorted(found, key=lambda name: not found[name])
    return [n for n in names if found[n]] if limited else names


def _figure(findings: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    return next((f for f in findings if f["name"] == name), None)


def _triple(result: Mapping[str, Any]) -> Triple | None:
    if "value" not in result:
        return None
    return float(result["value"]), float(result["low"]), float(result["high"])


def _written(finding: Mapping[str, Any] | None, *, percent: bool) -> tuple[str, str]:
    """Return value and interval of a figure as texts, or a reason and nothing."""
    if finding is None:
        return "–", ""
    result = finding["result"]
    if "value" not in result:
        return "not known", str(result.get("cannot_judge", ""))
    return (
        wording.value_of(result, percent=percent),
        f"({wording.interval(result, percent=percent)})",
    )


def _risk_cell(point: Mapping[str, Any], name: str) -> dict[str, str]:
    found = _figure(point["risks"], name)
    value, interval = _written(found, percent=True)
    word, tone, sign = wording.answer(None if found is None else found["verdict"])
    limit = None if found is None else found["limit"]
    return {
        "title": _title(name),
        "value": value,
        "interval": interval,
        "limit": "" if limit is None else wording.share(limit),
        "word": word,
        "tone": tone,
        "sign": sign,
    }


def _title(name: str) -> str:
    return title_and_meaning(name)[0]


def _chart(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    use, limit = document["utility"], _given(document, name)
    spots, told, at = [], [], {}
    for point in document["points"]:
        found, useful = _figure(point["risks"], name), _figure(point["utility"], use["name"])
        x = None if found is None else _triple(found["result"])
        y = None if useful is None else _triple(useful["result"])
        if x is None or y is None or found is None:
            continue
        kind, word = (
            ("cross", "its budget can't be met") if point["infeasible"] else _side(x, limit)
        )
        full = named(point)
        spots.append(Spot(str(point["number"]), x, y, kind, full=full))
        at[point["number"]] = (x[0], y[0])
        told.append(f"{full}: risk {_said(x, True)}, use {_said(y, False)}{word and ', '}{word}")
    for anchor, known in document["anchors"].items():
        x, y = _triple(known["risks"].get(name, {})), _triple(known["utility"].get(use["name"], {}))
        if x is not None and y is not None:
            spots.append(Spot(anchor, x, y, "anchor"))
            told.append(f"{anchor}: risk {_said(x, True)}, use {_said(y, False)}")
    title, meaning = title_and_meaning(name)
    drawn = None
    if at:
        drawn = scatter(
            spots,
            curve=[at[k] for k in document["curves"].get(name, ()) if k in at],
            limit=limit,
            names=("risk", _axis_of(use)),
            writes=(wording.share, wording.number),
            flipped=use["direction"] != "high",
            title=f"{use['title']} against risk: {title}",
            desc="; ".join(told) + ".",
        )
    reason = "" if drawn else _why_not(document, name)
    return {"name": name, "title": title, "meaning": meaning, "chart": drawn, "reason": reason}


def _axis_of(use: Mapping[str, Any]) -> str:
    """Name the axis of use, with what real people would reach."""
    ideal = use["ideal"]
    return str(use["title"]).lower() + (
        "" if ideal is None else f" (ideal: {wording.number(ideal)})"
    )


def _side(risk: Triple, limit: float | None) -> tuple[str, str]:
    """Tell on which side of the limit given an interval lies, as a tone and in words."""
    if limit is None:
        return "plain", ""
    if risk[2] <= limit:
        return "good", "below the limit given"
    return (
        ("bad", "above the limit given") if risk[1] > limit else ("open", "across the limit given")
    )


def _why_not(document: Mapping[str, Any], name: str) -> str:
    for point in document["points"]:
        found = _figure(point["risks"], name)
        if found is not None and "cannot_judge" in found["result"]:
            return str(found["result"]["cannot_judge"])
    return "no point has both figures"


def _said(triple: Triple, percent: bool) -> str:
    write = wording.share if percent else wording.number
    return f"{write(triple[0])} ({write(triple[1])} to {write(triple[2])})"


def _given(document: Mapping[str, Any], name: str) -> float | None:
    """Return the limit that the steward gave on a risk: the one that the sweep scales."""
    return limit_of(name, Budget(**document["settings"]["budget"]))


def _training_charts(document: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """Draw what the constraint weighed, use in training against its own risks, with tangents."""
    out = []
    made = [p for p in document["points"] if p["training"] and p["training"].get("risks")]
    for name in dict.fromkeys(r["name"] for p in made for r in p["training"]["risks"]):
        spots, told = [], []
        for point in made:
            risk = _figure(point["training"]["risks"], name)
            if risk is None:
                continue
            x, y = float(risk["value"]), float(point["training"]["utility"])
            kind = "plain" if point["training"].get("feasible", True) else "cross"
            price, full = float(risk["multiplier"]), named(point)
            spots.append(Spot(str(point["number"]), (x, x, x), (y, y, y), kind, price, full))
            told.append(
                f"{full}: risk {wording.number(x)}, use {wording.number(y)}, price "
                f"{wording.number(price)}"
            )
        title = _TRAINING.get(name, name)
        chart = scatter(
            spots,
            names=_TRAINED if _is_smooth(document) else ("risk in training", "use in training"),
            writes=(wording.number, wording.number),
            title=f"Use against risk in training: {title}",
            desc="; ".join(told) + ".",
        )
        out.append((title, chart))
    return out


def _is_smooth(document: Mapping[str, Any]) -> bool:
    names = {r["name"] for p in document["points"] for r in (p["training"] or {}).get("risks", ())}
    return bool(names) and names <= wording.SMOOTH


def _leading(document: Mapping[str, Any]) -> list[str]:
    """Return the risks whose limit tells the strictness: several for guessed columns."""
    alone = Budget(**{f.name: 0.5 if f.name == document["lead"] else None for f in fields(Budget)})
    return [name for name in _risks(document) if limit_of(name, alone) is not None]


def _title_of_limit(document: Mapping[str, Any]) -> str:
    return " or ".join(_title(name) for name in _leading(document)) or str(document["lead"])


def _lead(document: Mapping[str, Any]) -> str:
    """Say in a sentence what the sweep shows of use."""
    use = document["utility"]
    if use is None:
        return "No figure of use could be judged at every point, so nothing is drawn."
    judged = [p for p in document["points"] if p["state"] == "judged"]
    given = document["settings"]["budget"][document["lead"]]
    said = []
    for point in judged:
        word = ""
        if point["limit"] is None:
            word = "with the constraint off"
        elif point["limit"] == given:
            word = f"at the limits given ({label_of(point)})"
        elif point is judged[-1]:
            word = f"at the strictest ({label_of(point)})"
        figure = _figure(point["utility"], use["name"])
        if word and figure is not None:
            said.append(f"{_said_of(figure)} {word}")
    met = sum(state_of(p)[1] == "good" for p in judged)
    limited = sum(p["limit"] is not None for p in document["points"])
    return (
        f"{use['title']}: {', '.join(said)}. {met} of {limited} points with limits are shown to meet "
        "them all."
    )


def _said_of(finding: Mapping[str, Any]) -> str:
    return wording.value_of(finding["result"], percent=False)


def _facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    table, judged = document["table"], document["judged"]
    facts = [
        ("generator", str(document["settings"]["generator"])),
        ("points", wording.whole(len(document["points"]))),
        ("real people", wording.whole(table["people"])),
        ("columns", wording.whole(table["columns"])),
    ]
    if table["outcome"]:
        facts.append(("outcome", str(table["outcome"])))
    return [*facts, *((name, wording.whole(count)) for name, count in judged.items())]


def _reasons(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """List every limit that isn't met at its point, with why."""
    return [
        (label_of(p), f["title"], f["because"])
        for p in document["points"]
        for f in p["risks"]
        if f["verdict"] not in (None, "MET") and f["because"]
    ]


def _circumstances(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    out = []
    for name, value in settings.items():
        if value is None or name == "limits":
            continue
        if isinstance(value, Mapping):
            told = ", ".join(f"{k} {'off' if v is None else v}" for k, v in value.items())
        elif isinstance(value, list):
            told = ", ".join(map(str, value))
        else:
            told = str(value)
        out.append((name.replace("_", " "), told or "none"))
    return out
