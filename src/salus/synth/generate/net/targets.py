"""What a network is taught of a person: what they had, or what is expected of somebody like them.

Free training raises the probability of what each person had. A limit on what members give away pulls
this target back, by a weight W >= 0 for each person and column, toward what a network that has not
learnt from this person expects given the same other columns, and, the stronger the pull, on toward
what is expected of anybody:

    target = (own + W * expected + W^2 / 16 * marginal) / (1 + W + W^2 / 16)

W = 0 is free training, W without end ends in independent columns, and each step between gives away
less. To teach a model what a model without the person expects is the idea of SELENA (Tang et al.
2022, arXiv:2110.08324); there it is done once for everybody, here as far as the multipliers ask.
"""

from __future__ import annotations

from torch import Tensor

from salus.synth.generate.net.model import chosen

__all__ = ["FAR", "loss_of"]

FAR = 16.0  # W at which the marginal weighs as much as what is expected


def loss_of(
    log_chance: Tensor,
    tokens: Tensor,
    pull: Tensor | None = None,
    expected: Tensor | None = None,
    marginal: Tensor | None = None,
    importance: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy with the target, a mean over people and columns.

    Parameters
    ----------
    log_chance : tensor (b, d, V)
        From the network.
    tokens : tensor (b, d)
        What each person had.
    pull : tensor (b, d), optional
        W; without it, the target is what they had.
    expected : tensor (b, d, V)
        Probabilities from networks that haven't learnt from these people.
    marginal : tensor (d, V)
    importance : tensor (d,), optional
        Of each column, 1 on average.
    """
    own = -chosen(log_chance, tokens)
    if pull is None or expected is None or marginal is None:
        return own.mean() if importance is None else (own * importance).mean()
    far = pull * pull / FAR
    theirs = -(expected * log_chance).sum(2)
    anybody = -(marginal * log_chance).sum(2)
    mixed = (own + pull * theirs + far * anybody) / (1.0 + pull + far)
    return mixed.mean() if importance is None else (mixed * importance).mean()
