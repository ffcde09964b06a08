"""python -m examples.heaps FOLDER [--fault unacknowledged|leak|none] [--seed 1] [--size 50MB]"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from examples.simulator.__main__ import size_of

from .incident import FAULTS, Order, make


def main() -> None:
    """Make an incident."""
    parser = argparse.ArgumentParser(description="Heap dumps of five services, with an answer.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fault", choices=FAULTS, default="unacknowledged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=size_of, default=50_000_000, metavar="50MB")
    arguments = parser.parse_args()
    print(json.dumps(make(Order(arguments.fault, arguments.seed, arguments.size), arguments.folder), indent=1))


if __name__ == "__main__":
    main()
