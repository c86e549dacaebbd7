"""What a GAN is and how it is trained, in plain values and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.generate.gan.calibrate import Calibration
from salus.synth.generate.gan.codec import Codec
from salus.synth.generate.gan.layout import Layout

__all__ = ["ROUNDS", "Fitted", "Recipe", "Size"]

ROUNDS = 10  # of the free training, and of the constrained one

Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Size:
    """Say how large the generators are.

    Parameters
    ----------
    members : int
        Sub-models, K.
    noise, width, layers : int
        Length of the noise, width, and residual blocks.
    """

    members: int
    noise: int
    width: int
    layers: int


@dataclass(frozen=True)
class Recipe:
    """Say how long and in what steps the sub-models are trained.

    Parameters
    ----------
    steps : int
        Of the generator, in the free training; half as many follow under the constraint.
    batch, pack : int
        Rows of a batch, and rows the critic sees side by side.
    critic_steps : int
        Of the critic, for each of the generator.
    rate : float
        Of Adam.
    gumbel : float
        Temperature of the Gumbel-softmax.
    """

    steps: int
    batch: int
    pack: int
    critic_steps: int
    rate: float
    gumbel: float

    @property
    def round_length(self) -> int:
        """Steps between two full estimates of the free training."""
        return max(1, self.steps // ROUNDS)

    @property
    def rounds(self) -> int:
        """Rounds of the free training."""
        return max(1, round(self.steps / self.round_length))

    @property
    def steered_length(self) -> int:
        """Steps between two full estimates under the constraint."""
        return max(1, self.round_length // 2)


@dataclass(frozen=True)
class Fitted:
    """Hold all that rows are drawn from.

    Parameters
    ----------
    codec : Codec
    size : Size
    weights : dict of str to array
        Of the generators, by the names of their parameters.
    calibration : Calibration
    """

    codec: Codec
    size: Size
    weights: Arrays
    calibration: Calibration

    @property
    def layout(self) -> Layout:
        """Where the columns' parts lie."""
        return Layout.of(self.codec)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return it as JSON values and arrays."""
        plain, arrays = self.codec.to_dict()
        arrays |= {f"weights.{k}": v for k, v in self.weights.items()}
        arrays |= {f"calibration.{k}": v for k, v in vars(self.calibration).items()}
        return {**plain, "size": asdict(self.size)}, arrays

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Fitted:
        """Rebuild it from ``to_dict``'s form."""

        def under(name: str) -> dict[str, NDArray[Any]]:
            return {k[len(name) + 1 :]: v for k, v in arrays.items() if k.startswith(f"{name}.")}

        return cls(
            Codec.from_dict(plain, arrays),
            Size(**plain["size"]),
            under("weights"),
            Calibration(**under("calibration")),
        )
