"""The command: `python -m examples.simulator --mechanism NAME --seed N --size 500MB --style STYLE --out DIR`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from .faults import SCRIPTS
from .simulate import Order, simulate
from .styles import STYLES

UNITS = {"": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def main() -> int:
    """Parse, simulate, say what was written."""
    parser = argparse.ArgumentParser(prog="python -m examples.simulator", description=__doc__)
    parser.add_argument("--mechanism", default="lock_lease_expired", choices=sorted(SCRIPTS))
    parser.add_argument("--variant", help="one of the mechanism's variants; by default the seed chooses (see --list)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--size", type=size_of, default=3_000_000, metavar="500MB", help="bytes of all evidence together"
    )
    parser.add_argument("--style", default="current", choices=sorted(STYLES), help="how the system is instrumented")
    parser.add_argument("--out", type=Path, metavar="DIR", help="gets DIR/evidence and DIR/answer.json")
    parser.add_argument("--list", action="store_true", help="list mechanisms and variants")
    arguments = parser.parse_args()
    if arguments.list:
        for mechanism, scripts in sorted(SCRIPTS.items()):
            print(mechanism, *scripts)
        return 0
    variants = list(SCRIPTS[arguments.mechanism])
    variant = arguments.variant or variants[arguments.seed % len(variants)]
    if variant not in variants:
        parser.error(f"{arguments.mechanism} has the variants {', '.join(variants)}")
    if arguments.out is None:
        parser.error("--out is needed")
    started = time.perf_counter()
    answer = simulate(
        Order(arguments.mechanism, variant, arguments.style, arguments.seed, arguments.size), arguments.out
    )
    took = time.perf_counter() - started
    print(
        f"{arguments.mechanism}/{variant} in {answer['service']}, onset {answer['onset']}: "
        f"{arguments.out}/evidence in {took:.1f} s ({arguments.size / took / 1e6:.1f} MB/s)"
    )
    return 0


def size_of(text: str) -> int:
    """Bytes of `500MB`."""
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?B?)", text.strip().upper())
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"not a size: {text}")
    unit = match[2] if match[2].endswith("B") or not match[2] else match[2] + "B"
    return int(float(match[1]) * UNITS["" if unit == "B" else unit])


if __name__ == "__main__":
    sys.exit(main())
