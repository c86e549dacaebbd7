"""Sample summaries of every kind: released, refused, undecided, audit only, and ugly ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from salus.synth.audit.finding import Audit, Finding, Verdict
from salus.synth.measure.estimate import CannotJudge, Estimate
from salus.synth.report import summarise

UGLY = "<script>alert('x')</script> & \"Größe\" | 血圧 in der Nacht, am liegenden Patienten [mmHg]"
TITLES = {
    "membership.advantage": "Was this person in the data?",
    "membership.tpr_at_1pct": "Surely recognised people",
    "copies.exact": "Exact copies of a patient",
    "copies.near": "Near copies of a patient",
    "attribute.death": "Guessing ‘death’",
}
LIMITS = {
    "membership.advantage": 0.05,
    "membership.tpr_at_1pct": 0.03,
    "copies.exact": 0.005,
    "copies.near": 0.02,
    "attribute.death": 0.05,
}
COPIES = {
    "verbatim copy": 0.98,
    "shifted copy": 0.91,
    "SMOTE": 0.55,
    "bootstrap": 0.61,
    "fresh real people": 0.002,
    "independent columns": 0.004,
}


def estimate(value: float, half: float, low: float = -1.0, high: float = 1.0) -> Estimate:
    return Estimate(
        value, max(low, value - half), min(high, value + half), 418, "bootstrap by person"
    )


def anchors(center: Mapping[str, float], half: float = 0.02) -> dict[str, Estimate | CannotJudge]:
    return {name: estimate(value, half) for name, value in center.items()}


def privacy(
    values: Mapping[str, tuple[float, float]], verdicts: Mapping[str, Verdict]
) -> list[Finding]:
    because = {
        Verdict.NOT_MET: "the lower end of the interval is above the limit",
        Verdict.CANNOT_BE_JUDGED: "the interval lies on both sides of the limit",
    }
    return [
        Finding(
            name=name,
            group="privacy",
            title=title,
            meaning="What the strongest of four attacks gains on the people in the table.",
            result=estimate(*values[name]),
            ideal=0.0,
            limit=LIMITS[name],
            verdict=verdicts.get(name, Verdict.MET),
            because=because.get(verdicts.get(name, Verdict.MET), ""),
            anchors=anchors(COPIES),
            detail={"attacks": {"nearest": 0.012, "density": 0.018}, "needed": 2400},
        )
        for name, title in TITLES.items()
    ]


def quality() -> list[Finding]:
    def finding(name: str, group: Any, title: str, value: float, **more: Any) -> Finding:
        return Finding(
            name=name,
            group=group,
            title=title,
            meaning="Measured on people left out.",
            result=estimate(value, 0.03, 0.0),
            **more,
        )

    low = {"verbatim copy": 0.01, "fresh real people": 0.05, "independent columns": 0.06}
    auc = {"fresh real people": 0.87, "independent columns": 0.52, "bootstrap": 0.85}
    high: dict[str, Any] = {"ideal": 1.0, "direction": "high"}
    return [
        finding(
            "fidelity.detection",
            "fidelity",
            "Can a model tell real from synthetic?",
            0.59,
            ideal=0.5,
            direction="near",
            anchors=anchors(
                {
                    "fresh real people": 0.5,
                    "independent columns": 0.83,
                    "verbatim copy": 0.5,
                    "SMOTE": 0.64,
                }
            ),
        ),
        finding(
            "fidelity.shape",
            "fidelity",
            "Shapes of single columns",
            0.05,
            anchors=anchors(low, 0.01),
        ),
        finding(
            "fidelity.pairs",
            "fidelity",
            "Relations between columns",
            0.07,
            anchors=anchors(low, 0.01),
        ),
        finding("fidelity.missingness", "fidelity", "Missing values", 0.02),
        finding(
            "fidelity.coverage", "fidelity", "Kinds of patients that are present", 0.94, **high
        ),
        finding(
            "utility.auc",
            "utility",
            "AUC of models for ‘death’",
            0.857,
            **high,
            anchors=anchors(auc),
        ),
        finding("utility.ratio", "utility", "Share of the real AUC that is kept", 0.985, **high),
        finding(
            "utility.f1",
            "utility",
            "Macro F1",
            0.78,
            **high,
            anchors=anchors({"fresh real people": 0.8}),
        ),
        finding(
            "utility.rare_recall",
            "utility",
            "Recall of the rarest class",
            0.61,
            **high,
            anchors=anchors({"fresh real people": 0.66}, 0.08),
        ),
        Finding(
            name="utility.rare_precision",
            group="utility",
            title="Precision for the rarest class",
            meaning="Average precision.",
            result=CannotJudge("fewer than 20 people have it", 600),
        ),
        finding(
            "utility.trts_auc", "utility", "Models from real people, tested here", 0.86, **high
        ),
        Finding(
            name="clinical.date order",
            group="clinical",
            title="Death not before entry",
            meaning="Share of rows that break the rule.",
            result=estimate(0.0, 0.004, 0.0),
            ideal=0.0,
        ),
    ]


def pictures(count: int, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    names = ["age", "bili", "albumin", "stage", "sex", "entry", "platelet", "protime", "edema"]
    names += [f"laboratory value {k}" for k in range(count)]
    columns: list[dict[str, Any]] = []
    for k, name in enumerate(names[:count]):
        column: dict[str, Any] = {"name": name}
        if k % 3 == 2:
            labels = ["none", "mild", "moderate with a long name", "severe", "unknown"]
            real = rng.dirichlet(np.full(len(labels), 3.0))
            column |= {"kind": "categorical", "labels": labels}
        else:
            real = np.exp(-0.5 * ((np.arange(14) - 6) / 3) ** 2)
            column |= {
                "kind": "continuous",
                "unit": "mg/dL",
                "edges": list(np.linspace(20, 90, 15)),
            }
            if k == 6:
                column |= {"kind": "date", "unit": None, "edges": list(np.linspace(1500, 9000, 15))}
        real = real / real.sum()
        synthetic = real * rng.uniform(0.8, 1.2, len(real))
        column |= {"real": list(real), "synthetic": list(synthetic / synthetic.sum())}
        if k % 2:
            column["missing"] = {"real": 0.04 * k, "synthetic": 0.035 * k}
        columns.append(column)
    mixed = rng.normal(size=(count, max(3, count // 2)))
    real_pairs = np.corrcoef(mixed) if count > 1 else np.ones((1, 1))
    noise = rng.normal(0, 0.08, (count, count))
    synthetic_pairs = np.clip(real_pairs + (noise + noise.T) / 2, -1, 1)
    np.fill_diagonal(synthetic_pairs, 1.0)
    return {
        "columns": columns,
        "pairs": {"names": names[:count], "real": real_pairs, "synthetic": synthetic_pairs},
    }


def facts(verdict: str | None, findings: list[Finding], **more: Any) -> dict[str, Any]:
    steps = np.arange(25)
    price = [
        {
            "name": n,
            "title": TITLES[n],
            "limit": LIMITS[n],
            "value": v,
            "without": w,
            "multiplier": m,
            "utility_cost": u,
        }
        for n, v, w, m, u in (
            ("membership.advantage", 0.041, 0.183, 1.84, 0.012),
            ("membership.tpr_at_1pct", 0.028, 0.074, 0.33, 0.003),
            ("attribute.death", 0.02, 0.021, 0.0, 0.0),
        )
    ]
    trace = [
        {
            "step": int(k),
            "objective": 1 - 0.9**k,
            "values": {"membership.advantage": 0.04 + 0.14 * 0.8**k, "attribute.death": 0.02},
            "multipliers": {"membership.advantage": 1.84 * (1 - 0.8**k), "attribute.death": 0.0},
        }
        for k in steps
    ]
    arguments: dict[str, Any] = {
        "audit": Audit(
            findings=tuple(findings),
            subject="the procedure, by 20 cross-fits",
            context={"seed": 7, "people": 418, "left out": ["id"]},
        ),
        "verdict": verdict,
        "table": {
            "name": "pbc.csv",
            "rows": 418,
            "people": 418,
            "columns": 19,
            "outcome": "death",
            "released_rows": 418 if verdict == "RELEASED" else 0,
        },
        "price": price,
        "trace": trace,
        "decisions": [
            "‘id’ was left out: it identifies people.",
            "‘-9’ in ‘bili’ is kept as a code.",
        ],
        "rules": [{"rule": "entry <= death", "real_violations": 3, "synthetic_violations": 0}],
        "pictures": pictures(9),
        "manifest": {
            "salus": "0.1.0",
            "python": "3.11.7",
            "seeds": {"split": 7, "sample": 8},
            "sha256": {"synthetic.csv": "9f" * 32},
        },
    }
    return arguments | more


GOOD = {
    "membership.advantage": (0.018, 0.023),
    "membership.tpr_at_1pct": (0.012, 0.015),
    "copies.exact": (0.0, 0.003),
    "copies.near": (0.004, 0.009),
    "attribute.death": (0.011, 0.03),
}
BAD = GOOD | {"membership.advantage": (0.21, 0.06), "attribute.death": (0.05, 0.05)}
SMALL = {name: (value, 0.16) for name, (value, _) in GOOD.items()}


def make_released() -> dict[str, Any]:
    return summarise(**facts("RELEASED", privacy(GOOD, {}) + quality()))


def make_refused() -> dict[str, Any]:
    verdicts = {
        "membership.advantage": Verdict.NOT_MET,
        "attribute.death": Verdict.CANNOT_BE_JUDGED,
    }
    return summarise(**facts("REFUSED", privacy(BAD, verdicts) + quality()))


def make_unjudged() -> dict[str, Any]:
    verdicts = dict.fromkeys(GOOD, Verdict.CANNOT_BE_JUDGED)
    findings = privacy(SMALL, verdicts)
    findings[2] = Finding(
        name="copies.exact",
        group="privacy",
        title=TITLES["copies.exact"],
        meaning="Rows that equal a patient's.",
        result=CannotJudge("only 31 people were left to judge by", 900),
        limit=0.005,
        verdict=Verdict.CANNOT_BE_JUDGED,
        anchors={
            "verbatim copy": estimate(1.0, 0.05),
            "fresh real people": CannotJudge("too few people", 80),
        },
    )
    return summarise(**facts("CANNOT BE JUDGED", findings + quality(), price=(), trace=()))


def make_audit_only() -> dict[str, Any]:
    arguments = facts(None, privacy(GOOD, {}) + quality(), price=(), trace=(), decisions=())
    arguments["table"] = {"name": "vendor.csv", "rows": 5000, "people": 5000, "columns": 19}
    return summarise(**arguments)


def make_ugly() -> dict[str, Any]:
    shown = pictures(4)
    for k, column in enumerate(shown["columns"]):
        column["name"] = shown["pairs"]["names"][k] = f"{k} {UGLY}"
        if "labels" in column:
            column["labels"] = [f"{UGLY}{i}" for i in range(4)] + ["</svg></style>"]
        else:
            column["unit"] = "<b>"
    findings = [
        Finding(
            name=f"attribute.{UGLY}",
            group="privacy",
            title=f"Guessing {UGLY}",
            meaning=UGLY,
            result=estimate(0.01, 0.02),
            limit=0.05,
            verdict=Verdict.MET,
            because=UGLY,
            anchors={UGLY: estimate(0.4, 0.1)},
            detail={
                UGLY: {UGLY: [UGLY]},
                "attacks": {UGLY: {"value": 0.1, "interval": [0, 0.2]}},
                "by name": {UGLY: 1.0},
                "records": [{UGLY: UGLY}],
            },
        ),
        *(
            Finding(name=f"{start}{UGLY}", group=group, title=UGLY, meaning=UGLY, result=result)
            for start, group, result in (
                ("membership.group.", "subgroup", estimate(0.1, 0.1)),
                ("linkage", "privacy", CannotJudge(UGLY)),
                ("replication.", "replication", estimate(0.1, 0.1)),
                ("comparison.", "comparison", estimate(0.1, 0.1)),
                ("utility.", "utility", CannotJudge(UGLY)),
            )
        ),
        *privacy(GOOD, {}),
    ]
    arguments = facts(
        "RELEASED", findings, pictures=shown, decisions=[UGLY], headline=UGLY, claim=[UGLY]
    )
    arguments["rules"] = [{"rule": UGLY, "real_violations": 0, "synthetic_violations": 0}]
    arguments["price"] = [p | {"title": UGLY} for p in arguments["price"]]
    arguments["manifest"] = {UGLY: UGLY}
    arguments["table"] = arguments["table"] | {"name": UGLY, "outcome": UGLY}
    context = {
        "power": [{"leak": UGLY, "found": 0.3, "by": UGLY}],
        "power_text": UGLY,
        "ledger": {UGLY: UGLY, "queries": [{UGLY: UGLY}]},
        "attacks": {UGLY: {"knowledge": UGLY}},
        "parts": {UGLY: UGLY},
    }
    arguments["audit"] = replace(arguments["audit"], context=context)
    arguments |= {"purpose": UGLY, "earlier": [{UGLY: UGLY}]}
    return summarise(**arguments)


def make_wide() -> dict[str, Any]:
    return summarise(**facts("RELEASED", privacy(GOOD, {}) + quality(), pictures=pictures(60)))


ATTACKS = {
    "nearest distance": {
        "value": 0.012,
        "interval": [-0.02, 0.031],
        "AUC": 0.506,
        "AUC interval": [0.48, 0.53],
    },
    "density ratio": {
        "value": 0.018,
        "interval": [-0.01, 0.041],
        "AUC": 0.511,
        "AUC interval": [0.49, 0.54],
    },
}
POWER = [
    {
        "leak": "no leak",
        "found": 0.008,
        "judged unsafe or undecided": 0.21,
        "by": None,
        "needed": None,
    },
    {
        "leak": "1 % of the people copied",
        "found": 0.47,
        "judged unsafe or undecided": 0.9,
        "by": "copies.exact",
        "needed": 2400,
    },
    {"leak": "everybody copied", "found": 1.0, "released": 0.0, "by": "copies.exact"},
]


def unlimited() -> list[Finding]:
    """Give findings on privacy that have no limit, and those within groups."""

    def found(name: str, title: str, value: float, **more: Any) -> Finding:
        return Finding(
            name=name,
            group=more.pop("group", "privacy"),
            title=title,
            meaning="What the strongest attack gains.",
            result=estimate(value, 0.02),
            **more,
        )

    few = CannotJudge("fewer than 20 people on one side")
    return [
        found(
            "membership.tpr_at_01pct",
            "Exposing a few people almost surely",
            0.002,
            anchors=anchors(COPIES),
            detail={"attacks": ATTACKS, "strongest": "density ratio"},
        ),
        found("membership.worst_group", "Worst group", 0.06, anchors=anchors(COPIES)),
        found("linkage", "Linking two parts of a record", 0.01),
        found("singling_out", "Singling people out", 0.004),
        found("membership.model", "Telling who was in the data, from the model", 0.31),
        found(
            "membership.group.sex = f",
            "Telling who was in the data: sex = f",
            0.05,
            group="subgroup",
            detail={
                "everybody else": estimate(0.01, 0.02).to_dict(),
                "gap": {"value": 0.04, "low": -0.01, "high": 0.09},
                "attacks": ATTACKS,
            },
        ),
        Finding(
            name="membership.group.stage = 4",
            group="subgroup",
            title="Telling who was in the data: stage = 4",
            meaning="",
            result=few,
        ),
        Finding(
            name="subgroup.utility.sex = f",
            group="subgroup",
            title="Prediction for sex = f",
            meaning="How much more models lose here.",
            result=estimate(0.02, 0.05),
            detail={
                "score": "AUC",
                "TSTR": estimate(0.81, 0.05).to_dict(),
                "TRTR": estimate(0.84, 0.05).to_dict(),
                "gap TRTR - TSTR": estimate(0.03, 0.05).to_dict(),
                "gap in everyone else": few.to_dict(),
            },
        ),
    ]


def further() -> list[Finding]:
    """Give findings of every other new kind, with details of several shapes."""
    both = {"TSTR": 0.85, "TSTR interval": [0.8, 0.9], "TRTR": 0.87, "TRTR interval": [0.8, 0.9]}
    names = ["age", "bili", "albumin"]
    coefficients = [
        {
            "name": name,
            "real": {"estimate": 0.4, "standard error": 0.1, "low": 0.2, "high": 0.6},
            "synthetic": {"estimate": v, "standard error": 0.1, "low": v - 0.2, "high": v + 0.2},
            "population interval": None,
            "same sign": True,
            "overlap": 1 - v,
            "absent": "",
        }
        for name, v in zip(names, (0.1, 0.3, 0.4), strict=True)
    ]
    analysis = {"formula": "death ~ age + bili", "coefficients": coefficients}
    return [
        Finding(
            name="utility.auc",
            group="utility",
            title="AUC",
            meaning="",
            result=estimate(0.85, 0.03),
            anchors={"fresh real people": estimate(0.87, 0.02)},
            detail={"models": {"logistic regression": both, "random forest": both}},
        ),
        Finding(
            name="utility.trts_auc",
            group="utility",
            title="AUC on synthetic rows",
            meaning="",
            result=estimate(0.88, 0.03),
            detail={"models": {"logistic regression": {"TRTS": 0.88}}},
        ),
        Finding(
            name="utility.concordance",
            group="utility",
            title="Concordance of survival",
            meaning="",
            result=estimate(0.74, 0.04),
            ideal=1.0,
            direction="high",
        ),
        Finding(
            name="fidelity.triples",
            group="fidelity",
            title="Three columns at once",
            meaning="",
            result=estimate(0.93, 0.02),
            detail={
                "columns": dict(zip(names, (0.95, 0.8, 0.9), strict=True)),
                "columns of fresh real people": dict(zip(names, (0.96, 0.95, 0.9), strict=True)),
                "widest gaps": [{"pair": ["age", "bili"], "real": 0.4, "synthetic": 0.1}],
                "levels lost": {},
            },
        ),
        *(
            Finding(
                name=f"replication.{name}",
                group="replication",
                title=f"{title}: death ~ age + bili",
                meaning="Over the coefficients whose sign the real people tell.",
                result=estimate(0.67, 0.2),
                ideal=1.0,
                direction="high",
                detail=analysis,
            )
            for name, title in (("sign", "Same signs"), ("overlap", "Overlap of intervals"))
        ),
        Finding(
            name="comparison.paper_q",
            group="comparison",
            title="Quality score Q, as published",
            meaning="A blend of likenesses.",
            result=estimate(0.91, 0.02),
            anchors=anchors({"verbatim copy": 0.99}),
        ),
        Finding(
            name="comparison.jsd_published",
            group="comparison",
            title="JSD, as published",
            meaning="",
            result=CannotJudge("no column is numeric"),
        ),
    ]


def make_complete() -> dict[str, Any]:
    """Give a release of which everything is known that a report can show."""
    first = [
        replace(f, detail={**f.detail, "attacks": ATTACKS, "strongest": "density ratio"})
        if f.name.startswith("membership.")
        else f
        for f in privacy(GOOD, {})
    ]
    rest = [f for f in quality() if f.name not in ("utility.auc", "utility.trts_auc")]
    arguments = facts("RELEASED", [*first, *unlimited(), *rest, *further()])
    arguments["audit"] = replace(
        arguments["audit"],
        context={
            "people": 418,
            "trials": 20,
            "power": POWER,
            "power_text": "Leaks of one patient in ten would hardly have been missed.",
            "attacks": {
                "density ratio": {
                    "knowledge": "the synthetic table, and records of other people",
                    "says": "log density under the synthetic rows over that under other people",
                }
            },
            "ledger": {"queries": [{"what": "cross-fit", "times": 20}], "entries": 3},
        },
    )
    arguments["table"] = arguments["table"] | {"rows": 500}
    return summarise(
        **arguments,
        purpose="Teaching survival analysis to students.",
        earlier=[{"date": "2025-03-01", "table": "pbc-2024.csv", "verdict": "RELEASED"}],
    )


def make_bare() -> dict[str, Any]:
    """Give the fewest keys that a report can have."""
    return {"audit": {"findings": []}}


KINDS = {
    "released": make_released,
    "refused": make_refused,
    "unjudged": make_unjudged,
    "audit only": make_audit_only,
    "ugly": make_ugly,
    "wide": make_wide,
    "bare": make_bare,
    "complete": make_complete,
}


@pytest.fixture(params=sorted(KINDS))
def any_summary(request: pytest.FixtureRequest) -> dict[str, Any]:
    return KINDS[request.param]()


@pytest.fixture
def released() -> dict[str, Any]:
    return make_released()


@pytest.fixture
def refused() -> dict[str, Any]:
    return make_refused()


@pytest.fixture
def unjudged() -> dict[str, Any]:
    return make_unjudged()


@pytest.fixture
def audit_only() -> dict[str, Any]:
    return make_audit_only()


@pytest.fixture
def ugly() -> dict[str, Any]:
    return make_ugly()


@pytest.fixture
def everything() -> dict[str, Any]:
    return make_complete()


@pytest.fixture
def wide() -> dict[str, Any]:
    return make_wide()
