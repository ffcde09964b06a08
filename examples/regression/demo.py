"""The published scenario at its size: an API is 40 % slower since last week. What does `dcr` say, and what is true?

python -m examples.regression.demo --size 500MB --kind contract --seed 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from examples.asked import ask
from examples.simulator.__main__ import size_of

from .culprits import KINDS
from .incident import Wish, make


def main() -> int:
    """Make the incident, investigate it, show both answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=size_of, default=500_000_000, metavar="500MB")
    parser.add_argument("--kind", choices=sorted(KINDS), default="contract")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regression-") as scratch:
        folder = Path(scratch)
        started = time.perf_counter()
        truth = make(Wish(arguments.kind, arguments.seed, arguments.size), folder)
        print(f"made in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        repositories = [word for path in sorted((folder / "repos").iterdir()) for word in ("--repo", str(path))]
        given, took = ask([str(folder / "evidence"), *repositories])
    print(side_by_side(truth, given, took))
    return 0


def side_by_side(truth: dict[str, Any], given: dict[str, Any], took_s: float) -> str:
    """The planted answer beside the one that was found."""
    top: dict[str, Any] = given["causes"][0] if given["causes"] else {}
    latency = truth["latency_ms"]
    lines = [f"the API takes {latency['after']} ms instead of {latency['before']} ms ({latency['rise']:+.0%})", ""]
    lines.append(f"{'':10} {'planted':58} found in {took_s:.1f} s")
    for name in ("mechanism", "service", "resource"):
        lines.append(f"{name:10} {truth[name] or '-'!s:58} {top.get(name) or '-'}")
    lines.append(f"{'onset':10} {truth['onset']!s:58} {given['case']['onset'] or '-'}")
    lines.append(f"{'commit':10} {_change(truth['change']):58} {_change(top.get('change'))}")
    return "\n".join(lines)


def _change(change: dict[str, str] | None) -> str:
    return f"{change['repo']}@{change['id']}" if change else "none"


if __name__ == "__main__":
    sys.exit(main())
