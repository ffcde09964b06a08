from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors.timeline.graph import service_graph
from deep_code_reasoning.detectors.timeline.names import mentions, without_names
from deep_code_reasoning.store import CaseStore
from scenery import START_NS, System

Build = Callable[..., AbstractContextManager[CaseStore]]


def said(service: str, body: str) -> dict[str, object]:
    return {"service": service, "severity": "error", "body": body, "shape": len(body), "time_ns": START_NS}


def test_calls_are_read_from_spans(build_case: Build) -> None:
    with build_case(System(requests=7).tables()) as store:
        graph = service_graph(store)
    assert dict(graph.calls) == {("front", "orders"): 7, ("orders", "stock"): 7}


def test_what_services_say_of_each_other_draws_the_edges_that_spans_do_not(build_case: Build) -> None:
    tables = dict(System(requests=3).tables())
    tables["logs"] = [
        *tables["logs"],
        said("billing", "upstream orders answered 503"),
        said("orders", "front hung up on us"),
        said("stock", "no such item: billing-address"),
    ]
    with build_case(tables) as store:
        graph = service_graph(store)
    spoken = {edge for edge, calls in graph.calls.items() if not calls}
    assert spoken == {("billing", "orders")}


def test_a_peer_that_is_no_known_service_is_no_node(build_case: Build) -> None:
    spans = [
        {"trace_id": "1", "span_id": str(n), "service": "api", "name": "call", "attributes": {"peer.service": peer}}
        for n, peer in enumerate(("store", "elsewhere.example"))
    ]
    with build_case({"spans": [*spans, {"trace_id": "2", "span_id": "x", "service": "store", "name": "get"}]}) as store:
        graph = service_graph(store)
    assert dict(graph.calls) == {("api", "store"): 1}


def test_who_calls_the_host_of_a_machine_calls_the_machine(build_case: Build) -> None:
    call = {"trace_id": "1", "span_id": "1", "service": "api", "name": "SELECT", "kind": "client"}
    points = [
        {"service": service, "host": host, "name": "system.disk.io.utilization", "time_ns": 1, "value": 0.5}
        for service, host in (("ledger", "db-1.lan"), ("api", "n1"), ("cron", "n1"))
    ]
    spans = [{**call, "host": "n1", "attributes": {"server.address": "db-1.lan"}}]
    with build_case({"spans": spans, "metrics": points}) as store:
        graph = service_graph(store)
    assert dict(graph.calls) == {("api", "ledger"): 1}


@pytest.mark.parametrize(
    ("metric", "labels", "call"),
    [
        ("http.client.request.duration", {"server.address": "orders"}, ("api", "orders")),
        ("outbound_latency_p95", {"target": "http://orders:8080/v1"}, ("api", "orders")),
        ("envoy_cluster_upstream_rq", {"upstream_cluster": "outbound|80||orders.shop.svc.local"}, ("api", "orders")),
        ("istio_requests_total", {"source_workload": "orders", "destination_workload": "api"}, ("orders", "api")),
        ("traces_service_graph_request_total", {"client": "web", "server": "orders"}, ("web", "orders")),
        ("rpc_server_handled_total", {"client": "orders"}, ("orders", "api")),
        ("outbound_latency_p95{orders}", {}, ("api", "orders")),
        ("latency_p95_by_route{orders}", {}, None),
        ("http.server.request.duration", {"server.address": "orders"}, None),
        ("istio_requests_total", {"destination_workload_namespace": "orders"}, None),
        ("messages_published", {"messaging.destination.name": "orders"}, None),
        ("http.client.request.duration", {"server.address": "orders.partner.example"}, None),
        ("records_read_total", {"source": "orders"}, None),
    ],
)  # fmt: skip
def test_labels_of_metrics_that_name_the_other_end_are_calls(
    metric: str, labels: dict[str, str], call: tuple[str, str] | None, build_case: Build
) -> None:
    point = {"time_ns": 1, "value": 1.0}
    points = [{**point, "service": name, "name": "up"} for name in ("api", "orders", "web")]
    points += [{**point, "service": "api", "name": metric, "attributes": labels}] * 3
    with build_case({"metrics": points}) as store:
        graph = service_graph(store)
    assert dict(graph.calls) == ({call: 3} if call else {})


def test_spans_are_believed_more_than_labels(build_case: Build) -> None:
    labelled = {"time_ns": 1, "value": 1.0, "service": "orders", "name": "sent", "attributes": {"target": "front"}}
    with build_case(System(requests=7).tables(metrics=[labelled])) as store:
        graph = service_graph(store)
    assert dict(graph.calls) == {("front", "orders"): 7, ("orders", "stock"): 7}


def test_names_count_as_whole_words_only() -> None:
    assert mentions("lookup of cart-db, cart and cartography", ["cart", "cart-db", "carto"], but="x") == [
        "cart",
        "cart-db",
    ]
    assert without_names("no route to cart-db from cart", ["cart", "cart-db"]) == "no route to <service> from <service>"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("QueuePool limit of size 5 overflow 10 reached", False),
        ('{"limit": 500, "size": 8}', False),
        ("call to limit failed", True),
        ("HTTPConnectionPool(host='limit', port=8080): Read timed out", True),
        ('Get "http://limit/v1/rates": context deadline exceeded', True),
        ("upstream limit answered 503", True),
    ],
)
def test_a_service_called_as_errors_speak_is_mentioned_only_as_a_name(text: str, named: bool) -> None:
    assert mentions(text, ["limit", "shop"], but="shop") == (["limit"] if named else [])
