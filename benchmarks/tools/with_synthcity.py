"""What the scripts of synthcity's generators share (Qian et al. 2023, arXiv:2301.07573)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pandas as pd
from timed import run

# What it needs for images, time series and survival, and imports whatever is asked for. Some need
# builds of torch that are several GB large.
ABSENT = ("fastai", "monai", "pycox", "torchtuples", "torchvision", "tsai", "xgbse")


class _Absent(MetaPathFinder, Loader):
    """Stand empty modules in the place of packages that no generator of tables uses."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in ABSENT else None

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = _nothing


def _nothing(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


sys.meta_path.insert(0, _Absent())


def run_plugin(plugin: str) -> None:
    """Fit and sample one of synthcity's plugins, as it stands, under its defaults."""
    from synthcity.plugins import Plugins
    from synthcity.plugins.core.dataloader import GenericDataLoader

    def fit(train: pd.DataFrame, target: str, seed: int) -> Any:
        model = Plugins().get(plugin, random_state=seed)
        model.fit(GenericDataLoader(train, target_column=target, random_state=seed))
        return model

    def sample(model: Any, n: int, seed: int) -> pd.DataFrame:
        return model.generate(count=n, random_state=seed).dataframe()

    run(fit, sample, takes_gaps=False)
