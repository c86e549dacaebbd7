"""One virtual environment for each tool, as the head of its script asks for.

A script's lines ``# install: ...`` are calls of ``pip install`` in their order, ``# remove: ...`` of
``pip uninstall``. Scripts that ask for the same share an environment. What pip then lists is kept
beside it. Nothing here is a dependency of Salus.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("SALUS_BENCH_ENVS", Path.home() / ".cache" / "salus-benchmarks"))
LINES = ("# install: ", "# remove: ")


@dataclass(frozen=True)
class Environments:
    """Make environments in a folder, each once.

    Parameters
    ----------
    folder : Path
    python : str
        What they are made with. Most other tools run on Python 3.11 to 3.12 only.
    """

    folder: Path = FOLDER
    python: str = sys.executable

    def make(self, script: Path) -> Path | str:
        """Return the environment's Python, or why there is none."""
        steps = steps_of(script)
        home = self.folder / "environments" / _key(steps)
        reason, done = home / "failed.txt", home / "packages.txt"
        if reason.exists():
            return reason.read_text(encoding="utf-8")
        bare = home / "bin" / "python"
        if done.exists():
            return bare
        print(f"making the environment of {script.stem}", flush=True)
        calls = [[self.python, "-m", "venv", "--clear", str(home)]]
        calls += [[str(bare), "-m", "pip", *step] for step in steps]
        for call in calls:
            ran = subprocess.run(call, capture_output=True, text=True, check=False)
            if ran.returncode:
                said = [w for w in ran.stderr.splitlines() if w.startswith("ERROR")] or ["no word"]
                home.mkdir(parents=True, exist_ok=True)
                reason.write_text(f"not installed: {said[-1][:200]}", encoding="utf-8")
                return reason.read_text(encoding="utf-8")
        listed = subprocess.run(
            [str(bare), "-m", "pip", "freeze"], capture_output=True, text=True, check=True
        )
        done.write_text(listed.stdout, encoding="utf-8")
        return bare


def steps_of(script: Path) -> list[list[str]]:
    """Return the arguments of each call of pip that a script's head asks for."""
    steps = []
    for line in script.read_text(encoding="utf-8").splitlines():
        if line.startswith(LINES[0]):
            words = line.removeprefix(LINES[0]).replace("{root}", str(ROOT)).split()
            steps.append(["install", "--quiet", "--disable-pip-version-check", *words])
        elif line.startswith(LINES[1]):
            steps.append(["uninstall", "--quiet", "--yes", *line.removeprefix(LINES[1]).split()])
    return steps


def _key(steps: list[list[str]]) -> str:
    text = "\n".join(" ".join(step) for step in steps)
    if str(ROOT) in text:  # Salus itself: another state of the code is another environment
        text += code_digest()
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def code_digest() -> str:
    """Return a digest of the generators' code, solver included."""
    folders = ("generate", "solve")
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / "src" / "salus" / "synth" / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
