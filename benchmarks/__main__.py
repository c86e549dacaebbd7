"""Run all benchmarks: ``python -m benchmarks [speed|judge|anchors ...]``."""

from __future__ import annotations

import sys

from benchmarks import anchors, judge, speed

ALL = {"speed": speed.main, "anchors": anchors.main, "judge": judge.main}


def main() -> int:
    """Run the benchmarks named on the command line, or all of them."""
    names = sys.argv[1:] or list(ALL)
    unknown = [n for n in names if n not in ALL]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"== {name}", flush=True)
        ALL[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
