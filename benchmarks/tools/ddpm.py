"""Diffusion model TabDDPM of synthcity, defaults."""

# pace: slow
# install: torch==2.13.0 numpy<2
# install: importlib-metadata pandas<3 scikit-learn<1.8 numpy<2 torch==2.13.0 lifelines<0.30 networkx<3
# install: optuna>=3.1 shap tenacity tqdm loguru pydantic>=2 cloudpickle xgboost<3 pgmpy<1 redis numpy<2
# install: opacus==1.4.1 transformers<4.50 arfpy numpy<2 torch==2.13.0
# install: --no-deps synthcity==0.2.12 nflows decaf-synthetic-data geomloss

from with_synthcity import run_plugin

run_plugin("ddpm")
