"""``salus frontier``: one resumable command, whose points a release takes as they are."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.synth.audit import fidelity
from salus.synth.release import crossfit, frontier_points, settings
from salus.synth.release.ledger import Ledger
from salus.synth.table.files import write_table
from tests.synth.release.planted import Copying
from tests.synth.simulate import simulated

Run = Callable[..., Any]


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, salus: Run) -> Callable[..., Any]:
    """Run the verb on 80 simulated people with a generator of known risk; the folder is ``out``."""
    monkeypatch.setattr(settings, "KINDS", lambda: {"forest": Copying})
    monkeypatch.setattr(crossfit, "LIKENESS_TRIALS", 1)
    monkeypatch.setattr(crossfit, "ANCHOR_TRIALS", 1)
    monkeypatch.setattr(fidelity, "findings", lambda *_, **__: ())
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # workers would know nothing of these
    source = tmp_path / "patients.csv"
    write_table(simulated(80, seed=1), source)

    def words(*more: Any, out: str = "out") -> Any:
        asked = ("--outcome", "target", "--budgets", "0.4,0", "--repeats", 2, "--seed", 4)
        return salus("frontier", source, *asked, "-o", tmp_path / out, *more)

    return words


def test_a_stopped_run_goes_on_to_the_same_file(
    sweep: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    run, points = frontier_points.run_trials, []

    def stopped(*given: Any, **more: Any) -> Any:
        points.append(1)
        if len(points) == 3:
            raise KeyboardInterrupt
        return run(*given, **more)

    monkeypatch.setattr(frontier_points, "run_trials", stopped)
    first = sweep("--ledger", ledger)
    assert first.exit_code == 130, first.stderr
    assert "start again to go on" in first.stderr
    assert not (tmp_path / "out" / "frontier.json").exists()
    second = sweep("--ledger", ledger, "--json")
    assert second.exit_code == 0, second.stderr
    assert len(points) == 4  # two, the one stopped, and that again
    told = json.loads(second.stdout)
    assert told["status"] == 0 and len(told["points"]) == 3
    assert [e.content["kind"] for e in Ledger(ledger).entries()] == ["frontier"]
    straight = sweep("--ledger", ledger, out="straight")
    assert straight.exit_code == 0
    for name in ("frontier.json", "points/02.json", "budgets/01.toml", "settings.json"):
        files = [tmp_path / out / name for out in ("out", "straight")]
        assert files[0].read_bytes() == files[1].read_bytes()
    shown = straight.stdout
    assert "prediction kept" in shown and "telling who was in" in shown
    assert re.search(r"^1 +40\s% ", shown, re.M) and "✕ Can't be met" in shown
    assert "use in training for one more unit of the limit on “Average gain of members”" in shown
    assert "This is no certificate." in shown and "frontier.html" in shown
    listed = sweep("--ledger", ledger, "--seed", 5)  # the last of two counts
    assert listed.exit_code == 2 and "differs in --seed (4 there, 5 now)" in listed.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--budgets", "a,b"), "numbers parted by commas"),
        (("--budgets", "0.1,7"), "between 0 (chance) and 1, got 7.0"),
        (("--risk", "linkage"), "sets no limit on 'linkage'"),
        (("--risk", "height"), "height"),
        (("--generator", "auto"), "auto"),
        (("--set", "height=1"), "takes no option 'height'"),
        (("--repeats", 1), "greater than or equal to 2"),
        (("--outcome", "nobody"), "nobody"),
    ],
)
def test_bad_input_is_one_message(sweep: Run, tmp_path: Path, more: Any, said: str) -> None:
    done = sweep(*more)
    assert done.exit_code == 2 and said in done.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_where_something_else_is(sweep: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("mine")
    for force in ((), ("--force",)):
        done = sweep(*force)
        assert done.exit_code == 2 and "no frontier's" in done.stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["letter.txt"]
    inside = tmp_path / "out" / "ledger.jsonl"
    assert sweep("--ledger", inside).exit_code == 2
    same = sweep(out=".")
    assert same.exit_code == 2 and "which is read" in same.stderr


@pytest.mark.slow
def test_the_command_on_the_page_releases_the_point(tmp_path: Path, salus: Run) -> None:
    source, budget = tmp_path / "patients.csv", tmp_path / "loose.toml"
    write_table(simulated(240, seed=1), source)
    budget.write_text(
        "membership = 0.45\ntpr_at_1pct = 0.5\ncopies = 0.2\nnear_copies = 0.5\nattribute = 0.9\n"
    )
    swept = salus(
        *("frontier", source, "--outcome", "target", "--generator", "copula", "--repeats", 2),
        *("--budget", budget, "--budgets", "0.9,0.45", "-o", tmp_path / "out"),
        *("--ledger", tmp_path / "ledger.jsonl"),
    )
    assert swept.exit_code == 0, swept.stderr
    page = (tmp_path / "out" / "frontier.html").read_text()
    lines = re.findall(r'<code class="line">([^<]*)</code>', page)
    assert len(lines) == 2
    words = shlex.split(lines[1])
    assert words[:3] == ["salus", "release", str(source)]
    done = salus(*words[1:-1], tmp_path / "release")
    assert done.exit_code == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "release" / "audit.json").read_text())
    assert told["manifest"]["budget"]["membership"] == 0.45
    tried = told["manifest"]["settings tried"]
    assert [s["options"] for s in tried] == [{"slack": 1.0}]  # the very setting of the point
    kinds = [e.content["kind"] for e in Ledger(tmp_path / "ledger.jsonl").entries()]
    assert kinds == ["frontier", "release"]
