"""MST (McKenna et al. 2021, arXiv:2108.04978) of dpmm: differentially private, epsilon 1."""

# pace: slow
# install: torch==2.13.0
# install: dpmm==0.1.9

from dpmm.pipelines import MSTPipeline
from with_dpmm import run_pipeline

run_pipeline(MSTPipeline)
