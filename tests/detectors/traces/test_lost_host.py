"""A host that is gone with all that ran on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S
from scenery import START_NS, Row

Lost = Callable[[dict[str, list[Row]]], Sequence[Finding]]
PLACES = (("cart", "n1"), ("stock", "n1"), ("cart", "n2"), ("stock", "n3"), ("mail", "n2"))


def silent(*gone: tuple[str, str]) -> dict[str, list[Row]]:
    """Copies of services on three hosts, asked every second; after two of four minutes some are heard of no more.

    Who asks `cart` fails at half of its calls from then on, which dates the incident.
    """
    spans: list[Row] = []
    for second in range(240):
        at, late = START_NS + second * NS_PER_S, second >= 120
        for service, host in PLACES:
            if late and (service, host) in gone:
                continue
            spans.append(row(f"{service}{host}{second}", service, f"{service}-{host}", host, at))
        asked = row(f"s{second}", "shop", "shop-0", "n4", at)
        spans.append(
            asked | ({"status": "error", "status_message": "connection refused"} if late and second % 2 else {})
        )
    return {"spans": spans}


def row(trace: str, service: str, instance: str, host: str, at: int) -> Row:
    about = {"trace_id": trace, "span_id": "1", "service": service, "instance": instance, "host": host}
    return {**about, "name": "GET /", "kind": "server", "start_ns": at, "duration_ns": 9 * NS_PER_MS, "source_id": 1}


@pytest.fixture
def lost(build_case: Callable[..., Any]) -> Lost:
    """What `traces.lost_host` finds once `traces.failures` has dated the incident."""
    chosen = [d for d in runner.detectors() if d.code in ("traces.failures", "traces.lost_host")]

    def run(tables: dict[str, list[Row]]) -> Sequence[Finding]:
        with build_case(tables) as store:
            _, findings, _ = runner.look(store, None, chosen)
        return [finding for finding in findings if finding.code == "traces.lost_host"]

    return run


def test_copies_of_several_services_that_end_together_on_one_host_have_lost_it(lost: Lost) -> None:
    (finding,) = lost(silent(("cart", "n1"), ("stock", "n1")))
    assert (finding.mechanism, finding.resource) == ("infrastructure_fault", "n1")
    assert finding.facts["services"] == ("cart", "stock")
    assert finding.facts["programs"] == ("cart-n1", "stock-n1")
    assert finding.service in ("cart", "stock")


@pytest.mark.parametrize(
    "gone",
    [(("cart", "n1"),), (("cart", "n1"), ("stock", "n3")), PLACES],
    ids=["one process ends", "two on two hosts", "nobody is asked any more"],
)
def test_other_silences_are_no_lost_host(gone: Sequence[tuple[str, str]], lost: Lost) -> None:
    assert not lost(silent(*gone))
