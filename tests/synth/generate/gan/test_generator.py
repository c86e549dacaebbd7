"""The generator as its users meet it."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, MissingExtra, NotFitted, OptionError, TooFewPeople
from salus.synth.generate.gan.draw import _likeliest
from salus.synth.generate.gan.generator import Gan
from salus.synth.generate.gan.risks import NEAR, RATIO
from salus.synth.generate.gan.train import Training
from salus.synth.generate.store import read_model
from salus.synth.measure.distance import Encoder, nearest
from salus.synth.table.rules import rules_of
from salus.synth.table.table import Table
from tests.synth.generate.gan.toys import rare_outcome, spread_out
from tests.synth.generate.tables import TABLES, mixed, numbers
from tests.synth.generate.test_conformance import assert_valid, same

SMALL: dict[str, Any] = {"members": 2, "width": 24, "noise": 8, "batch": 32}


@cache
def fitted(name: str) -> Gan:
    return Gan(**SMALL, steps=30).fit(TABLES[name](), seed=3)


@pytest.mark.parametrize("name", list(TABLES))
def test_rows_are_valid_and_the_same_again(name: str) -> None:
    table, model = TABLES[name](), fitted(name)
    again = Gan(**SMALL, steps=30).fit(table, seed=3)
    for n in (1, 83):
        out = model.sample(n, seed=n)
        assert out.shortfall is None and len(out.table) == n
        assert_valid(out.table, table.schema)
        assert all(rule.holds(out.table).all() for rule in rules_of(table.schema))
        assert same(out.table, again.sample(n, seed=n).table)


def test_the_file_is_the_model_and_holds_no_value_of_a_person(tmp_path: Path) -> None:
    for name in ("mixed", "numbers", "lonely values"):
        model, table = fitted(name), TABLES[name]()
        model.save(tmp_path / "m")
        kind, plain, arrays = read_model(tmp_path / "m")
        loaded = Gan.restore(plain, arrays)
        assert kind == "gan" and loaded.card() == model.card()
        assert same(loaded.sample(40, seed=5).table, model.sample(40, seed=5).table)
        loaded.save(tmp_path / "n")
        assert (tmp_path / "m").read_bytes() == (tmp_path / "n").read_bytes()
        archive = zipfile.ZipFile(io.BytesIO((tmp_path / "m").read_bytes()))
        text = archive.read("model.json").decode()
        stored = np.concatenate([a.ravel() for a in arrays.values() if a.dtype.kind == "f"])
        for column in table.schema.modelled:
            if not column.is_numeric:
                continue
            value = table.values[column.name]
            unique, count = np.unique(value[~np.isnan(value)], return_counts=True)
            single = unique[(count < 5) & (np.abs(unique * 1000 - np.round(unique * 1000)) > 1e-9)]
            assert not np.isin(single, stored).any()
            assert not np.isin(single.astype(np.float32), stored.astype(np.float32)).any()
            assert not any(repr(float(v)) in text for v in single)


def test_nobody_of_the_reference_is_learnt_from() -> None:
    """Other values in the reference change nothing that the codec or the batches see."""
    table, odd = mixed(80), mixed(60, seed=1)
    odd = odd.replace("age", odd.values["age"] * 0 + 3.0)
    model = Gan(**SMALL, steps=10, budget=None).fit(table, reference=odd, seed=1)
    drawn = model.sample(400, seed=1).table
    assert (drawn.values["age"] != 3).all()
    assert model.account_["people"] == 80


def test_a_single_network_holds_a_quarter_back() -> None:
    table = spread_out(80)
    people, sides = Gan(members=1)._sides(table, None, np.random.default_rng(0))
    assert people is table and len(sides) == 1 and len(sides[0].others) == 20
    assert not set(sides[0].members) & set(sides[0].others)


def test_folds_hold_people_whole() -> None:
    base = spread_out(90)
    table = Table(base.schema, base.values, base.states, np.arange(90) // 3)
    for side in Gan(members=3)._sides(table, None, np.random.default_rng(0))[1]:
        assert not set(table.people[side.members]) & set(table.people[side.others])
        assert len(side.members) + len(side.others) == 90


def test_relations_are_learnt() -> None:
    """Two columns that correlate, and an outcome that depends on them."""
    rows = Gan(budget=None, steps=150, members=3).fit(spread_out(300), seed=1).sample(1000, seed=1)
    real = spread_out(2000, seed=9)
    for table in (real, rows.table):
        x = np.column_stack([table.values["x0"], table.values["x1"], table.values["ill"]])
        found = np.corrcoef(x.T)
        assert 0.15 < found[0, 1] < 0.55 and found[0, 2] > 0.35


def test_a_rare_class_stays_alive() -> None:
    model = Gan(steps=400, members=3, width=48).fit(rare_outcome(400, 0.05), seed=2)
    drawn = model.sample(4000, seed=2).table
    died = drawn.values["died"] == 1
    assert 0.03 < died.mean() < 0.08
    x = drawn.values["x0"] + drawn.values["x1"]
    assert x[died].mean() > x[~died].mean() + 0.7  # 2.9 among people


def excess(model: Gan, table: Table, n: int = 2_000) -> float:
    """Return how much oftener a row's nearest person is a member than one of as many strangers."""
    strangers = spread_out(len(table), seed=77)
    encoder = Encoder.fit([table, strangers])
    made = encoder.place(model.sample(n, seed=5).table)
    to = [nearest(made, encoder.place(t), left_out=False).all[:, 0] for t in (table, strangers)]
    return float((to[0] < to[1]).mean() - 0.5)


