"""Writes OTLP JSON lines of any size: traces of ten services, eight attributes a span, seeded.

    python benchmarks/generate_otlp.py FILE --size 500MB [--seed 1] [--gzip]

A line is a batch as a collector writes it: forty traces of some twenty-five spans, grouped by resource. The shapes of
lines come from a few templates; ids and times are new in every line, so nothing can be shared between lines by luck.
The same size and seed give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

SERVICES = ("gateway", "web", "cart", "checkout", "payment", "orders", "stock", "shipping", "users", "mail")
TRACES_A_LINE = 40
SPANS_A_TRACE = 25
TEMPLATES = 6
START_NS = 1_767_268_800_000_000_000
LINE_NS = 40_000_000
_MARK = re.compile(r'"@(\w+)"')


@dataclass(frozen=True)
class Node:
    """A span of a trace's shape."""

    parent: int
    service: int
    kind: str


def shape(chance: random.Random) -> list[Node]:
    """A call tree: servers work, query and call further services."""
    nodes = [Node(-1, 0, "server")]
    while len(nodes) < SPANS_A_TRACE:
        parent = chance.randrange(len(nodes))
        if nodes[parent].kind == "query":
            continue
        kind = chance.choice(("internal", "client", "query"))
        nodes.append(Node(parent, nodes[parent].service, kind))
        if kind == "client":
            nodes.append(Node(len(nodes) - 1, chance.randrange(1, len(SERVICES)), "server"))
    return nodes


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes in OTLP's JSON."""
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    written = {key: str(value) if type(value) is int else value for key, value in values.items()}
    return [{"key": key, "value": {kinds[type(values[key])]: written[key]}} for key in values]


def attributes(node: Node, number: int) -> tuple[str, int, list[dict[str, Any]]]:
    """Name, kind and eight attributes of a span."""
    name = SERVICES[node.service]
    if node.kind == "server":
        route = f"/api/v1/{name}/{{id}}/items"
        return (
            route,
            2,
            pairs(
                {
                    "http.request.method": "GET",
                    "http.route": route,
                    "url.path": f"/api/v1/{name}/{number}/items",
                    "http.response.status_code": 200,
                    "server.address": f"{name}.prod.svc",
                    "server.port": 8080,
                    "enduser.id": f"user-{number % 997}",
                    "thread.id": number % 64,
                }
            ),
        )
    if node.kind == "query":
        return (
            f"SELECT {name}",
            3,
            pairs(
                {
                    "db.system": "postgresql",
                    "db.namespace": name,
                    "db.operation.name": "SELECT",
                    "db.query.text": f"SELECT id, state FROM {name} WHERE id = $1 AND state = $2",
                    "server.address": "pg.prod.svc",
                    "server.port": 5432,
                    "db.response.returned_rows": number % 30,
                    "pool.wait": 0.25,
                }
            ),
        )
    if node.kind == "client":
        return (
            "GET",
            3,
            pairs(
                {
                    "http.request.method": "GET",
                    "url.full": f"http://{name}:8080/api/v1/{number}",
                    "http.response.status_code": 200,
                    "server.address": name,
                    "server.port": 8080,
                    "network.protocol.version": "1.1",
                    "http.response.body.size": number * 7 % 9973,
                    "thread.name": "http-nio-8080-exec-3",
                }
            ),
        )
    return (
        f"{name.title()}Service.handle",
        1,
        pairs(
            {
                "code.namespace": f"com.shop.{name}",
                "code.function": "handle",
                "code.lineno": number % 400,
                "thread.id": number % 64,
                "thread.name": "worker-7",
                "cache.hit": number % 2 == 0,
                "retry.count": 0,
                "tenant.id": f"tenant-{number % 89}",
            }
        ),
    )


