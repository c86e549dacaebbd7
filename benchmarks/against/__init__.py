"""Salus' generators beside other tools, by judges that see files only.

``python -m benchmarks against`` runs every tool in an environment of its own on the same training
people, judges all alike and writes ``results/against.json``, the pictures and ``docs/benchmark.md``.
Killed and started again it goes on. ``--help`` lists what can be left out.

``tables`` says on whom, ``environments`` with what, ``runs`` runs one tool, ``judges`` score it,
``pareto`` counts, ``pictures`` and ``page`` show.
"""

from benchmarks.against.command import main

__all__ = ["main"]
