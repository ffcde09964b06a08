"""Calls that are slow across the border of a zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import Fleet
from scenery import Row

Look = Callable[..., tuple[Sequence[Finding], Check]]
Delay = Callable[[str, str, str, str], float]
ZONES = ("a", "b", "c")


def spread(delay_ms: Delay, names: str = "cloud.availability_zone", requests: int = 360) -> dict[str, list[Row]]:
    """`web` and `app` call `users` and `stock`, each with a copy in each of three zones, in turn.

    From the middle on a call takes `delay_ms(caller, callee, zone of the caller, zone of the callee)` longer.
    """
    fleet = Fleet()
    for number in range(requests):
        for place, (caller, callee) in enumerate((c, s) for c in ("web", "app") for s in ("users", "stock")):
            here, there = ZONES[number % 3], ZONES[number // 3 % 3]
            late = number >= requests // 2
            way = 1.0 + (delay_ms(caller, callee, here, there) if late else 0.0)
            trace, at = f"t{number}-{place}", number * 1000.0 + place * 200
            root = fleet.span(trace, "", caller, f"{caller}-{here}", "GET /", at, way + 12, "server")
            call = fleet.span(trace, root, caller, f"{caller}-{here}", "GET", at + 1, way + 10, "client")
            fleet.span(trace, call, callee, f"{callee}-{there}", "GET /one", at + 1 + way / 2, 10, "server")
    for row in fleet.spans:
        row["resource"] = {names: f"eu-{row['host'][-1]}"}
    return fleet.tables()


def across(zone: str) -> Delay:
    """What crosses a zone's border takes 80 ms longer."""
    return lambda _, __, here, there: 80.0 if (here == zone) != (there == zone) else 0.0


@pytest.mark.parametrize("names", ["cloud.availability_zone", "topology.kubernetes.io/zone"])
def test_calls_that_are_slow_across_a_border_are_one_finding(names: str, look: Look) -> None:
    (finding,), _ = look("traces.network_gap", spread(across("b"), names))
    assert (finding.code, finding.mechanism, finding.facts["zone"]) == ("traces.zone_gap", "network_delay", "eu-b")
    assert finding.facts["services"] == ("app", "stock", "users", "web")


@pytest.mark.parametrize(
    "delay",
    [
        lambda _, callee, *__: 80.0 if callee == "users" else 0.0,
        lambda _, callee, __, there: 80.0 if callee == "users" and there == "b" else 0.0,
        lambda caller, _, here, there: 80.0 if caller == "web" and here != there else 0.0,
    ],
    ids=["a service", "a copy of a service", "one caller"],
)
def test_what_is_slow_for_one_service_alone_is_not_of_a_zone(delay: Delay, look: Look) -> None:
    findings, _ = look("traces.network_gap", spread(delay))
    assert all(finding.code == "traces.network_gap" for finding in findings)


def test_where_no_zone_is_known_none_is_told(look: Look) -> None:
    findings, _ = look("traces.network_gap", spread(across("b"), "service.namespace"))
    assert all(finding.code == "traces.network_gap" for finding in findings)
