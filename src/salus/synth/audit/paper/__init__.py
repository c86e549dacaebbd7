"""The scores of PSyGenTAB (2026, arXiv:2606.18518), corrected, for comparison: they never decide.

``settings.py`` holds every constant; ``quality.py`` Q; ``closeness.py`` P; ``published.py`` figures
as published, with what is wrong with them; ``scores.py`` the findings.
"""

from salus.synth.audit.paper.published import published_p
from salus.synth.audit.paper.scores import findings
from salus.synth.audit.paper.settings import PaperSettings

__all__ = ["PaperSettings", "findings", "published_p"]
