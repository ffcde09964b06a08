"""What the services of a folder of code promise and ask: contracts and the edges between them.

    python benchmarks/contracts.py PATH... [--kind rpc] [--contracts]

Prints one edge a line, the kinds of its contracts and where the code says so, then the counts and the processor time.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.contracts.read import read_contracts


def main() -> int:
    """Read the folders and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--kind", default="", help="http, rpc, topic, table or graphql")
    parser.add_argument("--contracts", action="store_true", help="print every contract too")
    asked = parser.parse_args()
    started = time.process_time()
    found = read_contracts(Roots(asked.paths))
    took = time.process_time() - started
    if asked.contracts:
        for contract in found.contracts:
            if asked.kind in ("", contract.kind):
                what = " ".join(filter(None, (contract.method, contract.host, contract.name)))
                print(f"{contract.kind} {contract.side} {contract.service}: {what}  {contract.place}")
    seen: dict[tuple[str, str, str, str], tuple[str, str, str]] = {}
    for edge in found.edges:
        if asked.kind in ("", edge.source.kind):
            key = (edge.source.service, edge.callee, edge.source.kind, edge.source.name)
            seen.setdefault(key, (edge.source.place, edge.target.place if edge.target else "-", edge.by))
    for (caller, callee, kind, name), (source, target, by) in sorted(seen.items()):
        print(f"{caller} -> {callee}  {kind} {name}  {source} -> {target}  (by {by})")
    print(
        f"{len(found.contracts)} contracts, {len(seen)} edges, {found.files} files, {took:.1f} s of processor time",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
