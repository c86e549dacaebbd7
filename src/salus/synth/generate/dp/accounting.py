"""What noise costs: zero-concentrated differential privacy, and subsampled Gaussians.

Counts and choices are accounted in rho of zCDP (Bun & Steinke 2016, arXiv:1605.02658), which adds
up over steps even where a step is chosen in view of the ones before:

    Gaussian noise of deviation s on a query of L2 sensitivity D    rho = D^2 / (2 s^2)
    exponential mechanism of parameter e                            rho = e^2 / 8

The first holds for the discrete Gaussian too (Canonne, Kamath & Steinke 2020, arXiv:2004.00010,
theorem 14); the second is due to bounded range (Cesar & Rogers 2021, arXiv:2004.07223). rho becomes
(epsilon, delta) by proposition 12 of arXiv:2004.00010. Training by noisy gradients of random batches
(DP-SGD) is accounted by privacy loss distributions, through ``dp-accounting``, or by Renyi orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

from salus.synth.errors import MissingExtra, OptionError

__all__ = [
    "check_delta",
    "check_epsilon",
    "choice_epsilon",
    "choice_rho",
    "delta_of",
    "epsilon_of",
    "gaussian_rho",
    "gaussian_sigma",
    "rho_of",
    "sgd_epsilon",
    "sgd_noise",
]

Accountant = Literal["PLD", "RDP"]
Training = tuple[float, float, int]  # noise multiplier, sampling rate, steps

_ORDERS = np.concatenate([np.arange(1.05, 11, 0.05), np.arange(11, 257), [512.0, 1024.0]])


def check_epsilon(epsilon: float) -> None:
    """Refuse an epsilon that isn't positive and finite."""
    if not (0 < epsilon < math.inf):
        raise OptionError(
            f"epsilon must be positive and finite, got {epsilon}.",
            remedy="Values from 0.5 to 3 protect; above 10 the guarantee says little.",
        )


def check_delta(delta: float) -> None:
    """Refuse a delta outside (0, 1)."""
    if not 0 < delta < 1:
        raise OptionError(
            f"delta must lie between 0 and 1, got {delta}.",
            remedy="Take far less than one over the number of people, such as 1e-6; choose it "
            "without looking at the table.",
        )


def gaussian_rho(sensitivity: float, sigma: float) -> float:
    """Return what Gaussian noise of deviation ``sigma`` costs in rho."""
    return sensitivity**2 / (2 * sigma**2)


def gaussian_sigma(sensitivity: float, rho: float) -> float:
    """Return the deviation of Gaussian noise that costs ``rho``."""
    return sensitivity / math.sqrt(2 * rho)


def choice_rho(epsilon: float) -> float:
    """Return what an exponential mechanism of parameter ``epsilon`` costs in rho."""
    return epsilon**2 / 8


def choice_epsilon(rho: float) -> float:
    """Return the parameter of an exponential mechanism that costs ``rho``."""
    return math.sqrt(8 * rho)


def delta_of(rho: float, epsilon: float) -> float:
    """Return the least delta for which rho-zCDP gives (epsilon, delta)-DP.

    delta = min over a > 1 of exp((a - 1)(a rho - epsilon)) / (a - 1) * (1 - 1/a)^a.
    """
    if rho <= 0:
        return 0.0

    def slope(a: float) -> float:
        return (2 * a - 1) * rho - epsilon + math.log1p(-1 / a)

    low, high = 1 + 1e-9, 2.0 + (epsilon + 1) / rho
    while slope(high) <= 0:
        high *= 2
    # any a gives a valid delta, so an inexact root errs on the safe side
    a = float(brentq(slope, low, high, xtol=1e-12, rtol=1e-14)) if slope(low) < 0 else low
    log_delta = (a - 1) * (a * rho - epsilon) + a * math.log1p(-1 / a) - math.log(a - 1)
    return min(1.0, math.exp(min(log_delta, 0.0)))


def epsilon_of(rho: float, delta: float) -> float:
    """Return the least epsilon for which rho-zCDP gives (epsilon, delta)-DP."""
    check_delta(delta)
    if rho <= 0 or delta_of(rho, 0.0) <= delta:
        return 0.0
    high = rho + 2 * math.sqrt(rho * math.log(1 / delta))  # always enough, arXiv:1605.02658
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(rho, middle) <= delta else (middle, high)
    return high


