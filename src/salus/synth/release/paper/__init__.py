"""Paper mode: the published formulation of PSyGenTAB (2026, arXiv:2606.18518), corrected.

For those who compare with the paper; never the verdict of a release. ``bench.py`` scores tables by
people set apart; ``feasibility.py`` refuses a threshold before any training; ``strictness.py`` is
the training stage, ``sampling.py`` the sampling stage; ``run.py`` does all of it, ``page.py`` tells
it. The scores themselves are those of ``salus.synth.audit.paper``.
"""

from salus.synth.release.paper.page import page
from salus.synth.release.paper.run import PaperRun, paper_mode
from salus.synth.release.paper.sampling import Grid

__all__ = ["Grid", "PaperRun", "page", "paper_mode"]
