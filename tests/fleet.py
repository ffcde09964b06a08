"""A fleet of hosts whose clocks are off by known amounts, as spans with their recorded times."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from deep_code_reasoning.domain.instant import NS_PER_MS
from scenery import START_NS, Row

Offset = Callable[[float], float]
"""Milliseconds that a clock is ahead, as a function of the true time in seconds."""


def steady(ms: float) -> Offset:
    """A clock that is off by the same amount at all times."""
    return lambda _: ms


@dataclass
class Fleet:
    """Spans of requests, written as their hosts' clocks show.

    `offsets` has the clocks that are off; `named` is the column that names a host (`host` or `instance`).
    """

    offsets: dict[str, Offset] = field(default_factory=dict)
    named: str = "host"
    seed: int = 1
    spans: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def recorded_ns(self, host: str, true_ms: float) -> int:
        """What a host's clock shows at a true time, in milliseconds since the start."""
        ahead = self.offsets[host](true_ms / 1000) if host in self.offsets else 0.0
        return START_NS + round((true_ms + ahead) * NS_PER_MS)

    def span(
        self,
        trace: str,
        parent: str,
        service: str,
        host: str,
        name: str,
        at_ms: float,
        ms: float,
        kind: str = "",
        status: str = "",
        message: str = "",
        **attributes: object,
    ) -> str:
        """Write a span, `at_ms` of true time after the start; keywords with `__` for dots are its attributes."""
        number = len(self.spans) + 1
        self.spans.append(
            {
                "trace_id": trace,
                "span_id": f"{number:x}",
                "parent_span_id": parent,
                "service": service,
                self.named: host,
                "name": name,
                "kind": kind,
                "start_ns": self.recorded_ns(host, at_ms),
                "duration_ns": round(ms * NS_PER_MS),
                "status": status,
                "status_message": message,
                "attributes": {key.replace("__", "."): str(value) for key, value in attributes.items()},
                "source_id": 1,
                "line": number,
            }
        )
        return f"{number:x}"

    def call(self, trace: str, parent: str, ends: tuple[str, str, str, str], at_ms: float, work_ms: float) -> str:
        """A call from (service, host) to (service, host) with a way of .3 to 1.3 ms; returns the server's span."""
        out, back = (0.3 + self.chance.random() for _ in range(2))
        caller, caller_host, callee, callee_host = ends
        client = self.span(trace, parent, caller, caller_host, f"call {callee}", at_ms, out + work_ms + back, "client")
        return self.span(trace, client, callee, callee_host, f"serve {callee}", at_ms + out, work_ms, "server")

    def tables(self) -> dict[str, list[Row]]:
        """The tables of a case."""
        return {"spans": self.spans, "span_events": self.events}


def busy_fleet(offsets: dict[str, Offset], requests: int = 300, named: str = "host", seed: int = 1) -> Fleet:
    """A gateway on g1 calls carts on c1 and c2, which call a ledger on l1; a request every 100 ms."""
    fleet = Fleet(offsets, named, seed)
    for number in range(requests):
        at, trace, cart = number * 100.0, f"t{number}", ("c1", "c2")[number % 2]
        work = 8 + 10 * fleet.chance.random()
        root = fleet.span(trace, "", "gateway", "g1", "GET /", at, work + 20, "server")
        served = fleet.call(trace, root, ("gateway", "g1", "cart", cart), at + 1, work)
        fleet.call(trace, served, ("cart", cart, "ledger", "l1"), at + 3.5, 2)
    return fleet
