"""Models on disk: one zip file of JSON and plain arrays, nothing that runs when it's read.

``model.json`` holds what the model is, ``arrays/*.npy`` its numbers. There is no pickle and no
training row; but a model's counts tell members from strangers better than any table drawn from
it, so a file belongs where the patients' data are. The same model gives the same bytes: entries
are sorted and carry no time.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salus.synth.errors import BadInput, OptionError
from salus.synth.generate.protocol import Generator
from salus.synth.table.files import write_bytes_atomic

__all__ = ["load_model", "read_model", "write_model"]

FORMAT = "salus-model/1"
_EPOCH = (1980, 1, 1, 0, 0, 0)

Arrays = Mapping[str, NDArray[Any]]


def write_model(path: str | Path, kind: str, plain: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model of ``kind`` as JSON values and arrays, whole or not at all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        head = {"format": FORMAT, "kind": kind, **plain}
        text = json.dumps(head, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        _add(archive, "model.json", text.encode())
        for name in sorted(arrays):
            one = io.BytesIO()
            np.lib.format.write_array(one, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            _add(archive, f"arrays/{name}.npy", one.getvalue())
    write_bytes_atomic(path, buffer.getvalue())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def read_model(path: str | Path) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Read kind, JSON values and arrays of a model file."""
    try:
        with zipfile.ZipFile(path) as archive:
            plain = json.loads(archive.read("model.json"))
            arrays = {
                name[7:-4]: np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
                if name.startswith("arrays/")
            }
    except FileNotFoundError as error:
        raise OptionError(
            f"there is no model file {str(path)!r}.", remedy="Make one with 'salus fit'."
        ) from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BadInput(
            f"{str(path)!r} is not a model file of Salus.", remedy="Make one with 'salus fit'."
        ) from error
    if plain.get("format") != FORMAT:
        raise BadInput(
            f"the model file {str(path)!r} has another format.",
            remedy=f"This version reads {FORMAT}; fit the model again.",
        )
    return str(plain["kind"]), plain, arrays


def load_model(path: str | Path) -> Generator:
    """Load a fitted model of any kind.

    Raises
    ------
    BadInput
        If the file isn't a model of this version.
    """
    from salus.synth.generate import KINDS

    kind, plain, arrays = read_model(path)
    if kind not in KINDS():
        raise BadInput(
            f"the model file {str(path)!r} holds the unknown kind {kind!r}.",
            remedy="Update Salus.",
        )
    model: Generator = KINDS()[kind].restore(plain, arrays)
    return model
