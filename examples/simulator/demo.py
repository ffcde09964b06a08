"""The published scenario at its size: payments fail under load with no pattern; what does `dcr` say, and what is true?

python -m examples.simulator.demo --size 500MB --style current --seed 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from examples.asked import ask

from .__main__ import size_of
from .simulate import Order, simulate
from .styles import STYLES


def main() -> int:
    """Generate, investigate, show both answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=size_of, default=500_000_000, metavar="500MB")
    parser.add_argument("--style", choices=sorted(STYLES), default="current")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", default="redis-script")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lease-") as scratch:
        folder = Path(scratch)
        started = time.perf_counter()
        order = Order("lock_lease_expired", arguments.variant, arguments.style, arguments.seed, arguments.size)
        truth = simulate(order, folder)
        print(
            f"{arguments.size / 1e6:.0f} MB of evidence written in {time.perf_counter() - started:.0f} s",
            file=sys.stderr,
        )
        given, took = ask([str(folder / "evidence")])
    print(side_by_side(truth, given, took))
    return 0


def side_by_side(truth: dict[str, Any], given: dict[str, Any], took_s: float) -> str:
    """The planted answer beside the one that was found."""
    top: dict[str, Any] = given["causes"][0] if given["causes"] else {}
    lines = [f"{'':12} {'planted':44} found in {took_s:.1f} s"]
    for name in ("verdict", "mechanism", "service", "operation", "resource"):
        found = given["verdict"] if name == "verdict" else top.get(name)
        lines.append(f"{name:12} {truth[name] or '-'!s:44} {found or '-'}")
    lines.append(f"{'onset':12} {truth['onset']!s:44} {given['case']['onset'] or '-'}")
    facts = truth["facts"]
    owners = facts["examples"][0]["owners"] if facts["examples"] else []
    lines.append("")
    lines.append(
        f"planted      {facts['skewed_host']} is off by {facts['offset_ms']} ms; "
        f"renewals come {facts['gap_ms']} ms too late"
    )
    lines.append(f"             {facts['overlaps']} times two owners at once, such as {' and '.join(owners)}")
    lines.append(f"found        {top.get('summary') or '-'}")
    shown = [finding for finding in given["findings"] if finding["mechanism"] == top.get("mechanism")]
    lines += [f"             {name}: {value}" for name, value in (shown[0]["facts"] if shown else {}).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
