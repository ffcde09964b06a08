"""A service that its sources spell differently is one service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.store import CaseStore
from deep_code_reasoning.store.spellings import read_as_one, spellings_of

Build = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


@pytest.mark.parametrize(
    ("services", "spellings"),
    [
        (["pricingrules", "PricingRules"], {"pricingrules": "PricingRules"}),
        (["order_items", "order-items"], {"order-items": "order_items"}),
        (["Acme.Pay", "acme.pay", "acme_pay"], {"acme.pay": "Acme.Pay", "acme_pay": "Acme.Pay"}),
        (["orders", "orders-v2", "order"], {}),
        (["", "-", "?"], {}),
    ],
)  # fmt: skip
def test_the_spelling_that_keeps_most_is_used(services: list[str], spellings: dict[str, str]) -> None:
    assert spellings_of(services) == spellings


def test_what_is_read_as_one_is_said() -> None:
    spellings = spellings_of(["Acme.Pay", "acme_pay", "acme.pay", "orders", "Orders"])
    assert read_as_one(spellings) == (
        "acme.pay, acme_pay and Acme.Pay are read as one service",
        "orders and Orders are read as one service",
    )


def test_every_table_goes_by_one_name(build_case: Build) -> None:
    span = {"trace_id": "t", "span_id": "s", "service": "pricingrules", "name": "GET", "start_ns": 1, "source_id": 1}
    other = {**span, "service": "ledger", "span_id": "o"}
    log = {"time_ns": 1, "service": "PricingRules", "body": "failed", "source_id": 1}
    change = {"kind": "deploy", "id": "d1", "time_ns": 1, "service": "pricing-rules", "source_id": 1}
    with build_case({"spans": [span, other], "logs": [log], "changes": [change]}) as store:
        found = {
            table: [row["service"] for row in store.query(f"SELECT DISTINCT service FROM {table} ORDER BY service")]
            for table in ("spans", "logs", "changes", "metrics")
        }
    assert found == {
        "spans": ["PricingRules", "ledger"],
        "logs": ["PricingRules"],
        "changes": ["PricingRules"],
        "metrics": [],
    }


def proxied(service: str, **attributes: str) -> dict[str, Any]:
    row = {"trace_id": "t", "span_id": service, "service": service, "name": "GET", "start_ns": 1, "source_id": 1}
    return {**row, "attributes": attributes}


@pytest.mark.parametrize(
    ("name", "attributes", "one"),
    [
        ("carts.shop", {"component": "proxy"}, True),
        ("carts.shop", {"upstream_cluster": "inbound|80||"}, True),
        ("carts-istio-proxy", {"component": "proxy"}, True),
        ("carts-sidecar", {"component": "proxy"}, True),
        ("carts.shop", {"component": "spring-web"}, False),
        ("carts-gateway", {"component": "proxy"}, False),
        ("cartsmesh", {"component": "proxy"}, False),
    ],
)
def test_a_proxy_beside_a_service_tells_of_that_service(
    name: str, attributes: dict[str, str], one: bool, build_case: Build
) -> None:
    with build_case({"spans": [proxied("carts"), proxied(name, **attributes)]}) as store:
        services = {row["service"] for row in store.query("SELECT DISTINCT service FROM spans")}
    assert services == ({"carts"} if one else {"carts", name})


def test_a_proxy_goes_by_the_spelling_of_its_service(build_case: Build) -> None:
    log = {"time_ns": 1, "service": "Order-Items", "body": "failed", "source_id": 1}
    spans = [proxied("order-items"), proxied("order-items.shop", component="proxy")]
    with build_case({"spans": spans, "logs": [log]}) as store:
        assert {row["service"] for row in store.query("SELECT service FROM spans")} == {"Order-Items"}


def test_a_service_that_a_proxy_and_a_program_tell_of_is_no_proxy(build_case: Build) -> None:
    with build_case(
        {"spans": [proxied("carts"), proxied("carts.shop", component="proxy"), proxied("carts.shop")]}
    ) as store:
        assert {row["service"] for row in store.query("SELECT service FROM spans")} == {"carts", "carts.shop"}
