import numpy as np

from salus.synth.audit.groups import Subgroups
from salus.synth.table.schema import Column, Schema
from salus.synth.table.table import Table


def table(n: int = 200) -> Table:
    rng = np.random.default_rng(0)
    schema = Schema(
        [
            Column(name="sex", kind="categorical", levels=("f", "m"), roles=frozenset({"group"})),
            Column(name="age", kind="continuous", roles=frozenset({"group"})),
            Column(name="bili", kind="continuous"),
        ]
    )
    sex = rng.integers(-1, 2, n)
    age = np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 10, n))
    return Table(schema, {"sex": sex, "age": age, "bili": rng.random(n)})


def test_levels_and_quarters_are_disjoint_and_leave_out_missing_values():
    real = table()
    masks = Subgroups.fit(real).masks(real)
    assert set(masks) == {
        "sex = f",
        "sex = m",
        *(f"age: {q} quarter" for q in ("lowest", "second", "third", "highest")),
    }
    for prefix in ("sex", "age"):
        count = sum(m.astype(int) for name, m in masks.items() if name.startswith(prefix))
        assert ((count == 1) == (real.states[prefix] == 0)).all()


def test_the_cuts_are_the_real_peoples_in_any_table():
    real = table()
    groups = Subgroups.fit(real)
    moved = real.replace("age", real.values["age"].astype(float) + 1000)
    masks = groups.masks(moved)
    assert masks["age: highest quarter"].sum() == (moved.states["age"] == 0).sum()


def test_without_a_declared_column_there_are_none():
    bare = table()
    schema = Schema([c for c in bare.schema.columns if c.name == "bili"])
    assert Subgroups.fit(Table(schema, {"bili": bare.values["bili"]})).masks(bare) == {}


def test_a_level_that_few_people_hold_is_not_named():
    real = table(300)
    sex = np.zeros(300, int)
    for few, named in ((19, False), (20, True)):
        sex[:few] = 1
        masks = Subgroups.fit(real.replace("sex", sex)).masks(real)
        assert ("sex = m" in masks) is named
    # rows aren't people
    again = Table(real.schema, real.values, real.states, np.arange(300) // 20)
    assert not [name for name in Subgroups.fit(again).masks(again) if name.startswith("sex")]
