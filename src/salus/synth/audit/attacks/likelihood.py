"""Membership by the likelihood that a generator gives a record.

Knowledge: the generator's log likelihood of any record, as the holder of a model with a likelihood
has it. For the likelihood ratio also the procedure and the data but for one person: the attacker
fits shadow generators with and without that person. ``refit_scores`` needs no likelihood: the
attacker sees one synthetic table, refits the generator on everybody else's data and looks how any
attack's score of the person comes out with them and without.

Score: the log likelihood itself (``loss``); the log ratio of two normal densities, fitted for each
person to what shadows gave with and without them (``likelihood_ratio``).

Source: Yeom, Giacomelli, Fredrikson and Jha 2018, arXiv:1709.01604; Carlini et al. 2022, "Membership
inference attacks from first principles", arXiv:2112.03570.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["likelihood_ratio", "loss", "refit_scores"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEW = 16  # shadows on a side, under which all people share one variance
LEAST = 1e-9  # share of the overall variance that a variance has at least


def loss(log_prob: Floats) -> Floats:
    """Return the scores of the loss attack: minus the negative log likelihood, (n,)."""
    return np.array(log_prob, np.float64)


def likelihood_ratio(log_prob: Floats, shadow_log_prob: Floats, shadow_member: Bools) -> Floats:
    """Return log p(score | in) - log p(score | out) of each person, (n,).

    Parameters
    ----------
    log_prob : array (n,)
        Under the generator that is attacked.
    shadow_log_prob : array (r, n)
        Under each of r shadow generators.
    shadow_member : bool array (r, n)
        Whose data each shadow learnt from.

    Notes
    -----
    A side with one shadow or none has the mean of everybody's, moved by what the other side tells
    of this person. With fewer than 16 shadows on either side of anybody, the variance of a side is
    that of all people about their own means.

    Raises
    ------
    ValueError
        If shapes disagree, a number isn't finite, or nobody was ever in, or ever out.
    """
    seen = np.asarray(log_prob, np.float64)
    shadow, member = np.asarray(shadow_log_prob, np.float64), np.asarray(shadow_member, bool)
    if shadow.shape != member.shape or shadow.shape[1:] != seen.shape:
        raise ValueError(
            "log_prob must be (n,), shadow_log_prob and shadow_member (r, n); got "
            f"{seen.shape}, {shadow.shape} and {member.shape}"
        )
    if not (np.isfinite(seen).all() and np.isfinite(shadow).all()):
        raise ValueError("every log likelihood must be finite")
    if not member.any() or member.all():
        raise ValueError("shadows must have learnt from somebody, and not from everybody always")
    return _ratio(seen, shadow, member)


def refit_scores(scores: Floats, member: Bools) -> Floats:
    """Return each trial's likelihood ratios, with all other trials as its shadows, (r, n).

    Parameters
    ----------
    scores : array (r, n)
        Any attack's scores of n people in r trials, each a refit of the generator.
    member : bool array (r, n)
        Whose data each trial learnt from.

    Raises
    ------
    ValueError
        If there are fewer than 3 trials, or the shadows of one lack members or others.
    """
    scores, member = np.asarray(scores, np.float64), np.asarray(member, bool)
    if scores.ndim != 2 or len(scores) < 3:
        raise ValueError("at least three trials are needed to judge one by the others")
    others = ~np.eye(len(scores), dtype=bool)
    return np.array(
        [
            likelihood_ratio(scores[t], scores[others[t]], member[others[t]])
            for t in range(len(scores))
        ]
    )


def _ratio(seen: Floats, shadow: Floats, member: Bools) -> Floats:
    mean_in, mean_out = _means(shadow, member)
    few = min(int(member.sum(0).min()), int((~member).sum(0).min())) < FEW
    floor = LEAST * float(shadow.var()) + np.finfo(float).tiny
    out = np.zeros(len(seen))
    for sign, mean, side in ((1, mean_in, member), (-1, mean_out, ~member)):
        gap = np.where(side, (shadow - mean) ** 2, 0.0)
        free = np.maximum(side.sum(0) - 1, 0)
        if few:
            # the mean of a side was fitted too, so a person adds one degree of freedom less
            variance = np.full(len(seen), gap[:, free > 0].sum() / max(int(free.sum()), 1))
        else:
            variance = gap.sum(0) / np.maximum(free, 1)
        variance = np.maximum(variance, floor)
        out += sign * (-0.5 * np.log(variance) - 0.5 * (seen - mean) ** 2 / variance)
    return out


def _means(shadow: Floats, member: Bools) -> tuple[Floats, Floats]:
    """Return each person's mean with and without them; a lacking one is the other, moved."""
    inside, outside = member.sum(0), (~member).sum(0)
    mean_in = np.where(member, shadow, 0).sum(0) / np.maximum(inside, 1)
    mean_out = np.where(member, 0, shadow).sum(0) / np.maximum(outside, 1)
    both = (inside > 0) & (outside > 0)
    gap = float((mean_in - mean_out)[both].mean()) if both.any() else 0.0
    return (
        np.where(inside > 0, mean_in, mean_out + gap),
        np.where(outside > 0, mean_out, mean_in - gap),
    )