@pytest.mark.slow
def test_overfitting_is_held_by_the_constraint() -> None:
    """A tiny table and many steps: rows near members without the constraint, few with it."""
    table = spread_out(40)
    options: dict[str, Any] = {"members": 2, "width": 128, "steps": 2_000, "batch": 40}
    budget = Budget(attribute=None)
    free = Gan(**options, budget=budget, slack=1e6).fit(table, seed=1)
    held = Gan(**options, budget=budget, slack=1.0).fit(table, seed=1)
    risks = {r["name"]: r for r in held.account_["constraint"]["risks"]}
    assert held.account_["constraint"]["feasible"]
    assert risks[RATIO]["without"] > 3 * risks[RATIO]["limit"] >= 3 * risks[RATIO]["value"]
    assert risks[NEAR]["value"] <= risks[NEAR]["limit"]
    assert excess(held, table) < 0.5 * excess(free, table)


def test_conditions() -> None:
    model = fitted("mixed")
    for given in ({"age": 71}, {"lab": None, "died": "no"}, {"site": "unk"}, {"lab": 3.3333}):
        out = model.sample(20, given=given, seed=4)
        assert out.shortfall is None and len(out.table) == 20
        assert_valid(out.table, out.table.schema)
        assert same(out.table, model.sample(20, given=given, seed=4).table)
    assert (model.sample(20, given={"age": 71}, seed=1).table.values["age"] == 71).all()
    assert (model.sample(20, given={"lab": "-9"}, seed=1).table.states["lab"] == 2).all()


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("levels", {"a": None}),
        ("numbers", {"x": 1e6}),
        ("odd", {"rare": 12.0}),
        ("mixed", {"died": ""}),
    ],
)
def test_conditions_that_nobody_meets_fall_short(name: str, given: dict[str, Any]) -> None:
    out = fitted(name).sample(5, given=given, seed=1)
    assert out.shortfall is not None and len(out.table) == 0
    assert next(iter(given)) in out.shortfall.rule


def test_numbers_that_contradict_each_other_fall_short() -> None:
    """Two columns that are nearly one: nobody is at opposite ends of them."""
    table = numbers(200)
    twin = table.replace("y", table.values["x"] + 1e-3 * table.values["w"])
    model = Gan(steps=150, members=2, budget=None).fit(twin, seed=1)
    assert model.sample(5, given={"x": 1.0, "y": 1.0}, seed=1).shortfall is None
    out = model.sample(5, given={"x": 2.2, "y": -2.2}, seed=1)
    assert out.shortfall is not None and len(out.table) == 0


def test_conditions_move_the_others() -> None:
    model = Gan(budget=None, steps=150, members=3).fit(mixed(300), seed=3)
    old = model.sample(300, given={"age": 78}, seed=4).table
    young = model.sample(300, given={"age": 45}, seed=4).table
    assert old.values["died"].mean() > young.values["died"].mean() + 0.1
    dead = model.sample(300, given={"died": "yes"}, seed=4).table
    alive = model.sample(300, given={"died": "no"}, seed=4).table
    assert dead.values["age"].mean() > alive.values["age"].mean() + 2


def test_a_higher_temperature_loosens_relations_and_keeps_margins() -> None:
    table = spread_out(300)
    model = Gan(budget=None, steps=100, members=2).fit(table, seed=1)
    warm = Gan(temperature=2.0)
    warm.fitted_, warm.account_ = model.fitted_, model.account_
    a, b = model.sample(2000, seed=1).table, warm.sample(2000, seed=1).table
    corr = [np.corrcoef(t.values["x0"], t.values["x1"])[0, 1] for t in (a, b)]
    assert corr[1] < 0.6 * corr[0]
    for name in ("x0", "x1"):
        assert abs(b.values[name].std() / a.values[name].std() - 1) < 0.1


