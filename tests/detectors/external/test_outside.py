"""Causes outside the code: each detector fires on what proves it, and is silent on what only looks like it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.detectors.base import Scene, Skipped
from deep_code_reasoning.detectors.external import (
    certificate_expired,
    dns_failure,
    platform,
    provider_outage,
    third_party,
    traffic_surge,
)
from deep_code_reasoning.domain.finding import Finding
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S, parse_instant
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.store import CaseStore

ONSET = parse_instant("2025-03-10T12:00:00Z") or 0
MINUTE = 60 * NS_PER_S
BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


def logs(*lines: tuple[str, str], level: str = "error") -> list[dict[str, Any]]:
    calm = [("web", "info", "handled", -60 + m) for m in range(60)]
    bad = [(service, level, text, 0.1 * place) for place, (service, text) in enumerate(lines)]
    return [
        {
            "time_ns": ONSET + int(m * MINUTE),
            "service": s,
            "severity": v,
            "body": b,
            "source_id": 1,
            "line": n,
            "item": 0,
        }
        for n, (s, v, b, m) in enumerate(calm + bad)
    ]


def gauge(service: str, name: str, before: float, after: float, until: int = 0) -> list[dict[str, Any]]:
    return [
        {"time_ns": ONSET + m * MINUTE, "service": service, "name": name, "value": before if m < until else after}
        for m in range(-60, 15)
    ]


def look(detector: Any, build_case: BuildCase, graph: ServiceGraph | None = None, **tables: Any) -> list[Finding]:
    windows = Windows(
        Window(ONSET - 60 * MINUTE, ONSET),
        Window(ONSET, ONSET + 15 * MINUTE),
        ONSET,
        Window(ONSET, ONSET + 1),
        None,
        "",
        True,
    )
    for rows in tables.values():
        for line, row in enumerate(rows):
            row.setdefault("source_id", 1)
            row.setdefault("line", line)
    with build_case(tables) as store:
        outcome = detector.DETECTOR.detect(Scene(store, windows, graph or ServiceGraph()), detector.DETECTOR.settings)
    return [] if isinstance(outcome, Skipped) else list(outcome)


def test_a_certificate_that_ended_at_the_onset_is_proven(build_case: BuildCase) -> None:
    lines = logs(
        ("orders", "x509: certificate has expired or is not yet valid: current time is after 2025-03-10T12:00:00Z"),
        ("orders", "peer certificate CN=pay.internal notAfter=2025-03-10T12:00:00Z"),
    )
    (finding,) = look(certificate_expired, build_case, logs=lines)
    assert finding.confidence == certificate_expired.Settings().proven
    assert (finding.service, finding.resource) == ("orders", "pay.internal")
    assert finding.citations


def test_a_gauge_that_crosses_zero_proves_an_expiry(build_case: BuildCase) -> None:
    lines = logs(("orders", "PKIX path validation failed: certificate expired"))
    metrics = gauge("pay", "tls_cert_seconds_until_expiry", 3600, -60)
    (finding,) = look(certificate_expired, build_case, logs=lines, metrics=metrics)
    assert finding.confidence == certificate_expired.Settings().proven


@pytest.mark.parametrize(
    "text", ["x509: certificate signed by unknown authority", "tls: bad record MAC", "token expired"]
)
def test_other_handshake_trouble_is_no_expiry(text: str, build_case: BuildCase) -> None:
    assert look(certificate_expired, build_case, logs=logs(("orders", text))) == []


def test_several_names_at_several_services_are_the_resolver(build_case: BuildCase) -> None:
    lines = logs(("mail", "lookup smtp.relay.net: no such host"), ("auth", "getaddrinfo ENOTFOUND login.partner.io"))
    (finding,) = look(dns_failure, build_case, logs=lines)
    assert finding.confidence == dns_failure.Settings().outage
    assert finding.facts["names"] == ("login.partner.io", "smtp.relay.net")


def test_one_name_at_one_service_may_be_a_wrong_name(build_case: BuildCase) -> None:
    (finding,) = look(dns_failure, build_case, logs=logs(("auth", "getaddrinfo ENOTFOUND redis-sessions.cache.svc")))
    assert finding.confidence == dns_failure.Settings().one_name


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (
            "dial tcp: lookup {}.shop.svc.local on 10.0.0.10:53: read udp 10.1.2.3:4->10.0.0.10:53: i/o timeout",
            "10.0.0.10:53",
        ),
        (
            "[ERROR] plugin/errors: 2 {}.shop.svc.cluster.local. A: read udp 10.1.2.3:4->10.9.9.9:53: i/o timeout",
            "server",
        ),
        ("error (connection refused) resolving '{}.example.org/A/IN': 10.9.9.9#53", "server"),
        ("SERVFAIL <{}.example.org. A IN>: exceeded the maximum number of sends", "server"),
        ("{}.example.org could not be resolved (110: Operation timed out)", None),
        ("Failed to resolve '{}.example.org' [A(1)] after 2 queries", None),
        ("psycopg2.OperationalError: {}.example.org: nodename nor servname provided, or not known", None),
    ],
)
def test_clients_and_name_servers_tell_of_names_in_many_words(
    said: str, asked: str | None, build_case: BuildCase
) -> None:
    lines = [("cart", "getaddrinfo EAI_AGAIN pay.example.org"), ("web", "lookup b.example.org: server misbehaving")]
    lines += [("ns" if asked == "server" else "web", said.format(name)) for name in ("stock", "users")]
    (finding,) = look(dns_failure, build_case, logs=logs(*lines))
    assert finding.confidence == dns_failure.Settings().outage
    assert finding.resource == ("ns" if asked == "server" else asked)
    assert finding.texts("services") == ("cart", "web")


@pytest.mark.parametrize(
    "text",
    [
        "query error: relation users.orders could not be resolved",
        "lookup of users.cache in shard 7 took 900 ms: i/o timeout",
        "dial tcp 10.1.2.3:5432: i/o timeout",
        "failed to resolve dependency com.example.Cart after 2 attempts",
    ],
)
def test_what_is_looked_up_elsewhere_is_no_name_of_a_host(text: str, build_case: BuildCase) -> None:
    assert look(dns_failure, build_case, logs=logs(("auth", text), ("cart", text))) == []


def test_nothing_about_names_is_no_trouble_with_names(build_case: BuildCase) -> None:
    assert look(dns_failure, build_case, logs=logs(("auth", "timeout after 3s calling users.svc"))) == []


def status(subject: str, state: str, minutes: float, text: str, end: float = 0) -> dict[str, Any]:
    end_ns = ONSET + int(end * MINUTE) if end else 0
    start_ns = ONSET + int(minutes * MINUTE)
    return {
        "kind": "status",
        "id": subject,
        "time_ns": start_ns,
        "end_ns": end_ns,
        "subject": subject,
        "status": state,
        "text": text,
    }


def test_a_degraded_provider_of_whom_the_errors_speak_is_blamed(build_case: BuildCase) -> None:
    lines = logs(("media", "GetObject failed: 503 SlowDown region=eu-west-9 host=blobs.s3.eu-west-9.example.com"))
    events = [status("Object Storage (S3) eu-west-9", "degraded", -1, "GetObject may return SlowDown")]
    (finding,) = look(provider_outage, build_case, logs=lines, notices=events)
    assert finding.confidence == provider_outage.Settings().aligned
    assert str(finding.citations[0]).startswith("notice:")


@pytest.mark.parametrize(
    "event",
    [
        status("Object Storage (S3) eu-west-9", "operating-normally", -1, "GetObject may return SlowDown"),
        status("Object Storage (S3) eu-west-9", "degraded", -300, "GetObject may return SlowDown"),
        status("Object Storage (S3) eu-west-9", "degraded", -50, "GetObject may return SlowDown", end=-10),
        status("Video Transcoding", "degraded", 0, "Elevated latencies of transcoding jobs"),
    ],
    ids=["calm", "long before", "over", "unrelated"],
)
def test_other_events_of_providers_are_not(event: dict[str, Any], build_case: BuildCase) -> None:
    lines = logs(("media", "GetObject failed: 503 SlowDown region=eu-west-9 host=blobs.s3.eu-west-9.example.com"))
    assert look(provider_outage, build_case, logs=lines, notices=[event]) == []


def test_a_peer_outside_that_fails_for_several_is_blamed(build_case: BuildCase) -> None:
    lines = logs(("pay", "POST https://api.psp.com/v1 returned 503"), ("subs", "api.psp.com: 503 service unavailable"))
    (finding,) = look(third_party, build_case, logs=lines)
    assert finding.confidence == third_party.Settings().several
    assert finding.resource == "api.psp.com"


@pytest.mark.parametrize(
    "text",
    [
        "GET /charge failed with 404: upstream api.psp.com answered 503",
        "api.psp.com answered 503 after 450 ms",
        "api.psp.com:443 returned 503",
        "503 Server Error: Service Unavailable for url: https://api.psp.com/v1",
        "api.psp.com: 403 quota exceeded",
    ],
)
def test_the_status_that_counts_is_the_one_that_the_peer_gave(text: str, build_case: BuildCase) -> None:
    assert len(look(third_party, build_case, logs=logs(("pay", text)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "api.psp.com: 404 not found",
        "GET /charge failed with 500: upstream api.psp.com answered 404 for /v9/charge",
        "timeout after 2s calling api.psp.com",
        "users.prod.svc.cluster.local returned 503",
    ],
)
def test_our_own_deadlines_requests_and_services_are_no_third_party(text: str, build_case: BuildCase) -> None:
    assert look(third_party, build_case, logs=logs(("pay", text), ("subs", text))) == []


def calls_to_partner(failing: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(100):
        failed = number < failing
        rows.append(
            {
                "trace_id": f"t{number}",
                "span_id": f"s{number}",
                "service": "pay",
                "name": "POST",
                "kind": "client",
                "start_ns": ONSET + number * NS_PER_S,
                "duration_ns": 10,
                "status": "error" if failed else "",
                "status_message": "api.psp.com returned 503" if failed else "",
                "source_id": 1,
                "line": number,
            }
        )
    return rows


@pytest.mark.parametrize(("failing", "told"), [(60, 1), (8, 0)], ids=["most calls fail", "a few do"])
def test_a_third_party_is_blamed_only_where_many_calls_to_it_fail(
    failing: int, told: int, build_case: BuildCase
) -> None:
    lines = logs(("pay", "POST https://api.psp.com/v1 returned 503"))
    assert len(look(third_party, build_case, logs=lines, spans=calls_to_partner(failing))) == told


def test_one_caller_alone_and_a_quota_are_less_sure_than_several_callers(build_case: BuildCase) -> None:
    (single,) = look(third_party, build_case, logs=logs(("pay", "POST https://api.psp.com/v1 returned 503")))
    (quota,) = look(
        third_party, build_case, logs=logs(("geo", "api.maps.com says: daily limit reached, quota exceeded"))
    )
    assert single.confidence == third_party.Settings().single
    assert (quota.confidence, quota.facts["quota"]) == (third_party.Settings().quota, True)


def test_the_first_caller_is_the_deepest_of_those_that_speak_of_a_third_party(build_case: BuildCase) -> None:
    lines = logs(("edge", "pay failed: api.psp.com returned 503"), ("pay", "api.psp.com returned 503"))
    (finding,) = look(third_party, build_case, ServiceGraph(("edge", "pay"), {("edge", "pay"): 9}), logs=lines)
    assert finding.service == "pay"


def test_a_resolver_that_fails_for_now_is_no_typing_error(build_case: BuildCase) -> None:
    (now,) = look(dns_failure, build_case, logs=logs(("pay", "getaddrinfo EAI_AGAIN stock")))
    (typed,) = look(dns_failure, build_case, logs=logs(("pay", "getaddrinfo ENOTFOUND stokc")))
    assert (now.confidence, typed.confidence) == (dns_failure.Settings().for_now, dns_failure.Settings().one_name)


def test_a_lost_node_is_told_with_those_whom_it_cut_off(build_case: BuildCase) -> None:
    lines = logs(
        ("kubelet", "node n7 status is now: NodeNotReady"), ("cart", "connection refused"), ("img", "no route to host")
    )
    (finding,) = look(platform, build_case, logs=lines)
    assert finding.confidence == platform.Settings().several
    assert finding.facts["services"] == ("cart", "img")


def on_nodes() -> list[dict[str, Any]]:
    return [
        {**row, "host": host}
        for service, host in (("stock", "n7"), ("price", "n7"), ("cart", "n8"))
        for row in gauge(service, "requests_total", 1, 1)
    ]


@pytest.mark.parametrize(
    ("event", "machine"),
    [
        ({"body": "Node n7 status is now: NodeNotReady"}, "n7"),
        ({"body": "Node is not ready", "instance": "n7"}, "n7"),
        ({"service": "kernel", "host": "n7", "body": "Kernel panic - not syncing: Fatal machine check"}, "n7"),
        ({"service": "cart", "host": "n8", "body": "new primary elected, failover complete"}, None),
        ({"body": "availability zone b: nodes n7 and n8 are down, multi-az"}, None),
    ],
    ids=["named", "about", "written on", "told by a service", "several"],
)
def test_the_machine_that_all_events_are_of_is_named_with_its_services(
    event: dict[str, Any], machine: str | None, build_case: BuildCase
) -> None:
    lines = logs(("cart", "connection refused"), ("img", "no route to host"), ("", ""))
    lines[-1].update(event)
    # An agent may report of the kernel as of any service.
    metrics = on_nodes() + [{**row, "host": "n7"} for row in gauge("kernel", "requests_total", 1, 1)]
    (finding,) = look(platform, build_case, logs=lines, metrics=metrics)
    assert finding.resource == machine
    assert (finding.service == "stock") == (finding.facts["services"] == ("price", "stock")) == bool(machine)


def test_refused_connections_alone_prove_no_platform_fault(build_case: BuildCase) -> None:
    assert look(platform, build_case, logs=logs(("cart", "connection refused"), ("img", "connection refused"))) == []


def test_a_surge_that_comes_in_from_outside_is_proven(build_case: BuildCase) -> None:
    lines = logs(("shop", "worker pool exhausted"), ("edge", "shop timed out"))
    metrics = gauge("edge", "requests_per_second", 100, 900) + gauge("shop", "requests_per_second", 100, 900)
    (finding,) = look(
        traffic_surge, build_case, ServiceGraph(("edge", "shop"), {("edge", "shop"): 5}), logs=lines, metrics=metrics
    )
    assert finding.confidence == traffic_surge.Settings().proven


def test_calls_that_multiply_behind_a_calm_entry_are_no_surge(build_case: BuildCase) -> None:
    lines = logs(("shop", "worker pool exhausted"), ("edge", "shop timed out"))
    metrics = gauge("edge", "requests_per_second", 100, 101) + gauge("shop", "requests_per_second", 100, 900)
    graph = ServiceGraph(("edge", "shop"), {("edge", "shop"): 5})
    assert look(traffic_surge, build_case, graph, logs=lines, metrics=metrics) == []


def test_a_rate_that_rose_after_the_trouble_is_no_reason_for_it(build_case: BuildCase) -> None:
    lines = logs(("shop", "worker pool exhausted"))
    metrics = gauge("shop", "requests_per_second", 100, 900, until=8)
    assert look(traffic_surge, build_case, logs=lines, metrics=metrics) == []


@pytest.mark.parametrize(
    "detector", [certificate_expired, dns_failure, platform, provider_outage, third_party, traffic_surge]
)
def test_an_empty_case_says_nothing(detector: Any, build_case: BuildCase) -> None:
    assert look(detector, build_case) == []


@pytest.mark.parametrize(("calm", "told"), [(12, 0), (0, 1)], ids=["as often as ever", "only now"])
def test_a_third_party_that_fails_as_often_as_ever_is_no_outage(calm: int, told: int, build_case: BuildCase) -> None:
    """One call in fifty is answered by 503; nobody's span tells."""
    text = "POST https://api.psp.com/v1 returned 503"
    moments = [-59 + 4.5 * n for n in range(calm)] + [0.5 + 2 * n for n in range(4)]
    lines = logs()
    for n, minute in enumerate(moments):
        one = {**lines[0], "time_ns": ONSET + int(minute * MINUTE), "service": "pay", "severity": "error"}
        lines.append({**one, "body": text, "line": 1000 + n})
    assert len(look(third_party, build_case, logs=lines)) == told


@pytest.mark.parametrize(("every", "told"), [(50, 0), (2, 1)], ids=["one in fifty", "every other call"])
def test_calls_to_a_third_party_are_known_by_its_address(every: int, told: int, build_case: BuildCase) -> None:
    rows = calls_to_partner(0)
    for number, row in enumerate(rows):
        row["attributes"] = {"server.address": "api.psp.com"}
        row["status"] = "" if number % every else "error"
    lines = logs(("pay", "POST https://api.psp.com/v1 returned 503"))
    assert len(look(third_party, build_case, logs=lines, spans=rows)) == told
