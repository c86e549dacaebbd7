from __future__ import annotations

import numpy as np
import pytest

from salus.synth.generate.dp.aim import learn_rounds, workload
from salus.synth.generate.dp.claim import Account
from salus.synth.generate.dp.curator import Curator
from salus.synth.generate.dp.domain import public_cells
from salus.synth.generate.dp.generator import Aim, Mst
from salus.synth.generate.dp.noise import Seeded
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import make

OUTCOME = frozenset({"outcome"})


def parity(n: int = 2_000) -> Table:
    """Return an outcome that only two columns together tell, and a ring of dependent columns."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.integers(0, 2, n) for _ in range(3))
    y = np.where(rng.random(n) < 0.95, a ^ b, 1 - (a ^ b))
    columns = [Column(name=x, kind="boolean", levels=("no", "yes")) for x in "abc"]
    columns.append(Column(name="y", kind="boolean", levels=("no", "yes"), roles=OUTCOME))
    return make(columns, {"a": a, "b": b, "c": c, "y": y})


def aim(epsilon: float = 5.0, noise_seed: int | None = 0, **more: object) -> Aim:
    return Aim(epsilon=epsilon, declared=True, noise_seed=noise_seed, **more)  # type: ignore[arg-type]


def test_weights_by_hand() -> None:
    """Columns 0, 1, 2 with the outcome 2: pairs 01, 02, 12 and the triple 012."""
    found = workload([0, 1, 2], 2)
    # column 0 lies in 01, 02 and 012; the pair 01 shares 2 + 1 + 1 + 2; the triple 2 + 2 + 2 + 3
    assert found == {
        (0,): 3,
        (1,): 3,
        (2,): 3,
        (0, 1): 6,
        (0, 2): 6,
        (1, 2): 6,
        (0, 1, 2): 9,
    }
    assert max(map(len, workload([0, 1, 2], None))) == 2


def test_an_outcome_of_two_columns_is_found() -> None:
    """No tree of pairs can hold it: a and b alone tell nothing of y."""
    table = parity()
    model = aim().fit(table, seed=1)
    assert ["a", "b", "y"] in model.card()["measured"]

    def agreement(t: Table) -> float:
        return float(((t.values["a"] ^ t.values["b"]) == t.values["y"]).mean())

    assert agreement(model.sample(2_000, seed=1).table) > 0.9
    tree = Mst(epsilon=5.0, declared=True, noise_seed=0).fit(table, seed=1)
    assert agreement(tree.sample(2_000, seed=1).table) < 0.6


@pytest.mark.parametrize("epsilon", [0.3, 2.0, 20.0])
def test_the_whole_budget_is_spent_and_no_more(epsilon: float) -> None:
    claim = (
        Aim(epsilon=epsilon, declared=True)
        .fit(parity(), seed=1)
        .card()["differential_privacy"]["claim"]
    )
    assert claim["epsilon"] == epsilon
    assert claim["composed_epsilon"] == pytest.approx(epsilon, rel=1e-5)
    assert {s["step"] for s in claim["spent"]} == {"measurements", "selection"}


def test_the_first_round_by_hand() -> None:
    """Epsilon 1: rho 0.024356, 2 % for rows, 20 % of the rest for four columns; 64 rounds planned.

    A round has 0.8 * 0.98 * 0.024356 / 64 = 2.9836e-4: nine tenths measure, 1 / sqrt(2 * 0.9 * that)
    = 43.15; a tenth picks, sqrt(8 * 0.1 * that) = 0.015449.
    """
    model = Aim(epsilon=1.0, declared=True).fit(parity(), seed=1)
    steps = {s["step"]: s["each"] for s in model.card()["differential_privacy"]["claim"]["spent"]}
    counts, choices = steps["measurements"], steps["selection"]
    # 1 / sqrt(2 * 0.2 * 0.98 * 0.024356 / 4) = 20.468
    assert all(c["sigma"] == pytest.approx(20.468, abs=0.01) for c in counts[1:5])
    assert counts[5]["sigma"] == pytest.approx(43.15, abs=0.01)
    assert choices[0]["epsilon"] == pytest.approx(0.015449, abs=1e-6)
    # the largest weight of four columns with the outcome among them
    assert choices[0]["sensitivity"] == max(workload(range(4), 3).values())


def test_rounds_that_find_nothing_make_later_ones_louder() -> None:
    rng = np.random.default_rng(1)
    columns = [Column(name=x, kind="categorical", levels=("p", "q", "r")) for x in "abcd"]
    unrelated = make(columns, {x: rng.integers(0, 3, 500) for x in "abcd"})
    model = Aim(epsilon=1.0, declared=True).fit(unrelated, seed=1)
    steps = {s["step"]: s["each"] for s in model.card()["differential_privacy"]["claim"]["spent"]}
    sigmas = [c["sigma"] for c in steps["measurements"][5:]]
    assert len(sigmas) < 30  # of 64 planned
    assert sigmas[-1] < sigmas[0] / 3


def test_the_model_stays_as_small_as_it_may_be() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(size=4_000)
    columns = [Column(name=f"x{j}", kind="integer", low=0, high=9) for j in range(6)]
    values = {
        f"x{j}": np.clip(np.round(4.5 + 2 * z + rng.normal(size=4_000)), 0, 9) for j in range(6)
    }
    table = make(columns, values)
    sizes = []
    for most in (400, 5_000):
        model = aim(20.0, max_cells=most, bins=10).fit(table, seed=1)
        cells = model.model_.joint.tree.cells
        assert cells <= most
        sizes.append(cells)
    assert sizes[1] > 2 * sizes[0]


def test_an_outcome_of_many_cells_has_no_triples() -> None:
    table = parity(600)
    wide = Table(
        table.schema.with_column("y", levels=tuple(f"l{i}" for i in range(12))),
        {**table.values, "y": np.arange(600) % 12},
        table.states,
    )
    measured = aim(200.0).fit(wide, seed=1).card()["measured"]
    assert all(len(c) < 3 for c in measured)


def test_a_single_column_leaves_nothing_to_rounds() -> None:
    columns = [Column(name="x", kind="integer", low=0, high=3)]
    model = aim().fit(make(columns, {"x": np.arange(400.0) % 4}), seed=1)
    assert model.card()["measured"] == []


def test_rounds_are_learnt_from_noisy_answers_alone() -> None:
    """The same answers to the same questions give the same model, whatever the rows behind them."""
    table = parity(500)
    cells = public_cells(table.schema)
    codes = np.column_stack([c.encode(table) for c in cells])
    found = []
    for order in (np.arange(500), np.random.default_rng(0).permutation(500)):
        account = Account(3.0, 1e-6)
        curator = Curator(codes[order], [c.size for c in cells], account, Seeded(5))
        learnt = learn_rounds(
            curator, cells, alone=0.2 * account.rho, total=500.0, bins=8, max_cells=1000, outcome=3
        )
        found.append(learnt)
    assert found[0].chosen == found[1].chosen
    for a, b in zip(found[0].estimate.beliefs, found[1].estimate.beliefs, strict=True):
        assert np.array_equal(a, b)
