"""``import salus`` and ``salus --help`` answer at once."""

from __future__ import annotations

import subprocess
import sys
import time

LIMIT = 0.3  # seconds for the bare import, beyond the interpreter's own start
HELP_LIMIT = 1.0
TRIES = 5  # the fastest counts: other work on the machine only adds


def fastest(*arguments: str) -> float:
    times = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def test_the_bare_import_is_quick() -> None:
    assert fastest("-c", "import salus") - fastest("-c", "pass") < LIMIT


def test_pandas_and_sklearn_wait() -> None:
    code = "import sys, salus; print({'pandas', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_help_is_quick() -> None:
    assert fastest("-m", "salus", "--help") - fastest("-c", "pass") < HELP_LIMIT
