"""Ways that are slow to one host, or between two services alone; and packets that are lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet

Look = Callable[..., tuple[Sequence[Finding], Check]]
Delay = Callable[[int, str, str, str], float]


def talking(delay_ms: Delay) -> Fleet:
    """`web`, `app` call `users`, `stock`, three hosts each; `delay_ms(number, caller, callee, host)` on the way."""
    fleet = Fleet()
    for number in range(240):
        for place, (caller, callee) in enumerate((c, s) for c in ("web", "app") for s in ("users", "stock")):
            trace, at = f"t{number}-{place}", number * 1000.0 + place * 200
            host = f"{callee}-{number % 3}"
            way = 1.0 + (delay_ms(number, caller, callee, host) if number >= 120 else 0.0)
            root = fleet.span(trace, "", caller, f"{caller}-0", "GET /", at, way + 12, "server")
            call = fleet.span(trace, root, caller, f"{caller}-0", "GET", at + 1, way + 10, "client")
            fleet.span(trace, call, callee, host, "GET /one", at + 1 + way / 2, 10, "server")
    return fleet


def test_a_slow_way_between_two_services_alone_is_told(look: Look) -> None:
    fleet = talking(lambda _, caller, callee, __: 80.0 if (caller, callee) == ("web", "users") else 0.0)
    (finding,), _ = look("traces.network_gap", fleet.tables())
    assert (finding.service, finding.mechanism) == ("users", "network_delay")
    assert (finding.facts["direction"], finding.facts["other"]) == ("between", "web")


def test_a_slow_way_to_one_host_of_a_service_is_told_with_the_host(look: Look) -> None:
    (finding,), _ = look("traces.network_gap", talking(lambda *call: 80.0 if call[3] == "users-1" else 0.0).tables())
    assert (finding.service, finding.mechanism, finding.instance) == ("users", "network_delay", "users-1")


def test_calls_that_wait_for_a_packet_to_be_sent_again_lose_packets(look: Look) -> None:
    fleet = talking(lambda number, _, callee, __: 205.0 if callee == "stock" and number % 4 == 0 else 0.0)
    (finding,), _ = look("traces.network_gap", fleet.tables())
    assert (finding.service, finding.mechanism) == ("stock", "network_loss")


def test_a_share_of_slow_calls_that_no_lost_packet_explains_is_silent(look: Look) -> None:
    fleet = talking(lambda number, _, callee, __: 80.0 if callee == "stock" and number % 4 == 0 else 0.0)
    findings, _ = look("traces.network_gap", fleet.tables())
    assert not findings


def test_waits_that_all_calls_have_now_and_then_are_silent(look: Look) -> None:
    findings, _ = look("traces.network_gap", talking(lambda number, *_: 205.0 if number % 4 == 0 else 0.0).tables())
    assert not findings


def test_packets_that_a_machine_loses_are_told_of_the_machine(look: Look) -> None:
    """Its services wait for 200 ms, or twice that, now and then; the other copies of both never do."""
    fleet = talking(lambda n, *call: 203.0 * (1 + n % 2) if call[2][-1] == "1" and n % 5 < 2 else 0.0)
    for row in fleet.spans:
        row["resource"] = {"k8s.node.name": f"n{row['host'][-1]}" if row["service"] in ("users", "stock") else "n9"}
    (finding,), _ = look("traces.network_gap", fleet.tables())
    assert (finding.mechanism, finding.instance, finding.confidence) == ("network_loss", "n1", 0.9)
    assert "calls to and from host n1 wait on the way" in finding.summary


def test_waits_of_any_length_are_less_surely_lost_packets(look: Look) -> None:
    uneven = talking(lambda n, _, callee, __: 230.0 + n * 7 % 180 if callee == "stock" and n % 4 == 0 else 0.0)
    (finding,), _ = look("traces.network_gap", uneven.tables())
    assert finding.confidence < 0.9
