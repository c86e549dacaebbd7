"""A sweep: resumed to the same bytes, honest about what can't be met, blind to the audit part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.synth.audit import fidelity
from salus.synth.budget import Budget
from salus.synth.errors import OptionError, TooFewPeople
from salus.synth.generate.marginals import Marginals
from salus.synth.release import crossfit, frontier, frontier_points, settings
from salus.synth.release.frontier import picked, sweep
from salus.synth.release.frontier_store import json_text
from salus.synth.release.ledger import Ledger
from salus.synth.table.parts import split
from salus.synth.table.table import PRESENT, Table
from tests.synth.release.planted import Copying, Refusing, Scarce
from tests.synth.simulate import simulated

PEOPLE = simulated(90, seed=3)
ASKED: dict[str, Any] = {"limits": [0.5, 0.0], "repeats": 2, "seed": 5, "jobs": 1}
KINDS = {"copying": Copying, "refusing": Refusing, "scarce": Scarce, "marginals": Marginals}


@pytest.fixture(autouse=True, scope="module")
def planted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "KINDS", lambda: KINDS)
        patch.setattr(crossfit, "LIKENESS_TRIALS", 1)
        patch.setattr(crossfit, "ANCHOR_TRIALS", 1)
        patch.setattr(
            fidelity, "findings", lambda *_, **__: ()
        )  # what costs most has its own tests
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frontier") / "straight"


@pytest.fixture(scope="module")
def straight(planted: None, folder: Path) -> dict[str, Any]:
    return sweep(PEOPLE, generator="copying", name="people.csv", directory=folder, **ASKED)


def value(point: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (f for f in [*point["risks"], *point["utility"]] if f["name"] == name)
    return found


def test_risk_and_use_fall_from_off_to_the_strictest(straight: dict[str, Any]) -> None:
    off, half, none = straight["points"]
    for name in ("membership.advantage", "copies.exact", "copies.near"):
        values = [value(p, name)["result"]["value"] for p in (off, half, none)]
        assert values[0] > values[1] > values[2]
    assert value(off, "copies.exact")["result"]["value"] == pytest.approx(1, abs=0.05)
    assert value(off, "membership.advantage")["result"]["low"] > 0.9
    copy, loose = (straight["anchors"][k] for k in ("verbatim copy", "independent columns"))
    assert copy["risks"]["membership.advantage"]["value"] > 0.9
    assert copy["risks"]["copies.exact"]["value"] > loose["risks"]["copies.exact"]["value"]
    use = straight["utility"]["name"]
    assert copy["utility"][use]["value"] > loose["utility"][use]["value"]
    assert set(straight["curves"]["copies.exact"]) <= {0, 1}  # the point that can't be met is none


def test_a_point_holds_its_limits_and_its_prices(straight: dict[str, Any]) -> None:
    off, half, _ = straight["points"]
    assert off["limit"] is None and off["verdict"] is None
    assert all(f["limit"] is None and f["verdict"] is None for f in off["risks"])
    assert off["training"]["risks"] == []
    assert half["verdict"] == "NOT MET"  # copies are ten times what the same factor allows
    assert value(half, "copies.exact")["limit"] == pytest.approx(0.05)
    assert half["training"]["risks"] == [
        {"name": "membership gap", "value": 0.5, "limit": 0.5, "without": 1.0, "multiplier": 3.0}
    ]
    assert half["setting"] == {"generator": "copying", "slack": 1.0}
    assert half["infeasible"] == []


def test_what_can_not_be_met_is_marked_with_the_nearest_and_drawn(straight: dict[str, Any]) -> None:
    strictest = straight["points"][-1]
    said = " ".join(strictest["infeasible"])
    assert "membership gap 0.02 (limit 0)" in said
    assert "no number of people can show" in said and "The nearest that could be met is" in said
    assert strictest["state"] == "judged" and strictest["risks"] and strictest["utility"]


@pytest.mark.parametrize(
    ("generator", "state", "said"),
    [
        ("refusing", "refused in training", "no setting meets the limit. The nearest is 0.02."),
        ("scarce", "no rows", "Too few rows obey the rules"),
    ],
)
def test_a_point_that_can_not_be_made_is_told(generator: str, state: str, said: str) -> None:
    done = sweep(PEOPLE, generator=generator, **{**ASKED, "limits": [0.0]})
    off, strict = done["points"]
    assert off["state"] == "judged"
    assert strict["state"] == state and said in strict["message"]
    assert strict["risks"] == [] and strict["verdict"] is None
    assert all(strict["number"] not in curve for curve in done["curves"].values())


def stopping(monkeypatch: pytest.MonkeyPatch, after: int) -> list[Budget]:
    """Let the cross-fit be interrupted after so many points; return the budgets it was run for."""
    run, asked = frontier_points.run_trials, []

    def stopped(table: Table, make: Callable[[], Copying], **more: Any) -> Any:
        if len(asked) == after:
            raise KeyboardInterrupt
        asked.append(make().budget)
        return run(table, make, **more)

    monkeypatch.setattr(frontier_points, "run_trials", stopped)
    return asked


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    straight: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again"
    with monkeypatch.context() as patch:
        stopping(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            sweep(PEOPLE, generator="copying", directory=again, **ASKED)
    kept = sorted(p.name for p in (again / "points").iterdir())
    assert kept == ["00.json", "01.json", "anchors.json"]
    (again / "points" / "01.json").write_text("{cut off")  # as by a broken disk
    with monkeypatch.context() as patch:
        patch.setattr(frontier_points, "anchor_trials", None)  # not needed again
        judged = stopping(patch, 99)
        done = sweep(PEOPLE, generator="copying", name="people.csv", directory=again, **ASKED)
    assert [b.membership for b in judged] == [0.5, 0.0]
    assert json_text(done) == json_text(straight)
    for path in sorted(folder.rglob("*.*")):
        assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 6}, "--seed .5 there, 6 now"),
        ({"repeats": 3}, "--repeats"),
        ({"limits": [0.5]}, "--budgets"),
        ({"risk": "membership"}, "--risk"),
        ({"generator": "scarce"}, "--generator"),
        ({"options": {"slack": 2.0}}, "--set"),
        ({"budget": Budget(copies=0.1)}, "--budget"),
        ({"n": 50}, "--rows"),
        ({"table": simulated(90, seed=4)}, "differs in the table[.]"),
    ],
)
def test_other_settings_in_the_folder_are_named(
    straight: dict[str, Any], folder: Path, changed: dict[str, Any], said: str
) -> None:
    asked = {"generator": "copying", "table": PEOPLE, **ASKED, **changed}
    with pytest.raises(OptionError, match=f"differs in {said}|{said}"):
        sweep(asked.pop("table"), directory=folder, **asked)


def test_force_begins_anew_and_leaves_other_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = {"state": "judged", "utility": [], "risks": [], "infeasible": [], "trials": 4}
    fake = lambda bench, step, *_, **__: {**done, "number": step.number}  # noqa: E731
    monkeypatch.setattr(frontier, "judge", fake)
    monkeypatch.setattr(frontier, "anchor_figures", lambda *_: {})
    asked = {"generator": "copying", "directory": tmp_path / "out", **ASKED}
    sweep(PEOPLE, **asked)
    assert len(list((tmp_path / "out" / "points").iterdir())) == 4
    sweep(PEOPLE, **{**asked, "limits": [0.5], "force": True})
    names = sorted(p.name for p in (tmp_path / "out" / "points").iterdir())
    assert names == ["00.json", "01.json", "anchors.json"]
    assert len(list((tmp_path / "out" / "budgets").iterdir())) == 2
    (tmp_path / "out" / "letter.txt").write_text("mine")
    with pytest.raises(OptionError, match="no frontier's"):
        sweep(PEOPLE, **asked, force=True)
    assert (tmp_path / "out" / "letter.txt").read_text() == "mine"


def test_a_run_that_came_to_no_point_does_not_block_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise OptionError("slack must be above 0.")

    monkeypatch.setattr(frontier, "judge", failing)
    monkeypatch.setattr(frontier, "anchor_figures", lambda *_: {})
    asked = {"generator": "copying", "directory": tmp_path / "out", **ASKED}
    for limits in ([0.5, 0.1], [0.4]):
        with pytest.raises(OptionError, match="above 0"):
            sweep(PEOPLE, **{**asked, "limits": limits})
    assert len(list((tmp_path / "out" / "budgets").iterdir())) == 2  # those of the second alone
    (tmp_path / "out" / "points" / "00.json").write_text("{}")
    with pytest.raises(OptionError, match="differs in --budgets"):
        sweep(PEOPLE, **asked)


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"generator": "auto"}, OptionError, "picks among several"),
        ({"generator": "nobody"}, OptionError, "isn't known"),
        ({"generator": "marginals"}, OptionError, "takes no budget"),
        ({"options": {"height": 1}}, OptionError, "takes no option 'height'"),
        ({"options": {"slack": "wide"}}, OptionError, "'slack' of 'copying' is a number"),
        (
            {"options": {"slack": True}},
            OptionError,
            "is a number, got True. Such as: --set slack=1.7",
        ),
        ({"repeats": 1}, OptionError, "2 repeats"),
        ({"n": 0}, OptionError, "at least 1 row"),
        ({"table": simulated(50, seed=1)}, TooFewPeople, "50 people are too few"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    asked: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    full = {"table": PEOPLE, "generator": "copying", "directory": tmp_path / "out", **asked}
    with pytest.raises(error, match=said):
        sweep(full.pop("table"), **full)
    assert not (tmp_path / "out").exists()


def test_a_picked_point_is_what_a_release_takes(straight: dict[str, Any], folder: Path) -> None:
    chosen = picked(folder, 1)
    assert chosen == {
        "generator": "copying",
        "options": {"slack": 1.0},
        "budget": Budget(**straight["points"][1]["budget"]),
        "n": 90,
        "seed": 1005,
    }
    assert Budget.read(folder / "budgets" / "01.toml") == chosen["budget"]
    assert Budget.read(folder / "budgets" / "00.toml") == Budget(**straight["points"][0]["budget"])
    with pytest.raises(OptionError, match="point 0 has no limits"):
        picked(folder, 0)
    with pytest.raises(OptionError, match=r"no finished point 7. Finished: 0, 1, 2"):
        picked(folder, 7)
    with pytest.raises(OptionError, match="holds no frontier"):
        picked(folder / "points", 1)


def test_no_file_holds_a_value_of_a_person(straight: dict[str, Any], folder: Path) -> None:
    held = {f"{v:g}" for v in PEOPLE.values["weight"][PEOPLE.states["weight"] == PRESENT]}
    rare = {v for v in held if len(v) >= 5}
    assert len(rare) > 20
    for path in folder.rglob("*.*"):
        text = path.read_text()
        assert not [v for v in rare if f" {v}," in text or f" {v}\n" in text]


def test_the_look_is_recorded_once_and_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    asked = {"generator": "copying", "directory": tmp_path / "out", "ledger": ledger, **ASKED}
    with monkeypatch.context() as patch:
        stopping(patch, 0)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                sweep(PEOPLE, **asked, when="now", name="people.csv", cohort_name="us")
    (entry,) = ledger.entries()
    assert entry.content["kind"] == "frontier" and not entry.is_release
    assert entry.content["touched"] == "all people, by cross-fitting"
    assert entry.content["settings"]["limits"] == [0.5, 0.0]
    assert "table" not in entry.content["settings"]
    with monkeypatch.context() as patch:
        stopping(patch, 0)
        with pytest.raises(KeyboardInterrupt):
            sweep(PEOPLE, **{**asked, "seed": 6, "force": True})
    assert len(ledger.entries()) == 2


MANY_PEOPLE = simulated(130, seed=8)
LARGE: dict[str, Any] = {"generator": "copying", "limits": [0.3], "seed": 2, "jobs": 1}


def changed(table: Table, people: np.ndarray) -> Table:
    """Return the table with the weight of some people doubled, so that none is what it was."""
    weight = table.values["weight"].astype(float)
    here = np.isin(table.people, people)
    return table.replace("weight", np.where(here, 2 * weight, weight), table.states["weight"])


def test_a_large_table_is_judged_without_the_people_of_the_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frontier, "MANY", 100)
    parts = split(MANY_PEOPLE, seed=2)
    first = sweep(MANY_PEOPLE, **LARGE)
    assert first["settings"]["repeats"] is None and first["settings"]["split_seed"] == 2
    assert first["judged"] == {
        "people learnt from": parts.train.n_people,
        "people set apart": parts.calibration.n_people,
    }
    assert value(first["points"][0], "membership.advantage")["result"]["value"] > 0.5
    unseen = sweep(changed(MANY_PEOPLE, parts.audit.people), **LARGE)
    assert json_text(unseen) == json_text(first)
    seen = sweep(changed(MANY_PEOPLE, parts.calibration.people), **LARGE)
    assert json_text(seen["points"]) != json_text(first["points"])


def test_a_large_table_is_split_as_it_was_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frontier, "MANY", 100)
    fake = lambda bench, step, *_, **__: {  # noqa: E731
        "number": step.number,
        "state": "no rows",
        "limit": step.limit,
    }
    monkeypatch.setattr(frontier, "judge", fake)
    monkeypatch.setattr(frontier, "anchor_figures", lambda *_: {})
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for seed in (2, 3):
        out = tmp_path / f"out{seed}"
        done = sweep(MANY_PEOPLE, **{**LARGE, "seed": seed}, ledger=ledger, directory=out)
        assert done["settings"]["split_seed"] == 2
        assert picked(out, 1)["seed"] == 2  # else people seen here would judge the release
    assert [e.content["settings"]["seed"] for e in ledger.entries()] == [2, 3]
    assert ledger.entries()[0].content["touched"] == "train, reference and calibration parts"
