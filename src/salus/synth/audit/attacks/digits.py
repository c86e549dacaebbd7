"""Membership by the edit distance between rows written as text.

Knowledge: the synthetic table and the record in question, both as text with fixed decimals.

Score: minus the least edit distance from the record to a synthetic row. Each number is spelled with
the decimals of its column, a date as year, month and day, a level or a missing state is one sign.
The distance is the sum over columns of the edits within the column: the delimiters between columns
stay where they are. A generator that writes digits may repeat those of a person with one of them
changed, which is far away as a number and near as text.

The nearest row as text is sought among 10 synthetic rows: the best of each of 10 random parts, by
random signs that estimate how many halves of cells two rows have in common. A row that shares most
of its cells is found but for a small chance; the distances to those found are exact.

Source: Ward et al. 2025, "When Tables Leak" (LevAtt), arXiv:2512.08875.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salus.synth.audit.attacks.scene import Scene
from salus.synth.table.schema import Column
from salus.synth.table.table import PRESENT, Table

__all__ = ["edit_distance", "text_distance"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]
Signs = NDArray[np.int32]
PARTS = 10  # of the synthetic rows, from each of which the likeliest is compared exactly
DIRECTIONS = 128  # random signs a row
SIGNIFICANT = 6  # digits of the largest number of a column without stated decimals
LONGEST = 40  # signs of a number that are compared
STATE, LEVEL = 2_000_000, 3_000_000  # signs that no text holds
HASH = np.uint64(6_364_136_223_846_793_005)  # to tell texts apart by one number, modulo 2 ** 64
CELLS = 1 << 18


def text_distance(scene: Scene) -> Floats:
    """Return minus the least edit distance to a synthetic row, (n,)."""
    columns = sorted(scene.people.schema.modelled, key=lambda c: c.name)
    spelled = [_Spelled.of(c, scene.people, scene.synthetic) for c in columns]
    rows = _similar(spelled, np.random.default_rng([scene.seed, 9]))
    total = np.zeros(rows.shape)
    for column in spelled:
        a = np.broadcast_to(column.people[:, None], rows.shape).ravel()
        b = column.made[rows].ravel()
        pairs, place = np.unique(a * len(column.signs) + b, return_inverse=True)
        a, b = np.divmod(pairs, len(column.signs))
        total += edit_distance(column.signs[a], column.signs[b])[place.ravel()].reshape(rows.shape)
    return np.asarray(-total.min(1), np.float64)


def edit_distance(a: Signs, b: Signs) -> Ints:
    """Return the edit distance (Levenshtein 1966) between texts, pair by pair, (p,).

    Parameters
    ----------
    a, b : int arrays (p, w)
        One sign a cell, from the left; 0 behind the end.
    """
    out = np.zeros(len(a), np.intp)
    differ = np.flatnonzero((a != b).any(1))
    step = max(1, CELLS // (a.shape[1] + 1))
    for begin in range(0, len(differ), step):
        some = differ[begin : begin + step]
        out[some] = _edits(a[some], b[some])
    return out


def _edits(a: Signs, b: Signs) -> Ints:
    length, other = (a != 0).sum(1), (b != 0).sum(1)
    place = np.arange(b.shape[1] + 1, dtype=np.int16)
    row = np.broadcast_to(place, (len(a), len(place))).copy()
    out = other.astype(np.intp)  # if a is empty
    for i in range(int(length.max(initial=0))):
        step = np.empty_like(row)
        step[:, 0] = i + 1
        np.minimum(row[:, :-1] + (a[:, i : i + 1] != b), row[:, 1:] + 1, out=step[:, 1:])
        # an insertion costs 1 a sign: the least of all cells to the left, plus the way from there
        row = np.minimum.accumulate(step - place, axis=1) + place
        done = length == i + 1
        out[done] = row[done, other[done]]
    return np.asarray(out, np.intp)


@dataclass(frozen=True)
class _Spelled:
    """Hold a column as text: the spellings (u, w), and which one each row has, (n,) and (m,)."""

    signs: Signs
    people: Ints
    made: Ints

    @classmethod
    def of(cls, column: Column, people: Table, synthetic: Table) -> _Spelled:
        value = np.concatenate([t.values[column.name] for t in (people, synthetic)])
        state = np.concatenate([t.states[column.name] for t in (people, synthetic)])
        here = state == PRESENT
        states, code = np.unique(state, return_inverse=True)
        which = np.asarray(code, np.intp).ravel()
        found, place = np.unique(value[here], return_inverse=True)
        which[here] = len(states) + place.ravel()
        text = _spell(found.astype(np.float64), column)
        signs = np.zeros((len(states) + len(found), max(text.shape[1], 1)), np.int32)
        signs[: len(states), 0] = STATE + states.astype(np.int32)
        signs[len(states) :, : text.shape[1]] = text
        return cls(signs, which[: len(people)], which[len(people) :])


def _spell(values: Floats, column: Column) -> Signs:
    """Return the values' signs, (u, w)."""
    if not column.is_numeric:
        return np.asarray(LEVEL + values[:, None], np.int32)
    if not len(values):
        return np.zeros((0, 1), np.int32)
    if column.kind == "date":
        texts = np.datetime_as_string(values.astype(np.int64).astype("datetime64[D]"))
    elif column.kind == "datetime":
        texts = np.datetime_as_string(values.astype(np.int64).astype("datetime64[s]"))
    else:
        digits = 0 if column.kind == "integer" else column.decimals
        if digits is None:
            largest = float(np.abs(values).max()) or 1.0
            digits = SIGNIFICANT - 1 - int(np.floor(np.log10(largest)))
        digits = max(digits, 0)
        texts = np.array([f"{v:.{digits}f}" for v in (np.round(values, digits) + 0.0).tolist()])
    signs = np.ascontiguousarray(texts).view(np.uint32).reshape(len(values), -1)
    return np.asarray(signs[:, :LONGEST], np.int32)


