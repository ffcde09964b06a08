"""What the services of a folder of code promise and ask: contracts and the edges between them.

    python benchmarks/contracts.py PATH... [--kind rpc] [--contracts]
    python benchmarks/contracts.py --truth SET.yaml... [--misses]

Prints one edge a line, the kinds of its contracts and where the code says so, then the counts and the processor time.

With `--truth`, PATHs are sets of systems with what is to be found in them (tests/source/contracts/systems): each is
written to a folder and read, and for each list is printed how much of it was found (recall) and how much of what was
found is right (precision). The lists of a system:

    provided   routes of all its services, METHOD /template with every prefix; ANY: any method
    consumed   requests that it makes, METHOD /template, without the host
    topics     names of topics, queues, subjects: +sent, -received
    rpc        +package.Service/Method of a server, -package.Service/Method that is called
    tables     defined, mapped, read or written, without their schema
    edges      caller -> callee http|rpc|topic
    optional, optional_tables: neither asked for nor too much

Names of holes and the case of letters do not count. What stands only in tests, comments, documents, dead text or
decorators of other libraries is in no list.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.contracts.read import Contracts, read_contracts

LISTS = ("provided", "consumed", "topics", "rpc", "tables", "edges")


def main() -> int:
    """Read the folders and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--kind", default="", help="http, rpc, topic, table or graphql")
    parser.add_argument("--contracts", action="store_true", help="print every contract too")
    parser.add_argument("--truth", action="store_true", help="PATHs are sets of systems with their answers")
    parser.add_argument("--misses", action="store_true", help="print what is missing and what is too much")
    asked = parser.parse_args()
    if asked.truth:
        return score(asked.paths, misses=asked.misses)
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


def score(sets: Iterable[Path], *, misses: bool) -> int:
    """Print recall and precision of each list over all systems of the sets."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in LISTS}
    for path in sets:
        for system, truth in yaml.safe_load(path.read_text("utf-8")).items():
            answers = found_in(truth["files"])
            for name in LISTS:
                expected, found = plain(truth.get(name, ())), answers[name]
                found -= plain(truth.get("optional_tables" if name == "tables" else "optional", ())) - expected
                counts[name].update(expected=len(expected), found=len(found), right=len(expected & found))
                for item in sorted(expected ^ found) if misses else ():
                    print(f"{system} {name} {'missing' if item in expected else 'too much'}: {item}")
    counts["all"] = sum(counts.values(), Counter())
    print(f"{'':10}{'asked':>7}{'right':>7}{'recall':>8}{'too many':>10}{'precision':>11}")
    for name, of in counts.items():
        recall, precision = of["right"] / max(of["expected"], 1), of["right"] / max(of["found"], 1)
        surplus = of["found"] - of["right"]
        print(f"{name:10}{of['expected']:7}{of['right']:7}{recall:8.1%}{surplus:10}{precision:11.1%}")
    return 0


def found_in(files: Mapping[str, str]) -> dict[str, set[str]]:
    """What is read out of the files, as the lists of a set name it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "system")
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        read = read_contracts(Roots([root]))
    return {name: plain(items) for name, items in listed(read).items()}


def listed(read: Contracts) -> dict[str, list[str]]:
    """Contracts and edges by the lists of a set."""
    lists: dict[str, list[str]] = {name: [] for name in LISTS}
    for contract in read.contracts:
        sign = "+" if contract.side == "provided" else "-"
        if contract.kind == "http":
            lists[contract.side].append(f"{contract.method or 'ANY'} {contract.name}")
        elif contract.kind in ("topic", "rpc"):
            lists["topics" if contract.kind == "topic" else "rpc"].append(sign + contract.name)
        elif contract.kind == "table":
            lists["tables"].append(contract.name.rpartition(".")[2])
    edges = [edge for edge in read.edges if edge.source.kind in ("http", "rpc", "topic")]
    lists["edges"] = [f"{e.source.service} -> {e.callee} {e.source.kind}" for e in edges]
    return lists


def plain(items: Iterable[Any]) -> set[str]:
    """Without the names of holes, and in small letters."""
    return {re.sub(r"\$?\{[^{}]*\}|\*\w*", "{}", str(item)).lower() for item in items}


if __name__ == "__main__":
    sys.exit(main())
