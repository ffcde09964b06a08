from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from deep_code_reasoning.domain.finding import Check, Finding
from fleet import busy_fleet, steady

Look = Callable[..., tuple[Sequence[Finding], Check]]


def test_a_clock_that_is_off_is_told_with_calls_that_prove_it_and_blamed_for_nothing(look: Look) -> None:
    (finding,), _ = look("traces.clock_skew", busy_fleet({"l1": steady(-60)}).tables())
    assert (finding.resource, finding.service, finding.severity) == ("l1", "ledger", 0.0)
    assert float(str(finding.facts["offset_ms"])) == pytest.approx(-60, abs=1)
    assert finding.facts["harmless"]
    assert finding.facts["impossible_calls"] == finding.facts["calls"]


def test_a_host_that_is_told_by_its_id_is_called_by_its_name(look: Look) -> None:
    fleet = busy_fleet({"l1": steady(-60)})
    for row in fleet.spans:
        row["resource"] = {"host.id": row["host"], "host.name": f"{row['host']}.shop", "k8s.node.name": ""}
    (finding,), _ = look("traces.clock_skew", fleet.tables())
    assert (finding.resource, finding.facts["host"], finding.instance) == ("l1.shop", "l1.shop", "l1")
    for row in fleet.spans:  # containers have names of their own
        row["resource"] = {"host.id": row["host"], "host.name": f"container-{row['span_id']}"}
    (finding,), _ = look("traces.clock_skew", fleet.tables())
    assert finding.resource == "l1"


def test_a_clock_is_blamed_where_requests_through_it_fail_over_time(look: Look) -> None:
    fleet = busy_fleet({"c2": steady(9000)})
    for row in fleet.spans:
        if row["host"] == "c2" and row["name"] == "serve cart" and int(str(row["trace_id"])[1:]) > 150:
            row.update(status="error", status_message="JWT rejected: token used before issued")
    (finding,), _ = look("traces.clock_skew", fleet.tables())
    assert (finding.resource, finding.service) == ("c2", "cart")
    assert not finding.facts["harmless"]
    assert finding.severity > 0.4


def test_clocks_a_few_milliseconds_apart_are_silent(look: Look) -> None:
    findings, check = look("traces.clock_skew", busy_fleet({"c1": steady(4), "l1": steady(-3)}).tables())
    assert not findings
    assert check.verdict == "clear"


def test_a_clock_that_is_ahead_is_blamed_for_writes_that_others_lose(look: Look) -> None:
    fleet = busy_fleet({"c2": steady(9000)})
    for row in fleet.spans:
        if row["host"] == "c1" and row["name"] == "serve cart" and int(str(row["trace_id"])[1:]) > 150:
            row.update(status="error", status_message="stale write: stored record is newer than this one")
    (finding,), _ = look("traces.clock_skew", fleet.tables())
    assert (finding.resource, finding.service, finding.facts["harmless"]) == ("c2", "cart", False)


def test_a_clock_is_blamed_by_what_fails_most_and_not_by_what_expires_now_and_then(look: Look) -> None:
    fleet = busy_fleet({"c2": steady(9000), "l1": steady(-60)})
    for row in fleet.spans:
        number = int(str(row["trace_id"])[1:])
        if row["name"] == "serve cart" and number in (0, 20):
            row.update(status="error", status_message=f"ticket {number} expired")
        elif row["host"] == "c2" and row["name"] == "serve cart" and number > 150:
            row.update(status="error", status_message="pay 500 12 ms err: issued 9 s in the future")
    findings, _ = look("traces.clock_skew", fleet.tables())
    blamed, other = sorted(findings, key=lambda finding: -finding.severity)
    assert (blamed.resource, blamed.service, other.resource) == ("c2", "cart", "l1")
    assert blamed.severity > 0.8
    assert "in the future" in blamed.summary
    assert other.facts["harmless"]