def _similar(spelled: Sequence[_Spelled], rng: np.random.Generator) -> Ints:
    """Return for each person one synthetic row of each part, likely to be the nearest as text."""
    n, m = len(spelled[0].people), len(spelled[0].made)
    people, made = np.zeros((n, DIRECTIONS), np.float32), np.zeros((m, DIRECTIONS), np.float32)
    for column in spelled:
        direction = _directions(column.signs, rng)
        people += direction[column.people]
        made += direction[column.made]
    # parts are drawn by content, so the order of rows changes nothing
    order = np.lexsort([c.made for c in spelled])[rng.permutation(m)]
    made = made[order].T.copy()
    parts = np.array_split(np.arange(m), min(PARTS, m))
    out = np.empty((n, len(parts)), np.intp)
    step = max(1, CELLS // m)
    for begin in range(0, n, step):
        common = people[begin : begin + step] @ made  # whole numbers: exact in any order
        for k, part in enumerate(parts):
            best = common[:, part[0] : part[-1] + 1].argmax(1)
            out[begin : begin + step, k] = order[part[0] + best]
    return out


def _directions(signs: Signs, rng: np.random.Generator) -> Singles:
    """Return for each spelling the random signs of its front half plus those of its rear half.

    A row with one digit changed keeps the other half of that number, and all other numbers.
    """
    width = signs.shape[1]
    length = (signs != 0).sum(1)
    # halves are counted from the right, as decimals are fixed; a shorter number has less in front
    back = length[:, None] - 1 - np.arange(width // 2)
    rear = np.where(back >= 0, np.take_along_axis(signs, np.maximum(back, 0), 1), 0)
    front = np.where(np.arange(width) < (length - width // 2)[:, None], signs, 0)
    out = np.zeros((len(signs), DIRECTIONS), np.float32)
    for half in (front, rear) if width > 1 else (signs,):
        key = half.astype(np.uint64) @ (HASH ** np.arange(half.shape[1], dtype=np.uint64))
        _, place = np.unique(key, return_inverse=True)
        bits = rng.integers(0, 2, (int(place.max(initial=-1)) + 1, DIRECTIONS), dtype=np.int8)
        out += (2 * bits - 1).astype(np.float32)[place.ravel()]
    return out
