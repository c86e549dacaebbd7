from __future__ import annotations

import pytest

from salus.synth.errors import OptionError
from salus.synth.release.paper.sampling import Grid, Tried, choose, nearest
from tests.synth.release.paper.test_strictness import scores

PAIRS = [(0.9, 0.6), (0.8, 0.85), (0.7, 0.99), (0.85, 0.8)]
TRIED = [
    *(Tried({"temperature": k}, scores(*pair)) for k, pair in enumerate(PAIRS)),
    Tried({}, None),
]


def test_the_choice_is_the_exact_answer_over_the_settings() -> None:
    # PF-02
    assert choose(TRIED, 0.8) == 3
    assert choose(TRIED, 0.81) == 1
    assert choose(TRIED, 0.9) == 2
    assert choose(TRIED, 0.995) is None


def test_the_nearest_has_the_highest_p() -> None:
    assert nearest(TRIED) == 2
    assert nearest(TRIED[4:]) is None


def test_the_published_grid_is_the_default() -> None:
    settings = Grid().settings(("temperature", "top_p"))
    assert len(settings) == 25
    assert {s["temperature"] for s in settings} == {0.7, 0.9, 1.0, 1.1, 1.3}
    assert {s["top_p"] for s in settings} == {0.9, 0.95, 0.98, 0.99, 1.0}
    assert Grid().settings(("top_p",))[0] == {"top_p": 0.9}
    assert Grid().settings(()) == ({},)


@pytest.mark.parametrize(
    "text", ["", "1", "1x", "1x2", "0x1", "1x0", "ax1", "1x1x1", "infx1", "nanx1", "1xnan", "-1x1"]
)
def test_a_grid_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        Grid.parse(text)
