"""Full estimates against tables on which the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from salus.synth.budget import Budget
from salus.synth.errors import Infeasible, OptionError, TooFewPeople
from salus.synth.generate.net.codec import Codec
from salus.synth.generate.net.estimates import (
    GAP,
    MINORITY,
    NEAR,
    TAIL,
    Estimate,
    Examiner,
    chance_of,
    log_chances,
    rarest,
    recall_at,
    refuse_minority,
    refuse_unattainable,
)
from salus.synth.generate.net.model import Network
from salus.synth.generate.net.recall import attainable_recall
from salus.synth.table.schema import Column
from salus.synth.table.table import Table
from tests.synth.generate.net.toys import awake, cells, network_for, noise, rare_class, training
from tests.synth.generate.tables import OUTCOME, make, mixed, numbers


def examiner(table: Table, **options: object) -> Examiner:
    return training(table, **options).examiner  # type: ignore[arg-type]


def overfitted(table: Table, reference: Table | None = None) -> tuple[Examiner, list[Network]]:
    """Train freely far beyond what strangers gain from."""
    one = training(table, reference=reference, rate=0.02, dropout=0.0, batch=40, steps=160)
    one._train(range(len(one.learners)))
    for _ in range(19):
        one._train(range(len(one.learners)))
    return one.examiner, [x.mean.eval() for x in one.learners]


def untrained(judge: Examiner) -> list[Network]:
    return [network_for(judge.codec, seed=k) for k in range(len(judge.sides.sides))]


def test_an_untrained_network_gives_nothing_away() -> None:
    judge = examiner(noise(80))
    found = judge.examine(untrained(judge))
    assert found.risks[GAP] == pytest.approx(0, abs=1e-5)
    assert found.risks[TAIL] == pytest.approx(0, abs=1e-4)
    assert found.risks["attribute ill"] == pytest.approx(0, abs=1e-5)
    assert abs(found.risks[NEAR]) < 0.1


@pytest.mark.parametrize("with_reference", [False, True])
def test_an_overfitted_network_gives_much_away(with_reference: bool) -> None:
    reference = noise(40, seed=3) if with_reference else None
    judge, networks = overfitted(noise(60), reference)
    assert judge.sides.paired != with_reference
    found, still = judge.examine(networks), judge.examine(untrained(judge))
    assert found.risks[GAP] > 1 > 5 * judge.limits[GAP]
    assert found.risks[TAIL] > 0.5
    assert found.risks["attribute ill"] > 0.3
    assert found.utility < still.utility - 0.5  # strangers only lose
    assert found.spread > 0


def test_the_gap_is_the_difference_in_deviations() -> None:
    judge, networks = overfitted(noise(60))
    a, b = [], []
    for k, side in enumerate(judge.sides.sides):
        tokens = judge.tokens[side.others]
        rest = judge.within[side.others]
        b.append(log_chances(networks[k], tokens, judge.order).sum(1) + rest)
        other = networks[(k + 1) % len(networks)]  # which learnt from them
        a.append(log_chances(other, tokens, judge.order).sum(1) + rest)
    inside, outside = np.concatenate(a), np.concatenate(b)
    found = judge.examine(networks)
    assert found.risks[GAP] == pytest.approx((inside - outside).mean() / outside.std())
    assert found.spread == pytest.approx(outside.std())


def test_the_utility_is_the_others_likelihood_in_which_the_outcome_counts_more() -> None:
    judge = examiner(noise(60))
    networks = [awake(network_for(judge.codec, seed=k)) for k in range(2)]
    j, each = judge.codec.names.index("ill"), []
    for network, side in zip(networks, judge.sides.sides, strict=True):
        log = log_chances(network, judge.tokens[side.others], judge.order)
        log[:, j] *= 3  # as much as three others
        each.append(log.sum(1) + judge.within[side.others])
    assert judge.examine(networks).utility == pytest.approx(np.concatenate(each).mean())
    some = judge.utility(networks[0], judge.sides.sides[0].others)
    assert some == pytest.approx(each[0].mean())


def test_examining_is_the_same_again_and_draws_alike() -> None:
    judge, networks = overfitted(noise(60))
    assert judge.examine(networks) == judge.examine(networks)
    assert NEAR in judge.limits


class Teller(torch.nn.Module):
    """Give the outcome of a table of two columns a fixed chance for known people, 1/2 otherwise."""

    def __init__(self, known: set[int], sure: float) -> None:
        super().__init__()
        self.known, self.sure = known, sure
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, tokens: torch.Tensor, order: object) -> torch.Tensor:
        chance = torch.full((len(tokens), 2, 200), 1e-9)
        for i, (name, outcome) in enumerate(tokens.tolist()):
            sure = self.sure if name in self.known else 0.5
            chance[i, 0, name] = 1.0
            chance[i, 1, outcome], chance[i, 1, 1 - outcome] = sure, 1 - sure
        return chance.log()


def named(n: int = 80) -> Table:
    """Return people with a name of their own and a class."""
    columns = [
        Column(name="name", kind="categorical", levels=tuple(f"p{i}" for i in range(n))),
        Column(name="ill", kind="boolean", levels=("no", "yes"), roles=OUTCOME),
    ]
    return make(columns, {"name": np.arange(n), "ill": np.arange(n) % 2})


def test_the_attribute_gap_of_a_known_answer() -> None:
    """People learnt from are told with 0.8, others with 0.5: (0.8 - 0.5) / (1 - 0.5)."""
    judge = examiner(named(), budget=Budget(near_copies=None))
    tellers = [
        Teller({int(judge.tokens[i, 0]) for i in side.inside}, 0.8) for side in judge.sides.sides
    ]
    found = judge._attribute(judge.attributes[0], tellers)  # type: ignore[arg-type]
    assert found == pytest.approx(0.6, abs=1e-5)
    strangers = [Teller(set(), 0.8) for _ in judge.sides.sides]
    assert judge._attribute(judge.attributes[0], strangers) == pytest.approx(0)  # type: ignore[arg-type]


class Scorer(torch.nn.Module):
    """Give the rare class the chance that a table says, by the tokens of the first column."""

    def __init__(self, score: np.ndarray) -> None:
        super().__init__()
        self.score = torch.from_numpy(score)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, tokens: torch.Tensor, order: object) -> torch.Tensor:
        out = torch.zeros(len(tokens), 2, 200)
        out[:, 1, 1] = self.score[tokens[:, 0]].float().log()
        return out


def test_minority_recall_of_a_known_answer() -> None:
    """20 of 100 are rare; the scores of 15 of them beat nine tenths of the others."""
    table = named(100).replace("ill", (np.arange(100) < 20).astype(int))
    score = np.linspace(0.1, 0.5, 100)
    score[:15] = 0.9
    score[15:20] = 0.05
    judge = examiner(table, budget=None, minority_recall=0.5)
    assert list(judge.limits) == [MINORITY] and judge.limits[MINORITY] == 0.5
    side = judge.sides.sides[0]
    everybody = replace(judge.sides, sides=(replace(side, others=np.arange(100)),))
    whole = replace(judge, sides=everybody)
    assert whole._minority_recall([Scorer(score)]) == pytest.approx(0.75)  # type: ignore[list-item]


def test_recall_at_a_specificity() -> None:
    rare = np.arange(100) < 10
    assert recall_at(np.where(rare, 1.0, 0.0), rare) == 1
    assert recall_at(np.where(rare, 0.0, 1.0), rare) == 0
    assert recall_at(np.zeros(100), rare) == 0  # who all look alike are not recalled
    assert recall_at(np.zeros(100), np.ones(100, bool)) == 1


def test_the_rarest_level_is_the_one_of_fewest_people() -> None:
    table = cells(90)
    codec = Codec.fit(table, bins=8)
    for j, name in enumerate(("a", "b", "c")):
        value = table.values[name]
        count = np.bincount(value[value >= 0])
        assert rarest(codec, j) == int(np.argmin(count))
    # the empty cells of a column are no class
    few = table.replace("c", np.where(np.arange(90) < 2, -1, table.values["c"].clip(0)))
    few = few.replace("c", few.values["c"], (few.values["c"] < 0).astype(np.int8))
    assert rarest(Codec.fit(few, bins=8), 2) < 3


def test_chances_agree_with_the_forward_pass_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = examiner(mixed(60))
    network = awake(network_for(judge.codec))
    whole = log_chances(network, judge.tokens, judge.order)
    chance = chance_of(network, judge.tokens, judge.order, 3)
    monkeypatch.setattr("salus.synth.generate.net.estimates.BLOCK", 7)
    assert np.allclose(log_chances(network, judge.tokens, judge.order), whole, atol=1e-5)
    assert np.allclose(chance_of(network, judge.tokens, judge.order, 3), chance, atol=1e-6)
    assert np.allclose(chance.sum(1), 1, atol=1e-5)
    own = np.take_along_axis(chance, judge.tokens[:, 3:4].numpy(), 1)[:, 0]
    assert np.allclose(np.log(own), whole[:, 3], atol=1e-5)


def test_limits_come_from_the_budget() -> None:
    judge = examiner(noise(100), slack=1.0)
    assert set(judge.limits) == {GAP, TAIL, NEAR, "attribute ill"}
    assert judge.limits[GAP] == pytest.approx(0.1254, abs=1e-4)  # 2 Phi^-1(0.525)
    assert judge.limits[NEAR] == 0.02 and judge.limits["attribute ill"] == 0.05
    wide, tight = examiner(noise(100), slack=2.0), examiner(noise(100), slack=0.5)
    assert wide.limits[GAP] == 2 * judge.limits[GAP] and wide.limits[NEAR] == 0.02
    assert tight.limits[NEAR] == 0.01 and tight.limits[GAP] == 0.5 * judge.limits[GAP]
    assert examiner(noise(100), budget=None).limits == {}
    over = judge.over(Estimate(dict.fromkeys(judge.limits, 1.0), 0.0))
    assert over[NEAR] == pytest.approx(0.98)


def test_what_cannot_be_estimated_is_skipped_with_a_reason() -> None:
    few = examiner(noise(24))
    assert NEAR not in few.limits and "fewer than 20" in few.skipped[NEAR]
    assert "fewer than 20" in few.skipped["attribute ill"]
    alone = noise(100)
    single = make([alone.schema["ill"]], {"ill": alone.values["ill"]})
    skipped = examiner(single).skipped
    assert skipped["attribute ill"] == "there is no other column to guess it from"


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (numbers(60), OptionError, "needs an outcome"),
        (noise(60).replace("ill", np.zeros(60, int)), OptionError, "two classes"),
        (rare_class(60, 3), TooFewPeople, r"has 3 people.*join classes"),
    ],
)
def test_a_recall_that_cannot_be_judged(table: Table, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        refuse_minority(0.5, table.schema, table)
    refuse_minority(0.5, rare_class().schema, rare_class())
    with pytest.raises(OptionError, match="share"):
        refuse_minority(1.5, rare_class().schema, rare_class())


def test_rows_of_one_person_are_one_person() -> None:
    """Twelve rows of the rare class, all of three people."""
    table = rare_class(60, 12)
    people = np.arange(60)
    rare = np.flatnonzero(table.values["died"] == 1)
    people[rare] = rare[:3].repeat(4)
    with pytest.raises(TooFewPeople, match="has 3 people"):
        refuse_minority(0.5, table.schema, Table(table.schema, table.values, table.states, people))


def test_a_recall_beyond_reach() -> None:
    refuse_unattainable({MINORITY: 0.5}, 0.6)
    refuse_unattainable({GAP: 0.1}, 0.0)
    with pytest.raises(Infeasible, match=r"minority_recall = 0.9 can't be met.*at most 0.60"):
        refuse_unattainable({MINORITY: 1 - 0.9}, 0.6)


def test_what_recall_people_allow() -> None:
    """Much where the class depends on the numbers, little where it is tossed."""
    rng = np.random.default_rng(0)
    table = rare_class(300, 60)
    assert attainable_recall(table, rng) > 0.9
    tossed = table.replace("died", (rng.random(300) < 0.2).astype(int))
    assert attainable_recall(tossed, rng) < 0.55
