"""The attacks on membership that need no more than tables, in one list.

Each adds noise to the maximum over attacks, so the list is kept short: one form of each attack that
the literature uses. Those that need a likelihood or refits are in ``likelihood.py``.
"""

from __future__ import annotations

from salus.synth.audit.attacks import (
    classifier,
    density,
    digits,
    distance_density,
    distances,
    likelihood_gain,
    neighbourhood,
    plagiarism,
)
from salus.synth.audit.attacks.attack import TABLE, TABLE_AND_PEOPLE, Attack
from salus.synth.audit.attacks.scene import Scene, blind_encoder

__all__ = ["REGISTRY", "Attack", "Scene", "blind_encoder"]

_DOMIAS = "van Breugel et al. 2023, arXiv:2302.12580"

REGISTRY: tuple[Attack, ...] = (
    Attack(
        name="nearest distance",
        says="minus the distance to the nearest synthetic row",
        knowledge=TABLE,
        score=distances.nearest_row,
        source="",
    ),
    Attack(
        name="nearest distance, one column left out",
        says="the same, blind to a change in any one column",
        knowledge=TABLE,
        score=distances.nearest_row_left_out,
        source="",
        needs="two columns",
    ),
    Attack(
        name="nearest distance, own ranks",
        says="the same, blind to any monotone change of the columns",
        knowledge=TABLE,
        score=distances.nearest_row_by_own_ranks,
        source="",
        needs="a numeric or ordinal column",
    ),
    Attack(
        name="hole",
        says="the distance to the nearest synthetic row: members surrounded by a gap",
        knowledge=TABLE,
        score=distances.hole,
        source="",
    ),
    Attack(
        name="calibrated distance",
        says="nearest other person's distance minus that of the nearest synthetic row",
        knowledge=TABLE_AND_PEOPLE,
        score=distances.calibrated,
        source="Chen et al. 2020, doi:10.1145/3372297.3417238",
    ),
    Attack(
        name="neighbourhood",
        says="share of the synthetic rows within the median nearest distance",
        knowledge=TABLE_AND_PEOPLE,
        score=neighbourhood.share_within,
        source="Hilprecht et al. 2019, doi:10.2478/popets-2019-0067",
    ),
    Attack(
        name="density ratio",
        says="log density under the synthetic rows over that under other people, by the distances "
        "to the 5 nearest",
        knowledge=TABLE_AND_PEOPLE,
        score=density.by_neighbours,
        source=_DOMIAS,
    ),
    Attack(
        name="density ratio, one column left out",
        says="the same, blind to a change in any one column",
        knowledge=TABLE_AND_PEOPLE,
        score=density.by_neighbours_left_out,
        source=_DOMIAS,
        needs="two columns",
    ),
    Attack(
        name="density ratio, kernels",
        says="the same ratio by Gaussian kernels in few dimensions",
        knowledge=TABLE_AND_PEOPLE,
        score=density.by_kernels,
        source=_DOMIAS,
    ),
    Attack(
        name="density of distances",
        says="how much commoner the nearest distance is than the distance to other people is",
        knowledge=TABLE_AND_PEOPLE,
        score=distance_density.distance_posterior,
        source="Pathak and Jana 2026, arXiv:2603.10937",
    ),
    Attack(
        name="data plagiarism index",
        says="synthetic rows among the 20 nearest synthetic rows and people",
        knowledge=TABLE_AND_PEOPLE,
        score=plagiarism.plagiarism_index,
        source="Ward et al. 2024, arXiv:2406.13012",
    ),
    Attack(
        name="likelihood gain",
        says="how much the record adds to the likelihood of the synthetic rows near it",
        knowledge=TABLE_AND_PEOPLE,
        score=likelihood_gain.likelihood_gain,
        source="Ward et al. 2025, Gen-LRA in arXiv:2509.18014",
    ),
    Attack(
        name="classifier",
        says="votes for synthetic, of trees that tell synthetic rows from other people",
        knowledge=TABLE_AND_PEOPLE,
        score=classifier.votes,
        source="Hayes et al. 2019, arXiv:1705.07663",
    ),
    Attack(
        name="edit distance",
        says="minus the least number of signs in which a synthetic row's text differs",
        knowledge=TABLE,
        score=digits.text_distance,
        source="Ward et al. 2025, arXiv:2512.08875",
        needs="numbers of several digits",
        unit_free=False,
    ),
)
