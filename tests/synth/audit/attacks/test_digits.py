"""Edit distance: exact between texts, and a digit changed is one edit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from salus.synth.audit.attacks import Scene
from salus.synth.audit.attacks.digits import edit_distance, text_distance
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table

SCHEMA = Schema(
    [
        Column(name="number", kind="continuous", decimals=2),
        Column(name="day", kind="date"),
        Column(name="level", kind="categorical", levels=("ab", "cdefg"), missing_codes=("?",)),
        Column(name="free", kind="continuous"),
    ]
)


def plain(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


@given(st.lists(st.tuples(*[st.text("012.-", max_size=9)] * 2), min_size=1, max_size=20))
def test_the_edit_distance_is_that_of_the_textbook(pairs: list[tuple[str, str]]) -> None:
    signs = np.zeros((2, len(pairs), 9), np.int32)
    for i, pair in enumerate(pairs):
        for side, text in enumerate(pair):
            signs[side, i, : len(text)] = [ord(c) for c in text]
    np.testing.assert_array_equal(
        edit_distance(signs[0], signs[1]), [plain(a, b) for a, b in pairs]
    )


def row(number: float, day: int, level: int, free: float) -> Table:
    values = {"number": [number], "day": [day], "level": [level], "free": [free]}
    states = {k: np.zeros(1, np.int8) for k in values}
    states["level"][:] = 2 if level < 0 else 0
    states["number"][:] = 1 if np.isnan(number) else 0
    return Table(SCHEMA, {k: np.array(v) for k, v in values.items()}, states)


def test_every_change_costs_its_signs() -> None:
    person = row(123.4, 20_000, 0, 0.5)  # 123.40, 2024-10-04
    for made, edits in (
        (row(123.4, 20_000, 0, 0.5), 0),
        (row(923.4, 20_000, 0, 0.5), 1),  # one digit, far away as a number
        (row(12.34, 20_000, 0, 0.5), 3),  # the digits stand elsewhere
        (row(123.4, 20_001, 1, 0.5), 2),  # one digit of the date, and a level
        (row(np.nan, 20_000, -1, 0.5), 7),  # six signs became one, and a level a state
    ):
        assert text_distance(Scene.of(person, made)) == -edits


def test_the_nearest_row_is_found_among_many() -> None:
    rng = np.random.default_rng(0)

    def some(n: int) -> Table:
        values = {
            "number": np.round(rng.normal(100, 30, n), 2),
            "day": rng.integers(0, 20_000, n),
            "level": rng.integers(0, 2, n),
            "free": rng.normal(size=n),
        }
        return Table(SCHEMA, values)

    people = some(50)
    close = people.replace("number", people.values["number"] + 200)
    score = text_distance(Scene.of(people, Table.concat([some(3_000), close])))
    assert (score >= -3).mean() >= 0.95
