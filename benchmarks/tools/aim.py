"""AIM (McKenna et al. 2022, arXiv:2201.12677) of dpmm: differentially private, epsilon 1."""

# pace: slow
# install: torch==2.13.0
# install: dpmm==0.1.9

from dpmm.pipelines import AIMPipeline
from with_dpmm import run_pipeline

run_pipeline(AIMPipeline)
