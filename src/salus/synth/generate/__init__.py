"""Generators: each learns a table and draws new rows under one protocol (``protocol.py``)."""

from __future__ import annotations

from typing import Any

__all__ = ["KINDS"]


def KINDS() -> dict[str, type[Any]]:  # noqa: N802  # a registry that loads its content on first use
    """Return the generators by name, each with the interface of ``protocol.Generator``.

    Examples
    --------
    >>> sorted(KINDS())
    ['aim', 'cart', 'copula', 'dpnet', 'forest', 'gan', 'marginals', 'mst', 'net']
    """
    from salus.synth.generate.cart import Cart
    from salus.synth.generate.copula import Copula
    from salus.synth.generate.dp.generator import Aim, Mst
    from salus.synth.generate.forest import Forest
    from salus.synth.generate.gan.generator import Gan
    from salus.synth.generate.marginals import Marginals
    from salus.synth.generate.net.generator import Net
    from salus.synth.generate.net.private import PrivateNet

    return {
        "forest": Forest,
        "net": Net,
        "gan": Gan,
        "copula": Copula,
        "cart": Cart,
        "marginals": Marginals,
        "mst": Mst,
        "aim": Aim,
        "dpnet": PrivateNet,
    }
