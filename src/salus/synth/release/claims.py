"""What a release may say of differential privacy: only what its model's account supports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["claim_of", "statement"]


def claim_of(card: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a model's claim as plain JSON values, ``None`` where it makes none."""
    told = card.get("differential_privacy")
    return told.get("claim") if isinstance(told, Mapping) else None


def statement(card: Mapping[str, Any], before: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """Say what is claimed, what it covers and what it doesn't; or why nothing is.

    Parameters
    ----------
    card : mapping
        Of the model.
    before : iterable of mapping
        Claims of tables of the same people that went out before. Epsilons and deltas of all of them
        add up (basic composition, Dwork & Roth 2014, doi:10.1561/0400000042, theorem 3.16).
    """
    if "differential_privacy" not in card:
        return ()
    claim = claim_of(card)
    if claim is None:
        reasons = " ".join(card["differential_privacy"]["refused_because"])
        return (f"Differential privacy is not claimed. {reasons}",)
    spent = [claim, *before]
    out = [
        f"Differential privacy: epsilon {claim['epsilon']:g}, delta {claim['delta']:g}, for "
        f"{claim['adjacency']}. It covers {claim['covers']}.",
        f"Differential privacy does not cover: {'; '.join(claim['not_covered'])}.",
    ]
    if len(spent) > 1:
        total = [sum(float(one[k]) for one in spent) for k in ("epsilon", "delta")]
        out.append(
            f"With {len(spent) - 1} earlier table(s) of these people that claimed differential "
            f"privacy, all of them together amount to at most epsilon {total[0]:g}, delta {total[1]:g}."
        )
    return tuple(out)