def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest rho that keeps (epsilon, delta)-DP."""
    check_epsilon(epsilon)
    check_delta(delta)
    low, high = 0.0, epsilon + 1.0
    while delta_of(high, epsilon) <= delta:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return low


# ---------------------------------------------------------------- noisy gradients


def sgd_epsilon(
    trainings: Sequence[Training],
    delta: float,
    *,
    rho: float = 0.0,
    accountant: Accountant = "PLD",
) -> float:
    """Return epsilon of trainings with noisy gradients, and of steps that cost ``rho``.

    Each step takes every person with the sampling rate (Poisson), clips each person's gradient and
    adds Gaussian noise of the multiplier times the clipping norm (Abadi et al. 2016,
    arXiv:1607.00133). Adjacency: one person more or less.

    Parameters
    ----------
    trainings : sequence of (noise multiplier, sampling rate, steps)
    delta : float
    rho : float, optional
        zCDP spent elsewhere on the same people. It needs Renyi orders: then ``RDP`` is used.
    accountant : {"PLD", "RDP"}
        Privacy loss distributions (nearly exact, rounded up) or Renyi orders (an upper bound).

    Raises
    ------
    OptionError
        For a multiplier, rate or number of steps that makes no sense.
    MissingExtra
        For ``PLD``, if ``dp-accounting`` isn't installed.
    """
    check_delta(delta)
    for noise, rate, steps in trainings:
        if not (noise > 0 and 0 < rate <= 1 and steps >= 0):
            raise OptionError(
                "a training needs a noise multiplier above 0, a sampling rate in (0, 1] and a "
                f"number of steps, got {noise}, {rate} and {steps}."
            )
    if rho > 0 or accountant == "RDP":
        return _renyi_epsilon(trainings, rho, delta)
    events = _events()
    tally = events.pld.PLDAccountant(value_discretization_interval=1e-4)
    for noise, rate, steps in trainings:
        one = events.GaussianDpEvent(noise)
        if rate < 1:
            one = events.PoissonSampledDpEvent(rate, one)
        tally.compose(one, steps)
    return float(tally.get_epsilon(delta))


def _renyi_epsilon(trainings: Sequence[Training], rho: float, delta: float) -> float:
    """Return epsilon by Renyi orders, converted by proposition 12 of arXiv:2004.00010."""
    a = _ORDERS
    spent = rho * a
    for noise, rate, steps in trainings:
        spent = spent + steps * np.array([_renyi(noise, rate, order) for order in a])
    epsilon = spent - (math.log(delta) + np.log(a)) / (a - 1) + np.log1p(-1 / a)
    return max(0.0, float(epsilon.min()))


def _renyi(noise: float, rate: float, order: float) -> float:
    """Return the Renyi divergence of one noisy gradient of a Poisson batch.

    log E[((1 - q) + q exp((2 z - 1) / (2 s^2)))^a] / (a - 1) for z normal with deviation s (Mironov,
    Talwar & Zhang 2019, arXiv:1908.10530, theorem 4), by the trapezoidal rule, which for a smooth
    function that ends in zero is exact but for rounding.
    """
    step = noise / 12
    z = np.arange(-40 * noise, order + 40 * noise, step)
    ratio = (2 * z - 1) / (2 * noise**2) + math.log(rate)
    if rate < 1:
        ratio = np.logaddexp(math.log1p(-rate), ratio)
    log_density = -0.5 * (z / noise) ** 2 - math.log(noise * math.sqrt(2 * math.pi))
    return float(logsumexp(log_density + order * ratio) + math.log(step)) / (order - 1)


def sgd_noise(
    epsilon: float,
    delta: float,
    *,
    rate: float,
    steps: int,
    rho: float = 0.0,
    accountant: Accountant = "PLD",
) -> float:
    """Return the least noise multiplier (to 1e-3, upward) of ``steps`` steps for (epsilon, delta).

    What was spent elsewhere, ``rho``, is part of epsilon and must leave something of it.
    """
    check_epsilon(epsilon)
    if rho > 0 and sgd_epsilon([], delta, rho=rho) >= epsilon:
        raise OptionError(f"rho {rho:g} leaves nothing of epsilon {epsilon:g} for noisy gradients.")

    def spent(noise: float) -> float:
        return sgd_epsilon([(noise, rate, steps)], delta, rho=rho, accountant=accountant)

    low, high = 0.05, 1.0
    while spent(high) > epsilon:
        low, high = high, 2 * high
    while high - low > 5e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if spent(middle) <= epsilon else (middle, high)
    return high


def _events() -> Any:
    """Return the package ``dp_accounting``, or say how it is installed."""
    try:
        import dp_accounting
    except ImportError as error:
        raise MissingExtra(
            "accounting for noisy gradients isn't installed.",
            remedy="Install it with: pip install 'salus[dp]'.",
        ) from error
    return dp_accounting
