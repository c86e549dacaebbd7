"""The Gaussian copula: correlations found, likelihood, conditions, constraint."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from salus.synth.budget import Budget
from salus.synth.errors import OptionError
from salus.synth.generate.copula import Copula
from salus.synth.generate.correlation import (
    Joint,
    Positions,
    dequantise,
    fit_correlations,
    spectrum,
)
from salus.synth.generate.latents import fit_latents, intervals
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.tables import make, mixed, numbers


def correlated(n: int, rho: float, cut: bool) -> Table:
    """Return a number and either a number or two levels, correlated by ``rho``."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 2)) @ np.array([[1, rho], [0, np.sqrt(1 - rho**2)]])
    columns = [Column(name="a", kind="continuous"), Column(name="b", kind="continuous")]
    if not cut:
        return make(columns, {"a": z[:, 0], "b": z[:, 1]})
    columns = [Column(name=c, kind="boolean", levels=("n", "y")) for c in "ab"]
    return make(columns, {"a": (z[:, 0] > 0.5).astype(int), "b": (z[:, 1] > 0).astype(int)})


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.5])
def test_correlations_are_found_behind_cells(rho: float, cut: bool) -> None:
    table = correlated(4000, rho, cut)
    latents = fit_latents(table, table.schema.modelled, np.zeros(len(table)))
    low, high, _ = intervals(latents, table)
    assert abs(fit_correlations(latents, low, high)[0, 1] - rho) < 0.06


def test_ratio_is_that_of_normals_and_its_slope_is_right() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(4, 6))
    r = root @ root.T
    r /= np.sqrt(np.outer(np.diag(r), np.diag(r)))
    z = rng.normal(size=(20, 4))
    z[:7, 2] = np.nan
    seen = spectrum(r[None], np.zeros(20, int), z)
    s = 0.3
    value, slope = seen.log_ratio(s)
    sigma = (1 - s) * r + s * np.eye(4)
    for i in range(20):
        here = ~np.isnan(z[i])
        normal = multivariate_normal(np.zeros(here.sum()), sigma[np.ix_(here, here)])
        alone = multivariate_normal(np.zeros(here.sum()), np.eye(here.sum()))
        assert np.isclose(value[i], normal.logpdf(z[i, here]) - alone.logpdf(z[i, here]))
    numeric = (seen.log_ratio(s + 1e-6)[0] - seen.log_ratio(s - 1e-6)[0]) / 2e-6
    assert np.allclose(slope, numeric, rtol=1e-5, atol=1e-7)


def test_conditional_draw_has_the_exact_moments() -> None:
    table = correlated(400, 0.6, False)
    latents = tuple(fit_latents(table, table.schema.modelled, np.zeros(400)))
    joint = Joint(table.schema, latents, np.array([[[1, 0.6], [0.6, 1]]]), 0.25)
    n = 4000
    z = np.column_stack([np.full(n, 1.0), np.zeros(n)])
    held = np.array([True, False])
    drawn = joint.draw_given(z, held, np.zeros(n, int), np.random.default_rng(0))
    score = latents[1].margin.encode(drawn.values["b"])
    rho = 0.75 * 0.6
    assert abs(score.mean() - rho) < 0.06 and abs(score.std() - np.sqrt(1 - rho**2)) < 0.06


def test_cells_are_as_likely_as_they_are_drawn() -> None:
    table = correlated(600, 0.7, True)
    model = Copula(budget=None).fit(table, seed=1)
    drawn = model.sample(20_000, seed=1).table
    cells = {"a": np.array([0, 0, 1, 1]), "b": np.array([0, 1, 0, 1])}
    four = make(list(table.schema.columns), cells)
    wanted = np.exp(model.log_prob(four))
    assert abs(wanted.sum() - 1) < 0.03
    code = np.bincount(drawn.values["a"] * 2 + drawn.values["b"], minlength=4) / 20_000
    assert np.allclose(code, wanted, atol=0.04)


def test_the_average_over_positions_has_the_right_slope() -> None:
    table = mixed(60)
    latents = fit_latents(table, table.schema.modelled, np.zeros(60))
    low, high, _ = intervals(latents, table)
    seen = Positions.of(fit_correlations(latents, low, high)[None], np.zeros(60, int), low, high)
    numeric = (seen.log_ratio(0.3 + 1e-6)[0] - seen.log_ratio(0.3 - 1e-6)[0]) / 2e-6
    assert np.allclose(seen.log_ratio(0.3)[1], numeric, rtol=1e-4, atol=1e-6)


def test_shrinkage_is_little_where_people_are_many() -> None:
    model = Copula(budget=None).fit(correlated(2000, 0.7, True), seed=1)
    assert model.joint_.shrinkage < 0.1


def test_dequantised_scores_lie_within() -> None:
    rng = np.random.default_rng(0)
    low = np.array([[-1.0, 0.5, np.nan]] * 500)
    high = np.array([[0.2, 0.5, np.nan]] * 500)
    z = dequantise(low, high, rng.random((500, 3)))
    assert np.all((z[:, 0] >= -1) & (z[:, 0] <= 0.2)) and np.all(z[:, 1] == 0.5)
    assert np.isnan(z[:, 2]).all()


def test_a_tight_budget_shrinks() -> None:
    table = mixed(120)
    free = Copula(budget=None).fit(table, seed=2)
    tight = Copula(budget=Budget(membership=0.01, tpr_at_1pct=0.012), slack=1.0).fit(table, seed=2)
    assert tight.joint_.shrinkage > free.joint_.shrinkage
    constraint = tight.account_["constraint"]
    assert constraint["utility"] < constraint["utility_without"]
    assert any(r["multiplier"] > 0 for r in constraint["risks"])
    assert all(r["value"] <= r["without"] + 1e-9 for r in constraint["risks"])
    assert free.account_["constraint"]["message"] == "constraint off"


def test_reference_people_may_be_the_judges() -> None:
    model = Copula(slack=10.0).fit(numbers(150), reference=numbers(100, seed=9), seed=2)
    assert model.account_["constraint"]["feasible"]


def test_missing_values_are_related_to_others() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    b[a > 0.5] = np.nan
    columns = [Column(name=c, kind="continuous") for c in "ab"]
    model = Copula(budget=None).fit(make(columns, {"a": a, "b": b}), seed=1)
    drawn = model.sample(1000, seed=1).table
    gone = np.isnan(drawn.values["b"])
    assert drawn.values["a"][gone].mean() > drawn.values["a"][~gone].mean() + 0.8
    some = model.sample(300, given={"b": None}, seed=1).table
    assert some.values["a"].mean() > 0.5


def test_slack_must_be_positive() -> None:
    with pytest.raises(OptionError):
        Copula(slack=0).fit(mixed(), seed=1)
