from __future__ import annotations

import numpy as np
import pytest

from salus.synth.generate.dp.accounting import rho_of
from salus.synth.generate.dp.generator import Mst
from salus.synth.generate.dp.mst import groups_wanted
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import make


def chain_of(n: int = 3_000, columns: int = 5) -> Table:
    """Return levels of which each depends on the one before."""
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 4, n)]
    for _ in range(columns - 1):
        x.append(np.where(rng.random(n) < 0.7, x[-1], rng.integers(0, 4, n)))
    listed = [
        Column(name=f"v{j}", kind="categorical", levels=("p", "q", "r", "s"))
        for j in range(columns)
    ]
    return make(listed, {f"v{j}": x[j] for j in range(columns)})


def mst(epsilon: float = 5.0, noise_seed: int | None = 0, **more: object) -> Mst:
    return Mst(epsilon=epsilon, declared=True, noise_seed=noise_seed, **more)  # type: ignore[arg-type]


def test_the_tree_joins_what_depends() -> None:
    card = mst().fit(chain_of(), seed=1).card()
    pairs = {tuple(sorted(p)) for p in card["measured"]}
    assert pairs == {(f"v{j}", f"v{j + 1}") for j in range(4)}


def test_dependence_is_kept() -> None:
    table = chain_of()
    drawn = mst().fit(table, seed=1).sample(3_000, seed=1).table
    for j in range(4):
        real, made = ((t.values[f"v{j}"] == t.values[f"v{j + 1}"]).mean() for t in (table, drawn))
        assert made == pytest.approx(real, abs=0.03)


def test_noise_scales_by_hand() -> None:
    """Epsilon 1 and delta 1e-6 are rho 0.024356; d = 5 columns, levels declared.

    2 % for the rows; of the rest a third for five columns, a third for four choices, a third for
    four pairs. Noise is 1 / sqrt(2 rho), a choice's epsilon sqrt(8 rho).
    """
    rho = rho_of(1.0, 1e-6)
    assert rho == pytest.approx(0.024356, abs=1e-6)
    model = Mst(epsilon=1.0, declared=True).fit(chain_of(), seed=1)
    steps = {
        (s["step"], s["mechanism"]): s
        for s in model.card()["differential_privacy"]["claim"]["spent"]
    }
    counts = steps["measurements", "discrete Gaussian"]["each"]
    total, alone, pairs = counts[0], counts[1:6], counts[6:]
    # 1 / sqrt(2 * 0.02 * 0.024356) = 32.04
    assert total["columns"] == [] and total["sigma"] == pytest.approx(32.04, abs=0.01)
    # third = 0.98 * 0.024356 / 3 = 0.0079563; 1 / sqrt(2 * 0.0079563 / 5) = 17.726
    assert [c["columns"] for c in alone] == [[0], [1], [2], [3], [4]]
    assert all(c["sigma"] == pytest.approx(17.726, abs=0.005) for c in alone)
    # 1 / sqrt(2 * 0.0079563 / 4) = 15.855
    assert len(pairs) == 4
    assert all(c["sigma"] == pytest.approx(15.855, abs=0.005) for c in pairs)
    choices = steps["selection", "exponential mechanism"]["each"]
    # sqrt(8 * 0.0079563 / 4) = 0.12614
    assert len(choices) == 4
    assert all(c["epsilon"] == pytest.approx(0.12614, abs=1e-5) for c in choices)
    assert all(c["sensitivity"] == 1.0 for c in choices)
    claim = model.card()["differential_privacy"]["claim"]
    assert claim["rho"] == pytest.approx(rho, rel=1e-6)
    assert claim["composed_epsilon"] == pytest.approx(1.0, rel=1e-6)


def test_noise_grows_with_the_rows_of_a_person() -> None:
    one, three = (
        Mst(epsilon=1.0, declared=True, rows_per_person=k).fit(chain_of(), seed=1) for k in (1, 3)
    )
    sigmas = [
        m.card()["differential_privacy"]["claim"]["spent"][0]["each"][1]["sigma"]
        for m in (one, three)
    ]
    assert sigmas[1] == pytest.approx(3 * sigmas[0])


def test_one_column_and_constant_columns() -> None:
    table = chain_of(columns=1)
    card = mst().fit(table, seed=1).card()
    assert card["measured"] == [] and card["groups"] == {"v0": 4}
    columns = [
        Column(name="one", kind="categorical", levels=("only",)),
        Column(name="x", kind="integer", low=0, high=3),
    ]
    flat = make(columns, {"one": np.zeros(500, int), "x": np.arange(500.0) % 4})
    model = mst().fit(flat, seed=1)
    assert model.card()["measured"] == []
    assert len(model.sample(20, seed=1).table) == 20


def test_stronger_noise_cuts_numbers_into_fewer_groups() -> None:
    assert groups_wanted(5_000, 1.0, 32) == 32
    # sqrt(5000 / (1.6 * 30)) = 10.2
    assert groups_wanted(5_000, 30.0, 32) == 10
    assert groups_wanted(100, 1e3, 32) == 4
    assert groups_wanted(100, 1e3, 2) == 2
