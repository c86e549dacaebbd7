"""Tell what paper mode came to as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from salus.synth.audit.finding import Finding
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.release.paper.bench import LABEL, Scores
from salus.synth.release.paper.feasibility import FRESH
from salus.synth.release.paper.run import SOURCE, Afterwards, PaperRun

__all__ = ["page"]

TRIALS = {
    "utility.auc": "TSTR, AUC",
    "utility.trts_auc": "TRTS, AUC",
    "utility.correlation": "TSTR, rank correlation",
    "utility.trts_correlation": "TRTS, rank correlation",
    "utility.concordance": "TSTR, concordance",
    "utility.trts_concordance": "TRTS, concordance",
}


def page(run: PaperRun) -> str:
    """Return the run as Markdown, its verdict first."""
    lines = [
        f"# Paper mode: {LABEL}",
        "",
        f"**{run.headline}**",
        "",
        f"Source: {SOURCE}. Backbone: {run.setup['backbone']}. {_threshold(run)}",
        *_before(run),
        *_training(run),
        *_sampling(run),
        *(_afterwards(run.afterwards) if run.afterwards is not None else []),
    ]
    return "\n".join(lines) + "\n"


def _threshold(run: PaperRun) -> str:
    t = run.threshold
    return (
        f"{run.threshold.to_dict()['tolerates']}. On the published scale, where P is at most "
        f"{1 - t.corrected + t.published:.2f}, it is {t.published:.2f}."
    )


def _before(run: PaperRun) -> list[str]:
    people = run.setup["people"]
    return [
        "",
        "## Before training",
        f"{people['train']} people to learn from, {people['reference']} that training is checked by, "
        f"{people['calibration']} that the choice is made by, {people['audit']} that judge it once.",
        "",
        *_table(
            ["Release whose leak is known", "P", "95 % interval"], _of(run.feasibility.anchors)
        ),
        *[f"\n{note}" for note in run.feasibility.notes],
    ]


def _training(run: PaperRun) -> list[str]:
    real, kept = run.feasibility.real, run.trained.kept
    rows = [
        [
            f"{t.strictness:.3f}" + (" (kept)" if k == kept else ""),
            "no limits" if t.slack is None else f"{t.slack:.2f}",
            *_scores(t.scores, real),
            f"{t.gap:+.3f}",
            "–" if m is None else f"{m:.3f}",
        ]
        for k, (t, m) in enumerate(zip(run.trained.trainings, run.trained.multipliers, strict=True))
    ]
    price = run.trained.multiplier
    return [
        "",
        "## Training",
        "Minimise 1 - Q subject to g = P_min - P <= 0, over how strict the limits are that act in "
        "training. Each row is a whole training with the same seeds; the multiplier is that of "
        "Powell, Hestenes and Rockafellar's method on interpolants between them.",
        "",
        *_table(["Strictness", "Slack", *_HEAD, "g", "Multiplier"], rows),
        "",
        f"{run.trained.message[0].upper()}{run.trained.message[1:]}"
        + ("" if price is None else f" Price: {price:.3f} of Q for each unit of P_min."),
    ]


def _sampling(run: PaperRun) -> list[str]:
    rows = []
    for k, t in enumerate(run.tried):
        name = ", ".join(f"{n} {v:g}" for n, v in t.setting.items()) or "the only one"
        if t.scores is None:
            rows.append([name, "–", "–", "–", t.shortfall])
            continue
        met = t.scores.privacy >= run.threshold.corrected
        word = "feasible" if met else f"misses by {run.threshold.corrected - t.scores.privacy:.3f}"
        if k == run.chosen:
            word = f"**taken**, {word}"
        rows.append([name, *_scores(t.scores, run.feasibility.real), word])
    return [
        "",
        "## Sampling",
        f"Most Q among the settings with P of at least P_min, {len(run.setup['seeds of the draws'])} "
        f"draws of {run.setup['rows']} rows each, the same seeds for all. No multiplier.",
        "",
        *_table(["Setting", *_HEAD, ""], rows),
    ]


def _afterwards(after: Afterwards) -> list[str]:
    scores = [[f.title, *_estimate(f.result), _shown(f.anchors.get(FRESH))] for f in after.findings]
    trials = [
        [TRIALS[f.name], *_estimate(f.result), _shown(f.anchors.get(FRESH))]
        for f in after.audit.findings
        if f.name in TRIALS and isinstance(f.result, Estimate)
    ]
    limits = [
        [f.title, *_estimate(f.result), f"{f.limit:g}", str(f.verdict)]
        for f in after.audit.findings
        if f.limit is not None
    ]
    return [
        "",
        "## On people set apart",
        f"Looked at once, after the choice. Q, P and the divergence: {LABEL}.",
        "",
        *_table(["Figure", "Value", "95 % interval", "Real people"], [*scores, *trials]),
        "",
        *_table(["Release whose leak is known", "P", "95 % interval"], _of(after.anchors)),
        "",
        "P as a prototype's search computes it, with its faults: "
        + ", ".join(f"{k} {v:.2f}" for k, v in after.published.items())
        + ".",
        "",
        "## The default audit",
        after.claim,
        "",
        *_table(["Risk", "Value", "Interval", "Limit", "Verdict"], limits),
        *_reasons(after.audit.findings),
    ]


_HEAD = ["Q", "Q of real people", "P"]


def _scores(scores: Scores, real: Estimate) -> list[str]:
    return [f"{scores.utility:.3f}", f"{real.value:.3f}", f"{scores.privacy:.3f}"]


def _reasons(found: Iterable[Finding]) -> list[str]:
    return [f"\n{f.title}: {f.because}." for f in found if f.limit is not None and f.because]


def _of(anchors: Mapping[str, Estimate | CannotJudge]) -> list[list[str]]:
    return [[name, *_estimate(result)] for name, result in anchors.items()]


def _estimate(result: Estimate | CannotJudge) -> list[str]:
    if isinstance(result, CannotJudge):
        return ["cannot be judged", result.reason]
    return [f"{result.value:.3f}", f"{result.low:.3f} to {result.high:.3f}"]


def _shown(result: Estimate | CannotJudge | None) -> str:
    return f"{result.value:.3f}" if isinstance(result, Estimate) else "–"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table; a cell's own bars and line ends can't break it."""
    cells = [[c.replace("|", "\\|").replace("\n", " ") for c in row] for row in [head, *rows]]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]
