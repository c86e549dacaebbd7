"""Draw rows from the generators: cells by their probabilities, numbers by their calibrated ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from salus.synth.generate.gan.balance import conditions, pick
from salus.synth.generate.gan.calibrate import SAMPLE, Calibration, calibrate, log_softmax
from salus.synth.generate.gan.codec import Codec, Coded, NumberCoder
from salus.synth.generate.gan.fitted import Fitted, Size
from salus.synth.generate.gan.layout import Layout
from salus.synth.generate.gan.networks import Generator
from salus.synth.table.table import Table

__all__ = ["Drawer", "Emitted", "generator_of"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]
BLOCK = 20_000  # rows of a sub-model that are emitted at once


@dataclass(frozen=True)
class Emitted:
    """Hold what the sub-models emit: places (K, n, modes) in [-1, 1] and logits (K, n, C)."""

    places: Singles
    logits: Singles


class Drawer:
    """Draw from generators whose weights are given.

    Parameters
    ----------
    codec : Codec
    generator : Generator
    size : Size
    """

    def __init__(self, codec: Codec, generator: Generator, size: Size) -> None:
        self.codec, self.generator, self.size = codec, generator, size
        self.layout = Layout.of(codec)
        shares = [codec.coders[j].share / len(self.layout.choices) for j in self.layout.choices]
        self.total = np.cumsum(np.concatenate(shares)) if shares else np.zeros(0)
        self.modes = sum(self.layout.modes)

    @classmethod
    def of(cls, fitted: Fitted) -> Drawer:
        """Return what draws from a fitted model."""
        return cls(fitted.codec, generator_of(fitted), fitted.size)

    def cells(self, n: int, rng: np.random.Generator) -> Ints:
        """Return conditions as they come up among people, (K, n), -1 where there are no cells."""
        shape = (self.size.members, n)
        if not len(self.total):
            return np.full(shape, -1, np.intp)
        return pick(self.total, rng.random(shape[0] * n)).reshape(shape)

    def emit(self, cells: Ints, rng: np.random.Generator) -> Emitted:
        """Return what the sub-models emit under conditions (K, n)."""
        shape = (*cells.shape, self.size.noise)
        noise = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        told = torch.from_numpy(conditions(cells, self.layout.n_cells))
        weight = next(self.generator.parameters())
        with torch.no_grad():
            raw = self.generator(noise.to(weight.device), told.to(weight.device))
            places, logits = torch.tanh(raw[..., : self.modes]), raw[..., self.modes :]
        return Emitted(places.cpu().numpy(), logits.cpu().numpy())

    def calibrate(self, rng: np.random.Generator) -> Calibration:
        """Return the calibration of the generators as they are."""
        one = self.emit(self.cells(SAMPLE, rng), rng)
        return calibrate(self.codec, self.layout, one.places, one.logits)

    def draw(
        self,
        n: int,
        calibration: Calibration,
        rng: np.random.Generator,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> list[Table]:
        """Return n rows of each sub-model."""
        emitted = self.emit(self.cells(n, rng), rng)
        chances = self.chances(emitted, calibration, temperature)
        cell = self.choose(chances, rng, top_p)
        return [
            self.table(k, cell[k], emitted.places[k], calibration, rng, temperature)
            for k in range(self.size.members)
        ]

    def mixture(
        self,
        n: int,
        calibration: Calibration,
        rng: np.random.Generator,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> Table:
        """Return n rows, about as many of each sub-model, in random order."""
        parts = []
        each = -(-n // self.size.members)
        for begin in range(0, each, BLOCK):
            parts += self.draw(min(BLOCK, each - begin), calibration, rng, temperature, top_p)
        return Table.concat(parts).take(rng.permutation(each * self.size.members)[:n])

    def chances(
        self, emitted: Emitted, calibration: Calibration, temperature: float = 1.0
    ) -> Floats:
        """Return the log probabilities of the cells, (K, n, C)."""
        logits: Floats = emitted.logits.astype(np.float64) + calibration.shift[:, None, :]
        logits /= temperature
        return log_softmax(self.layout, logits)

    def choose(self, chances: Floats, rng: np.random.Generator, top_p: float = 1.0) -> Ints:
        """Return a cell of each column, (..., d), drawn by log probabilities (..., C).

        Below 1 in ``top_p`` only of the likeliest cells, as many as reach this probability.
        """
        lead = chances.shape[:-1]
        out = np.zeros((*lead, len(self.layout.cells)), np.intp)
        for j in self.layout.choices:
            begin = self.layout.starts[j]
            chance = np.exp(chances[..., begin : begin + self.layout.cells[j]])
            total = np.cumsum(chance if top_p >= 1 else _likeliest(chance, top_p), axis=-1)
            u = rng.random((*lead, 1)) * total[..., -1:]
            out[..., j] = np.minimum((total <= u).sum(-1), self.layout.cells[j] - 1)
        return out

    def scores(self, k: int, cell: Ints, places: Singles, calibration: Calibration) -> Floats:
        """Return the normal scores of a sub-model's numbers, (n, d), 0 where there is none."""
        out = np.zeros(cell.shape)
        at = 0
        for i, j in enumerate(self.layout.numbers):
            coder, modes = self.codec.coders[j], self.layout.modes[j]
            assert isinstance(coder, NumberCoder)
            rows = np.flatnonzero(cell[:, j] < modes)
            mode = cell[rows, j]
            level = coder.level_of(mode, places[rows, at + mode].astype(float))
            out[rows, j] = calibration.scores(k, i, level)
            at += modes
        return out

    def table(
        self,
        k: int,
        cell: Ints,
        places: Singles,
        calibration: Calibration,
        rng: np.random.Generator,
        temperature: float = 1.0,
    ) -> Table:
        """Return a sub-model's rows from cells (n, d) and places (n, modes).

        At a temperature above 1 scores are mixed with noise, which leaves each number's
        distribution as it is and loosens its relations; below 1 they are pulled to the middle.
        """
        z = self.scores(k, cell, places, calibration)
        if temperature > 1:
            noise = rng.standard_normal(z.shape)
            z = (z + np.sqrt(temperature**2 - 1) * noise) / temperature
        elif temperature < 1:
            z = z * temperature
        return self.codec.decode(Coded(cell, np.zeros(cell.shape)), z)


def _likeliest(chance: Floats, top_p: float) -> Floats:
    """Return the chances (..., c) with 0 for those after the likeliest ones that reach ``top_p``."""
    order = np.argsort(-chance, axis=-1, kind="stable")
    falling = np.take_along_axis(chance, order, -1)
    before = np.cumsum(falling, axis=-1) - falling
    out = np.zeros_like(chance)
    np.put_along_axis(out, order, np.where(before < top_p, falling, 0.0), -1)
    return out


def generator_of(fitted: Fitted) -> Generator:
    """Return the network of a fitted model."""
    size = fitted.size
    network = Generator(fitted.layout, size.members, size.noise, size.width, size.layers)
    network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in fitted.weights.items()})
    return network.eval()
