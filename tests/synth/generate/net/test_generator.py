"""The generator as its users meet it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, MissingExtra, NotFitted, OptionError, TooFewPeople
from salus.synth.generate.net import plan
from salus.synth.generate.net.estimates import GAP, NEAR, TAIL, log_chances
from salus.synth.generate.net.generator import Net
from salus.synth.generate.net.train import Training
from salus.synth.generate.store import read_model
from salus.synth.table.rules import rules_of
from salus.synth.table.table import PRESENT, Table
from tests.synth.generate.net.toys import awake, cells, noise, rare_class
from tests.synth.generate.tables import TABLES, mixed, numbers
from tests.synth.generate.test_conformance import assert_valid, same

SMALL: dict[str, Any] = {"members": 2, "width": 16, "batch": 32, "epochs": 6}
LIKELY = Budget(near_copies=None, attribute=None)


@pytest.fixture(autouse=True)
def few_rounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings of fast tests be of few rounds."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(plan, "ROUNDS", 6)


@cache
def fitted(name: str) -> Net:
    return Net(**SMALL).fit(TABLES[name](), seed=3)


@cache
def learnt() -> Net:
    """Return a model that has learnt the relations of the mixed table."""
    return Net(budget=None, members=2, epochs=60, rate=0.01).fit(mixed(300), seed=3)


def with_drawing(model: Net, **drawing: float) -> Net:
    """Return the same fit with other options of drawing."""
    other = Net(**drawing)
    other.fitted_, other.account_ = model.fitted_, model.account_
    return other


def bytes_of(model: Net, path: Path) -> bytes:
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", list(TABLES))
def test_rows_are_valid_and_the_file_is_the_model(name: str, tmp_path: Path) -> None:
    table, model = TABLES[name](), fitted(name)
    for n in (1, 83):
        out = model.sample(n, seed=n)
        assert out.shortfall is None and len(out.table) == n
        assert_valid(out.table, table.schema)
        assert all(rule.holds(out.table).all() for rule in rules_of(table.schema))
    assert np.isfinite(model.log_prob(table)).all()
    first = bytes_of(model, tmp_path / "m")
    kind, plain, arrays = read_model(tmp_path / "m")
    loaded = Net.restore(plain, arrays)
    assert kind == "net" and loaded.card() == model.card()
    assert same(loaded.sample(40, seed=5).table, model.sample(40, seed=5).table)
    assert np.array_equal(loaded.log_prob(table), model.log_prob(table))
    assert bytes_of(loaded, tmp_path / "n") == first


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    a, b, c = (Net(**SMALL).fit(mixed(80), seed=s) for s in (3, 3, 2**61))
    assert bytes_of(a, tmp_path / "a") == bytes_of(b, tmp_path / "b")
    assert bytes_of(a, tmp_path / "a") != bytes_of(c, tmp_path / "c")
    assert same(a.sample(30, seed=1).table, b.sample(30, seed=1).table)
    assert not same(a.sample(30, seed=1).table, a.sample(30, seed=2).table)


def test_fit_and_sample_leave_the_global_state_alone() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        torch.manual_seed(3)
        np.random.seed(3)  # noqa: NPY002
        before, legacy = torch.random.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002
        model = Net(**SMALL, slack=0.1).fit(noise(60), seed=1)
        model.sample(10, seed=1)
        model.log_prob(noise(5))
        assert torch.equal(torch.random.get_rng_state(), before)
        assert np.array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
        assert torch.get_num_threads() == 2 and torch.is_grad_enabled()
        with pytest.raises(OptionError):
            Net(**SMALL, device="nonsense").fit(noise(60), seed=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", ["mixed", "numbers", "lonely values", "odd"])
def test_the_file_holds_no_value_of_a_person(name: str, tmp_path: Path) -> None:
    model, table = fitted(name), TABLES[name]()
    content = bytes_of(model, tmp_path / "m")
    _, said, arrays = read_model(tmp_path / "m")
    assert set(said) <= {
        *("format", "kind", "schema", "columns", "shape", "order", "networks"),
        *("account", "drawing"),
    }
    stored = np.concatenate([a.ravel().astype(float) for a in arrays.values()])
    for column in table.schema.modelled:
        if not column.is_numeric:
            continue
        value = table.values[column.name][table.states[column.name] == PRESENT]
        unique, count = np.unique(value, return_counts=True)
        single = unique[(count < 5) & (unique != np.round(unique, 2))]
        assert not np.isin(single, stored).any()
        assert not np.isin(single.astype(np.float32).astype(float), stored).any()
        assert not any(repr(float(v)).encode() in content for v in single)


def test_nobody_of_the_reference_is_learnt_from() -> None:
    table, odd = mixed(80), mixed(60, seed=1)
    odd = odd.replace("age", odd.values["age"] * 0 + 3.0)
    model = Net(**SMALL, budget=None).fit(table, reference=odd, seed=1)
    assert (model.sample(400, seed=1).table.values["age"] != 3).all()
    assert model.account_["people"] == 80 and model.account_["members"] == 2


# -- drawing ------------------------------------------------------------------------------------


def test_temperature_and_top_p_change_draws_and_not_the_fit(tmp_path: Path) -> None:
    plain = Net(**SMALL).fit(mixed(80), seed=1)
    warm = Net(**SMALL, temperature=2.0, top_p=0.7).fit(mixed(80), seed=1)
    assert warm.account_ == plain.account_
    for a, b in zip(plain.fitted_.weights, warm.fitted_.weights, strict=True):
        assert all(np.array_equal(a[k], b[k]) for k in a)
    assert np.array_equal(plain.log_prob(mixed(80)), warm.log_prob(mixed(80)))
    assert not same(plain.sample(50, seed=1).table, warm.sample(50, seed=1).table)
    warm.save(tmp_path / "m")
    _, said, arrays = read_model(tmp_path / "m")
    loaded = Net.restore(said, arrays)
    assert (loaded.temperature, loaded.top_p) == (2.0, 0.7)
    assert same(loaded.sample(50, seed=1).table, warm.sample(50, seed=1).table)


def moved(**drawing: float) -> dict[str, bool]:
    """Return which columns differ from plain draws, independent columns given."""
    model = fitted("mixed")
    a, b = (m.sample(300, seed=1).table for m in (model, with_drawing(model, **drawing)))
    return {c: not np.array_equal(a.values[c], b.values[c], equal_nan=True) for c in a.values}


def test_numbers_may_have_a_sharpness_of_their_own() -> None:
    model = fitted("mixed")
    kinds = {c.name: c.is_numeric for c in mixed().schema.modelled}
    names = model.fitted_.codec.names
    only = with_drawing(model, number_temperature=0.3, number_top_p=0.5)._sharpness()
    for name, sharp in zip(names, only, strict=True):
        wanted = (0.3, 0.5) if kinds[name] else (1.0, 1.0)
        assert (sharp.temperature, sharp.top_p) == wanted
    both = with_drawing(model, temperature=2.0, number_top_p=0.4)._sharpness()
    for name, sharp in zip(names, both, strict=True):
        assert (sharp.temperature, sharp.top_p) == (2.0, 0.4 if kinds[name] else 1.0)
    assert moved(number_temperature=0.1)["age"]
    # unlike those drawn before any number has been, columns may follow the numbers that moved
    assert moved(temperature=5.0)["died"]


def test_a_low_temperature_is_nearly_certain() -> None:
    model = with_drawing(fitted("levels"), temperature=1e-3)
    drawn = model.sample(200, seed=1).table
    # one row for each of the two sub-models
    assert len(np.unique(np.column_stack([drawn.values["a"], drawn.values["b"]]), axis=0)) <= 2


@pytest.mark.parametrize(
    "given",
    [
        {"age": 71},
        {"lab": 3.3333},
        {"lab": "-9"},
        {"lab": None},
        {"site": "unk", "stage": "4"},
        {"seen": "2019-05-01", "lab": None, "died": "no"},
    ],
    ids=str,
)
def test_conditions_are_kept(given: dict[str, Any]) -> None:
    model = fitted("mixed")
    out = model.sample(20, given=given, seed=4)
    assert out.shortfall is None and len(out.table) == 20
    assert_valid(out.table, mixed().schema)
    for name, value in given.items():
        assert len(np.unique(out.table.states[name])) == 1
        if value is None or value in ("-9", "unk"):
            assert (out.table.states[name] == (1 if value is None else 2)).all()
        elif name in ("age", "lab"):
            assert (out.table.values[name] == value).all()
    assert same(out.table, model.sample(20, given=given, seed=4).table)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("levels", {"a": None}),
        ("numbers", {"x": 1e6}),
        ("odd", {"rare": 12.0}),
        ("mixed", {"died": ""}),
        ("odd", {"blank": "u"}),
    ],
)
def test_conditions_that_nobody_meets_fall_short(name: str, given: dict[str, Any]) -> None:
    out = fitted(name).sample(5, given=given, seed=1)
    assert out.shortfall is not None and len(out.table) == 0
    assert next(iter(given)) in out.shortfall.rule


def test_conditions_move_the_others() -> None:
    model = learnt()
    old, young = (model.sample(400, given={"age": a}, seed=4).table for a in (80, 42))
    assert old.values["died"].mean() > young.values["died"].mean() + 0.15
    dead, alive = (model.sample(400, given={"died": d}, seed=4).table for d in ("yes", "no"))
    assert dead.values["age"].mean() > alive.values["age"].mean() + 2


def test_conditions_are_exact_in_a_mixture() -> None:
    """p(others | c) by Bayes: sub-models that find the condition likelier count more."""
    table = cells(120)
    model = Net(**SMALL, budget=None).fit(table, seed=1)
    apart = [
        awake(w, seed=k) for k, w in enumerate(model.fitted_.networks)
    ]  # much unlike each other
    weights = [{k: v.detach().numpy() for k, v in w.named_parameters()} for w in apart]
    model.fitted_ = replace(model.fitted_, weights=tuple(weights))
    drawn = model.sample(20_000, given={"c": "y"}, seed=2).table
    codec, order = model.fitted_.codec, [2, *(j for j in model.fitted_.order if j != 2)]
    rows = np.array([(a, b, 2) for a in range(2) for b in range(3)])
    rows[:, 2] = int(np.flatnonzero(codec.coders[2].cells == 1)[0])
    each = [log_chances(w, torch.from_numpy(rows), order).sum(1) for w in model.fitted_.networks]
    log = logsumexp(np.array(each), axis=0)
    expected = np.exp(log - logsumexp(log))
    place = drawn.values["a"] * 3 + drawn.values["b"]
    found = np.bincount(place, minlength=6) / len(place)
    assert (drawn.values["c"] == 1).all()
    error = np.sqrt(expected * (1 - expected) / len(place))
    assert (np.abs(found - expected) < 4.5 * error + 1e-4).all()


def test_the_likelihood_of_a_mixture() -> None:
    model, table = fitted("mixed"), mixed()
    f = model.fitted_
    assert len(f.weights) == 2
    tokens, within = f.codec.encode(table)
    each = [log_chances(w, torch.from_numpy(tokens), f.order).sum(1) for w in f.networks]
    assert not np.allclose(*each)
    rest = within.sum(1) + f.codec.constants(tokens).sum(1)
    assert np.allclose(model.log_prob(table), np.log(np.exp(each).mean(0)) + rest)


def test_the_likelihoods_of_all_rows_add_up_to_one() -> None:
    """Cells that nobody had included: three columns of 2 + 1, 3 + 1 and 3 + 1 cells."""
    model = Net(**SMALL).fit(cells(80), seed=1)
    grid = np.array([(a, b, c) for a in range(-1, 2) for b in range(-1, 3) for c in range(-1, 3)])
    values = dict(zip("abc", grid.T, strict=True))
    states = {k: (v < 0).astype(np.int8) for k, v in values.items()}
    whole = Table(cells().schema, values, states)
    assert np.exp(model.log_prob(whole)).sum() == pytest.approx(1, abs=1e-5)
    strange = (grid[:, :2] < 0).any(1)  # nobody's a or b was empty
    assert 0 < np.exp(model.log_prob(whole))[strange].sum() < 0.05


# -- options and errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        *({"slack": v} for v in (0.0, float("nan"))),
        *({"rate": v} for v in (-1.0, float("nan"), float("inf"), 1e38)),
        *({"epochs": v} for v in (0, float("nan"))),
        *({"members": v} for v in (0, 2.5, float("nan"), float("inf"))),
        *({"width": v} for v in (0, 32.0)),
        {"layers": 0},
        {"heads": -1},
        {"batch": 0},
        {"bins": 0},
        {"temperature": float("nan")},
        {"number_temperature": 0.0},
        *({"top_p": v} for v in (0.0, 1.1, float("nan"))),
        {"number_top_p": 2.0},
        {"minority_recall": 1.5},
        {"minority_recall": float("nan")},
        *({"dropout": v} for v in (1.0, -0.1, float("nan"))),
        *({"weight_decay": v} for v in (-1.0, float("nan"), float("inf"))),
        {"precision": "float8"},
    ],
    ids=str,
)
def test_options_outside_their_domain(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        Net(**options).fit(noise(40), seed=1)


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(OptionError, match=r"width of 30 .* 4 heads.*multiple of heads"):
        Net(width=30, heads=4).fit(noise(40), seed=1)
    with pytest.raises(OptionError, match="heads"):
        Net(heads=5).fit(noise(40), seed=1)
    with pytest.raises(OptionError, match="needs an outcome"):
        Net(minority_recall=0.5).fit(numbers(), seed=1)


def test_a_recall_out_of_reach_is_told_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Training) -> None:
        raise AssertionError("a round was trained")

    monkeypatch.setattr(Training, "run_round", never)
    tossed = rare_class(200, 40).replace("died", np.random.default_rng(5).integers(0, 5, 200) == 0)
    tossed = tossed.replace("died", tossed.values["died"].astype(int))
    with pytest.raises(Infeasible, match=r"minority_recall = 0.95 can't be met.*Ask for less"):
        Net(minority_recall=0.95).fit(tossed, seed=1)
    with pytest.raises(TooFewPeople, match=r"has 3 people.*join classes"):
        Net(minority_recall=0.5).fit(rare_class(60, 3), seed=1)
    with pytest.raises(AssertionError):  # what can be met is trained for
        Net(minority_recall=0.3).fit(rare_class(), seed=1)


def test_a_rare_class_of_three_and_a_column_with_one_level() -> None:
    table = rare_class(60, 3).replace("x1", np.full(60, 2.5))
    drawn = Net(**SMALL).fit(table, seed=1).sample(600, seed=1).table
    assert (drawn.values["x1"] == 2.5).all()
    assert 0.01 < (drawn.values["died"] == 1).mean() < 0.15


def test_people_with_several_rows() -> None:
    base = mixed(90)
    table = Table(base.schema, base.values, base.states, np.arange(90) // 3)
    model = Net(**SMALL).fit(table, seed=1)
    assert model.account_["people"] == 30 and model.account_["rows"] == 90


def test_half_precision_runs() -> None:
    model = Net(**SMALL, precision="bfloat16", slack=0.05).fit(noise(60), seed=1)
    assert np.isfinite(model.log_prob(noise(60))).all()


def test_an_absent_device_is_named() -> None:
    absent = ["nonsense"] if torch.cuda.is_available() else ["nonsense", "cuda"]
    for device in absent:
        with pytest.raises(OptionError, match=rf"device '{device}'.*device='cpu'"):
            Net(device=device).fit(noise(40), seed=1)


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Training) -> None:
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(Training, "run_round", full)
    with pytest.raises(OptionError, match=r"memory of 'cpu' is too small.*Lower batch or width"):
        Net(**SMALL).fit(noise(40), seed=1)


def test_the_same_code_runs_on_a_graphics_card() -> None:
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no CUDA device here")
    model = Net(**SMALL, device="cuda", slack=1e-6).fit(mixed(100), seed=1)
    assert model.account_["device"] == "cuda"
    out = model.sample(50, seed=1)
    assert out.shortfall is None
    assert_valid(out.table, out.table.schema)


def test_errors(tmp_path: Path) -> None:
    for call in (
        lambda m: m.sample(5, seed=1),
        lambda m: m.card(),
        lambda m: m.log_prob(mixed(5)),
        lambda m: m.save(tmp_path / "m"),
    ):
        with pytest.raises(NotFitted):
            call(Net())
    with pytest.raises(TooFewPeople):
        Net().fit(mixed(8), seed=1)
    for n, given in ((0, None), (5, {"nose": 1}), (5, {"site": "z"})):
        with pytest.raises(OptionError):
            fitted("mixed").sample(n, given=given, seed=1)


def test_torch_is_asked_for_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; from salus.synth.generate.net.generator import Net; Net();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else find(name, *a)
    )
    with pytest.raises(MissingExtra, match=r"pip install 'salus\[net\]'"):
        Net().fit(noise(40), seed=1)
    with pytest.raises(MissingExtra):
        Net.restore({}, {})


# -- the constraint -------------------------------------------------------------------------------


def columns_alone(table: Table, strangers: Table) -> float:
    """Return the mean log likelihood of strangers under independent columns."""
    codec = Net(budget=None, **SMALL).fit(table, seed=1).fitted_.codec
    tokens, within = codec.encode(strangers)
    chance = np.column_stack(
        [np.append(c.frequency(), 1.0)[tokens[:, j]] for j, c in enumerate(codec.coders)]
    )
    rest = within + codec.constants(tokens)
    return float((np.log(chance) + rest).sum(1).mean())


@pytest.mark.slow
def test_overfitting_is_held_by_the_constraint() -> None:
    """A tiny table of noise, a high rate, no dropout: who is in is all that can be learnt."""
    table, strangers = noise(60), noise(1_000, seed=9)
    options: dict[str, Any] = {"members": 2, "width": 48, "batch": 48, "epochs": 150}
    options |= {"rate": 0.02, "dropout": 0.0, "weight_decay": 0.0}
    held = Net(**options, slack=1.0).fit(table, seed=1)
    free = Net(**options, budget=None).fit(table, seed=1)
    found = held.account_["constraint"]
    risks = {r["name"]: r for r in found["risks"]}
    assert found["feasible"]
    assert all(r["value"] <= r["limit"] for r in found["risks"])
    assert risks[GAP]["without"] > 5 * risks[GAP]["limit"]
    own = [m.log_prob(table).mean() - m.log_prob(strangers).mean() for m in (free, held)]
    assert own[1] < 0.5 * own[0]
    assert held.log_prob(strangers).mean() >= columns_alone(table, strangers) - 0.05


@pytest.mark.slow
def test_relations_are_kept_where_the_constraint_acts() -> None:
    """What is common to all, the steered model learns; what is a person's own, less than the free."""
    table, strangers = mixed(200), mixed(1_000, seed=9)
    options: dict[str, Any] = {"members": 2, "epochs": 60, "rate": 0.02, "dropout": 0.0}
    model = Net(**options, budget=LIKELY, slack=0.5).fit(table, seed=1)
    found = model.account_["constraint"]
    assert found["message"] == "the most useful iterate that keeps every limit"
    risks = {r["name"]: r for r in found["risks"]}
    assert risks[GAP]["value"] <= risks[GAP]["limit"] < risks[GAP]["without"]
    assert model.log_prob(strangers).mean() > columns_alone(table, strangers) + 0.1


def test_a_budget_that_only_independent_columns_keep() -> None:
    budget = Budget(membership=0, tpr_at_1pct=0.01, near_copies=None, attribute=0)
    model = Net(**SMALL, rate=0.02, budget=budget).fit(noise(60), seed=1)
    found = model.account_["constraint"]
    assert found["feasible"] == all(r["value"] <= r["limit"] for r in found["risks"])
    assert found["feasible"] or "no iterate" in found["message"]
    names = {r["name"] for r in found["risks"]}
    assert names == {GAP, TAIL, "attribute ill"} and NEAR not in names
    if found["message"] == "the most useful iterate that keeps every limit":
        assert max(r["value"] for r in found["risks"]) < 1e-3
    assert found["trace"] and {"step", "objective", "values", "multipliers"} == set(
        found["trace"][0]
    )


def test_a_reference_of_a_few_people_is_refused() -> None:
    table = noise(60)
    with pytest.raises(TooFewPeople, match="9 people are too few to judge"):
        Net(epochs=1).fit(
            table.take(np.arange(40)), reference=table.take(np.arange(40, 49)), seed=1
        )
