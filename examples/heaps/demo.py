"""The published scenario: memory grows, a restart every six hours, no leak in any one service.

python -m examples.heaps.demo --size 500MB --fault unacknowledged --seed 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from examples.asked import ask
from examples.simulator.__main__ import size_of

from .incident import FAULTS, Order, make


def main() -> int:
    """Make the incident, investigate it, show both answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=size_of, default=500_000_000, metavar="500MB")
    parser.add_argument("--fault", choices=FAULTS, default="unacknowledged")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heaps-") as scratch:
        folder = Path(scratch)
        started = time.perf_counter()
        truth = make(Order(arguments.fault, arguments.seed, arguments.size), folder)
        size = sum(path.stat().st_size for path in (folder / "evidence").iterdir())
        print(f"{size / 1e6:.0f} MB made in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        given, took = ask([str(folder / "evidence")])
    top = given["causes"][0] if given["verdict"] == "cause_found" else {}
    print(f"{'':10} {'planted':44} found in {took:.1f} s")
    for planted, found in (("mechanism", "mechanism"), ("service", "service"), ("queue", "resource")):
        print(f"{planted:10} {truth.get(planted) or '-'!s:44} {top.get(found) or '-'}")
    print(f"\n{top.get('summary', given['verdict'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