class Template:
    """A line with gaps for ids and times."""

    def __init__(self, chance: random.Random) -> None:
        self.nodes = shape(chance)
        groups: dict[int, list[dict[str, Any]]] = {}
        for trace in range(TRACES_A_LINE):
            for index, node in enumerate(self.nodes):
                name, kind, values = attributes(node, chance.randrange(10_000))
                groups.setdefault(node.service, []).append(
                    {
                        "traceId": f"@t{trace}",
                        "spanId": f"@s{trace}_{index}",
                        "parentSpanId": f"@s{trace}_{node.parent}" if index else "",
                        "name": name,
                        "kind": kind,
                        "startTimeUnixNano": f"@b{trace}_{index}",
                        "endTimeUnixNano": f"@e{trace}_{index}",
                        "attributes": values,
                        "status": {},
                    }
                )
        text = json.dumps(
            {"resourceSpans": [self._group(service, spans) for service, spans in groups.items()]}, separators=(",", ":")
        )
        pieces = _MARK.split(text)
        self.constants = [piece.encode() for piece in pieces[::2]]
        self.gaps = [self._slot(mark) for mark in pieces[1::2]]

    @staticmethod
    def _group(service: int, spans: list[dict[str, Any]]) -> dict[str, Any]:
        name = SERVICES[service]
        resource = {
            "service.name": name,
            "service.version": "1.4.2",
            "k8s.pod.name": f"{name}-5d9c-{service}",
            "host.name": f"node-{service % 4}",
            "deployment.environment": "prod",
        }
        scope = {"scope": {"name": "io.opentelemetry.http", "version": "2.9.0"}, "spans": spans}
        return {"resource": {"attributes": pairs(resource)}, "scopeSpans": [scope]}

    def _slot(self, mark: str) -> int:
        """Where a gap's value stands in the list that `line` makes: trace ids, span ids, begins, ends."""
        trace, _, index = mark[1:].partition("_")
        spans = TRACES_A_LINE * len(self.nodes)
        if mark[0] == "t":
            return int(trace)
        place = int(trace) * len(self.nodes) + int(index)
        return TRACES_A_LINE + "sbe".index(mark[0]) * spans + place

    def line(self, chance: random.Random, start_ns: int) -> bytes:
        """A line that nobody has seen before."""
        traces, spans = TRACES_A_LINE, TRACES_A_LINE * len(self.nodes)
        ids = chance.randbytes(16 * traces + 8 * spans).hex()
        values = [ids[i * 32 : i * 32 + 32] for i in range(traces)]
        rest = ids[32 * traces :]
        values += [rest[i * 16 : i * 16 + 16] for i in range(spans)]
        begins, ends = [], []
        for _ in range(traces):
            base = start_ns + chance.randrange(LINE_NS)
            own = [int(chance.lognormvariate(13.0, 0.6)) for _ in self.nodes]
            for index in range(len(self.nodes) - 1, 0, -1):
                own[self.nodes[index].parent] += own[index]
            begin = [base] * len(self.nodes)
            for index, node in enumerate(self.nodes[1:], start=1):
                begin[index] = begin[node.parent] + 20_000 * index
            begins += begin
            ends += [at + took for at, took in zip(begin, own, strict=True)]
        values += [str(number) for number in begins + ends]
        filled: list[bytes] = [self.constants[0]]
        for constant, slot in zip(self.constants[1:], self.gaps, strict=True):
            filled += (b'"', values[slot].encode(), b'"', constant)
        return b"".join(filled) + b"\n"


def lines(size_bytes: int, seed: int) -> Iterator[bytes]:
    """Lines of at least so many bytes in all."""
    chance = random.Random(seed)
    templates = [Template(chance) for _ in range(TEMPLATES)]
    done = number = 0
    while done < size_bytes:
        line = templates[number % TEMPLATES].line(chance, START_NS + number * LINE_NS)
        yield line
        done += len(line)
        number += 1


def size_of(text: str) -> int:
    """`500MB`, `2GB` or a number of bytes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write it as 500MB or 2GB")
    return int(float(match[1]) * {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[match[2]])


def write(path: Path, size_bytes: int, seed: int = 1, compressed: bool = False) -> None:
    """Write a file of lines."""
    with path.open("wb") as raw:
        out = cast("BinaryIO", gzip.GzipFile("", "wb", 1, raw, mtime=0)) if compressed else raw
        with out:
            for line in lines(size_bytes, seed):
                out.write(line)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--size", type=size_of, default="500MB", help="bytes of JSON, for example 500MB or 2GB")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gzip", action="store_true")
    options = parser.parse_args()
    write(options.file, options.size, options.seed, options.gzip)
    return 0


if __name__ == "__main__":
    sys.exit(main())
