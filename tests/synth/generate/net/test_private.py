from __future__ import annotations

import json
import math
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from salus.synth.errors import MissingExtra, NotFitted, OptionError, SchemaError, TooFewPeople
from salus.synth.generate.dp import gradients
from salus.synth.generate.dp.accounting import sgd_epsilon
from salus.synth.generate.dp.audit import OneRun, audit_claim
from salus.synth.generate.dp.claim import Account, Training
from salus.synth.generate.dp.curator import Curator
from salus.synth.generate.dp.domain import public_cells
from salus.synth.generate.dp.generator import INFERRED, SEEDED
from salus.synth.generate.dp.noise import Seeded
from salus.synth.generate.net import groups
from salus.synth.generate.net.groups import NetJoint, Start, hold_marginals, new_network
from salus.synth.generate.net.noisy import begin, row_slopes
from salus.synth.generate.net.private import PrivateNet
from salus.synth.generate.protocol import Generator, WithLikelihood
from salus.synth.generate.store import read_model
from salus.synth.release.claims import claim_of, statement
from salus.synth.table.rules import rules_of
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import PRESENT, Table
from tests.synth.generate.tables import TABLES, make, mixed

SMALL: dict[str, Any] = {"steps": 3, "width": 8, "heads": 2}
PLENTY: dict[str, Any] = {"epsilon": 100.0, "bounds": "paid", "declared": True, "noise_seed": 1}


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold single columns to their counts by fewer rows, for speed."""
    monkeypatch.setattr(groups, "HELD_ROWS", 1_000)


@cache
def plenty(name: str) -> PrivateNet:
    """Return a fit with hardly any noise, and hardly any training."""
    return PrivateNet(**PLENTY, **SMALL).fit(TABLES[name](), seed=3)


def declared(n: int = 900) -> Table:
    """Return a table whose schema leaves nothing open."""
    table = mixed(n)
    schema = table.schema.with_column("lab", high=60).with_column("seen", low=14_000, high=20_000)
    return Table(schema, table.values, table.states)


def related(n: int = 800, seed: int = 0, copied: float = 0.9) -> Table:
    """Return three columns of levels: the second mostly copies the first, the third the second."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, n)
    b = np.where(rng.random(n) < copied, a, rng.integers(0, 4, n))
    c = np.where(rng.random(n) < copied, b, rng.integers(0, 4, n))
    levels = ("p", "q", "r", "s")
    columns = [Column(name=k, kind="categorical", levels=levels) for k in "abc"]
    return make(columns, {"a": a, "b": b, "c": c})


def reloaded(model: PrivateNet, path: Path) -> PrivateNet:
    model.save(path)
    kind, plain, arrays = read_model(path)
    assert kind == "dpnet"
    return PrivateNet.restore(plain, arrays)


def same(a: Table, b: Table) -> bool:
    return all(np.array_equal(a.values[c], b.values[c], equal_nan=True) for c in a.values)


# -- gradients --------------------------------------------------------------------------------


def network(seed: int = 1) -> Any:
    starts = [Start(np.array([0.5, 0.3, 0.2]), 3), Start(np.array([0.6, 0.4]), 0)]
    starts.append(Start(np.full(6, 1 / 6), 5))
    out = new_network(starts, {"width": 8, "layers": 2, "heads": 2}).eval()
    begin(out, seed)
    with torch.no_grad():  # heads that are zero would leave most gradients zero
        for weight in out.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
    return out


def one_by_one(net: Any, rows: np.ndarray, order: list[int]) -> np.ndarray:
    """Return gradients of single rows by backward passes of single rows."""
    out = []
    for row in rows:
        net.zero_grad()
        tokens = torch.tensor(np.where(row < 0, net.shape.sizes, row))[None]
        log = net(tokens, order)[0]
        loss = -sum(log[j, row[j]] for j in range(len(row)) if row[j] >= 0)
        loss.backward()
        out.append(torch.cat([w.grad.ravel() for w in net.parameters()]).numpy().copy())
    return np.array(out)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_gradients_of_rows_are_those_of_rows_alone(order: list[int]) -> None:
    rows = np.array([[0, 1, 5], [2, 0, 0], [-1, 1, 3], [1, -1, -1], [0, 1, 5]])
    net = network()
    found = row_slopes(net, order)(rows)
    assert np.allclose(found, one_by_one(net, rows, order), atol=1e-5)
    assert np.linalg.norm(found, axis=1).min() > 0.1


