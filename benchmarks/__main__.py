"""Run benchmarks: ``python -m benchmarks [NAME ...]``; those that take hours take options."""

from __future__ import annotations

import sys

from benchmarks import against, anchors, audits, constraint, judge, large, speed, verdicts

ALL = {
    "speed": speed.main,
    "audits": audits.main,
    "anchors": anchors.main,
    "verdicts": verdicts.main,
    "judge": judge.main,
}
LONG = {
    "against": against.main,
    "constraint": constraint.main,
    "large": large.main,
}  # hours; they take options


def main() -> int:
    """Run the benchmarks named on the command line, or all of them but those that take hours."""
    if sys.argv[1:2] and sys.argv[1] in LONG:
        LONG[sys.argv[1]](sys.argv[2:])
        return 0
    names = sys.argv[1:] or list(ALL)
    unknown = [n for n in names if n not in ALL]
    if unknown:
        print(
            f"no benchmark {unknown[0]!r}; there are {', '.join([*ALL, *LONG])}",
            file=sys.stderr,
        )
        return 2
    for name in names:
        print(f"== {name}", flush=True)
        ALL[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
