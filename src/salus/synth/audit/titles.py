"""What each privacy risk is called, and what it means in one sentence."""

from __future__ import annotations

__all__ = ["title_and_meaning"]

_TEXTS: dict[str, tuple[str, str]] = {
    "membership.advantage": (
        "Telling who was in the data",
        "How much more often the best attack says 'was in the data' of people who were than of "
        "people who were not.",
    ),
    "membership.tpr_at_1pct": (
        "Exposing a few people with confidence",
        "How many of the people in the data the best attack names when it may be wrong about "
        "1 % of the others. 1 % is chance.",
    ),
    "membership.tpr_at_01pct": (
        "Exposing a few people almost surely",
        "How many of the people in the data the best attack names when it may be wrong about "
        "0.1 % of the others. 0.1 % is chance.",
    ),
    "membership.worst_group": (
        "Telling who was in the data, worst group",
        "The same advantage within the group that the best attack does best in: a declared group, "
        "the outcome's rarest class, or the tenth that stands apart most.",
    ),
    "membership.refits": (
        "Telling who was in the data, with refits",
        "The advantage of an attacker who knows everybody else's record, runs the generator again "
        "and again with and without a person, and compares the tables.",
    ),
    "membership.model": (
        "Telling who was in the data, from the model",
        "The advantage of an attacker who holds the fitted model and not only a table drawn from "
        "it. A release holds no model.",
    ),
    "copies.exact": (
        "Copied records",
        "Share of synthetic rows that equal a person's record, beyond those that equal a "
        "stranger's by chance.",
    ),
    "copies.near": (
        "Nearly copied records",
        "Share of synthetic rows nearer to a person's record than 99 % of strangers are, "
        "beyond those as near to people who were not in the data.",
    ),
    "linkage": (
        "Linking two parts of a record",
        "How much better someone who holds two sets of columns of many people puts those of one "
        "person together because that person was in the data, as a share of what could be gained.",
    ),
    "singling_out": (
        "Singling people out",
        "Share of the conditions read off the synthetic rows that hold for exactly one person in "
        "the data, beyond those that hold for exactly one of as many strangers.",
    ),
}


def title_and_meaning(name: str) -> tuple[str, str]:
    """Return title and plain meaning of a risk.

    Raises
    ------
    KeyError
        For a name that no risk has.
    """
    if name.startswith("attribute."):
        column = name.removeprefix("attribute.")
        return (
            f"Guessing {column}",
            f"How much better someone who knows a person's other values guesses their {column} "
            "because that person was in the data, as a share of what could be gained.",
        )
    return _TEXTS[name]