def test_opacus_finds_the_same_gradients() -> None:
    """Blocks of the network, the part that Opacus can take, have the gradients that we find."""
    pytest.importorskip("opacus")
    from opacus.grad_sample.functorch import ft_compute_per_sample_gradient, prepare_layer

    net = network()
    x = torch.randn(5, 3, 8, generator=torch.Generator().manual_seed(0))
    block = net.blocks[0]
    prepare_layer(block)
    theirs = ft_compute_per_sample_gradient(block, [x], torch.ones(5, 3, 8))
    for k in range(5):
        block.zero_grad()
        block(x[k : k + 1]).sum().backward()
        for weight in block.parameters():
            assert torch.allclose(theirs[weight][k], weight.grad, atol=1e-4)


@pytest.mark.parametrize("person", [0, 4, 19])
@pytest.mark.parametrize("clip", [0.5, 40.0])
def test_two_tables_that_differ_in_a_person(
    person: int, clip: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the noise, their gradients lie no farther apart than the clip, all rows together."""
    monkeypatch.setattr(gradients, "rounded_gaussian", lambda source, sigma, n: np.zeros(n))
    table, people = declared(60), np.arange(60) // 3
    cells = public_cells(table.schema, pieces=8)
    net = new_network(
        [Start(np.full(c.size, 1 / c.size), c.n_values) for c in cells],
        {"width": 8, "layers": 1, "heads": 2},
    )
    begin(net, 1)
    sums = []
    for rows in (np.arange(60), np.flatnonzero(people != person)):
        codes = np.column_stack([c.encode(table.take(rows)) for c in cells])
        account = Account(None, 1e-6, rows_per_person=3)
        curator = Curator(codes, [c.size for c in cells], account, Seeded(1), people[rows])
        training = Training(step="training", noise_multiplier=1.0, rate=1.0, steps=1)
        slopes = row_slopes(net, range(len(cells)))
        size = sum(w.numel() for w in net.parameters())
        sums.append(curator.gradients(training, clip).step(slopes, size))
    apart = float(np.linalg.norm(sums[0] - sums[1]))
    # three rows together are long enough to be clipped at 0.5, not at 40
    assert apart == pytest.approx(0.5, rel=1e-3) if clip == 0.5 else 0.5 < apart < 40.0


# -- the account ------------------------------------------------------------------------------


def test_a_claim_of_a_declared_table() -> None:
    model = PrivateNet(epsilon=3.0, declared=True, **SMALL).fit(declared(), seed=1)
    told = claim_of(model.card())
    assert told is not None
    assert (told["epsilon"], told["delta"], told["rows_per_person"]) == (3.0, 1e-6, 1)
    steps = {s["step"]: s for s in told["spent"]}
    assert set(steps) == {"measurements", "training"}
    training = steps["training"]
    assert (training["rate"], training["steps"]) == (model.batch_rate, 3)
    # the noise is the least that keeps the budget, to a thousandth
    rho = told["rho"]
    assert told["composed_epsilon"] <= 3.0
    less = (training["noise_multiplier"] - 2e-3, training["rate"], 3)
    assert sgd_epsilon([less], 1e-6, rho=rho) > 3.0
    assert "epsilon 3" in statement(model.card(), [])[0]


def test_the_account_equals_that_of_opacus() -> None:
    opacus = pytest.importorskip("opacus.accountants")
    model = PrivateNet(epsilon=2.0, declared=True, **SMALL | {"steps": 40}).fit(
        declared(200), seed=1
    )
    told = claim_of(model.card())
    assert told is not None
    training = next(s for s in told["spent"] if s["step"] == "training")
    accountant = opacus.RDPAccountant()
    # counts cost rho: as one Gaussian of sensitivity 1 and deviation 1 / sqrt(2 rho)
    accountant.history = [
        (1 / math.sqrt(2 * told["rho"]), 1.0, 1),
        (training["noise_multiplier"], training["rate"], training["steps"]),
    ]
    theirs = accountant.get_epsilon(1e-6, alphas=[1 + x / 20 for x in range(1, 1500)])
    assert told["composed_epsilon"] == pytest.approx(theirs, abs=1e-3)


def test_a_claim_of_paid_bounds() -> None:
    model = PrivateNet(
        epsilon=3.0, bounds="paid", declared=True, paid_levels=("site",), **SMALL
    ).fit(mixed(900), seed=1)
    told = claim_of(model.card())
    assert told is not None
    steps = {s["step"]: s for s in told["spent"]}
    assert set(steps) == {"bounds", "categories", "measurements", "training"}
    assert steps["categories"]["delta"] == pytest.approx(2.5e-7)
    assert told["composed_epsilon"] <= 3.0
    assert told["composed_epsilon"] == pytest.approx(3.0, rel=2e-3)


def test_the_claim_is_refused_where_something_was_free() -> None:
    table = declared(100)
    for options, reason in (
        ({"declared": True, "noise_seed": 1}, SEEDED),
        ({"bounds": "paid"}, INFERRED),
    ):
        card = PrivateNet(**options, **SMALL).fit(table, seed=1).card()
        assert card["differential_privacy"] == {"claim": None, "refused_because": [reason]}
        assert statement(card, []) == (f"Differential privacy is not claimed. {reason}",)


def test_bounds_are_not_read_off_the_table() -> None:
    with pytest.raises(SchemaError, match="'lab'"):
        PrivateNet(declared=True, **SMALL).fit(mixed(), seed=1)
    with pytest.raises(SchemaError, match=r"'stage'.*declared=True"):
        PrivateNet(**SMALL).fit(declared(), seed=1)


def test_noise_is_secret_unless_it_is_seeded() -> None:
    table = declared(200)
    free = [PrivateNet(declared=True, **SMALL).fit(table, seed=1) for _ in range(2)]
    held = [PrivateNet(declared=True, noise_seed=7, **SMALL).fit(table, seed=1) for _ in range(2)]
    assert not same(*(m.sample(50, seed=1).table for m in free))
    assert same(*(m.sample(50, seed=1).table for m in held))
    weights = [next(iter(m.model_.joint.weights.values())) for m in free]  # type: ignore[attr-defined]
    assert np.abs(weights[0] - weights[1]).min() > 0


def test_the_training_takes_every_step_it_pays_for(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[float, int]] = []
    true = gradients.rounded_gaussian

    def watched(source: Any, sigma: float, n: int) -> Any:
        taken.append((sigma / gradients.GRID, n))
        return true(source, sigma, n)

    monkeypatch.setattr(gradients, "rounded_gaussian", watched)
    model = PrivateNet(declared=True, epsilon=3.0, **SMALL).fit(declared(), seed=1)
    told = claim_of(model.card())
    assert told is not None
    training = next(s for s in told["spent"] if s["step"] == "training")
    assert taken == [(training["noise_multiplier"], model.card()["weights"])] * 3


# -- what comes out ---------------------------------------------------------------------------


def test_relations_are_learnt_where_noise_allows() -> None:
    table = related()
    model = PrivateNet(
        declared=True, epsilon=200.0, noise_seed=0, width=16, steps=60, batch_rate=0.3, rate=0.02
    ).fit(table, seed=1)
    drawn = model.sample(2_000, seed=1).table.values
    real = np.mean(table.values["a"] == table.values["b"])
    assert abs(np.mean(drawn["a"] == drawn["b"]) - real) < 0.12  # independent: 0.25
    for name in "abc":
        for k in range(4):
            assert abs(np.mean(drawn[name] == k) - np.mean(table.values[name] == k)) < 0.04
    # people like those in the table are likelier than people at random
    alone = related(seed=5, copied=0.0)
    assert model.log_prob(related(seed=5)).mean() > model.log_prob(alone).mean() + 1
    # conditions on a column that comes late reach those before it
    given = model.sample(400, given={"c": "r"}, seed=1).table
    assert (given.values["c"] == 2).all()
    real_given = np.mean(table.values["a"][table.values["c"] == 2] == 2)
    assert abs(np.mean(given.values["a"] == 2) - real_given) < 0.15
    # a higher temperature loosens them
    model.temperature = 4.0
    loose = model.sample(2_000, seed=1).table.values
    assert np.mean(loose["a"] == loose["b"]) < np.mean(drawn["a"] == drawn["b"]) - 0.2


def test_conditions_follow_the_likelihood() -> None:
    """Given a late column, early ones follow Bayes' rule in the network's own probabilities."""
    net, order = network(), (0, 1, 2)
    starts = (
        Start(np.array([0.5, 0.3, 0.2]), 3),
        Start(np.array([0.6, 0.4]), 0),
        Start(np.full(6, 1 / 6), 5),
    )
    weights = {k: w.detach().numpy() for k, w in net.named_parameters()}
    joint = NetJoint(starts, {"width": 8, "layers": 2, "heads": 2}, order, weights)
    every = np.array([[a, b, c] for a in range(3) for b in range(2) for c in range(6)])
    chance = np.exp(joint.log_prob(every))
    assert chance.sum() == pytest.approx(1.0, abs=1e-5)
    for evidence in ({2: 4}, {0: 1}, {1: 1}, {0: 2, 2: 0}):
        keeps = np.all([every[:, j] == k for j, k in evidence.items()], axis=0)
        drawn = joint.given(evidence).draw(3_000, np.random.default_rng(1))
        assert all((drawn[:, j] == k).all() for j, k in evidence.items())
        for row in every[keeps]:
            share = chance[(every == row).all(1)][0] / chance[keeps].sum()
            assert np.mean((drawn == row).all(1)) == pytest.approx(share, abs=0.04)


def test_single_columns_are_held_to_their_counts() -> None:
    net = network()
    starts = [
        Start(np.array([0.7, 0.1, 0.2]), 3),
        Start(np.array([0.15, 0.85]), 0),
        Start(np.array([0.3, 0.02, 0.2, 0.18, 0.2, 0.1]), 5),
    ]
    found = hold_marginals(net, starts, (2, 0, 1), 3)
    for now, start in zip(found, starts, strict=True):
        assert now == pytest.approx(start.chance, abs=0.01)


@pytest.mark.parametrize("name", list(TABLES))
def test_hostile_tables(name: str, tmp_path: Path) -> None:
    table, model = TABLES[name](), plenty(name)
    out = model.sample(83, seed=1)
    assert out.shortfall is None and len(out.table) == 83
    assert all(rule.holds(out.table).all() for rule in rules_of(table.schema))
    for column in table.schema.modelled:
        there = out.table.values[column.name][out.table.states[column.name] == PRESENT]
        if column.is_numeric:
            assert np.isfinite(there).all()
            assert column.low is None or np.all(there >= column.low)
            assert column.high is None or np.all(there <= column.high)
            assert column.decimals is None or np.allclose(there, np.round(there, column.decimals))
    assert np.isfinite(model.log_prob(table)).all()
    again = reloaded(model, tmp_path / "m")
    assert same(out.table, again.sample(83, seed=1).table)
    assert again.card() == model.card()
    assert np.array_equal(again.log_prob(table), model.log_prob(table))
    again.save(tmp_path / "again")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "again").read_bytes()
    text = zipfile.ZipFile(tmp_path / "m").read("model.json").decode()
    for column in table.schema.modelled:
        if column.kind == "continuous":
            value = table.values[column.name]
            long = value[~np.isnan(value)][:20]
            long = long[np.abs(long * 1000 - np.round(long * 1000)) > 1e-9]
            assert not any(repr(float(v)) in text for v in long)


@pytest.mark.parametrize(
    "given",
    [{"age": 71}, {"lab": "-9"}, {"site": ""}, {"died": "yes", "stage": "4"}, {"lab": 3.3333}],
    ids=str,
)
def test_conditions_are_kept(given: dict[str, Any]) -> None:
    table = plenty("mixed").sample(20, given=given, seed=4).table
    assert len(table) == 20
    for name, value in given.items():
        column, state = table.schema[name], table.states[name]
        if value in ("", *column.missing_codes):
            assert (state == (1 if value == "" else 2)).all()
            continue
        wanted = column.levels.index(value) if column.is_levelled else value
        assert (state == PRESENT).all() and (table.values[name] == wanted).all()
    assert same(table, plenty("mixed").sample(20, given=given, seed=4).table)


def test_a_column_alone_needs_no_training() -> None:
    table = declared(200)
    one = Table(Schema([table.schema["site"]]), {"site": table.values["site"]}, table.states)
    model = PrivateNet(declared=True, epsilon=5.0, **SMALL).fit(one, seed=1)
    told = claim_of(model.card())
    assert told is not None and {s["step"] for s in told["spent"]} == {"measurements"}
    drawn = model.sample(3_000, seed=1).table.values["site"]
    for k in range(-1, 3):
        assert abs(np.mean(drawn == k) - np.mean(one.values["site"] == k)) < 0.08


def test_cards_are_plain() -> None:
    card = plenty("mixed").card()
    assert json.loads(json.dumps(card)) == card
    assert card["kind"] == "dpnet" and card["seed"] == 3 and card["counts_are_noisy"]
    assert card["weights"] > 1_000 and card["steps"] == 3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"delta": 1.0}, "delta"),
        ({"bins": 1}, "bins"),
        ({"rows_per_person": 0}, "rows_per_person"),
        ({"width": 30}, "width"),
        ({"layers": 0}, "layers"),
        ({"steps": 2.5}, "steps"),
        ({"batch_rate": 0.0}, "batch_rate"),
        ({"batch_rate": 1.1}, "batch_rate"),
        ({"clip": math.inf}, "clip"),
        ({"rate": -1.0}, "rate"),
        ({"temperature": 0.0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
    ],
    ids=str,
)
def test_senseless_options_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        PrivateNet(**{"declared": True, **options}).fit(declared(100), seed=1)


def test_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = PrivateNet(declared=True)
    assert isinstance(model, Generator) and isinstance(model, WithLikelihood)
    for act in (
        lambda: model.sample(5, seed=1),
        lambda: model.log_prob(declared()),
        model.card,
        lambda: model.save(tmp_path / "m"),
    ):
        with pytest.raises(NotFitted):
            act()
    with pytest.raises(TooFewPeople):
        model.fit(declared(8), seed=1)
    short = plenty("levels").sample(5, given={"a": None}, seed=1)
    assert short.shortfall is not None and len(short.table) == 0
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="torch"):
        model.fit(declared(), seed=1)


# -- the audit of the claim -------------------------------------------------------------------


KINDS_OF_PEOPLE = 12


def crowd(pairs: Any) -> Table:
    levels = tuple(f"k{i:02d}" for i in range(KINDS_OF_PEOPLE))
    schema = Schema([Column(name=c, kind="categorical", levels=levels) for c in ("a", "b")])
    pairs = np.asarray(pairs)
    return Table(schema, {"a": pairs[:, 0], "b": pairs[:, 1]}, people=np.arange(len(pairs)))


def run(seed: int) -> OneRun:
    """Audit with canaries that no count tells of, and only a network could.

    Everybody else has the same level twice, each level a hundred times, so that it can be told from
    noise; every canary has a pair of levels that nobody else has.
    """
    kinds = range(KINDS_OF_PEOPLE)
    return audit_claim(
        lambda: PrivateNet(
            epsilon=1.0, declared=True, noise_seed=seed, steps=250, batch_rate=0.3, rate=0.02
        ),
        crowd([(i, j) for i in kinds for j in kinds if i != j]),
        epsilon=1.0,
        delta=1e-6,
        seed=seed,
        others=crowd([(i, i) for i in kinds for _ in range(100)]),
        guesses=40,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_claim_is_not_contradicted(seed: int) -> None:
    found = run(seed)
    assert not found.contradicts and found.p_value > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_that_is_switched_off_is_caught(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "rounded_gaussian", lambda source, sigma, n: np.zeros(n))
    found = run(seed)
    assert found.contradicts and found.p_value < 0.02