def test_a_lower_top_p_leaves_unlikely_cells_out() -> None:
    chance = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0]])
    kept = _likeliest(chance, 0.6)
    assert np.array_equal(kept, [[0.5, 0.3, 0.0], [0.0, 0.0, 0.8], [1.0, 0.0, 0.0]])
    model = fitted("levels")
    sharp = Gan(top_p=0.3)
    sharp.fitted_, sharp.account_ = model.fitted_, model.account_
    a, b = (m.sample(400, seed=1).table for m in (model, sharp))
    for name in a.values:
        count = [np.unique(t.values[name], return_counts=True)[1] for t in (a, b)]
        assert count[1].max() >= count[0].max()
    assert not same(a, b)


@pytest.mark.parametrize(
    "options",
    [
        {"slack": 0.0},
        {"rate": -1.0},
        {"gumbel": 0.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"steps": 0},
        {"members": 0},
        {"batch": 30, "pack": 4},
        {"minority_recall": 1.5},
    ],
    ids=str,
)
def test_options_outside_their_domain(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        Gan(**options).fit(spread_out(40), seed=1)


def test_an_absent_device_is_named() -> None:
    with pytest.raises(OptionError, match=r"device 'nonsense'.*device='cpu'"):
        Gan(device="nonsense").fit(spread_out(40), seed=1)


def test_minority_recall_needs_classes() -> None:
    with pytest.raises(OptionError, match="outcome"):
        Gan(minority_recall=0.5).fit(numbers(), seed=1)
    with pytest.raises(TooFewPeople, match=r"has 3 rows.*join classes"):
        Gan(minority_recall=0.5).fit(rare_outcome(60, 0.05), seed=1)
    table = spread_out(40)
    with pytest.raises(OptionError, match="two classes"):
        Gan(minority_recall=0.5).fit(table.replace("ill", np.zeros(40, int)), seed=1)


def test_a_recall_that_nobody_reaches_is_told_before_training() -> None:
    coin = np.random.default_rng(5).integers(0, 2, 200)
    table = spread_out(200).replace("ill", coin)
    with pytest.raises(
        Infeasible, match=r"minority_recall=0.9 .* people themselves.*Ask for 0\.\d"
    ):
        Gan(minority_recall=0.9).fit(table, seed=1)


def test_a_rare_class_of_three_and_a_column_with_one_level() -> None:
    table = rare_outcome(60, 0.05)
    single = table.replace("x2", np.full(60, 2.5))
    assert (single.values["died"] == 1).sum() == 3
    drawn = Gan(**SMALL, steps=30).fit(single, seed=1).sample(600, seed=1).table
    assert (drawn.values["x2"] == 2.5).all()
    assert 0.005 < (drawn.values["died"] == 1).mean() < 0.12


def test_a_reference_that_is_too_small_is_told() -> None:
    with pytest.raises(TooFewPeople, match=r"reference of 9 people.*Give at least 10"):
        Gan().fit(mixed(80), reference=mixed(9), seed=1)


def test_limits_of_zero_are_no_error() -> None:
    """No iterate may meet them; the nearest is kept and this is told."""
    budget = Budget(membership=0, tpr_at_1pct=0, near_copies=0, attribute=0)
    found = Gan(**SMALL, steps=30, budget=budget).fit(spread_out(60), seed=1).account_["constraint"]
    assert found["feasible"] == all(r["value"] <= 0 for r in found["risks"])
    assert found["feasible"] or "no iterate" in found["message"]


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Training) -> None:
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(Training, "run_round", full)
    with pytest.raises(OptionError, match=r"memory of 'cpu' is too small.*Lower batch or width"):
        Gan(**SMALL, steps=30).fit(spread_out(40), seed=1)


def test_the_same_code_runs_on_a_graphics_card() -> None:
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no CUDA device here")
    model = Gan(**SMALL, steps=30, device="cuda", slack=1e-6).fit(mixed(160), seed=1)
    assert model.account_["device"] == "cuda"
    out = model.sample(50, seed=1)
    assert out.shortfall is None
    assert_valid(out.table, out.table.schema)


def test_errors(tmp_path: Path) -> None:
    for call in (
        lambda m: m.sample(5, seed=1),
        lambda m: m.card(),
        lambda m: m.save(tmp_path / "m"),
    ):
        with pytest.raises(NotFitted):
            call(Gan())
    with pytest.raises(TooFewPeople):
        Gan().fit(mixed(8), seed=1)
    for n, given in ((0, None), (5, {"nose": 1}), (5, {"site": "z"})):
        with pytest.raises(OptionError):
            fitted("mixed").sample(n, given=given, seed=1)
    assert not hasattr(Gan, "log_prob")


def test_torch_is_asked_for_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; from salus.synth.generate.gan.generator import Gan; Gan();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else find(name, *a)
    )
    with pytest.raises(MissingExtra, match=r"pip install 'salus\[net\]'"):
        Gan().fit(spread_out(40), seed=1)
