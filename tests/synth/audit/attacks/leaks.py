"""Releases with a planted leak, one for each kind that an attack is made for."""

from __future__ import annotations

import numpy as np

from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

__all__ = ["clumps", "copies", "digits", "numbers_moved", "one_moved", "plane", "punched"]

NUMBERS = ("age", "weight", "hours", "gain")
PLANE = Schema([Column(name=n, kind="continuous") for n in ("x", "y")])


def copies(members: Table) -> Table:
    return members


def one_moved(members: Table) -> Table:
    """Every member, with one column moved far away."""
    return members.replace("weight", members.values["weight"] + 1e4, members.states["weight"])


def numbers_moved(members: Table) -> Table:
    """Every member, with every number in another unit and moved far away."""
    for name in NUMBERS:
        value = 5_000 + 3 * members.values[name].astype(float)
        members = members.replace(name, value, members.states[name])
    return members


def clumps(members: Table) -> Table:
    """Twenty rows around every member, with every number moved by some per cent."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(20):
        made = members
        for name in NUMBERS:
            value = members.values[name] * rng.normal(1, 0.03, len(members))
            made = made.replace(name, value, members.states[name])
        rows.append(made)
    return Table.concat(rows)


def digits(members: Table) -> Table:
    """Every member, with the leading digit of every number changed."""
    rng = np.random.default_rng(0)
    for name in NUMBERS:
        value = members.values[name].astype(float)
        size = np.where(np.abs(value) >= 1, np.floor(np.log10(np.maximum(np.abs(value), 1))), 0)
        other = np.round(value + rng.integers(1, 9, len(value)) * 10.0**size, 2)
        members = members.replace(name, other, members.states[name])
    return members


def plane(n: int, *, seed: int) -> Table:
    """People of two columns, evenly spread over a square."""
    xy = np.random.default_rng(seed).random((n, 2))
    return Table(PLANE, {"x": xy[:, 0], "y": xy[:, 1]})


def punched(members: Table, *, radius: float = 0.05) -> Table:
    """Many people of the plane, but for those near a member."""
    crowd = plane(4_000, seed=99)
    far = np.ones(len(crowd), bool)
    for x, y in zip(members.values["x"], members.values["y"], strict=True):
        gap = np.maximum(np.abs(crowd.values["x"] - x), np.abs(crowd.values["y"] - y))
        far &= gap > radius
    return crowd.take(far)
