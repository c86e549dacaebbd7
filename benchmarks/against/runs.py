"""Run one tool on the training people of one split, as a process of its own, under limits.

Each run leaves one JSON, so that a benchmark that was stopped goes on where it was. What a tool
could not do is a row with the reason.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.against.environments import Environments, code_digest
from benchmarks.against.tables import Source

TOOLS = Path(__file__).parents[1] / "tools"
ANCHORS = {"fresh people": "oracle.csv", "copy": "train.csv"}  # releases whose worth is known
PATIENCE = 4  # limits on the wall, as the machine may do other things too
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
OK, TOO_SLOW, FAILED = "ok", "too slow", "failed"
ABSENT, NOT_TRIED = "not installed", "not tried"


@dataclass(frozen=True)
class Job:
    """Name one run: a tool on the people of one split."""

    source: Source
    tool: str
    seed: int
    folder: Path  # of the split

    @property
    def result(self) -> Path:
        return self.folder / f"run_{self.key}.json"

    @property
    def key(self) -> str:
        return self.tool.replace(" ", "_")

    def head(self, limit: float) -> dict[str, Any]:
        """Return what every row of this run begins with."""
        named = {"table": self.source.name, "tool": self.tool, "seed": self.seed}
        ours = {"code": code_digest()} if self.tool.startswith("salus_") else {}
        return named | {"limit_s": limit} | ours

    def done(self, limit: float) -> dict[str, Any] | None:
        """Return the run's row if it was made before, by the same code where it is ours.

        What took too long under a smaller limit wasn't done.
        """
        if not self.result.exists():
            return None
        row: dict[str, Any] = json.loads(self.result.read_text(encoding="utf-8"))
        short = row["status"] in (TOO_SLOW, NOT_TRIED) and row.get("limit_s", 0) < limit
        other = row.get("code") != self.head(limit).get("code")
        return None if short or other else row


def scripts() -> dict[str, Path]:
    """Return each tool's script; the other files of the folder say nothing to install, or no tool."""
    found = sorted(TOOLS.glob("*.py"))
    return {
        path.stem: path
        for path in found
        if path.stem != "public_tables" and "# install: " in path.read_text(encoding="utf-8")
    }


def is_slow(script: Path) -> bool:
    """Whether a script's head says that it takes minutes."""
    return "# pace: slow" in script.read_text(encoding="utf-8")


def title(script: Path) -> str:
    """Return the first line of a script's docstring, which says what the tool is."""
    return script.read_text(encoding="utf-8").splitlines()[0].strip('"').strip()


def run(job: Job, environments: Environments, limit: float) -> dict[str, Any]:
    """Return the row of a run, fresh or of before; the synthetic table lies beside it."""
    before = job.done(limit)
    if before is not None:
        return before
    row = job.head(limit)
    if job.tool in ANCHORS:
        shutil.copy(job.folder / ANCHORS[job.tool], job.folder / f"synth_{job.key}.csv")
        row |= {"status": OK, "meta": {"fit_s": 0.0, "sample_s": 0.0, "rss_mb": 0.0}}
    else:
        python = environments.make(scripts()[job.tool])
        if isinstance(python, str):
            row |= {"status": ABSENT, "reason": python}
        else:
            row |= _process(job, python, limit)
    if row["status"] == OK:
        (job.folder / f"meta_{job.key}.json").write_text(json.dumps(row["meta"]))
    job.result.write_text(json.dumps(row), encoding="utf-8")
    return row


def _process(job: Job, python: Path, limit: float) -> dict[str, Any]:
    """Start the tool with one thread; end it, and what it started, at the limit."""
    made = job.folder / f"synth_{job.key}.csv"
    script, train = scripts()[job.tool], (job.folder / "train.csv").resolve()
    with tempfile.TemporaryDirectory() as scratch, open(f"{scratch}/said.txt", "w+") as said:
        target = Path(scratch) / "synth.csv"
        command = [python.absolute(), script, train, target, job.source.target, str(job.seed)]
        started = subprocess.Popen(
            command,
            cwd=scratch,
            env=_surroundings(scratch),
            stdout=said,
            stderr=said,
            start_new_session=True,
            preexec_fn=lambda: _limit_processor(limit),
        )
        try:
            code = started.wait(PATIENCE * limit)
        except subprocess.TimeoutExpired:
            return {"status": TOO_SLOW, "reason": f"more than {PATIENCE * limit:g} s on the wall"}
        finally:
            _end(started)
        if code == -signal.SIGXCPU:
            return {"status": TOO_SLOW, "reason": f"more than {limit:g} s of processor time"}
        if code or not target.exists():
            said.seek(0)
            return {"status": FAILED, "reason": last_word(said.read(), code)}
        shutil.copy(target, made)
        meta = json.loads((Path(scratch) / "synth.json").read_text(encoding="utf-8"))
    return {"status": OK, "meta": meta}


def _limit_processor(limit: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))


def _end(started: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(started.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    started.wait()


def _surroundings(scratch: str) -> Mapping[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SALUS", "VIRTUAL"))}
    one = {f"{name}_NUM_THREADS": "1" for name in THREADS}
    rest = {
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "HOME": scratch,  # no cache of an earlier run
        "LOKY_MAX_CPU_COUNT": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": scratch,
        "TOKENIZERS_PARALLELISM": "false",
    }
    return kept | one | rest


def last_word(said: str, code: int) -> str:
    """Return the line of an output that says why it ended, without paths of this machine."""
    lines = [line.split("\r")[-1].strip() for line in said.splitlines()]
    errors = [w for w in lines if w.partition(":")[0].endswith(("Error", "Exception"))]
    told = (errors or [w for w in lines if w and "%|" not in w] or [""])[-1]
    words = [w if "/" not in w or w.count("/") < 3 else "…" for w in told.split()]
    return (" ".join(words) or f"ended with status {code}")[:200]
