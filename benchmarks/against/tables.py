"""The people: which tables, and who of them is learnt from, held out and left aside.

The split and the spelling of cells are those of the independent judge's own ``prepare.py``, so
that its figures can be had beside ours; a test holds the two against each other.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.against.environments import Environments

DATA = Path(os.environ.get("SALUS_DATA", Path(__file__).parents[3] / "shared" / "data"))
EXPORT = Path(__file__).parents[1] / "tools" / "public_tables.py"


@dataclass(frozen=True)
class Source:
    """Name a table, the column that models predict, and where the rows come from.

    Parameters
    ----------
    name, target : str
    origin : {"folder", "sklearn", "salus", "package"}
        A file of the data folder; scikit-learn; the table that Salus ships; another package, which
        an environment of its own writes to a file.
    file : str
    most : int
        Rows kept at most; 0 for all.
    drop : tuple of str
        Identifiers, and times to the event, which would tell the target.
    """

    name: str
    target: str
    origin: str
    file: str = ""
    most: int = 0
    drop: tuple[str, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether anybody can have it without the data folder."""
        return self.origin != "folder"


# In the order of their size, as tools that take too long on one aren't tried on larger ones.
SOURCES = (
    Source("heart_failure", "DEATH_EVENT", "folder", "heart_failure.csv"),
    Source("gbsg2", "cens", "package", drop=("time",)),
    Source("pima_diabetes", "Outcome", "folder", "pima_diabetes.csv"),
    Source("cirrhosis", "Status", "folder", "cirrhosis.csv", drop=("ID", "N_Days")),
    Source("pbc", "status", "salus", drop=("id", "time")),
    Source("wdbc", "target", "sklearn"),
    Source("obesity", "NObeyesdad", "folder", "obesity.csv"),
    Source("randhie", "hlthp", "package", most=2_000),
    Source(
        "brfss2015_diabetes_5050",
        "Diabetes_binary",
        "folder",
        "brfss2015_diabetes_5050.csv.gz",
        most=8_000,
    ),
)
SAME_PEOPLE = {"pbc": "cirrhosis"}  # taken only where the other isn't there


def available(names: list[str] | None, environments: Environments) -> Iterator[tuple[Source, Path]]:
    """Give each table with its file, as far as it can be had; say which can't."""
    found: set[str] = set()
    for source in SOURCES:
        chosen = source.name in names if names else SAME_PEOPLE.get(source.name) not in found
        if not chosen:
            continue
        path = _READERS[source.origin](source, environments)
        if path is None or not path.exists():
            print(f"{source.name}: skipped, the table isn't there", flush=True)
            continue
        found.add(source.name)
        yield source, path


def available_of(
    sources: Sequence[Source], environments: Environments
) -> Iterator[tuple[Source, Path]]:
    """Give each of some tables with its file, as far as it can be had; say which can't."""
    for source in sources:
        path = _READERS[source.origin](source, environments)
        if path is None or not path.exists():
            print(f"{source.name}: skipped, the table isn't there", flush=True)
        else:
            yield source, path


def _from_sklearn(source: Source, environments: Environments) -> Path:
    from sklearn.datasets import load_breast_cancer

    path = environments.folder / "tables" / f"{source.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
    return path


def _from_salus(source: Source, environments: Environments) -> Path:
    from salus.datasets import pbc_path

    return pbc_path()


def _from_package(source: Source, environments: Environments) -> Path | None:
    path = environments.folder / "tables" / f"{source.name}.csv"
    if not path.exists():
        made = environments.make(EXPORT)
        if isinstance(made, str):
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([made, EXPORT, path.parent], check=True)
    return path


_READERS: dict[str, Callable[[Source, Environments], Path | None]] = {
    "folder": lambda source, environments: DATA / source.file,
    "sklearn": _from_sklearn,
    "salus": _from_salus,
    "package": _from_package,
}


def prepare(source: Source, path: Path, folder: Path, seed: int) -> None:
    """Write train (half), holdout and oracle (a quarter each) and the schema to the folder."""
    frame = pd.read_csv(path, low_memory=False)
    frame = frame.drop(columns=[c for c in source.drop if c in frame])
    frame, levels = spelled(frame, source.target, source.most, seed)
    train, rest = train_test_split(
        frame, train_size=0.5, stratify=frame[source.target], random_state=seed
    )
    holdout, oracle = train_test_split(
        rest, train_size=0.5, stratify=rest[source.target], random_state=seed
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", train), ("holdout", holdout), ("oracle", oracle)):
        part.to_csv(folder / f"{name}.csv", index=False)
    numbers = [c for c in frame.columns if c not in levels]
    schema = {"categorical": levels, "numeric": numbers, "target": source.target, "n": len(frame)}
    (folder / "schema.json").write_text(json.dumps(schema), encoding="utf-8")


def spelled(
    frame: pd.DataFrame, target: str, most: int, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with levels spelt as words, so that no tool takes a code for a number."""
    frame = frame.dropna(subset=[target]).reset_index(drop=True)
    frame = frame[[c for c in frame if frame[c].nunique(dropna=True) > 1]]
    if most and len(frame) > most:
        frame, _ = train_test_split(
            frame, train_size=most, stratify=frame[target], random_state=seed
        )
    few = 10 if len(frame) > 150 else 5
    levels = [
        c
        for c in frame
        if c == target or not pd.api.types.is_numeric_dtype(frame[c]) or frame[c].nunique() <= few
    ]
    names = [c for c in levels if frame[c].nunique() > 0.5 * len(frame)]
    frame = frame.drop(columns=names)
    levels = [c for c in levels if c not in names]
    words = {c: frame[c].map(_word).astype(object) for c in levels}
    return frame.assign(**words), levels


def _word(value: object) -> str | None:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    if isinstance(value, float | np.floating | int | np.integer) and float(value).is_integer():
        value = int(value)
    return "v" + str(value).strip().replace(",", ";")
