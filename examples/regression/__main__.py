"""The command: `python -m examples.regression --kind contract --seed 1 --size 20MB --out DIR`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from examples.simulator.__main__ import size_of

from .culprits import KINDS
from .incident import Wish, make


def main() -> int:
    """Parse, make, say what was written."""
    parser = argparse.ArgumentParser(prog="python -m examples.regression", description=__doc__)
    parser.add_argument("--kind", default="contract", choices=sorted(KINDS), help="what the culprit did, or none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--size", type=size_of, default=8_000_000, metavar="20MB", help="bytes of the two recorded stretches"
    )
    parser.add_argument("--continuous", action="store_true", help="one recording, with the deploy in the middle")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="gets DIR/repos, DIR/evidence, DIR/answer.json"
    )
    arguments = parser.parse_args()
    if arguments.out.exists() and any(arguments.out.iterdir()):
        parser.error(f"{arguments.out} is not empty")
    started = time.perf_counter()
    answer = make(Wish(arguments.kind, arguments.seed, arguments.size, arguments.continuous), arguments.out)
    change = answer["change"]
    print(
        f"{answer['commits']} commits, API {answer['latency_ms']['rise']:+.0%} since {answer['onset']}: "
        f"{change['repo'] + '@' + change['id'][:12] if change else 'no commit'} ({time.perf_counter() - started:.1f} s)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
